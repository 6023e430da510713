/* Where names of messages and fields come from, and what is shown without them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "chat.vitro.h"
#include "support/hand.h"

/* A note as the tap writes it, with the schema of chat.proto. */
static void schema_note(struct hand *h)
{
    char entry[8192];
    size_t n =
        (size_t)snprintf(entry, sizeof entry,
                         "__REALTIME_TIMESTAMP=1758326400000000\nMESSAGE=schema of chat.proto\n"
                         "VITRO_KIND=schema\nVITRO_FILE=chat.proto\nVITRO_DESCRIPTOR\n");

    for (int i = 0; i < 8; i++)
        entry[n++] = (char)(chat_proto_file.descriptor_len >> 8 * i);
    memcpy(entry + n, chat_proto_file.descriptor, chat_proto_file.descriptor_len);
    n += chat_proto_file.descriptor_len;
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
    schema_note(&h);
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
