/* One side leaves a connection: the server in two steps, and calls lose nothing by it. */
#include <criterion/criterion.h>
#include <string.h>

#include "client/channel.h"
#include "support/peer.h"

#define EVERY_STREAM "GOAWAY 0 last 2147483647 NO_ERROR"

static void on_drained(vitro_server *server, void *user)
{
    ++*(int *)user;
}

/* A scripted client with one call open, and a drain that it has not read yet. */
static void drain_unread(struct pair *p, struct peer *peer, int *drained)
{
    pair_init(p);
    pair_listen(p);
    peer_init(peer, p, p->client_loop);
    peer_client(peer);
    peer_request(peer, 1, false, "/test.Echo/Bidi", NULL);
    peer_run(peer);
    vitro_driver_pause(&peer->driver, true);
    vitro_server_drain(p->server, 0, on_drained, drained);
    pair_settle(p);
}

static void read_on(struct peer *peer)
{
    vitro_driver_pause(&peer->driver, false);
    vitro_driver_again(&peer->driver);
    peer_run(peer);
}

Test(call_leaving, r38_a_drain_serves_what_was_on_its_way_and_then_names_the_last_stream)
{
    struct pair p;
    struct peer peer;
    int drained = 0;
    const char *every, *ping, *last;

    drain_unread(&p, &peer, &drained);
    peer_request(&peer, 3, false, "/test.Echo/Bidi", NULL);
    peer_run(&peer);
    read_on(&peer);
    every = strstr(peer.log, EVERY_STREAM);
    ping = strstr(peer.log, "PING 0");
    last = strstr(peer.log, "GOAWAY 0 last 3 NO_ERROR");
    cr_assert(every && ping && last && every < ping && ping < last, "%s", peer.log);
    cr_expect_eq(peer_count(&peer, "GOAWAY"), 2, "%s", peer.log);
    cr_expect_eq(drained, 0);
    peer_message(&peer, 1, true, "x");
    peer_message(&peer, 3, true, "y");
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "HEADERS 1 end grpc-status=0"), 1, "%s", peer.log);
    cr_expect_eq(peer_count(&peer, "HEADERS 3 end grpc-status=0"), 1, "%s", peer.log);
    cr_expect(peer.closed);
    pair_run(&p);
    cr_expect_eq(drained, 1);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_leaving, r38_a_client_that_does_not_answer_holds_a_drain_up_for_five_seconds)
{
    static const int64_t seconds = 1000000000;
    struct pair p;
    struct peer peer;
    int drained = 0;
    int64_t begun;

    drain_unread(&p, &peer, &drained);
    begun = vitro_loop_now(p.server_loop);
    pair_run(&p);
    cr_expect_eq(vitro_loop_now(p.server_loop) - begun, 5 * seconds);
    peer_request(&peer, 3, false, "/test.Echo/Bidi", NULL); /* too late now */
    peer_run(&peer);
    read_on(&peer);
    cr_expect_eq(peer_count(&peer, EVERY_STREAM), 1, "%s", peer.log);
    cr_expect_eq(peer_count(&peer, "GOAWAY 0 last 1 NO_ERROR"), 1, "%s", peer.log);
    cr_expect_eq(peer_count(&peer, "GOAWAY"), 2, "%s", peer.log);
    peer_message(&peer, 1, true, "x");
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "HEADERS 1 end grpc-status=0"), 1, "%s", peer.log);
    cr_expect_eq(peer_count(&peer, "HEADERS 3"), 0, "%s", peer.log);
    pair_run(&p);
    cr_expect_eq(drained, 1);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_leaving, r38_a_client_leaves_at_the_first_step_and_its_open_call_goes_on)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;
    int drained = 0;

    pair_init(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    pair_settle(&p);
    cr_assert_not_null(p.channel->ready);
    vitro_server_drain(p.server, 0, on_drained, &drained);
    pair_settle(&p);
    cr_expect_null(p.channel->ready);
    cr_expect_eq(drained, 0);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message(x) end closed OK");
    cr_expect_eq(drained, 1);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

/* ---- transparent retry ---------------------------------------------------------------------- */

/* A client of ours and two scripted servers, the second one for its second connection. */
struct stage {
    struct pair p;
    struct peer first, second;
    struct record r;
    vitro_call *call;
};

static void stage_init(struct stage *s)
{
    *s = (struct stage){ .call = NULL };
    pair_init(&s->p);
    s->p.sim_options.in_flight_max = 4096;
    pair_make_world(&s->p);
    peer_init(&s->first, &s->p, s->p.server_loop);
    peer_init(&s->second, &s->p, s->p.server_loop);
    s->first.next = &s->second;
    peer_listen(&s->first);
    peer_settings(&s->first, 0, 0);
    peer_settings(&s->second, 0, 0);
    pair_make_channel(&s->p);
}

static void stage_done(struct stage *s)
{
    vitro_call_unref(s->call);
    pair_run(&s->p);
    record_done(&s->r);
    peer_done(&s->second);
    peer_done(&s->first);
    pair_stop(&s->p);
}

static void say(struct stage *s, const char *text, uint32_t flags)
{
    cr_assert_eq(vitro_call_send(s->call, bytes_of(text), flags, NULL, NULL), VITRO_OK);
}

static void goaway(struct peer *peer, uint32_t last)
{
    cr_assert(vitro_frame_write_goaway(&peer->out, last, H2_NO_ERROR, (vitro_bytes){ NULL, 0 }));
}

static void answer(struct peer *peer, uint32_t stream)
{
    peer_response(peer, stream, NULL);
    peer_message(peer, stream, false, "ok");
    peer_trailers(peer, stream, "grpc-status: 0\n");
    peer_run(peer);
}

/* What came in DATA is these messages, in this order. */
static void expect_data(const struct peer *peer, const char *texts)
{
    char all[256];
    size_t n = 0;

    for (size_t at = 0; at + 5 <= peer->data.len && n + 60 < sizeof all;) {
        size_t len = peer->data.ptr[at + 4];

        memcpy(all + n, peer->data.ptr + at + 5, len);
        n += len;
        all[n++] = ' ';
        at += 5 + len;
    }
    all[n] = '\0';
    cr_expect_str_eq(all, texts, "\"%s\"", all);
}

Test(call_leaving, r36_a_refused_call_is_made_again_with_all_that_was_sent_and_nobody_notices)
{
    struct stage s;

    stage_init(&s);
    s.call = pair_call(&s.p, &echo_bidi, NULL, &s.r);
    say(&s, "a", 0);
    pair_settle(&s.p);
    say(&s, "b", VITRO_SEND_ALONE);
    pair_settle(&s.p);
    peer_reset(&s.first, 1, H2_REFUSED_STREAM);
    peer_run(&s.first);
    cr_expect_eq(peer_count(&s.first, "HEADERS 3"), 1, "%s", s.first.log);
    say(&s, "c", VITRO_SEND_LAST);
    pair_settle(&s.p);
    expect_data(&s.first, "a b a b c ");
    cr_expect_eq(s.first.accepted, 1, "the connection is as good as before");
    answer(&s.first, 3);
    cr_expect_str_eq(s.r.text, "headers message(ok) end closed OK");
    stage_done(&s);
}

Test(call_leaving, r36_what_has_reached_a_server_is_made_again_once)
{
    struct stage s;

    stage_init(&s);
    s.call = pair_call(&s.p, &echo_unary, NULL, &s.r);
    say(&s, "a", VITRO_SEND_LAST);
    pair_settle(&s.p);
    peer_reset(&s.first, 1, H2_REFUSED_STREAM);
    peer_run(&s.first);
    cr_expect_eq(peer_count(&s.first, "DATA 3 6 end"), 1, "%s", s.first.log);
    peer_reset(&s.first, 3, H2_REFUSED_STREAM);
    peer_run(&s.first);
    cr_expect_str_eq(s.r.text, "closed UNAVAILABLE");
    cr_expect_eq(peer_count(&s.first, "HEADERS 5"), 0, "%s", s.first.log);
    stage_done(&s);
}

Test(call_leaving, r36_a_goaway_below_its_stream_sends_a_call_to_another_connection)
{
    struct stage s;
    struct record served = { .len = 0 };
    vitro_call *below;

    stage_init(&s);
    below = pair_call(&s.p, &echo_bidi, NULL, &served);
    s.call = pair_call(&s.p, &echo_unary, NULL, &s.r);
    say(&s, "a", VITRO_SEND_LAST);
    pair_settle(&s.p);
    cr_expect_eq(peer_count(&s.first, "DATA 3 6 end"), 1, "%s", s.first.log);
    goaway(&s.first, 1);
    peer_run(&s.first);
    expect_data(&s.second, "a ");
    answer(&s.second, 1);
    cr_expect_str_eq(s.r.text, "headers message(ok) end closed OK");
    answer(&s.first, 1);
    cr_expect_str_eq(served.text, "headers message(ok) end closed OK");
    vitro_call_unref(below);
    record_done(&served);
    stage_done(&s);
}

Test(call_leaving, r36_once_anything_of_a_response_was_seen_a_refusal_is_the_end)
{
    struct stage s;

    stage_init(&s);
    s.call = pair_call(&s.p, &echo_bidi, NULL, &s.r);
    say(&s, "a", 0);
    pair_settle(&s.p);
    peer_response(&s.first, 1, NULL);
    peer_reset(&s.first, 1, H2_REFUSED_STREAM);
    peer_run(&s.first);
    cr_expect_str_eq(s.r.text, "headers closed UNAVAILABLE");
    cr_expect_eq(peer_count(&s.first, "HEADERS"), 1, "%s", s.first.log);
    stage_done(&s);
}

Test(call_leaving, r36_more_than_is_kept_cannot_be_sent_again)
{
    static uint8_t zeros[H2_KEEP];
    struct stage s;

    stage_init(&s);
    s.call = pair_call(&s.p, &echo_bidi, NULL, &s.r);
    cr_assert_eq(vitro_call_send(s.call, (vitro_bytes){ zeros, sizeof zeros }, 0, NULL, NULL),
                 VITRO_OK); /* and its prefix */
    pair_settle(&s.p);
    cr_assert_eq(s.first.data.len, sizeof zeros + 5);
    peer_reset(&s.first, 1, H2_REFUSED_STREAM);
    peer_run(&s.first);
    cr_expect_str_eq(s.r.text, "writable closed UNAVAILABLE");
    cr_expect_eq(peer_count(&s.first, "HEADERS"), 1, "%s", s.first.log);
    stage_done(&s);
}

Test(call_leaving, r36_a_call_that_is_cancelled_while_it_waits_for_its_next_attempt_is_over)
{
    struct stage s;

    stage_init(&s);
    s.call = pair_call(&s.p, &echo_unary, NULL, &s.r);
    say(&s, "a", VITRO_SEND_LAST);
    pair_settle(&s.p);
    peer_settings(&s.first, SETTING_MAX_CONCURRENT_STREAMS, 0);
    peer_reset(&s.first, 1, H2_REFUSED_STREAM);
    peer_run(&s.first);
    cr_expect_str_eq(s.r.text, "", "it waits for room");
    vitro_call_cancel(s.call);
    pair_settle(&s.p);
    cr_expect_str_eq(s.r.text, "closed CANCELLED");
    cr_expect_eq(peer_count(&s.first, "HEADERS"), 1, "%s", s.first.log);
    stage_done(&s);
}

/* The output is full of another call's bytes when the GOAWAY comes. */
Test(call_leaving, r36_what_has_never_left_is_not_counted)
{
    static const uint8_t wide[13] = { 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 16, 0, 0 }; /* WINDOW_UPDATE */
    static uint8_t zeros[400000];
    struct stage s;
    struct record other = { .len = 0 };
    vitro_call *full;

    stage_init(&s);
    peer_settings(&s.first, SETTING_INITIAL_WINDOW_SIZE, 1024 * 1024);
    peer_raw(&s.first, wide, sizeof wide);
    full = pair_call(&s.p, &echo_bidi, NULL, &other);
    pair_settle(&s.p);
    vitro_driver_pause(&s.first.driver, true);
    cr_assert_eq(vitro_call_send(full, (vitro_bytes){ zeros, sizeof zeros }, 0, NULL, NULL),
                 VITRO_OK);
    pair_settle(&s.p);
    s.call = pair_call(&s.p, &echo_unary, NULL, &s.r);
    say(&s, "a", VITRO_SEND_LAST);
    pair_settle(&s.p);
    goaway(&s.first, 1);
    peer_run(&s.first);
    read_on(&s.first);
    pair_run(&s.p);
    cr_expect_eq(peer_count(&s.first, "HEADERS"), 1, "%s", s.first.log);
    cr_assert_eq(peer_count(&s.second, "DATA 1 6 end"), 1, "%s", s.second.log);
    peer_reset(&s.second, 1, H2_REFUSED_STREAM);
    peer_run(&s.second);
    cr_expect_eq(peer_count(&s.second, "DATA 3 6 end"), 1, "%s", s.second.log);
    answer(&s.second, 3);
    cr_expect_str_eq(s.r.text, "headers message(ok) end closed OK");
    vitro_call_cancel(full);
    pair_run(&s.p);
    vitro_call_unref(full);
    record_done(&other);
    stage_done(&s);
}
