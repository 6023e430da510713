/*
 * A server under attack: what a peer may make it keep and do is bounded, and a call on another
 * connection is answered, while the attack goes on and when it is over.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat.vitro.h"
#include "support/credentials.h"
#include "support/peer.h"

TestSuite(attacks, .timeout = 60);

enum { STREAMS = 100 }; /* what the server allows at once, when not told */

struct siege {
    struct pair p;    /* its channel is the other connection */
    struct peer peer; /* who attacks */
    size_t before;    /* bytes that the server held when the attack began */
};

/* ---- handlers that are counted: from their first event to their last --------------------------
 */

static unsigned begun, running, most_running;

static void handler_begins(vitro_call *call, const vitro_md *md, void *user)
{
    begun++;
    running++;
    most_running = MAX(most_running, running);
}

static void handler_ends(vitro_call *call, const vitro_status *status, void *user)
{
    running--;
}

static const vitro_call_events counting = { .size = sizeof counting,
                                            .on_headers = handler_begins,
                                            .on_closed = handler_ends };
static const vitro_method counted = { "/test.Echo/Counted", VITRO_BIDI_STREAMING, NULL };

/* A handler that sends POUR bytes, no faster than it is told to. */
enum { POUR = 1000000 };

static void pour(vitro_call *call, void *user)
{
    static const uint8_t bytes[1000];
    size_t left = (size_t)user;
    bool more = true;

    for (; left > 0 && more; left -= sizeof bytes)
        cr_assert_eq(vitro_call_send(call, (vitro_bytes){ bytes, sizeof bytes }, 0, &more, NULL),
                     VITRO_OK);
    vitro_call_set_user(call, (void *)left);
    if (left == 0)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void begin_to_pour(vitro_call *call, const vitro_md *md, void *user)
{
    pour(call, (void *)(size_t)POUR);
}

static const vitro_call_events pouring_events = { .size = sizeof pouring_events,
                                                  .on_headers = begin_to_pour,
                                                  .on_writable = pour };
static const vitro_method pouring = { "/test.Echo/Pour", VITRO_BIDI_STREAMING, NULL };

/* A handler of generated code, which takes what can be parsed. */
static void on_send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;

    cr_assert_eq(chat_chat_service_send_message_reply(call, &response, NULL), VITRO_OK);
}

static const chat_chat_service_handlers chat = { .size = sizeof chat,
                                                 .send_message = on_send_message };

/* ---- the siege --------------------------------------------------------------------------------
 */

static void expect_served(struct siege *s, const char *when)
{
    struct record r = { .len = 0 };
    vitro_call *call = pair_call(&s->p, &echo_unary, NULL, &r);

    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_settle(&s->p);
    cr_expect_str_eq(r.text, "headers message(x) end closed OK", "%s: %s", when, r.text);
    vitro_call_unref(call);
    record_done(&r);
}

static void siege_init(struct siege *s)
{
    begun = running = most_running = 0;
    pair_init(&s->p);
    pair_make_server(&s->p);
    cr_assert_eq(vitro_server_add(s->p.server, &counted, NULL, &counting, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_add(s->p.server, &pouring, NULL, &pouring_events, NULL, NULL),
                 VITRO_OK);
    cr_assert_eq(chat_chat_service_register(s->p.server, &chat, NULL, NULL), VITRO_OK);
    pair_start(&s->p);
    expect_served(s, "before");
    peer_init(&s->peer, &s->p, s->p.client_loop);
    peer_client(&s->peer);
    s->before = vitro_loop_memory(s->p.server_loop).bytes;
}

static void expect_holds(struct siege *s, size_t most)
{
    size_t now = vitro_loop_memory(s->p.server_loop).bytes;

    cr_assert_leq(now, s->before + most, "%zu bytes more", now - s->before);
}

static void expect_calmed(struct siege *s, const char *error)
{
    cr_expect(strstr(peer_line(&s->peer, "GOAWAY"), error), "%s: %s", error,
              peer_line(&s->peer, "GOAWAY"));
    cr_expect(s->peer.closed);
}

static void siege_done(struct siege *s)
{
    cr_expect_leq(most_running, STREAMS);
    expect_served(s, "during");
    peer_done(&s->peer);
    expect_served(s, "after");
    cr_expect_eq(running, 0);
    vitro_loop_trim(s->p.server_loop);
    expect_holds(s, 20000);
    pair_stop(&s->p);
}

/* Let both sides run while the other connection has a call. */
static void go_on(struct siege *s)
{
    peer_flush(&s->peer);
    expect_served(s, "during");
}

/* ---- streams that come and go -----------------------------------------------------------------
 */

static void rapid_reset(unsigned at_once)
{
    struct siege s;

    siege_init(&s);
    for (uint32_t id = 1; id < 20000 && !s.peer.closed; id += 2) {
        peer_request(&s.peer, id, false, counted.path, NULL);
        peer_reset(&s.peer, id, H2_CANCEL);
        if (id / 2 % at_once == at_once - 1)
            go_on(&s);
        expect_holds(&s, 2000000);
    }
    expect_calmed(&s, "ENHANCE_YOUR_CALM");
    cr_expect_leq(begun, 1000 + at_once);
    siege_done(&s);
}

Test(attacks, rapid_reset_is_calmed_and_never_more_handlers_run_than_streams_are_allowed)
{
    rapid_reset(1);
    rapid_reset(30);
    rapid_reset(500);
}

/* Streams are opened up to the limit and stay; then each is made to be reset. */
static void resets_by_the_server(void (*mistake)(struct peer *peer, uint32_t id))
{
    struct siege s;

    siege_init(&s);
    for (uint32_t id = 1; id < 20000 && !s.peer.closed; id += 2) {
        if (id > 2 * STREAMS) {
            mistake(&s.peer, id - 2 * STREAMS);
            go_on(&s);
        }
        peer_request(&s.peer, id, false, counted.path, NULL);
        expect_holds(&s, 2000000);
    }
    expect_calmed(&s, "ENHANCE_YOUR_CALM");
    siege_done(&s);
}

static void window_over(struct peer *peer, uint32_t id)
{
    cr_assert(vitro_frame_write_window_update(&peer->out, id, INT32_MAX));
}

static void broken_trailers(struct peer *peer, uint32_t id)
{
    peer_headers(peer, id, true, ":path: no trailer may have one\n");
}

Test(attacks, resets_that_the_server_is_made_to_send_are_calmed_too)
{
    resets_by_the_server(window_over);
    resets_by_the_server(broken_trailers);
}

/* ---- header blocks ----------------------------------------------------------------------------
 */

static void begin_block(struct peer *peer, uint32_t id, struct buf *block)
{
    static const char *const fields[][2] = {
        { ":method", "POST" },      { ":scheme", "http" }, { ":path", "/test.Echo/Counted" },
        { ":authority", "server" }, { "te", "trailers" },  { "content-type", "application/grpc" }
    };

    vitro_buf_init(block, NULL, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        cr_assert(vitro_hpack_write(&peer->encoder, block, vitro_str_of(fields[i][0]),
                                    vitro_str_of(fields[i][1]), NULL));
}

Test(attacks, a_block_of_continuations_without_end_is_cut_off)
{
    struct siege s;
    struct buf block;
    unsigned sent = 0;

    siege_init(&s);
    begin_block(&s.peer, 1, &block);
    cr_assert(vitro_frame_write_headers(&s.peer.out, 1, 0, vitro_buf_bytes(&block), NULL));
    block.len = 0;
    while (block.len < 16000)
        cr_assert(vitro_buf_append(&block, "\0\1a\1b", 5)); /* a: b, not indexed */
    for (; sent < 1000 && !s.peer.closed; sent++) {
        cr_assert(vitro_frame_write_continuation(&s.peer.out, 1, 0, vitro_buf_bytes(&block)));
        go_on(&s);
        expect_holds(&s, 200000);
    }
    cr_expect(s.peer.closed);
    cr_expect_leq(sent, 20, "%u frames", sent);
    cr_expect_eq(begun, 0);
    vitro_buf_done(&block);
    siege_done(&s);
}

/* 16 KB that become 49 MB. */
static void send_bomb(struct peer *peer, uint32_t id)
{
    char value[4001] = "";
    struct buf block;

    memset(value, 'v', sizeof value - 1);
    begin_block(peer, id, &block);
    cr_assert(vitro_hpack_write(&peer->encoder, &block, vitro_str_of("bomb"), vitro_str_of(value),
                                &(struct hpack_style){ .how = HPACK_HOW_INCREMENTAL }));
    while (block.len < 16384)
        cr_assert(vitro_buf_append(&block, "\xbe", 1)); /* the newest entry, once more */
    cr_assert(vitro_frame_write_block(&peer->out, id, 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX,
                                      NULL));
    vitro_buf_done(&block);
}

static void send_nameless(struct peer *peer, uint32_t id)
{
    struct buf block;

    begin_block(peer, id, &block);
    while (block.len < 16000)
        cr_assert(vitro_buf_append(&block, "\0\0\0", 3));
    cr_assert(vitro_frame_write_block(&peer->out, id, 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX,
                                      NULL));
    vitro_buf_done(&block);
}

static unsigned refused(const struct siege *s)
{
    return peer_count(&s->peer, "RST_STREAM");
}

Test(attacks, an_hpack_bomb_of_49_megabytes_costs_no_more_than_the_limit_of_a_list)
{
    struct siege s;

    siege_init(&s);
    send_bomb(&s.peer, 1);
    go_on(&s);
    expect_holds(&s, 100000);
    cr_expect_eq(begun, 0);
    cr_expect(peer_count(&s.peer, "HEADERS 1 end :status=200 content-type=application/grpc "
                                  "grpc-status=8"),
              "%s", s.peer.log);
    siege_done(&s);
}

/* Somebody else calls when ten of them have come. */
static void ten_blocks(void (*send)(struct peer *peer, uint32_t id))
{
    enum { BLOCKS = 10 };
    struct record r = { .len = 0 };
    struct siege s;
    vitro_call *call;

    siege_init(&s);
    for (uint32_t i = 0; i < BLOCKS; i++)
        send(&s.peer, 2 * i + 1);
    peer_flush(&s.peer);
    call = pair_call(&s.p, &echo_unary, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    while (!strstr(r.text, "closed") && vitro_sim_step(s.p.sim))
        continue;
    cr_expect_str_eq(r.text, "headers message(x) end closed OK");
    cr_expect_leq(refused(&s), 2, "%u", refused(&s));
    go_on(&s);
    cr_expect_eq(refused(&s), BLOCKS, "%s", s.peer.log);
    vitro_call_unref(call);
    record_done(&r);
    siege_done(&s);
}

Test(attacks, one_large_block_is_decoded_before_somebody_else_is_served)
{
    ten_blocks(send_bomb);
    ten_blocks(send_nameless);
}

Test(attacks, fields_without_name_and_value_begin_no_call)
{
    struct siege s;

    siege_init(&s);
    for (uint32_t id = 1; id < 40; id += 2) {
        send_nameless(&s.peer, id);
        go_on(&s);
        expect_holds(&s, 200000);
    }
    cr_expect_eq(begun, 0, "%u begun\n%s", begun, s.peer.log);
    siege_done(&s);
}

Test(attacks, headers_that_come_a_byte_at_a_time_hold_nobody_else_up)
{
    struct siege s;
    struct buf block, frames;

    siege_init(&s);
    begin_block(&s.peer, 1, &block);
    vitro_buf_init(&frames, NULL, SIZE_MAX);
    cr_assert(
        vitro_frame_write_block(&frames, 1, 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX, NULL));
    for (size_t i = 0; i < frames.len; i++) {
        cr_expect_eq(begun, 0);
        peer_raw(&s.peer, frames.ptr + i, 1);
        go_on(&s);
        expect_holds(&s, 100000);
    }
    cr_expect_eq(begun, 1);
    vitro_buf_done(&block);
    vitro_buf_done(&frames);
    siege_done(&s);
}

/* ---- floods -----------------------------------------------------------------------------------
 */

/* A peer that asks for answers and reads none of them, while its own go on to be sent. */
static void flood(void (*ask)(struct peer *peer), const char *answer)
{
    enum { FLOOD = 100000 };
    struct siege s;

    siege_init(&s);
    s.peer.manual_ack = true;
    vitro_driver_pause(&s.peer.driver, true);
    for (unsigned i = 0; i < FLOOD / 500; i++) {
        for (unsigned k = 0; k < 500; k++)
            ask(&s.peer);
        go_on(&s);
        expect_holds(&s, 500000);
    }
    vitro_driver_pause(&s.peer.driver, false); /* one that was only slow is answered, or told */
    peer_run(&s.peer);
    cr_expect(s.peer.closed || peer_count(&s.peer, answer) >= FLOOD, "%u",
              peer_count(&s.peer, answer));
    siege_done(&s);
}

static void ask_ping(struct peer *peer)
{
    cr_assert(vitro_frame_write_ping(&peer->out, 0, (uint8_t[8]){ 1 }));
}

static void ask_settings(struct peer *peer)
{
    peer_settings(peer, SETTING_INITIAL_WINDOW_SIZE, 1000);
}

Test(attacks, a_hundred_thousand_pings_that_nobody_wants_answered_cost_bounded_memory)
{
    flood(ask_ping, "PING 0 ack");
}

Test(attacks, a_hundred_thousand_settings_that_nobody_wants_answered_cost_bounded_memory)
{
    flood(ask_settings, "SETTINGS 0 ack");
}

Test(attacks, empty_data_without_end_makes_no_message_and_holds_nobody_up)
{
    struct siege s;

    siege_init(&s);
    peer_request(&s.peer, 1, false, counted.path, NULL);
    for (unsigned i = 0; i < 100 && !s.peer.closed; i++) {
        for (unsigned k = 0; k < 1000; k++)
            peer_data(&s.peer, 1, false, (vitro_bytes){ (const uint8_t *)"", 0 });
        go_on(&s);
        expect_holds(&s, 100000);
    }
    siege_done(&s);
}

/* ---- windows ----------------------------------------------------------------------------------
 */

Test(attacks, windows_of_zero_hold_a_reply_for_each_stream_and_no_more)
{
    char text[1001] = "";
    struct siege s;

    siege_init(&s);
    memset(text, 'x', sizeof text - 1);
    peer_settings(&s.peer, SETTING_INITIAL_WINDOW_SIZE, 0);
    for (uint32_t id = 1; id < 2 * STREAMS; id += 2) {
        peer_request(&s.peer, id, false, echo_unary.path, NULL);
        peer_message(&s.peer, id, true, text);
        go_on(&s);
    }
    vitro_sim_run_for(s.p.sim, 3600000000000);
    go_on(&s);
    expect_holds(&s, STREAMS * 8000);
    cr_expect_eq(peer_count(&s.peer, "DATA"), 0);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), STREAMS);
    siege_done(&s);
}

Test(attacks, a_window_opened_a_byte_at_a_time_is_served_a_byte_at_a_time)
{
    char text[501] = "";
    struct siege s;

    siege_init(&s);
    s.peer.manual_window = true;
    memset(text, 'x', sizeof text - 1);
    peer_settings(&s.peer, SETTING_INITIAL_WINDOW_SIZE, 0);
    peer_request(&s.peer, 1, false, echo_unary.path, NULL);
    peer_message(&s.peer, 1, true, text);
    for (unsigned i = 0; i < 5 + sizeof text - 1; i++) {
        go_on(&s);
        cr_expect_eq(s.peer.data.len, i);
        cr_assert(vitro_frame_write_window_update(&s.peer.out, 1, 1));
        expect_holds(&s, 50000);
    }
    go_on(&s);
    cr_expect_eq(peer_count(&s.peer, "HEADERS 1 end grpc-status=0"), 1, "%s", s.peer.log);
    siege_done(&s);
}

Test(attacks, a_closed_tcp_window_stops_handlers_however_wide_http2_is_open)
{
    enum { POURS = 50 };
    struct siege s;

    siege_init(&s);
    peer_settings(&s.peer, SETTING_INITIAL_WINDOW_SIZE, INT32_MAX);
    cr_assert(vitro_frame_write_window_update(&s.peer.out, 0, INT32_MAX - FRAME_DEFAULT_WINDOW));
    peer_run(&s.peer);
    vitro_driver_pause(&s.peer.driver, true);
    for (uint32_t id = 1; id < 2 * POURS; id += 2) {
        peer_request(&s.peer, id, false, pouring.path, NULL);
        go_on(&s);
        expect_holds(&s, POURS * (POUR / 10)); /* a part of what they have to send */
    }
    vitro_driver_pause(&s.peer.driver, false);
    go_on(&s);
    cr_expect_eq(peer_count(&s.peer, "RST_STREAM"), POURS, "each has ended");
    cr_expect_eq(s.peer.data.len, POURS * (size_t)POUR / 1000 * 1005);
    siege_done(&s);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

/* A request of so many groups in each other, whole: field 15 begins and ends. */
static void send_nested(struct siege *s, uint32_t id, size_t depth)
{
    struct buf message;

    vitro_buf_init(&message, NULL, SIZE_MAX);
    cr_assert(vitro_buf_append(
        &message, (uint8_t[5]){ 0, 0, 0, (uint8_t)(2 * depth >> 8), (uint8_t)(2 * depth) }, 5));
    for (size_t i = 0; i < 2 * depth; i++)
        cr_assert(vitro_buf_append(&message, i < depth ? "\x7b" : "\x7c", 1));
    peer_request(&s->peer, id, false, "/chat.ChatService/SendMessage", NULL);
    for (size_t at = 0; at < message.len; at += FRAME_DEFAULT_MAX) {
        size_t n = MIN(message.len - at, (size_t)FRAME_DEFAULT_MAX);

        peer_data(&s->peer, id, at + n == message.len, (vitro_bytes){ message.ptr + at, n });
    }
    vitro_buf_done(&message);
    go_on(s);
    expect_holds(s, 200000);
}

Test(attacks, a_message_ten_thousand_deep_is_internal_and_one_ninety_deep_is_taken)
{
    struct siege s;

    siege_init(&s);
    send_nested(&s, 1, 90);
    cr_expect(peer_count(&s.peer, "HEADERS 1 end grpc-status=0"), "%s", s.peer.log);
    send_nested(&s, 3, 10000);
    cr_expect(strstr(peer_line(&s.peer, "HEADERS 3 end"), "grpc-status=13"), "%s", s.peer.log);
    siege_done(&s);
}

/* ---- connections ------------------------------------------------------------------------------
 */

/* Peers that begin with these bytes; by themselves they acknowledge at most. */
static struct peer *come(struct siege *s, size_t n, vitro_bytes begin, bool acknowledge)
{
    struct peer *crowd = calloc(n, sizeof *crowd);

    for (size_t i = 0; i < n; i++) {
        peer_init(&crowd[i], &s->p, s->p.client_loop);
        crowd[i].manual_ack = !acknowledge;
        peer_raw(&crowd[i], begin.ptr, begin.len);
        peer_connect(&crowd[i]);
    }
    return crowd;
}

static size_t leave(struct peer *crowd, size_t n)
{
    size_t closed = 0;

    for (size_t i = 0; i < n; i++) {
        closed += crowd[i].closed;
        peer_done(&crowd[i]);
    }
    free(crowd);
    return closed;
}

static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

Test(attacks, ten_thousand_idle_connections_hold_nobody_up)
{
    enum { CROWD = 10000 };
    struct siege s;
    struct peer *crowd;
    size_t connections;

    siege_init(&s);
    crowd = come(&s, CROWD, (vitro_bytes){ preface, sizeof preface }, true);
    expect_served(&s, "among them");
    vitro_server_load(s.p.server, &connections, NULL);
    cr_expect_eq(connections, CROWD + 2);
    expect_holds(&s, CROWD * (size_t)32000);
    cr_expect_eq(leave(crowd, CROWD), 0);
    siege_done(&s);
}

/* After 20 s whoever has not begun is left, and what he cost is given back. */
static void expect_left(struct siege *s, struct peer *crowd, size_t n)
{
    size_t connections;

    expect_served(s, "among them");
    vitro_sim_run_for(s->p.sim, 19000000000);
    vitro_server_load(s->p.server, &connections, NULL);
    cr_expect_geq(connections, n);
    vitro_sim_run_for(s->p.sim, 2000000000);
    cr_expect_eq(leave(crowd, n), n);
    expect_served(s, "after them");
}

Test(attacks, who_sends_half_a_preface_and_no_more_is_left_after_twenty_seconds)
{
    struct siege s;

    siege_init(&s);
    expect_left(&s, come(&s, 100, (vitro_bytes){ preface, 10 }, false), 100);
    siege_done(&s);
}

Test(attacks, slow_tls_handshakes_are_left_after_twenty_seconds_and_hold_nobody_up)
{
    static const uint8_t hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server");
    vitro_credentials *client = CLIENT_CREDENTIALS(.ca = "ca");
    struct siege s;

    pair_init(&s.p);
    s.p.server_credentials = server;
    s.p.channel_options.credentials = client;
    s.p.channel_options.authority = "vitro.test";
    pair_start(&s.p);
    expect_served(&s, "before");
    s.before = vitro_loop_memory(s.p.server_loop).bytes;
    expect_left(&s, come(&s, 100, (vitro_bytes){ hello, sizeof hello - 1 }, false), 100);
    vitro_loop_trim(s.p.server_loop);
    expect_holds(&s, 20000);
    pair_stop(&s.p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}
