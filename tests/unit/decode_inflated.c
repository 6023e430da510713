/* Compressed messages: what they inflate to is a source, and what does not inflate says why. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "support/hand.h"
#include "wire/compress.h"

TestSuite(decode_inflated, .timeout = 60);

/* field 1: 300 letters; field 2: 150 */
static const size_t said_len = 3 + 300 + 3;
static void say(uint8_t out[306])
{
    static const uint8_t head[] = { 0x0a, 0xac, 0x02 }, tail[] = { 0x10, 0x96, 0x01 };

    memcpy(out, head, 3);
    memset(out + 3, 'a', 300);
    memcpy(out + 303, tail, 3);
}

/* A message whose flag is 1, in as many DATA frames as it takes. */
static void send_message(struct hand *h, const uint8_t *bytes, size_t len)
{
    const uint8_t prefix[] = { 1, 0, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
    struct buf b;

    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_frame_write_data(&b, 1, 0, (vitro_bytes){ prefix, sizeof prefix }, NULL);
    for (size_t at = 0; at < len; at += 8192)
        vitro_frame_write_data(&b, 1, 0, (vitro_bytes){ bytes + at, MIN(len - at, 8192) }, NULL);
    hand_send(h, 0, b.ptr, b.len);
    vitro_buf_done(&b);
}

static void begin(struct hand *h, const char *encoding)
{
    hand_open(h);
    hand_headers(h, 0, 1, 0, ":method", "POST", ":path", "/chat.ChatService/SendMessage",
                 "content-type", "application/grpc", "grpc-encoding", encoding, NULL);
}

static void compressed(struct hand *h, enum encoding e, size_t max)
{
    uint8_t said[306];
    struct buf out;

    say(said);
    vitro_buf_init(&out, NULL, 4096);
    cr_assert(vitro_compress(e, (vitro_bytes){ said, said_len }, &out));
    begin(h, vitro_encoding_name(e).ptr);
    send_message(h, out.ptr, out.len < max ? out.len : max);
    vitro_buf_done(&out);
    hand_decode(h);
}

static vitro_detail detail_of(struct hand *h, vitro_event_kind kind)
{
    vitro_detail dt;

    cr_assert_not_null(hand_nth(h, kind, 0));
    cr_assert_eq(vitro_decode_detail(h->decode, hand_nth(h, kind, 0), &dt, NULL), VITRO_OK);
    return dt;
}

static void fields_stand_in_what_it_inflates_to(enum encoding e)
{
    struct hand h;
    vitro_detail dt;
    uint8_t said[306], read[306];
    vitro_span all, below;
    size_t missing;

    compressed(&h, e, SIZE_MAX);
    say(said);
    dt = detail_of(&h, VITRO_EVENT_PROTOBUF);
    cr_assert_eq(dt.items[0].number, said_len);
    cr_assert_eq(dt.items[1].span.source, VITRO_SOURCE_INFLATED);
    cr_assert_eq(dt.items[1].field->number, 1);
    cr_assert_eq(dt.items[1].span.length, 303);
    all = dt.items[1].span;
    all.offset = 0;
    all.length = said_len;
    cr_assert_eq(vitro_decode_bytes(h.decode, &all, 0, read, sizeof read, &missing), said_len);
    cr_assert_eq(missing, 0);
    cr_assert_eq(memcmp(read, said, said_len), 0);
    cr_assert_eq(vitro_decode_parts(h.decode, &all, &below, 1), 1);
    cr_assert_eq(below.source, VITRO_SOURCE_BODY);
    cr_assert_eq(below.offset, hand_nth(&h, VITRO_EVENT_PROTOBUF, 0)->offset);
    cr_assert_eq(vitro_decode_find(h.decode, &all), hand_nth(&h, VITRO_EVENT_PROTOBUF, 0)->number);
    hand_done(&h);
}

Test(decode_inflated, fields_of_each_encoding_stand_in_what_it_inflates_to)
{
    fields_stand_in_what_it_inflates_to(ENCODING_GZIP);
    fields_stand_in_what_it_inflates_to(ENCODING_DEFLATE);
}

/* Whatever is wrong is said where the fields would be. */
static void does_not_inflate(struct hand *h, const char *why)
{
    vitro_detail dt = detail_of(h, VITRO_EVENT_PROTOBUF);

    cr_assert_eq(dt.count, 1);
    cr_assert(dt.items[0].bits & VITRO_ITEM_UNKNOWN);
    cr_assert(strstr(dt.items[0].text.ptr, why), "%s", dt.items[0].text.ptr);
    hand_done(h);
}

Test(decode_inflated, cut_or_damaged_bytes_say_that_they_do_not_inflate)
{
    static const uint8_t noise[] = { 0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    struct hand h;

    for (size_t len = 0; len < 20; len++) {
        compressed(&h, ENCODING_GZIP, len);
        if (len)
            does_not_inflate(&h, "damaged");
        else
            hand_done(&h);
    }
    begin(&h, "gzip");
    send_message(&h, noise, sizeof noise);
    hand_decode(&h);
    does_not_inflate(&h, "damaged");
}

Test(decode_inflated, what_grows_without_end_is_given_up_at_16_MiB)
{
    static const uint8_t zeros[20 << 20];
    struct hand h;
    struct buf bomb;

    vitro_buf_init(&bomb, NULL, sizeof zeros);
    cr_assert(vitro_compress(ENCODING_GZIP, (vitro_bytes){ zeros, sizeof zeros }, &bomb));
    cr_assert_lt(bomb.len, 64 * 1024);
    begin(&h, "gzip");
    send_message(&h, bomb.ptr, bomb.len);
    vitro_buf_done(&bomb);
    hand_decode(&h);
    does_not_inflate(&h, "16 MiB");
}

Test(decode_inflated, an_encoding_that_is_not_known_says_so)
{
    static const uint8_t bytes[] = { 1, 2, 3 };
    struct hand h;

    begin(&h, "snappy");
    send_message(&h, bytes, sizeof bytes);
    hand_decode(&h);
    cr_assert_eq(hand_count(&h, VITRO_EVENT_PROTOBUF), 0);
    cr_assert_str_eq(detail_of(&h, VITRO_EVENT_UNKNOWN).why,
                     "compressed by an encoding that is not known here");
    hand_done(&h);
}

static unsigned seen;

/* Looks at what is compressed while it is told. */
static void look(vitro_decode *d, const vitro_event *ev, void *user)
{
    uint8_t said[306], read[306];
    vitro_detail dt;

    (void)user;
    if (ev->kind != VITRO_EVENT_PROTOBUF)
        return;
    say(said);
    cr_assert_eq(vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK);
    cr_assert_eq(dt.items[0].number, said_len);
    cr_assert_eq(vitro_decode_bytes(d, &dt.items[1].span, 0, read, sizeof read, NULL), 303);
    cr_assert_eq(memcmp(read, said, 303), 0);
    seen++;
}

Test(decode_inflated, it_is_there_to_be_looked_at_while_it_is_told_without_an_index)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_decode *d;
    struct hand h;

    compressed(&h, ENCODING_GZIP, SIZE_MAX);
    options.on_event = look;
    options.lend = decoded_lend;
    options.user = &h.bytes;
    cr_assert_eq(vitro_decode_new(&d, &options, NULL), VITRO_OK);
    cr_assert_eq(vitro_decode_finish(d, NULL), VITRO_OK);
    cr_assert_eq(seen, 1);
    vitro_decode_free(d);
    hand_done(&h);
}

/* ---- Held at a gate ------------------------------------------------------------------------- */

/* A note that says that a frame is held behind what was sent so far: a message whose flag is 1. */
static void hold(struct hand *h, const uint8_t *bytes, size_t len)
{
    char entry[2048];
    const uint8_t prefix[] = { 1, 0, 0, (uint8_t)(len >> 8), (uint8_t)len };
    struct buf b;
    size_t n = (size_t)sprintf(entry, "MESSAGE=held\nVITRO_KIND=held\nVITRO_SIDE=client\n"
                                      "VITRO_CLIENT=192.0.2.1:49152\nVITRO_SERVER=192.0.2.2:50051\n"
                                      "VITRO_UNIT=1\nVITRO_DIR=c2s\nVITRO_FORM=frame\n"
                                      "VITRO_OFFSET=100000\nVITRO_BYTES\n");

    vitro_buf_init(&b, NULL, 2048);
    vitro_frame_write_head(
        &b, (struct frame_head){ .length = (uint32_t)(sizeof prefix + len), .stream = 1 });
    cr_assert(vitro_buf_append(&b, prefix, sizeof prefix) && vitro_buf_append(&b, bytes, len));
    for (int i = 0; i < 8; i++)
        entry[n++] = (char)((uint64_t)b.len >> 8 * i);
    memcpy(entry + n, b.ptr, b.len);
    n += b.len;
    entry[n++] = '\n';
    pcap_write_note(&h->w, entry, n);
    vitro_buf_done(&b);
}

static const vitro_item *named(const vitro_detail *dt, const char *name)
{
    for (size_t i = 0; i < dt->count; i++) {
        if (strcmp(dt->items[i].name, name) == 0)
            return &dt->items[i];
    }
    return NULL;
}

Test(decode_inflated, a_message_that_is_held_has_the_fields_that_it_inflates_to)
{
    uint8_t said[306];
    struct buf out;
    struct hand h;
    vitro_detail dt;
    const vitro_item *data;

    say(said);
    vitro_buf_init(&out, NULL, 4096);
    cr_assert(vitro_compress(ENCODING_GZIP, (vitro_bytes){ said, said_len }, &out));
    begin(&h, "gzip");
    hold(&h, out.ptr, out.len);
    hand_decode(&h);
    dt = detail_of(&h, VITRO_EVENT_NOTE);
    cr_assert_not_null(data = named(&dt, "grpc.message_data"));
    cr_expect_eq(data->number, said_len);
    cr_assert_eq(data[1].field->number, 1);
    cr_assert_eq(data[2].field->number, 2);
    cr_expect(data[1].bits & VITRO_ITEM_DERIVED);
    hand_done(&h);
    vitro_buf_done(&out);
    begin(&h, "identity");
    hold(&h, said, said_len);
    hand_decode(&h);
    dt = detail_of(&h, VITRO_EVENT_NOTE);
    cr_assert_not_null(data = named(&dt, "grpc.message_data"));
    cr_expect(data->bits & VITRO_ITEM_UNKNOWN);
    hand_done(&h);
    begin(&h, "gzip");
    hold(&h, said, said_len);
    hand_decode(&h);
    dt = detail_of(&h, VITRO_EVENT_NOTE);
    cr_assert_not_null(data = named(&dt, "grpc.message_data"));
    cr_expect(data->bits & VITRO_ITEM_UNKNOWN);
    cr_expect(strstr(data->text.ptr, "damaged") != NULL, "%s", data->text.ptr);
    hand_done(&h);
}
