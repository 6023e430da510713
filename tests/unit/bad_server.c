/*
 * The eight servers of gRPC's "HTTP/2 interop tests" that misbehave, or are only unusual: each a
 * script against one channel of ours, under sim and over TCP. What a client must do is said in
 * gRPC's doc/negative-http2-interop-test-descriptions.md.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/peer.h"

TestSuite(bad_server, .timeout = 60);

enum { LARGE = 314159, FIRST_WINDOW = 65535 };

struct stage {
    struct pair p;
    struct peer peer;
    int64_t stream_room, session_room; /* what the client lets the peer send */
};

/* ---- waiting: for a line of the script's log, or for the end of a call ----------------------- */

struct wait {
    const struct peer *peer;
    const char *begin;
    const struct record *r;
};

static bool is_so(void *user)
{
    const struct wait *w = user;

    return w->r ? w->r->closed : peer_count(w->peer, w->begin) > 0;
}

static void until(struct stage *s, struct wait w)
{
    vitro_loop *loop = s->p.client_loop;

    peer_flush(&s->peer);
    if (s->p.sim)
        pair_settle(&s->p);
    else
        vitro_loop_run_until(loop, is_so, &w, vitro_loop_now(loop) + 20000000000, NULL);
    cr_assert(is_so(&w), "%s: %s\n%s", w.r ? "not closed" : w.begin, w.r ? w.r->text : "",
              s->peer.log);
}

static void until_line(struct stage *s, const char *begin)
{
    until(s, (struct wait){ &s->peer, begin, NULL });
}

static void until_closed(struct stage *s, const struct record *r)
{
    until(s, (struct wait){ NULL, NULL, r });
}

/* ---- the script ------------------------------------------------------------------------------ */

static void stage_init(struct stage *s, bool sockets)
{
    memset(s, 0, sizeof *s);
    pair_init(&s->p);
    s->p.sockets = sockets;
    pair_make_world(&s->p);
    peer_init(&s->peer, &s->p, s->p.server_loop);
    peer_listen(&s->peer);
    peer_settings(&s->peer, 0, 0);
    pair_make_channel(&s->p);
    s->session_room = FIRST_WINDOW;
}

static void stage_done(struct stage *s)
{
    peer_done(&s->peer);
    pair_stop(&s->p);
}

static void on_both(void (*play)(struct stage *s))
{
    for (int sockets = 0; sockets < 2; sockets++) {
        struct stage s;

        stage_init(&s, sockets);
        play(&s);
        stage_done(&s);
    }
}

static vitro_call *ask(struct stage *s, struct record *r)
{
    vitro_call *call;

    memset(r, 0, sizeof *r);
    call = pair_call(&s->p, &echo_unary, NULL, r);
    cr_assert_eq(vitro_call_send(call, bytes_of("ask"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    return call;
}

/* A request on this stream is there, whole. */
static void until_asked(struct stage *s, uint32_t id)
{
    char line[32];

    snprintf(line, sizeof line, "DATA %u ", id);
    until_line(s, line);
    s->stream_room = FIRST_WINDOW;
}

static void answer(struct peer *peer, uint32_t id)
{
    peer_response(peer, id, NULL);
    peer_message(peer, id, false, "ok");
    peer_trailers(peer, id, "grpc-status: 0\n");
}

static void expect_answered(struct stage *s, vitro_call *call, struct record *r)
{
    until_closed(s, r);
    cr_expect_str_eq(r->text, "headers message(ok) end closed OK");
    vitro_call_unref(call);
    record_done(r);
}

/* The next call goes over the connection that is there. */
static void expect_goes_on(struct stage *s, uint32_t id)
{
    struct record r;
    vitro_call *call = ask(s, &r);

    until_asked(s, id);
    answer(&s->peer, id);
    expect_answered(s, call, &r);
    cr_expect_eq(s->peer.accepted, 1);
}

/* Add up the WINDOW_UPDATE frames that came. */
static void take_updates(struct stage *s)
{
    unsigned id, n;

    for (const char *line = s->peer.log; *line; line = strchr(line, '\n') + 1) {
        if (sscanf(line, "WINDOW_UPDATE %u %u", &id, &n) == 2)
            *(id ? &s->stream_room : &s->session_room) += n;
    }
    peer_forget(&s->peer);
}

/* Send bytes [from, to) of a reply of LARGE zeros, in DATA frames of at most size bytes. */
static void send_part(struct stage *s, uint32_t id, size_t from, size_t to, size_t size,
                      const struct frame_dress *dress)
{
    static const uint8_t message[5 + LARGE] = { 0, 0, LARGE >> 16, LARGE >> 8 & 255, LARGE & 255 };
    int64_t around = dress && dress->padded ? dress->pad + 1 : 0;

    while (from < to) {
        size_t n = MIN(size, to - from);
        int64_t cost = (int64_t)n + around;

        while (cost > s->stream_room || cost > s->session_room) {
            until_line(s, "WINDOW_UPDATE");
            take_updates(s);
        }
        cr_assert(
            vitro_frame_write_data(&s->peer.out, id, 0, (vitro_bytes){ message + from, n }, dress));
        s->stream_room -= cost;
        s->session_room -= cost;
        from += n;
    }
}

/* ---- the eight ------------------------------------------------------------------------------- */

static void goaway(struct stage *s)
{
    struct record first, second;
    vitro_call *a = ask(s, &first), *b;

    until_asked(s, 1);
    answer(&s->peer, 1);
    cr_assert(vitro_frame_write_goaway(&s->peer.out, 1, H2_NO_ERROR, (vitro_bytes){ NULL, 0 }));
    expect_answered(s, a, &first);
    until_line(s, "closed");
    peer_forget(&s->peer);
    peer_settings(&s->peer, 0, 0);
    b = ask(s, &second);
    until_asked(s, 1);
    cr_expect_eq(s->peer.accepted, 2);
    answer(&s->peer, 1);
    expect_answered(s, b, &second);
}

Test(bad_server, goaway_after_the_first_call_leaves_the_second_to_a_new_connection)
{
    on_both(goaway);
}

/* A reply is cut by RST_STREAM(NO_ERROR) after so many of its bytes. */
static void cut_after(struct stage *s, size_t bytes)
{
    struct record r;
    vitro_call *call = ask(s, &r);

    until_asked(s, 1);
    peer_response(&s->peer, 1, NULL);
    send_part(s, 1, 0, bytes, FRAME_DEFAULT_MAX, NULL);
    peer_reset(&s->peer, 1, H2_NO_ERROR);
    until_closed(s, &r);
    cr_expect_eq(r.code, VITRO_INTERNAL, "%s", r.text);
    vitro_call_unref(call);
    record_done(&r);
    expect_goes_on(s, 3);
}

static void rst_after_header(struct stage *s)
{
    cut_after(s, 0);
}

static void rst_during_data(struct stage *s)
{
    cut_after(s, LARGE / 2);
}

static void rst_after_data(struct stage *s)
{
    cut_after(s, 5 + LARGE);
}

Test(bad_server, rst_after_header_is_internal)
{
    on_both(rst_after_header);
}

Test(bad_server, rst_during_data_is_internal)
{
    on_both(rst_during_data);
}

Test(bad_server, rst_after_data_is_internal_though_the_message_is_whole)
{
    on_both(rst_after_data);
}

static void add_ping(struct stage *s, uint8_t number)
{
    cr_assert(vitro_frame_write_ping(&s->peer.out, 0, (uint8_t[8]){ number }));
    peer_flush(&s->peer);
}

static void ping(struct stage *s)
{
    struct record r;
    vitro_call *call = ask(s, &r);

    until_asked(s, 1);
    add_ping(s, 1);
    peer_response(&s->peer, 1, NULL);
    add_ping(s, 2);
    peer_data(&s->peer, 1, false, (vitro_bytes){ (const uint8_t *)"\0\0\0\0\2o", 6 });
    add_ping(s, 3);
    peer_data(&s->peer, 1, false, bytes_of("k"));
    add_ping(s, 4);
    peer_trailers(&s->peer, 1, "grpc-status: 0\n");
    add_ping(s, 5);
    expect_answered(s, call, &r);
    expect_goes_on(s, 3);
    cr_expect_eq(peer_count(&s->peer, "PING 0 ack"), 5);
}

Test(bad_server, ping_is_acknowledged_wherever_it_comes)
{
    on_both(ping);
}

static void max_streams(struct stage *s)
{
    struct record r[10];
    vitro_call *call[10];

    peer_settings(&s->peer, SETTING_MAX_CONCURRENT_STREAMS, 1);
    expect_goes_on(s, 1); /* the client has read it now */
    for (size_t i = 0; i < ARRAY_LEN(r); i++)
        call[i] = ask(s, &r[i]);
    for (unsigned i = 0; i < ARRAY_LEN(r); i++) {
        until_asked(s, 3 + 2 * i);
        cr_expect_eq(peer_count(&s->peer, "HEADERS"), 2 + i, "one at a time: %s", s->peer.log);
        answer(&s->peer, 3 + 2 * i);
        expect_answered(s, call[i], &r[i]);
    }
    cr_expect_eq(s->peer.accepted, 1);
}

Test(bad_server, max_streams_of_one_makes_ten_calls_wait_their_turn)
{
    on_both(max_streams);
}

/* A large reply five bytes a frame. */
static void in_small_frames(struct stage *s, const struct frame_dress *dress)
{
    struct record r;
    vitro_call *call = ask(s, &r);

    until_asked(s, 1);
    peer_response(&s->peer, 1, NULL);
    send_part(s, 1, 0, 5 + LARGE, 5, dress);
    peer_trailers(&s->peer, 1, "grpc-status: 0\n");
    until_closed(s, &r);
    cr_expect_str_eq(r.text, "headers message[314159] end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    expect_goes_on(s, 3);
}

static void data_frame_padding(struct stage *s)
{
    in_small_frames(s, &(struct frame_dress){ .padded = true, .pad = 255 });
}

static void no_df_padding(struct stage *s)
{
    in_small_frames(s, NULL);
}

Test(bad_server, data_frame_padding_counts_in_the_windows_and_is_given_back)
{
    on_both(data_frame_padding);
}

Test(bad_server, no_df_padding_sanity_test_is_answered_too)
{
    on_both(no_df_padding);
}
