/* Where names of messages and fields come from, and what is shown without them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "chat.vitro.h"
#include "google/rpc/error_details.vitro.h"
#include "google/rpc/status.vitro.h"
#include "support/hand.h"
#include "wire/compress.h"

/* A note as the tap writes it, with a schema. */
static void schema_note(struct hand *h, const vitro_pb_file *file)
{
    char entry[8192];
    size_t n = (size_t)snprintf(entry, sizeof entry,
                                "__REALTIME_TIMESTAMP=1758326400000000\nMESSAGE=schema of %s\n"
                                "VITRO_KIND=schema\nVITRO_FILE=%s\nVITRO_DESCRIPTOR\n",
                                file->name, file->name);

    for (int i = 0; i < 8; i++)
        entry[n++] = (char)(file->descriptor_len >> 8 * i);
    cr_assert_lt(n + file->descriptor_len, sizeof entry);
    memcpy(entry + n, file->descriptor, file->descriptor_len);
    n += file->descriptor_len;
    entry[n++] = '\n';
    pcap_write_note(&h->w, entry, n);
}

static void one_call(struct hand *h)
{
    hand_request(h, 1, "application/grpc");
    hand_data(h, 0, 1, FRAME_END_STREAM, "00 00000008 0a 03 616263 18 96 01");
    hand_headers(h, 1, 1, 0, ":status", "200", "content-type", "application/grpc", NULL);
    hand_data(h, 1, 1, 0, "00 00000002 08 01");
}

static vitro_detail detail_of(struct hand *h, vitro_event_kind kind, unsigned i)
{
    vitro_detail dt;

    cr_assert(ne(ptr, (void *)hand_nth(h, kind, i), NULL));
    cr_assert(eq(int, vitro_decode_detail(h->decode, hand_nth(h, kind, i), &dt, NULL), VITRO_OK));
    return dt;
}

/* The i-th protobuf field of an event's detail. */
static const vitro_item_field *field(const vitro_detail *dt, unsigned i)
{
    for (size_t k = 0; k < dt->count; k++) {
        if (dt->items[k].field && i-- == 0)
            return dt->items[k].field;
    }
    cr_assert(0, "no such field");
    return NULL;
}

static void assert_named(struct hand *h)
{
    vitro_detail dt = detail_of(h, VITRO_EVENT_PROTOBUF, 0);

    cr_expect(vitro_str_eq(dt.title, vitro_str_of("chat.MessageRequest")));
    cr_expect(vitro_str_eq(field(&dt, 0)->name, vitro_str_of("userId")));
    cr_expect(vitro_str_eq(field(&dt, 0)->value, vitro_str_of("abc")));
    cr_expect(vitro_str_eq(field(&dt, 1)->name, vitro_str_of("timestamp")));
    cr_expect(vitro_str_eq(field(&dt, 1)->value, vitro_str_of("150")));
    cr_expect(field(&dt, 1)->bare_number);
    dt = detail_of(h, VITRO_EVENT_PROTOBUF, 1);
    cr_expect(vitro_str_eq(dt.title, vitro_str_of("chat.MessageResponse")));
    cr_expect(vitro_str_eq(field(&dt, 0)->value, vitro_str_of("true")));
}

Test(decode, a_schema_note_of_the_capture_gives_names_to_both_directions)
{
    struct hand h;

    hand_open(&h);
    schema_note(&h, &chat_proto_file);
    one_call(&h);
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_NOTE), 1));
    cr_expect(vitro_str_eq(detail_of(&h, VITRO_EVENT_NOTE, 0).title,
                           vitro_str_of("schema of chat.proto")));
    cr_expect(eq(str, (char *)detail_of(&h, VITRO_EVENT_NOTE, 0).key, "note.schema"));
    assert_named(&h);
    hand_done(&h);
}

Test(decode, without_a_schema_every_reading_is_offered)
{
    struct hand h;
    vitro_detail dt;
    const vitro_item_field *f;
    bool text = false, number = false;

    hand_open(&h);
    one_call(&h);
    hand_decode(&h);
    dt = detail_of(&h, VITRO_EVENT_PROTOBUF, 0);
    cr_expect(eq(sz, field(&dt, 0)->name.len, 0));
    f = field(&dt, 0);
    for (size_t i = 0; i < f->reading_count; i++)
        text |= strcmp(f->readings[i].type, "string") == 0 &&
                vitro_str_eq(f->readings[i].value, vitro_str_of("abc"));
    f = field(&dt, 1);
    for (size_t i = 0; i < f->reading_count; i++)
        number |= strcmp(f->readings[i].type, "uint") == 0 &&
                  vitro_str_eq(f->readings[i].value, vitro_str_of("150"));
    cr_expect(text);
    cr_expect(number);
    hand_done(&h);
}

Test(decode, a_descriptor_may_be_given_and_damage_is_refused)
{
    static const vitro_pb_file *const files[] = { &chat_proto_file };
    struct hand h;
    uint8_t set[8192];
    size_t n = vitro_pb_file_set(files, 1, set, sizeof set);
    vitro_error err = { 0 };

    cr_assert(gt(sz, n, 0));
    hand_open(&h);
    one_call(&h);
    hand_decode(&h);
    cr_expect(eq(
        int, vitro_decode_schema(h.decode, (vitro_bytes){ (const uint8_t *)"\xff\xff", 2 }, &err),
        VITRO_INVALID_ARGUMENT));
    cr_expect(eq(int, vitro_decode_schema(h.decode, (vitro_bytes){ set, n }, NULL), VITRO_OK));
    assert_named(&h); /* names come when somebody looks */
    hand_done(&h);
}

Test(decode, one_file_is_as_good_as_a_set)
{
    struct hand h;

    hand_open(&h);
    one_call(&h);
    hand_decode(&h);
    cr_expect(
        eq(int,
           vitro_decode_schema(
               h.decode,
               (vitro_bytes){ chat_proto_file.descriptor, chat_proto_file.descriptor_len }, NULL),
           VITRO_OK));
    assert_named(&h);
    hand_done(&h);
}

/* Field `number` with these bytes, as the only one of a message. */
static size_t wrap(uint8_t *out, unsigned number, const uint8_t *p, size_t n)
{
    size_t at = 0;

    out[at++] = (uint8_t)(number << 3 | 2);
    for (size_t rest = n; rest || at == 1; rest >>= 7)
        out[at++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    memcpy(out + at, p, n);
    return at + n;
}

/* The server tells a file to a client that has asked, cut off behind so many bytes. */
static void reflect(struct hand *h, const char *path, const vitro_pb_file *file, enum encoding e,
                    size_t most)
{
    uint8_t files[4096], response[4096];
    size_t n = wrap(files, 1, file->descriptor, file->descriptor_len);
    const bool flag = e != ENCODING_IDENTITY;
    struct buf message, deflated, frame;
    vitro_bytes said;

    n = wrap(response, 4, files, n);
    said = (vitro_bytes){ response, n < most ? n : most };
    vitro_buf_init(&message, NULL, 8192);
    vitro_buf_init(&deflated, NULL, 8192);
    vitro_buf_init(&frame, NULL, 8192);
    if (flag) {
        cr_assert(vitro_compress(e, said, &deflated));
        said = vitro_buf_bytes(&deflated);
    }
    hand_headers(h, 0, 1, 0, ":method", "POST", ":path", path, "content-type", "application/grpc",
                 NULL);
    hand_headers(h, 1, 1, 0, ":status", "200", "content-type", "application/grpc", "grpc-encoding",
                 vitro_encoding_name(e).ptr, NULL);
    vitro_buf_append(&message,
                     (uint8_t[]){ flag, 0, 0, (uint8_t)(said.len >> 8), (uint8_t)said.len }, 5);
    vitro_buf_append(&message, said.ptr, said.len);
    vitro_frame_write_data(&frame, 1, 0, vitro_buf_bytes(&message), NULL);
    hand_send(h, 1, frame.ptr, frame.len);
    vitro_buf_done(&message);
    vitro_buf_done(&deflated);
    vitro_buf_done(&frame);
}

static void one_later_call(struct hand *h)
{
    hand_request(h, 3, "application/grpc");
    hand_data(h, 0, 3, FRAME_END_STREAM, "00 00000008 0a 03 616263 18 96 01");
}

Test(decode, what_a_server_reflects_in_the_capture_gives_names)
{
    static const char *const paths[] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/some.other.Service/ServerReflectionInfo"
    };
    static const enum encoding encodings[] = { ENCODING_IDENTITY, ENCODING_GZIP };

    for (size_t i = 0; i < 6; i++) {
        struct hand h;
        vitro_detail dt;
        hand_open(&h);
        reflect(&h, paths[i / 2], &chat_proto_file, encodings[i % 2], SIZE_MAX);
        one_later_call(&h);
        hand_decode(&h);
        dt = detail_of(&h, VITRO_EVENT_PROTOBUF, 1);
        cr_expect(eq(int, vitro_str_eq(dt.title, vitro_str_of("chat.MessageRequest")), i < 4),
                  "%zu", i);
        hand_done(&h);
    }
}

Test(decode, what_is_reflected_may_end_anywhere)
{
    for (size_t most = 0; most < chat_proto_file.descriptor_len; most += 7) {
        struct hand h;
        hand_open(&h);
        reflect(&h, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &chat_proto_file,
                ENCODING_IDENTITY, most);
        one_later_call(&h);
        hand_decode(&h);
        cr_expect(eq(str, (char *)detail_of(&h, VITRO_EVENT_PROTOBUF, 1).key, "pb.message"));
        hand_done(&h);
    }
}

/* A file in which every userId has another name. */
static vitro_pb_file renamed(const char *name, uint8_t *room, size_t size)
{
    vitro_pb_file file = chat_proto_file;

    cr_assert_leq(file.descriptor_len, size);
    memcpy(room, file.descriptor, file.descriptor_len);
    for (size_t i = 0; i + 6 <= file.descriptor_len; i++) {
        if (memcmp(room + i, "userId", 6) == 0)
            memcpy(room + i, name, 6);
    }
    file.descriptor = room;
    return file;
}

static vitro_bytes descriptor_of(const vitro_pb_file *file)
{
    return (vitro_bytes){ file->descriptor, file->descriptor_len };
}

/* What the first field of the first message is called. */
static vitro_str first_name(struct hand *h, vitro_decode *d)
{
    vitro_detail dt;

    cr_assert_eq(vitro_decode_detail(d, hand_nth(h, VITRO_EVENT_PROTOBUF, 0), &dt, NULL), VITRO_OK);
    return field(&dt, 0)->name;
}

Test(decode, a_schema_that_was_given_wins_over_the_captures_own_and_that_over_a_fallback)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    uint8_t noted[4096], given[4096];
    vitro_pb_file note = renamed("noted_", noted, sizeof noted);
    vitro_pb_file best = renamed("given_", given, sizeof given);
    struct hand h;
    vitro_decode *d;

    hand_open(&h);
    schema_note(&h, &note);
    one_call(&h);
    hand_decode(&h);
    options.lend = decoded_lend;
    options.user = &h.bytes;
    options.keep = true;
    cr_assert_eq(vitro_decode_new(&d, &options, NULL), VITRO_OK);
    cr_assert_eq(vitro_decode_schema_fallback(d, descriptor_of(&chat_proto_file), NULL), VITRO_OK);
    cr_assert_eq(vitro_decode_finish(d, NULL), VITRO_OK);
    cr_expect(vitro_str_eq(first_name(&h, d), vitro_str_of("noted_")));
    cr_assert_eq(vitro_decode_schema(d, descriptor_of(&best), NULL), VITRO_OK);
    cr_expect(vitro_str_eq(first_name(&h, d), vitro_str_of("given_")));
    vitro_decode_free(d);
    hand_done(&h);
}

Test(decode, damage_in_a_message_is_told_and_the_rest_shown)
{
    struct hand h;
    vitro_detail dt;
    bool damaged = false;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000006 0a 01 61 12 7f 62");
    hand_decode(&h);
    dt = detail_of(&h, VITRO_EVENT_PROTOBUF, 0);
    for (size_t i = 0; i < dt.count; i++)
        damaged |= (dt.items[i].bits & VITRO_ITEM_UNKNOWN) != 0;
    cr_expect(damaged);
    cr_expect(eq(u32, field(&dt, 0)->number, 1));
    hand_done(&h);
}

/* google.rpc.Status { code 3, message "왜", details of google.rpc.ErrorInfo } */
static const char status_text[] =
    "CAMSA+yZnBo+Cih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuRXJyb3JJbmZvEhIKCk5PX01FU1NBR0USBGNoYX"
    "Q";

static void refused_with(struct hand *h, const char *details)
{
    hand_open(h);
    schema_note(h, &google_protobuf_any_proto_file);
    schema_note(h, &google_protobuf_duration_proto_file);
    schema_note(h, &google_rpc_status_proto_file);
    schema_note(h, &google_rpc_error__details_proto_file);
    hand_request(h, 1, "application/grpc");
    hand_headers(h, 1, 1, FRAME_END_STREAM, ":status", "200", "grpc-status", "3",
                 "grpc-status-details-bin", details, NULL);
    hand_decode(h);
}

static vitro_detail trailers_of(struct hand *h)
{
    vitro_detail dt;

    cr_assert_not_null(hand_frame(h, FRAME_HEADERS, 1, 0));
    cr_assert_eq(vitro_decode_detail(h->decode, hand_frame(h, FRAME_HEADERS, 1, 0), &dt, NULL),
                 VITRO_OK);
    return dt;
}

Test(decode, a_status_in_base64_is_read_by_name_down_to_what_its_Any_hold)
{
    static const char *const names[] = { "code",  "message", "details", "type_url",
                                         "value", "reason",  "domain" };
    struct hand h;
    vitro_detail dt;

    refused_with(&h, status_text);
    dt = trailers_of(&h);
    for (unsigned i = 0; i < 7; i++)
        cr_expect(vitro_str_eq(field(&dt, i)->name, vitro_str_of(names[i])), "%s", names[i]);
    cr_expect(vitro_str_eq(field(&dt, 0)->value, vitro_str_of("3")));
    cr_expect(vitro_str_eq(field(&dt, 1)->value, vitro_str_of("왜")));
    cr_expect(vitro_str_eq(field(&dt, 5)->value, vitro_str_of("NO_MESSAGE")));
    for (size_t i = 0; i < dt.count; i++)
        cr_expect(dt.items[i].bits & VITRO_ITEM_DERIVED || dt.items[i].field == NULL);
    hand_done(&h);
}

Test(decode, a_status_text_is_shown_as_it_was_written)
{
    static const char *const values[][2] = { { "%EC%9D%B8%EC%A6%9D %EC%8B%A4%ED%8C%A8",
                                               "인증 실패" },
                                             { "100%", "100%" },
                                             { "%ff%", "\xff%" } };
    struct hand h;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        vitro_detail dt;
        size_t shown = 0;
        hand_open(&h);
        hand_request(&h, 1, "application/grpc");
        hand_headers(&h, 1, 1, FRAME_END_STREAM, ":status", "200", "grpc-status", "16",
                     "grpc-message", values[i][0], NULL);
        hand_decode(&h);
        dt = trailers_of(&h);
        for (size_t k = 0; k < dt.count; k++) {
            if (strcmp(dt.items[k].name, "http2.header.unescaped") != 0)
                continue;
            shown++;
            cr_expect(vitro_str_eq(dt.items[k].text, vitro_str_of(values[i][1])));
            cr_expect(dt.items[k].bits & VITRO_ITEM_DERIVED);
        }
        cr_expect(eq(sz, shown, 1));
        hand_done(&h);
    }
}

Test(decode, details_that_are_no_base64_or_damaged_are_shown_as_far_as_they_can_be)
{
    static const char *const broken[] = { "", "%", "CAMSA+y", "CAM", "GgMKAS8", "GgUKAWESAQ" };
    struct hand h;

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        refused_with(&h, broken[i]);
        cr_expect_gt(trailers_of(&h).count, 3);
        hand_done(&h);
    }
}
