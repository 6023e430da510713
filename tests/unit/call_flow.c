#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/peer.h"

/* A client of ours and a scripted server, connected; SETTINGS are ours to add before. */
struct stage {
    struct pair p;
    struct peer peer;
};

static void stage_init(struct stage *s)
{
    pair_init(&s->p);
    pair_make_world(&s->p);
    peer_init(&s->peer, &s->p, s->p.server_loop);
    peer_listen(&s->peer);
}

static void stage_done(struct stage *s)
{
    peer_done(&s->peer);
    pair_stop(&s->p);
}

static void finish_call(struct stage *s, uint32_t stream)
{
    peer_response(&s->peer, stream, NULL);
    peer_message(&s->peer, stream, false, "ok");
    peer_trailers(&s->peer, stream, "grpc-status: 0\n");
}

/* ---- windows -------------------------------------------------------------------------------- */

static size_t received(const struct peer *peer)
{
    return peer->data.len;
}

Test(call_flow, r43_without_credit_no_window_is_given_back_and_other_streams_go_on)
{
    struct stage s;
    struct record slow = { .len = 0 }, quick = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *held, *other;
    uint8_t *zeros = calloc(1, 16384);

    o.manual_credit = true;
    stage_init(&s);
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    held = pair_call(&s.p, &echo_bidi, &o, &slow);
    other = pair_call(&s.p, &echo_bidi, NULL, &quick);
    pair_settle(&s.p);
    peer_response(&s.peer, 1, NULL);
    for (int i = 0; i < 3; i++)
        peer_data(&s.peer, 1, false, (vitro_bytes){ zeros, 16384 });
    peer_data(&s.peer, 1, false, (vitro_bytes){ zeros, 65535 - 3 * 16384 });
    peer_run(&s.peer);
    cr_expect_eq(peer_count(&s.peer, "WINDOW_UPDATE 1"), 0, "%s", s.peer.log);
    cr_expect_geq(peer_count(&s.peer, "WINDOW_UPDATE 0"), 1, "%s", s.peer.log);
    cr_expect_eq(slow.messages, 0);
    finish_call(&s, 3);
    peer_run(&s.peer);
    cr_expect_str_eq(quick.text, "headers message(ok) end closed OK");
    vitro_call_credit(held, 7);
    pair_settle(&s.p);
    cr_expect_eq(slow.messages, 7);
    vitro_call_credit(held, 100000);
    pair_settle(&s.p);
    cr_expect_eq(slow.messages, 65535 / 5);
    cr_expect_geq(peer_count(&s.peer, "WINDOW_UPDATE 1"), 1, "%s", s.peer.log);
    vitro_call_unref(held);
    vitro_call_unref(other);
    stage_done(&s);
    record_done(&slow);
    record_done(&quick);
    free(zeros);
}

Test(call_flow, r43_padding_counts_and_is_given_back)
{
    struct stage s;
    struct record r = { .len = 0 };
    struct frame_dress padded = { .padded = true, .pad = 255 };
    vitro_call *call;

    stage_init(&s);
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    pair_settle(&s.p);
    peer_response(&s.peer, 1, NULL);
    /* five bytes of data a frame, 1,000 frames: 261,000 bytes of windows */
    for (int i = 0; i < 1000; i++) {
        cr_assert(vitro_frame_write_data(&s.peer.out, 1, 0, (vitro_bytes){ (uint8_t[5]){ 0 }, 5 },
                                         &padded));
        if (i % 200 == 199)
            peer_run(&s.peer); /* never more than a window ahead */
    }
    peer_trailers(&s.peer, 1, "grpc-status: 0\n");
    peer_run(&s.peer);
    cr_expect_eq(r.messages, 1000);
    cr_expect_eq(r.code, VITRO_OK);
    cr_expect_not(s.peer.closed, "%s", s.peer.log + MAX(s.peer.log_len, 200) - 200);
    vitro_call_unref(call);
    stage_done(&s);
    record_done(&r);
}

Test(call_flow, a_send_waits_for_the_window_and_tells_when_it_is_writable)
{
    struct stage s;
    struct record r = { .len = 0 };
    vitro_call *call;
    size_t n = 100000;
    uint8_t *large = calloc(1, n);
    bool more = true;

    stage_init(&s);
    s.peer.manual_window = true;
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    pair_settle(&s.p);
    cr_assert_eq(vitro_call_send(call, (vitro_bytes){ large, 10 }, 0, &more, NULL), VITRO_OK);
    cr_expect(more);
    cr_assert_eq(vitro_call_send(call, (vitro_bytes){ large, n }, 0, &more, NULL), VITRO_OK);
    cr_expect_not(more);
    pair_settle(&s.p);
    cr_expect_eq(received(&s.peer), 65535);
    cr_expect_str_eq(r.text, "", "more than half is still queued");
    cr_assert(vitro_frame_write_window_update(&s.peer.out, 1, 1000000));
    peer_run(&s.peer);
    cr_expect_eq(received(&s.peer), 65535, "the connection's window is spent");
    cr_assert(vitro_frame_write_window_update(&s.peer.out, 0, 1000000));
    peer_run(&s.peer);
    cr_expect_eq(received(&s.peer), 15 + n + 5);
    cr_expect_str_eq(r.text, "writable ");
    vitro_call_cancel(call);
    vitro_call_unref(call);
    pair_settle(&s.p);
    stage_done(&s);
    record_done(&r);
    free(large);
}

Test(call_flow, a_window_that_shrinks_below_zero_is_waited_for)
{
    struct stage s;
    struct record r = { .len = 0 };
    vitro_call *call;
    uint8_t *large = calloc(1, 30000);

    stage_init(&s);
    s.peer.manual_window = true;
    peer_settings(&s.peer, SETTING_INITIAL_WINDOW_SIZE, 20000);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    cr_assert_eq(vitro_call_send(call, (vitro_bytes){ large, 30000 }, 0, NULL, NULL), VITRO_OK);
    pair_settle(&s.p);
    cr_expect_eq(received(&s.peer), 20000);
    peer_settings(&s.peer, SETTING_INITIAL_WINDOW_SIZE, 1000); /* now -19,000 */
    peer_run(&s.peer);
    cr_assert(vitro_frame_write_window_update(&s.peer.out, 1, 19000));
    peer_run(&s.peer);
    cr_expect_eq(received(&s.peer), 20000);
    cr_assert(vitro_frame_write_window_update(&s.peer.out, 1, 20000));
    peer_run(&s.peer);
    cr_expect_eq(received(&s.peer), 30005);
    vitro_call_cancel(call);
    vitro_call_unref(call);
    pair_settle(&s.p);
    stage_done(&s);
    record_done(&r);
    free(large);
}

/* What the peer may still send on stream 1, of which it has sent so much. */
static size_t may_send(const struct peer *peer, size_t sent)
{
    size_t granted = 65535;

    for (const char *line = peer->log; line && *line; line = strchr(line, '\n') + 1) {
        unsigned n;
        if (sscanf(line, "WINDOW_UPDATE 1 %u", &n) == 1)
            granted += n;
    }
    return granted - sent;
}

/* How a peer sends, and what lies between it and us. */
struct way {
    int64_t latency_ns;
    uint32_t read_max;
    size_t most; /* that it sends at once, of what it may */
    int rounds;
};

/* What was written arrives, and so does what is said to it. */
static void cross(struct stage *s)
{
    peer_run(&s->peer);
    vitro_sim_run_for(s->p.sim, 4 * s->p.sim_options.latency_ns);
}

/* What the peer may send after so many rounds of messages of 1,000 bytes. */
static size_t window_after(const struct way *way)
{
    static uint8_t messages[16 * 1005];
    struct stage s;
    struct record r = { .len = 0 };
    size_t sent = 0, window;
    vitro_call *call;

    for (size_t i = 0; i < 16; i++)
        memcpy(messages + i * 1005, (uint8_t[]){ 0, 0, 0, 1000 >> 8, 1000 & 255 }, 5);
    pair_init(&s.p);
    s.p.sim_options.in_flight_max = 16 * 1024 * 1024;
    s.p.sim_options.latency_ns = way->latency_ns;
    s.p.sim_options.read_max = way->read_max;
    pair_make_world(&s.p);
    peer_init(&s.peer, &s.p, s.p.server_loop);
    peer_listen(&s.peer);
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    cross(&s);
    peer_response(&s.peer, 1, NULL);
    for (int i = 0; i < way->rounds; i++) {
        size_t left = MIN(may_send(&s.peer, sent), way->most);
        while (left >= 1005) {
            size_t n = MIN(left - left % 1005, sizeof messages);
            peer_data(&s.peer, 1, false, (vitro_bytes){ messages, n });
            left -= n;
            sent += n;
        }
        cross(&s);
    }
    cr_expect_eq(r.messages, sent / 1005);
    window = may_send(&s.peer, sent);
    vitro_call_cancel(call);
    vitro_call_unref(call);
    pair_settle(&s.p);
    stage_done(&s);
    record_done(&r);
    return window;
}

static const int64_t far = 25000000;

Test(call_flow, a_window_grows_to_its_limit_where_what_comes_in_a_round_trip_fills_it)
{
    static const struct way ways[] = { { far, 0, .most = SIZE_MAX, .rounds = 16 },
                                       { far, 1460, .most = SIZE_MAX, .rounds = 16 } };

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        size_t window = window_after(&ways[i]);

        cr_expect_geq(window, (size_t)2 * 1024 * 1024, "way %zu: %zu", i, window);
        cr_expect_leq(window, (size_t)4 * 1024 * 1024, "way %zu: %zu", i, window);
    }
}

Test(call_flow, a_window_stays_where_bytes_trickle)
{
    static const struct way ways[] = { { .most = 17000, .rounds = 200 },
                                       { far, 1460, .most = 4020, .rounds = 200 } };

    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        cr_expect_leq(window_after(&ways[i]), (size_t)65535, "way %zu", i);
}

/* ---- frames --------------------------------------------------------------------------------- */

Test(call_flow, messages_of_a_turn_share_frames_unless_asked_to_be_alone)
{
    static const struct {
        uint32_t flags[3];
        const char *lines[3];
    } rows[] = {
        { { 0, 0, VITRO_SEND_LAST }, { "DATA 1 18 end" } },
        { { 0, VITRO_SEND_ALONE, VITRO_SEND_LAST }, { "DATA 1 6", "DATA 1 6", "DATA 1 6 end" } },
        { { VITRO_SEND_ALONE, VITRO_SEND_ALONE, VITRO_SEND_ALONE | VITRO_SEND_LAST },
          { "DATA 1 6", "DATA 1 6", "DATA 1 6 end" } },
        { { VITRO_SEND_ALONE, 0, VITRO_SEND_LAST }, { "DATA 1 6", "DATA 1 12 end" } },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[128] = "", got[128] = "";
        struct stage s;
        struct record r = { .len = 0 };
        vitro_call *call;

        stage_init(&s);
        peer_settings(&s.peer, 0, 0);
        pair_make_channel(&s.p);
        call = pair_call(&s.p, &echo_bidi, NULL, &r);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(vitro_call_send(call, bytes_of("x"), rows[i].flags[k], NULL, NULL),
                         VITRO_OK);
            if (rows[i].lines[k])
                snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s\n",
                         rows[i].lines[k]);
        }
        pair_settle(&s.p);
        snprintf(got, sizeof got, "%s", strstr(s.peer.log, "DATA"));
        got[MIN(strlen(expected), strlen(got))] = '\0';
        cr_expect_str_eq(got, expected, "row %zu: %s", i, s.peer.log);
        cr_expect_eq(received(&s.peer), 18);
        vitro_call_unref(call);
        stage_done(&s);
        record_done(&r);
    }
}

Test(call_flow, r06_an_empty_message_is_a_message)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_unary, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of(""), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message() end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    call = pair_call(&p, &echo_client_stream, NULL, &r);
    vitro_call_send_end(call, NULL);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message(0) end closed OK", "no message is none");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(call_flow, r05_a_request_stream_without_messages_ends_by_an_empty_frame_not_by_its_headers)
{
    struct stage s;
    struct record r = { .len = 0 };
    vitro_call *call;

    stage_init(&s);
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    vitro_call_send_end(call, NULL); /* before there is a connection */
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.peer, "HEADERS 1 end"), 0, "%s", s.peer.log);
    cr_expect_eq(peer_count(&s.peer, "HEADERS 1 :method"), 1, "%s", s.peer.log);
    cr_expect_eq(peer_count(&s.peer, "DATA 1 0 end"), 1, "%s", s.peer.log);
    vitro_call_unref(call);
    stage_done(&s);
    record_done(&r);
}

Test(call_flow, r05_the_last_message_ends_the_stream_and_so_does_an_empty_frame)
{
    struct stage s;
    struct record r = { .len = 0 }, second = { .len = 0 };
    vitro_call *call;

    stage_init(&s);
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    cr_expect_eq(vitro_call_send_end(call, NULL), VITRO_OK, "harmless");
    cr_expect_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_FAILED_PRECONDITION);
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.peer, "DATA 1 6 end"), 1, "%s", s.peer.log);
    vitro_call_unref(call);
    call = pair_call(&s.p, &echo_bidi, NULL, &second);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_OK);
    pair_settle(&s.p);
    vitro_call_send_end(call, NULL);
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.peer, "DATA 3 0 end"), 1, "%s", s.peer.log);
    vitro_call_unref(call);
    stage_done(&s);
    record_done(&r);
    record_done(&second);
}

Test(call_flow, r01_thousands_of_frames_in_one_read_are_taken_in_turns)
{
    enum { FRAMES = 6000 };
    struct pair p;
    struct peer peer;
    uint8_t *bytes = malloc(FRAMES);

    for (int i = 0; i < FRAMES; i++) { /* messages of one byte */
        static const uint8_t message[6] = { 0, 0, 0, 0, 1, 'x' };
        bytes[i] = message[i % 6];
    }
    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/ClientStream", NULL);
    for (int i = 0; i < FRAMES; i++)
        peer_data(&peer, 1, i == FRAMES - 1, (vitro_bytes){ bytes + i, 1 });
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "HEADERS 1 end grpc-status=0"), 1, "%s",
                 peer.log + MAX(peer.log_len, 300) - 300);
    cr_expect_eq(memcmp(peer.data.ptr + 5, "1000", 4), 0);
    peer_done(&peer);
    pair_stop(&p);
    free(bytes);
}

/* ---- streams -------------------------------------------------------------------------------- */

Test(call_flow, r39_calls_over_the_stream_limit_wait_and_obey_later_settings)
{
    enum { CALLS = 10 };
    struct stage s;
    struct record r[CALLS];
    vitro_call *call[CALLS];

    memset(r, 0, sizeof r);
    stage_init(&s);
    peer_settings(&s.peer, SETTING_MAX_CONCURRENT_STREAMS, 2);
    pair_make_channel(&s.p);
    for (size_t i = 0; i < CALLS; i++)
        call[i] = pair_call(&s.p, &echo_bidi, NULL, &r[i]);
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), 2, "%s", s.peer.log);
    finish_call(&s, 1);
    peer_run(&s.peer);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), 3, "one ended, one more");
    peer_settings(&s.peer, SETTING_MAX_CONCURRENT_STREAMS, 5);
    peer_run(&s.peer);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), 6, "the limit grew");
    peer_settings(&s.peer, SETTING_MAX_CONCURRENT_STREAMS, 0);
    peer_run(&s.peer);
    for (uint32_t id = 3; id <= 11; id += 2)
        finish_call(&s, id);
    peer_run(&s.peer);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), 6, "none may be opened");
    peer_settings(&s.peer, SETTING_MAX_CONCURRENT_STREAMS, 100);
    peer_run(&s.peer);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), CALLS, "%s", s.peer.log);
    for (uint32_t id = 13; id <= 2 * CALLS - 1; id += 2)
        finish_call(&s, id);
    peer_run(&s.peer);
    for (size_t i = 0; i < CALLS; i++) {
        cr_expect_str_eq(r[i].text, "headers message(ok) end closed OK", "call %zu: %s", i,
                         r[i].text);
        vitro_call_unref(call[i]);
        record_done(&r[i]);
    }
    stage_done(&s);
}

Test(call_flow, r39_nothing_is_sent_before_the_settings_of_the_peer)
{
    struct stage s;
    struct record r = { .len = 0 };
    vitro_call *call;

    stage_init(&s);
    s.peer.manual_ack = true;
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), 0, "%s", s.peer.log);
    pair_run(&s.p); /* connect_ms */
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    cr_expect_str_eq(r.error.frame[0].text, "sim:server sent no SETTINGS in 20000 ms");
    vitro_call_unref(call);
    stage_done(&s);
    record_done(&r);
}

/*
 * Without the acknowledgement nobody knows with which window the other counts (RFC 9113, 6.5.3):
 * who waits for one might wait for ever.
 */
static void expect_impatience(struct stage *s)
{
    vitro_sim_run_for(s->p.sim, 19000000000);
    cr_expect_not(s->peer.closed);
    vitro_sim_run_for(s->p.sim, 2000000000);
    cr_expect(s->peer.closed);
    cr_expect_eq(peer_count(&s->peer, "GOAWAY 0 last 0 SETTINGS_TIMEOUT"), 1, "%s", s->peer.log);
}

Test(call_flow, a_client_waits_20_s_until_its_settings_are_acknowledged)
{
    struct stage s;
    struct record r = { .len = 0 };
    vitro_call *call;

    stage_init(&s);
    s.peer.manual_ack = true;
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    expect_impatience(&s);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    vitro_call_unref(call);
    record_done(&r);
    stage_done(&s);
}

Test(call_flow, a_server_waits_20_s_until_its_settings_are_acknowledged)
{
    struct stage s;

    pair_init(&s.p);
    pair_listen(&s.p);
    peer_init(&s.peer, &s.p, s.p.client_loop);
    s.peer.manual_ack = true;
    peer_raw(&s.peer, vitro_frame_preface, FRAME_PREFACE_BYTES);
    peer_settings(&s.peer, 0, 0);
    peer_connect(&s.peer);
    expect_impatience(&s);
    stage_done(&s);
}

Test(call_flow, r39_a_server_allows_as_many_streams_as_it_says)
{
    struct pair p;
    struct record r[30];
    vitro_call *call[30];

    memset(r, 0, sizeof r);
    pair_init(&p);
    p.server_options.max_streams = 3;
    pair_start(&p);
    for (size_t i = 0; i < ARRAY_LEN(r); i++) {
        call[i] = pair_call(&p, &echo_unary, NULL, &r[i]);
        cr_assert_eq(vitro_call_send(call[i], bytes_of("x"), VITRO_SEND_LAST, NULL, NULL),
                     VITRO_OK);
    }
    pair_run(&p);
    for (size_t i = 0; i < ARRAY_LEN(r); i++) {
        cr_expect_str_eq(r[i].text, "headers message(x) end closed OK");
        vitro_call_unref(call[i]);
        record_done(&r[i]);
    }
    pair_stop(&p);
}

/* ---- leaving -------------------------------------------------------------------------------- */

Test(call_flow, after_goaway_open_calls_end_and_new_ones_get_a_new_connection)
{
    struct stage s;
    struct record first = { .len = 0 }, second = { .len = 0 }, waiting = { .len = 0 };
    vitro_call *a, *b, *c;
    struct peer other;

    stage_init(&s);
    peer_init(&other, &s.p, s.p.server_loop);
    s.peer.next = &other;
    peer_settings(&other, 0, 0);
    peer_settings(&s.peer, SETTING_MAX_CONCURRENT_STREAMS, 2);
    pair_make_channel(&s.p);
    a = pair_call(&s.p, &echo_bidi, NULL, &first);
    b = pair_call(&s.p, &echo_bidi, NULL, &second);
    c = pair_call(&s.p, &echo_bidi, NULL, &waiting);
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.peer, "HEADERS"), 2);
    cr_assert(vitro_frame_write_goaway(&s.peer.out, 1, H2_NO_ERROR, (vitro_bytes){ NULL, 0 }));
    peer_response(&s.peer, 1, NULL);
    peer_message(&s.peer, 1, false, "ok");
    peer_trailers(&s.peer, 1, "grpc-status: 0\n");
    peer_flush(&s.peer);
    pair_settle(&s.p);
    cr_expect_str_eq(first.text, "headers message(ok) end closed OK");
    cr_expect_eq(other.accepted, 1, "the others go to a new connection at once");
    cr_expect_eq(peer_count(&other, "HEADERS"), 2, "%s", other.log);
    cr_expect(s.peer.closed, "nothing is left on the first one");
    for (uint32_t id = 1; id <= 3; id += 2) {
        peer_response(&other, id, NULL);
        peer_message(&other, id, false, "ok");
        peer_trailers(&other, id, "grpc-status: 0\n");
    }
    peer_run(&other);
    cr_expect_str_eq(second.text, "headers message(ok) end closed OK", "the server did not see it");
    cr_expect_str_eq(waiting.text, "headers message(ok) end closed OK", "%s", other.log);
    vitro_call_unref(a);
    vitro_call_unref(b);
    vitro_call_unref(c);
    peer_done(&other);
    stage_done(&s);
    record_done(&first);
    record_done(&second);
    record_done(&waiting);
}

static void on_drained(vitro_server *server, void *user)
{
    ++*(int *)user;
}

static void check_patient_drain(int64_t grace_ns)
{
    struct pair p;
    struct peer peer;
    int drained = 0;

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/Bidi", NULL);
    peer_run(&peer);
    vitro_sim_run_for(p.sim, 1000000);
    vitro_server_drain(p.server, grace_ns, on_drained, &drained);
    pair_settle(&p);
    cr_expect_eq(peer_count(&peer, "GOAWAY 0 last 1 NO_ERROR"), 1, "%s", peer.log);
    cr_expect_eq(drained, 0);
    peer_message(&peer, 1, true, "x");
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "HEADERS 1 end grpc-status=0"), 1, "%s", peer.log);
    cr_expect(peer.closed);
    pair_run(&p);
    cr_expect_eq(drained, 1);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_flow, a_drain_lets_open_calls_end_and_then_tells)
{
    check_patient_drain(0);
    check_patient_drain(INT64_MAX);
}

Test(call_flow, a_drain_ends_when_its_grace_is_over)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;
    int drained = 0;

    pair_init(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    pair_settle(&p);
    vitro_server_drain(p.server, 1000000000, on_drained, &drained);
    pair_settle(&p);
    cr_expect_eq(drained, 0);
    pair_run(&p);
    cr_expect_eq(drained, 1);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    vitro_call_unref(call);
    pair_stop(&p);
    record_done(&r);
}

Test(call_flow, r33_a_server_that_is_done_early_resets_with_no_error)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/ServerStream", NULL);
    peer_message(&peer, 1, false, "a");
    peer_message(&peer, 1, false, "b");
    peer_run(&peer);
    cr_expect(strstr(peer.log, "HEADERS 1 end"), "%s", peer.log);
    cr_expect_eq(peer_count(&peer, "RST_STREAM 1 NO_ERROR"), 1, "%s", peer.log);
    cr_expect(strstr(peer.log, "HEADERS 1 end") < strstr(peer.log, "RST_STREAM"),
              "trailers, then the reset: %s", peer.log);
    peer_done(&peer);
    pair_stop(&p);
}

/* What a client resets that has its answer, when the server has reset the stream, or has not. */
static unsigned resets_of_client(bool server_resets)
{
    struct stage s;
    struct record r = { .len = 0 };
    vitro_call *call;
    unsigned resets;

    stage_init(&s);
    peer_settings(&s.peer, 0, 0);
    pair_make_channel(&s.p);
    call = pair_call(&s.p, &echo_bidi, NULL, &r);
    pair_settle(&s.p);
    finish_call(&s, 1);
    if (server_resets)
        peer_reset(&s.peer, 1, 0);
    peer_run(&s.peer);
    cr_expect_str_eq(r.text, "headers message(ok) end closed OK");
    resets = peer_count(&s.peer, "RST_STREAM");
    cr_expect_eq(resets, peer_count(&s.peer, "RST_STREAM 1 NO_ERROR"), "%s", s.peer.log);
    vitro_call_unref(call);
    stage_done(&s);
    record_done(&r);
    return resets;
}

Test(call_flow, r33_a_client_that_has_its_answer_resets_with_no_error)
{
    cr_expect_eq(resets_of_client(false), 1);
    cr_expect_eq(resets_of_client(true), 0, "it is closed already");
}

/* ---- a call that is held -------------------------------------------------------------------- */

struct held {
    vitro_call *call;
    unsigned messages;
    bool hold_in_message;
};

static void hold_at_once(vitro_call *call, const vitro_md *md, void *user)
{
    ((struct held *)user)->call = call;
    vitro_call_hold(call);
}

static void count_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct held *h = user;

    h->messages++;
    if (h->hold_in_message)
        vitro_call_hold(call);
}

static const vitro_call_events holding_events = { .size = sizeof holding_events,
                                                  .on_headers = hold_at_once,
                                                  .on_message = count_message };
static const vitro_call_events counting_events = { .size = sizeof counting_events,
                                                   .on_message = count_message };

Test(call_flow, a_server_holds_a_call_from_its_headers_on)
{
    struct pair p;
    struct held h = { .messages = 0 };
    struct record r = { .len = 0 };
    static const vitro_method method = { "/test.Held/Stream", VITRO_BIDI_STREAMING, NULL };
    vitro_call *call;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &holding_events, &h, NULL), VITRO_OK);
    pair_start(&p);
    call = pair_call(&p, &method, NULL, &r);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_eq(h.messages, 0);
    vitro_call_credit(h.call, 2);
    pair_run(&p);
    cr_expect_eq(h.messages, 2);
    vitro_call_credit(h.call, UINT32_MAX);
    pair_run(&p);
    cr_expect_eq(h.messages, 5);
    vitro_call_finish(h.call, VITRO_OK, NULL, NULL, NULL);
    pair_run(&p);
    cr_expect_eq(r.code, VITRO_OK);
    vitro_call_unref(call);
    pair_stop(&p);
    record_done(&r);
}

Test(call_flow, a_client_holds_a_stream_in_the_middle_and_never_its_only_response)
{
    struct pair p;
    struct held h = { .hold_in_message = true }, one = { .hold_in_message = true };
    vitro_call *call, *unary;

    pair_init(&p);
    pair_start(&p);
    cr_assert_eq(
        vitro_call_start(&call, p.channel, &echo_server_stream, NULL, &counting_events, &h, NULL),
        VITRO_OK);
    cr_assert_eq(
        vitro_call_start(&unary, p.channel, &echo_unary, NULL, &counting_events, &one, NULL),
        VITRO_OK);
    vitro_call_hold(unary);
    cr_assert_eq(vitro_call_send(call, bytes_of("abcde"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_send(unary, bytes_of("one"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_eq(h.messages, 1);
    cr_expect_eq(one.messages, 1);
    vitro_call_credit(call, 3);
    pair_run(&p);
    cr_expect_eq(h.messages, 2, "held again in the event");
    h.hold_in_message = false;
    vitro_call_credit(call, UINT32_MAX);
    pair_run(&p);
    cr_expect_eq(h.messages, 5);
    vitro_call_unref(call);
    vitro_call_unref(unary);
    pair_stop(&p);
}
