/* Captures that lack something: their beginning, a part, or any HTTP/2. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "base/util.h"
#include "support/hand.h"

static const char *why_of(const vitro_event *ev)
{
    return ev ? vitro_decode_why(ev->why) : "no such event";
}

static void another_call(struct hand *h, uint32_t stream)
{
    hand_headers(h, 0, stream, 0, ":method", "POST", ":scheme", "http", ":path", "/a.B/C", "te",
                 "trailers", "content-type", "application/grpc", "x-new", "yes", NULL);
    hand_data(h, 0, stream, FRAME_END_STREAM, "00 00000002 0801");
}

Test(decode, a_late_capture_names_what_it_never_saw_and_resolves_what_it_did)
{
    struct hand h;
    const vitro_event *ev;

    hand_init(&h);
    h.skip = true;
    hand_headers(&h, 0, 1, FRAME_END_STREAM, ":method", "POST", ":path", "/a.B/C", "te", "trailers",
                 "content-type", "application/grpc", NULL);
    h.skip = false;
    another_call(&h, 3);
    another_call(&h, 5);
    hand_decode(&h);
    ev = hand_frame(&h, FRAME_HEADERS, 0, 0);
    cr_assert(ne(ptr, (void *)ev, NULL));
    cr_expect(vitro_str_eq(hand_header(&h, ev, ":method", NULL).value, vitro_str_of("POST")));
    cr_expect(hand_header(&h, ev, "dyn[64]?", NULL).unknown_name);
    cr_expect(eq(u32, hand_header(&h, ev, "dyn[64]?", NULL).index, 64));
    cr_expect(vitro_str_eq(hand_header(&h, ev, "x-new", NULL).value, vitro_str_of("yes")));
    ev = hand_frame(&h, FRAME_HEADERS, 0, 1); /* x-new is entry 62 now, and known */
    cr_expect(hand_header(&h, ev, "x-new", NULL).indexed);
    cr_expect(vitro_str_eq(hand_header(&h, ev, "x-new", NULL).value, vitro_str_of("yes")));
    hand_done(&h);
}

Test(decode, a_late_capture_finds_messages_by_their_shape)
{
    struct hand h;
    const vitro_event *ev;

    hand_init(&h);
    hand_data(&h, 0, 7, 0, "00 00000002 0801");
    hand_data(&h, 0, 7, FRAME_END_STREAM, "00 00000003 120161");
    hand_data(&h, 0, 9, FRAME_END_STREAM, "ff fe fd fc fb fa");
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 2));
    ev = hand_nth(&h, VITRO_EVENT_GRPC, 0);
    cr_expect(eq(u8, ev->bits & VITRO_EVENT_GUESSED, VITRO_EVENT_GUESSED));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_FRAME, 0)->bits & VITRO_EVENT_SUSPECT,
                 VITRO_EVENT_SUSPECT));
    cr_expect(eq(str, (char *)why_of(hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)),
                 "no headers of this stream were seen, and this does not look like gRPC"));
    hand_done(&h);
}

Test(decode, a_late_capture_begins_at_the_first_whole_frame)
{
    struct hand h;
    uint8_t rest[700];

    hand_init(&h);
    memset(rest, 0xaa, sizeof rest); /* the end of a DATA frame */
    hand_send(&h, 0, rest, sizeof rest);
    another_call(&h, 3);
    hand_decode(&h);
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)->length, sizeof rest));
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_FRAME, 0)->offset, sizeof rest));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 1));
    hand_done(&h);
}

Test(decode, a_hole_inside_data_costs_one_message_only)
{
    struct hand h;
    uint8_t frame[9 + 5 + 100];

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    memset(frame, 0x61, sizeof frame);
    vitro_frame_head_write(frame, (struct frame_head){ 105, 1, FRAME_DATA, 0, false });
    memcpy(frame + 9, "\0\0\0\0\x64\x0a\x62", 7);
    hand_send(&h, 0, frame, 50);
    h.skip = true;
    hand_send(&h, 0, frame + 50, 20);
    h.skip = false;
    hand_send(&h, 0, frame + 70, sizeof frame - 70);
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000003 0a0161");
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 2));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_GRPC, 0)->bits, VITRO_EVENT_HOLE));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_GRPC, 1)->bits, 0));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_PROTOBUF), 1));
    cr_expect(eq(str, (char *)why_of(hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)),
                 "bytes of this message are missing from the capture"));
    hand_done(&h);
}

Test(decode, behind_a_hole_frames_are_found_again_and_the_table_is_doubted)
{
    struct hand h;
    const vitro_event *ev;

    hand_open(&h);
    another_call(&h, 1);
    h.skip = true;
    hand_headers(&h, 0, 3, FRAME_END_STREAM, ":method", "POST", "x-lost", "1", NULL);
    h.skip = false;
    another_call(&h, 5);
    hand_decode(&h);
    ev = hand_frame(&h, FRAME_HEADERS, 0, 1);
    cr_assert(ne(ptr, (void *)ev, NULL));
    cr_expect(eq(u32, ev->stream, 5));
    cr_expect(eq(u8, ev->bits & VITRO_EVENT_SUSPECT, VITRO_EVENT_SUSPECT));
    cr_expect(hand_header(&h, ev, "dyn[63]?", NULL).unknown_name);
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 2));
    hand_done(&h);
}

Test(decode, what_is_no_http2_is_told_as_such)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18, "HTTP/1: only HTTP/2 is decoded" },
        { "SSH-2.0-OpenSSH_9.2\r\n", 21,
          "no HTTP/2: neither its preface nor frames that could be its" },
        { "PRI * HTTP", 10, "the connection ends inside the preface" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hand h;
        hand_init(&h);
        pcap_talk_open(&h.w, &h.talk);
        hand_send(&h, 0, cases[i].bytes, cases[i].len);
        hand_decode(&h);
        cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_UNKNOWN), 1));
        cr_expect(
            eq(str, (char *)why_of(hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)), (char *)cases[i].why));
        hand_done(&h);
    }
}

/* Who watches learns it from the first bytes, not when the connection ends. */
Test(decode, what_is_no_http2_is_told_with_its_first_packet_and_the_rest_at_the_end)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    struct hand h;

    hand_init(&h);
    pcap_talk_open(&h.w, &h.talk);
    hand_send(&h, 0, request, sizeof request - 1);
    hand_send(&h, 0, request, sizeof request - 1);
    pcap_talk_close(&h.w, &h.talk);
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_UNKNOWN), 2));
    cr_expect(eq(u32, hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)->packet, 4));
    cr_expect(eq(u64, hand_nth(&h, VITRO_EVENT_UNKNOWN, 0)->length, sizeof request - 1));
    hand_done(&h);
}

Test(decode, the_preface_says_who_the_client_is)
{
    struct hand h;
    struct buf b;

    hand_init(&h);
    h.talk.shape.client_port = 80; /* without a SYN, the lower port is taken for the server's */
    h.talk.shape.server_port = 50051;
    vitro_buf_init(&b, NULL, 1000);
    vitro_frame_write_preface(&b);
    vitro_frame_write_settings(&b, 0, NULL, 0);
    hand_send(&h, 0, b.ptr, b.len);
    another_call(&h, 1);
    vitro_buf_done(&b);
    hand_decode(&h);
    cr_assert(eq(uint, hand_count(&h, VITRO_EVENT_PREFACE), 1));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_PREFACE, 0)->dir, VITRO_C2S));
    cr_expect(eq(str, (char *)vitro_decode_endpoint(h.decode, 0, VITRO_C2S), "192.0.2.1:80"));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 1));
    hand_done(&h);
}

Test(decode, a_request_says_who_the_client_is_when_there_is_no_preface)
{
    struct hand h;

    hand_init(&h);
    h.talk.shape.client_port = 80;
    h.talk.shape.server_port = 50051;
    another_call(&h, 1);
    hand_headers(&h, 1, 1, 0, ":status", "200", "content-type", "application/grpc", NULL);
    hand_decode(&h);
    cr_assert(ne(ptr, (void *)hand_frame(&h, FRAME_HEADERS, VITRO_C2S, 0), NULL));
    cr_expect(eq(str, (char *)vitro_decode_endpoint(h.decode, 0, VITRO_C2S), "192.0.2.1:80"));
    cr_expect(eq(uint, hand_count(&h, VITRO_EVENT_GRPC), 1));
    cr_expect(eq(u8, hand_nth(&h, VITRO_EVENT_GRPC, 0)->dir, VITRO_C2S));
    hand_done(&h);
}

Test(decode, the_end_of_a_reply_says_who_the_server_is)
{
    struct hand h;
    struct buf b;

    hand_init(&h);
    h.talk.shape.client_port = 80;
    h.talk.shape.server_port = 50051;
    vitro_buf_init(&b, NULL, 1000);
    vitro_frame_write_headers(&b, 1, FRAME_END_STREAM | FRAME_END_HEADERS,
                              (vitro_bytes){ (const uint8_t *)"\xbf\xbe", 2 }, NULL);
    hand_send(&h, 1, b.ptr, b.len);
    vitro_buf_done(&b);
    another_call(&h, 3);
    hand_decode(&h);
    cr_assert(ne(ptr, (void *)hand_frame(&h, FRAME_HEADERS, VITRO_S2C, 0), NULL));
    cr_expect(eq(u32, hand_frame(&h, FRAME_HEADERS, VITRO_S2C, 0)->stream, 1));
    cr_expect(eq(u32, hand_frame(&h, FRAME_HEADERS, VITRO_C2S, 0)->stream, 3));
    hand_done(&h);
}
