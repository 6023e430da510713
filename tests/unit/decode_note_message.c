/* A message that stands in a note: no connection carried it, and still it has bytes and fields. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "chat.vitro.h"
#include "support/hand.h"

static size_t put_binary(char *out, const char *name, const void *p, size_t n)
{
    size_t len = (size_t)sprintf(out, "%s\n", name);

    for (int i = 0; i < 8; i++)
        out[len++] = (char)((uint64_t)n >> 8 * i);
    memcpy(out + len, p, n);
    out[len + n] = '\n';
    return len + n + 1;
}

static void schema_note(struct hand *h)
{
    char entry[8192];
    size_t n = (size_t)sprintf(entry, "MESSAGE=schema of chat.proto\nVITRO_KIND=schema\n");

    n += put_binary(entry + n, "VITRO_DESCRIPTOR", chat_proto_file.descriptor,
                    chat_proto_file.descriptor_len);
    pcap_write_note(&h->w, entry, n);
}

static void message_note(struct hand *h, const char *type, const void *p, size_t n)
{
    char entry[1024];
    size_t len =
        (size_t)sprintf(entry, "MESSAGE=a message\nVITRO_KIND=message\nVITRO_TYPE=%s\n", type);

    len += put_binary(entry + len, "VITRO_BYTES", p, n);
    pcap_write_note(&h->w, entry, len);
}

static const uint8_t request[] = { 0x0a, 3, 'a', 'b', 'c', 0x18, 0x96, 1 };

static vitro_detail detail_of(struct hand *h, unsigned i)
{
    vitro_detail dt;

    cr_assert(ne(ptr, (void *)hand_nth(h, VITRO_EVENT_PROTOBUF, i), NULL));
    cr_assert_eq(vitro_decode_detail(h->decode, hand_nth(h, VITRO_EVENT_PROTOBUF, i), &dt, NULL),
                 VITRO_OK);
    return dt;
}

Test(decode, a_message_in_a_note_has_the_fields_of_its_type)
{
    struct hand h;
    const vitro_event *ev;
    vitro_detail dt;
    vitro_span span;
    char name[32];
    uint8_t got[sizeof request];

    hand_open(&h);
    schema_note(&h);
    message_note(&h, "chat.MessageRequest", request, sizeof request);
    hand_decode(&h);
    dt = detail_of(&h, 0);
    cr_expect(vitro_str_eq(dt.title, vitro_str_of("chat.MessageRequest")));
    cr_expect(eq(sz, dt.path.len, 0));
    cr_assert(eq(sz, dt.count, 7));
    cr_expect(vitro_str_eq(dt.items[0].field->name, vitro_str_of("userId")));
    cr_expect(vitro_str_eq(dt.items[0].field->value, vitro_str_of("abc")));
    cr_expect(eq(u64, dt.items[4].span.offset, 5), "offsets count from the message's beginning");
    ev = hand_nth(&h, VITRO_EVENT_PROTOBUF, 0);
    cr_expect(eq(u32, ev->parent, hand_nth(&h, VITRO_EVENT_NOTE, 1)->number));
    cr_expect(eq(u32, ev->conn, VITRO_NO_CONN));
    span = vitro_event_span(ev);
    cr_expect(eq(sz, vitro_decode_bytes(h.decode, &span, 0, got, sizeof got, NULL), sizeof got));
    cr_expect_arr_eq(got, request, sizeof got);
    vitro_span_name(&span, name, sizeof name);
    cr_expect_eq(strncmp(name, "note:", 5), 0);
    hand_done(&h);
}

Test(decode, the_bytes_of_a_message_in_a_note_lead_to_the_capture_and_back)
{
    struct hand h;
    const vitro_event *ev;
    vitro_span span, below;
    uint32_t note;

    hand_open(&h);
    message_note(&h, "chat.UserRequest", request, sizeof request);
    message_note(&h, "chat.UserRequest", "\x0a\x01x", 3);
    hand_decode(&h);
    for (unsigned i = 0; i < 2; i++) {
        ev = hand_nth(&h, VITRO_EVENT_PROTOBUF, i);
        note = hand_nth(&h, VITRO_EVENT_NOTE, i)->number;
        span = vitro_event_span(ev);
        cr_assert(eq(sz, vitro_decode_parts(h.decode, &span, &below, 1), 1));
        cr_expect(eq(int, below.source, VITRO_SOURCE_CAPTURE));
        cr_expect(eq(u64, below.length, ev->length));
        cr_expect(eq(u32, vitro_decode_find(h.decode, &span), ev->number));
        cr_expect(eq(u32, vitro_decode_find(h.decode, &below), ev->number));
        below.offset -= 2; /* the length before the bytes */
        cr_expect(eq(u32, vitro_decode_find(h.decode, &below), note));
    }
    hand_done(&h);
}

Test(decode, a_message_in_a_note_may_be_empty_damaged_or_of_no_known_type)
{
    static const uint8_t cut[] = { 0x0a, 9, 'a' };
    vitro_detail dt;
    struct hand h;

    hand_open(&h);
    schema_note(&h);
    message_note(&h, "chat.UserRequest", "", 0);
    message_note(&h, "chat.UserRequest", cut, sizeof cut);
    message_note(&h, "chat.Nothing", request, sizeof request);
    message_note(&h, "", request, sizeof request);
    hand_decode(&h);
    cr_expect(eq(sz, detail_of(&h, 0).count, 0));
    dt = detail_of(&h, 1);
    cr_expect(dt.count && dt.items[dt.count - 1].bits & VITRO_ITEM_UNKNOWN);
    cr_expect(vitro_str_eq(detail_of(&h, 2).title, vitro_str_of("message without schema")));
    cr_expect(vitro_str_eq(detail_of(&h, 3).title, vitro_str_of("message without schema")));
    hand_done(&h);
}

/* Half a note is a note all the same, and no message. */
Test(decode, a_note_that_lacks_a_part_holds_no_message)
{
    static const char *const entries[] = {
        "VITRO_KIND=message\n",
        "VITRO_KIND=message\nVITRO_TYPE=chat.UserRequest\n",
        "VITRO_KIND=message\nVITRO_BYTES=abc\n",
        "VITRO_KIND=say\nVITRO_TYPE=chat.UserRequest\nVITRO_BYTES=abc\n",
        "VITRO_KIND=message\nVITRO_TYPE=chat.UserRequest\nVITRO_BYTES\n\xff\xff\xff\xff\xff\xff"
        "\xff\xff",
    };
    struct hand h;

    hand_open(&h);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        pcap_write_note(&h.w, entries[i], strlen(entries[i]));
    hand_decode(&h);
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_NOTE), 5));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_PROTOBUF), 0));
    hand_done(&h);
}

/* What is said of a note of this kind, written at this side. */
static const char *key_of(const char *kind, const char *side)
{
    char entry[256];
    struct hand h;
    vitro_detail dt;

    hand_open(&h);
    pcap_write_note(
        &h.w, entry,
        (size_t)sprintf(entry, "MESSAGE=m\nVITRO_SIDE=%s\nVITRO_KIND=%s\n", side, kind));
    hand_decode(&h);
    cr_assert_eq(vitro_decode_detail(h.decode, hand_nth(&h, VITRO_EVENT_NOTE, 0), &dt, NULL),
                 VITRO_OK);
    hand_done(&h);
    return dt.key; /* static */
}

Test(decode, a_note_is_explained_for_the_side_that_wrote_it_where_that_matters)
{
    cr_expect_str_eq(key_of("call", "client"), "note.call");
    cr_expect_str_eq(key_of("call", "server"), "note.call.server");
    cr_expect_str_eq(key_of("connected", "server"), "note.connected");
}
