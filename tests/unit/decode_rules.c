/* What gRPC's rules look like from outside, and what a decoder must not get wrong about them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "support/hand.h"

Test(decode, r01_a_prefix_may_be_split_over_three_frames)
{
    struct hand h;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, 0, "00 00");
    hand_data(&h, 0, 1, 0, "00 00");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "03 0a 01 61  00 00000000");
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 2));
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_GRPC, 0)->length, 8));
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_GRPC, 1)->offset, 8));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_UNKNOWN), 0));
    hand_done(&h);
}

Test(decode, r02_a_flag_byte_that_means_nothing_is_told_and_the_next_message_found)
{
    struct hand h;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, 0, "02 00000001 61");
    hand_data(&h, 0, 1, 0, "01 00000001 62");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000002 0a00");
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 3));
    cr_expect(eq(str, (char *)vitro_decode_why(hand_nth(&h, VITRO_EVENT_GRPC, 0)->why),
                 "the compressed flag is neither 0 nor 1"));
    cr_expect(eq(str, (char *)vitro_decode_why(hand_nth(&h, VITRO_EVENT_GRPC, 1)->why),
                 "the compressed flag is 1, but no grpc-encoding was announced"));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_GRPC, 2)->why, 0));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_PROTOBUF), 1));
    hand_done(&h);
}

Test(decode, r03_a_length_is_not_believed)
{
    struct hand h;
    vitro_decode_stats s;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 ffffffff 0a0161");
    hand_decode(&h);
    vitro_decode_stats_get(h.decode, &s);
    cr_expect(lt(sz, s.memory_peak, 1024 * 1024));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_GRPC, 0)->bits & VITRO_EVENT_CUT, VITRO_EVENT_CUT));
    hand_done(&h);
}

Test(decode, r04_a_stream_that_ends_inside_a_message_is_told)
{
    struct hand h;
    const vitro_event *ev;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000005 0a01");
    hand_request(&h, 3, "application/grpc");
    hand_data(&h, 0, 3, FRAME_END_STREAM, "00 0000");
    hand_decode(&h);
    ev = hand_nth(&h, VITRO_EVENT_GRPC, 0);
    cr_assert(ne(ptr, (void *)ev, NULL));
    cr_expect(eq(str, (char *)vitro_decode_why(ev->why), "the stream ends inside this message"));
    cr_expect(eq(u64, ev->length, 7));
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)->length, 2));
    cr_expect(eq(str, (char *)vitro_decode_why(hand_nth(&h, VITRO_EVENT_UNKNOWN, 1)->why),
                 "the stream ends inside the 5 bytes before a message"));
    hand_done(&h);
}

Test(decode, r05_the_end_may_come_in_an_empty_data_frame_or_with_headers)
{
    struct hand h;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, 0, "00 00000000");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "");
    hand_headers(&h, 0, 3, FRAME_END_STREAM, ":method", "POST", ":path", "/a.B/C", "content-type",
                 "application/grpc", NULL);
    hand_decode(&h);
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 1));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_UNKNOWN), 0));
    hand_done(&h);
}

Test(decode, r06_an_empty_message_is_a_message)
{
    struct hand h;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, 0, "00 00000000 00 00000000");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "");
    hand_decode(&h);
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 2));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_PROTOBUF), 2));
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_PROTOBUF, 1)->length, 0));
    hand_done(&h);
}

Test(decode, r09_only_application_grpc_is_grpc)
{
    static const struct {
        const char *type;
        unsigned messages;
    } cases[] = { { "application/grpc", 1 },           { "application/grpc+proto", 1 },
                  { "application/grpc;x=y", 1 },       { "application/grpc-web", 0 },
                  { "application/grpc-web+proto", 0 }, { "text/html", 0 } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hand h;
        hand_open(&h);
        hand_request(&h, 1, cases[i].type);
        hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000002 0a00");
        hand_decode(&h);
        cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), cases[i].messages), "%s",
                  cases[i].type);
        if (!cases[i].messages)
            cr_expect(eq(str, (char *)vitro_decode_why(hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)->why),
                         "the content-type is not gRPC's"));
        hand_done(&h);
    }
}

Test(decode, r20_a_status_is_explained_by_its_value)
{
    struct hand h;
    const char *key = NULL;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000000");
    hand_headers(&h, 1, 1, FRAME_END_STREAM, ":status", "200", "content-type", "application/grpc",
                 "grpc-status", "14", "grpc-message", "gone%20away", NULL);
    hand_decode(&h);
    hand_header(&h, hand_frame(&h, FRAME_HEADERS, 1, 0), "grpc-status", &key);
    cr_expect(eq(str, (char *)key, "grpc.status.14"));
    hand_header(&h, hand_frame(&h, FRAME_HEADERS, 1, 0), "grpc-message", &key);
    cr_expect(eq(str, (char *)key, "header.grpc-message"));
    hand_done(&h);
}

Test(decode, r26_a_reset_says_its_error_and_ends_both_bodies)
{
    struct hand h;
    struct buf b;
    vitro_detail dt;
    bool found = false;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, 0, "00 00000005 0a01");
    vitro_buf_init(&b, NULL, 100);
    vitro_frame_write_rst_stream(&b, 1, H2_CANCEL);
    pcap_talk_send(&h.w, &h.talk, 0, b.ptr, b.len);
    vitro_buf_done(&b);
    hand_decode(&h);
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_GRPC, 0)->bits, VITRO_EVENT_CUT));
    cr_assert(eq(int,
                 vitro_decode_detail(h.decode, hand_frame(&h, FRAME_RST_STREAM, 0, 0), &dt, NULL),
                 VITRO_OK));
    for (size_t i = 0; i < dt.count; i++) {
        if (strcmp(dt.items[i].name, "http2.rst_stream.error") == 0) {
            found = true;
            cr_expect(eq(str, (char *)dt.items[i].key, "h2.error.8"));
        }
    }
    cr_expect(found);
    hand_done(&h);
}

static void reset(struct hand *h, int dir, uint32_t stream)
{
    struct buf b;

    vitro_buf_init(&b, NULL, 100);
    vitro_frame_write_rst_stream(&b, stream, H2_CANCEL);
    hand_send(h, dir, b.ptr, b.len);
    vitro_buf_done(&b);
}

/* RFC 9113, 5.4.2 */
Test(decode, r26_what_is_on_its_way_when_its_stream_is_reset_still_is_of_its_call)
{
    struct hand h;
    vitro_detail dt;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_headers(&h, 1, 1, 0, ":status", "200", "content-type", "application/grpc", NULL);
    hand_data(&h, 1, 1, 0, "00 00000005 0a03");
    reset(&h, 0, 1);
    hand_data(&h, 1, 1, 0, "61 62 63 00 00000000");
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 2));
    for (unsigned i = 0; i < 2; i++) {
        const vitro_event *ev = hand_nth(&h, VITRO_EVENT_GRPC, i);
        cr_assert(eq(int, vitro_decode_brief(h.decode, ev, &dt, NULL), VITRO_OK));
        cr_expect(eq(u8, ev->bits, 0));
        cr_expect(eq(sz, dt.path.len, strlen("/chat.ChatService/SendMessage")));
    }
    hand_done(&h);
}

Test(decode, r26_so_it_is_when_a_client_leaves_a_hundred_streams_at_once)
{
    enum { STREAMS = 100 };
    struct hand h;
    vitro_detail dt;

    hand_open(&h);
    for (uint32_t i = 0; i < STREAMS; i++) {
        hand_request(&h, 2 * i + 1, "application/grpc");
        hand_headers(&h, 1, 2 * i + 1, 0, ":status", "200", "content-type", "application/grpc",
                     NULL);
    }
    for (uint32_t i = 0; i < STREAMS; i++)
        reset(&h, 0, 2 * i + 1);
    for (uint32_t i = 0; i < STREAMS; i++)
        hand_data(&h, 1, 2 * i + 1, 0, "00 00000000");
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), STREAMS));
    for (unsigned i = 0; i < STREAMS; i++) {
        const vitro_event *ev = hand_nth(&h, VITRO_EVENT_GRPC, i);
        cr_assert(eq(int, vitro_decode_brief(h.decode, ev, &dt, NULL), VITRO_OK));
        cr_expect(eq(sz, dt.path.len, strlen("/chat.ChatService/SendMessage")));
    }
    hand_done(&h);
}

Test(decode, r26_of_many_streams_that_were_reset_the_first_are_given_up)
{
    enum { STREAMS = 300 };
    struct hand h;

    hand_open(&h);
    for (uint32_t i = 0; i < STREAMS; i++) {
        hand_request(&h, 2 * i + 1, "application/grpc");
        hand_data(&h, 0, 2 * i + 1, 0, "00 00000005 0a03");
        reset(&h, 1, 2 * i + 1);
    }
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), STREAMS));
    cr_expect(lt(u32, hand_nth(&h, VITRO_EVENT_GRPC, STREAMS / 2)->number,
                 hand_frame(&h, FRAME_RST_STREAM, 1, STREAMS - 1)->number));
    hand_done(&h);
}

Test(decode, one_cursor_leads_from_a_field_to_its_segments_and_back)
{
    struct hand h;
    const vitro_event *pb;
    vitro_detail dt;
    vitro_span span, parts[4], capture[4];
    uint8_t bytes[8];
    size_t n;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, 0, "00 00000007 0a05 68 65"); /* "hello" over two DATA frames */
    hand_data(&h, 0, 1, FRAME_END_STREAM, "6c 6c 6f");
    hand_decode(&h);
    pb = hand_nth(&h, VITRO_EVENT_PROTOBUF, 0);
    cr_assert(eq(int, vitro_decode_detail(h.decode, pb, &dt, NULL), VITRO_OK));
    cr_assert(ne(ptr, (void *)dt.items[0].field, NULL));
    span = dt.items[0].field->value_span;
    n = vitro_decode_bytes(h.decode, &span, 0, bytes, sizeof bytes, NULL);
    cr_assert(eq(sz, n, 5));
    cr_expect(eq(int, memcmp(bytes, "hello", 5), 0));
    n = vitro_decode_parts(h.decode, &span, parts, ARRAY_LEN(parts));
    cr_assert(eq(sz, n, 2));
    for (size_t i = 0; i < n; i++) {
        vitro_event frame;
        cr_expect(eq(int, parts[i].source, VITRO_SOURCE_DIRECTION));
        cr_assert(vitro_decode_event(h.decode, vitro_decode_find(h.decode, &parts[i]), &frame));
        cr_expect(eq(int, frame.type, FRAME_DATA));
        cr_assert(eq(sz, vitro_decode_parts(h.decode, &parts[i], capture, 4), 1));
        cr_expect(eq(int, capture[0].source, VITRO_SOURCE_CAPTURE));
        cr_expect(eq(int, memcmp(h.w.ptr + capture[0].offset, i ? "llo" : "he", i ? 3 : 2), 0));
        cr_expect(eq(u32, vitro_decode_find(h.decode, &capture[0]), frame.number));
    }
    cr_expect(eq(u32, vitro_decode_find(h.decode, &span), pb->number));
    hand_done(&h);
}

Test(decode, fields_are_the_same_when_looked_at_later)
{
    struct hand h;
    const char *key;

    hand_open(&h);
    for (uint32_t i = 0; i < 300; i++) { /* over several checkpoints */
        char value[16];
        snprintf(value, sizeof value, "%u", i);
        hand_headers(&h, 0, 1 + 2 * i, FRAME_END_STREAM, ":method", "POST", ":path", "/a.B/C",
                     "content-type", "application/grpc", "x-count", value, NULL);
    }
    hand_decode(&h);
    for (unsigned i = 300; i-- > 0;) {
        char value[16];
        vitro_item_header f = hand_header(&h, hand_frame(&h, FRAME_HEADERS, 0, i), "x-count", &key);
        snprintf(value, sizeof value, "%u", i);
        cr_assert(vitro_str_eq(f.value, vitro_str_of(value)), "block %u", i);
    }
    hand_done(&h);
}
