/* The connectivity of a channel: states, back-off, and calls that wait for READY. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "client/channel.h"
#include "support/peer.h"

static const int64_t ms = 1000000, second = 1000 * INT64_C(1000000);

/* A channel whose states are kept as text: "CONNECTING READY ". */
struct states {
    struct pair p;
    struct peer peer;
    char text[512];
};

static void on_state(vitro_channel_state state, void *user)
{
    char *text = user;
    size_t n = strlen(text);

    snprintf(text + n, 512 - n, "%s ", vitro_channel_state_name(state));
}

static void watch(struct states *s)
{
    vitro_channel_watch(s->p.channel, on_state, s->text);
}

/* A channel and nobody who listens. */
static void alone(struct states *s)
{
    *s = (struct states){ .text = "" };
    pair_init(&s->p);
    pair_make_world(&s->p);
    pair_make_channel(&s->p);
    watch(s);
}

static void serve(struct states *s)
{
    s->p.server = pair_another_server(&s->p);
    pair_listen(&s->p);
}

/* A channel and a script that takes its connections, without a word of its own. */
static void silent(struct states *s)
{
    alone(s);
    peer_init(&s->peer, &s->p, s->p.server_loop);
    s->peer.manual_ack = true;
    peer_listen(&s->peer);
}

static vitro_code unary(struct states *s, bool wait_for_ready, int64_t timeout_ns, vitro_error *err)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_code rc;

    o.wait_for_ready = wait_for_ready;
    o.timeout_ns = timeout_ns;
    rc = vitro_unary(s->p.channel, &echo_unary, bytes_of("x"), &o, &reply, err);
    vitro_reply_done(&reply);
    return rc;
}

static vitro_call *call(struct states *s, bool wait_for_ready, struct record *r)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.wait_for_ready = wait_for_ready;
    return pair_call(&s->p, &echo_bidi, &o, r);
}

static void over(vitro_call *call, struct record *r)
{
    vitro_call_unref(call);
    record_done(r);
}

/* ---- states --------------------------------------------------------------------------------- */

Test(channel_state, a_channel_goes_from_idle_to_ready_and_back_when_its_server_leaves)
{
    struct states s = { .text = "" };

    pair_init(&s.p);
    pair_start(&s.p);
    watch(&s);
    cr_expect_eq(vitro_channel_get_state(s.p.channel), VITRO_CHANNEL_IDLE);
    vitro_channel_connect(s.p.channel);
    cr_expect_str_eq(s.text, "", "nothing is told in the call that asks for it");
    pair_run(&s.p);
    cr_expect_eq(vitro_channel_get_state(s.p.channel), VITRO_CHANNEL_READY);
    vitro_server_drain(s.p.server, 0, NULL, NULL);
    pair_run(&s.p);
    cr_expect_str_eq(s.text, "CONNECTING READY IDLE ");
    cr_expect_eq(vitro_sim_links(s.p.sim), 0, "nobody needs another connection");
    pair_stop(&s.p);
    cr_expect_str_eq(s.text, "CONNECTING READY IDLE SHUTDOWN ");
}

Test(channel_state, r40_a_connection_is_ready_once_the_servers_settings_came)
{
    struct states s;

    silent(&s);
    vitro_channel_connect(s.p.channel);
    peer_run(&s.peer);
    cr_expect(s.peer.connected);
    cr_expect_str_eq(s.text, "CONNECTING ");
    peer_settings(&s.peer, 0, 0);
    peer_run(&s.peer);
    cr_expect_str_eq(s.text, "CONNECTING READY ");
    peer_done(&s.peer);
    pair_stop(&s.p);
}

Test(channel_state, r40_a_failure_stays_one_while_the_channel_tries_again)
{
    struct states s;

    alone(&s);
    vitro_channel_connect(s.p.channel);
    pair_settle(&s.p);
    cr_expect_eq(vitro_channel_get_state(s.p.channel), VITRO_CHANNEL_TRANSIENT_FAILURE);
    vitro_sim_run_for(s.p.sim, 60 * second);
    cr_expect_str_eq(s.text, "CONNECTING TRANSIENT_FAILURE ");
    serve(&s);
    vitro_sim_run_for(s.p.sim, 120 * second);
    cr_expect_str_eq(s.text, "CONNECTING TRANSIENT_FAILURE READY ");
    pair_stop(&s.p);
}

Test(channel_state, a_blocking_wait_sees_each_change_or_its_deadline)
{
    struct states s;
    vitro_channel_state now;
    vitro_error err;

    alone(&s);
    cr_expect_eq(vitro_channel_wait(s.p.channel, VITRO_CHANNEL_READY, 0, &now, NULL), VITRO_OK);
    cr_expect_eq(now, VITRO_CHANNEL_IDLE);
    cr_expect_eq(vitro_channel_wait(s.p.channel, VITRO_CHANNEL_IDLE, 5 * ms, &now, &err),
                 VITRO_DEADLINE_EXCEEDED);
    cr_expect_eq(vitro_sim_now(s.p.sim), 5 * ms);
    cr_expect_str_eq(err.frame[0].text, "it is IDLE still");
    vitro_channel_connect(s.p.channel);
    cr_expect_eq(vitro_channel_wait(s.p.channel, now, second, &now, NULL), VITRO_OK);
    while (now == VITRO_CHANNEL_CONNECTING)
        cr_assert_eq(vitro_channel_wait(s.p.channel, now, second, &now, NULL), VITRO_OK);
    cr_expect_eq(now, VITRO_CHANNEL_TRANSIENT_FAILURE);
    serve(&s);
    cr_expect_eq(vitro_channel_wait(s.p.channel, now, INT64_MAX, &now, NULL), VITRO_OK);
    cr_expect_eq(now, VITRO_CHANNEL_READY);
    pair_stop(&s.p);
}

static void free_it(vitro_channel_state state, void *user)
{
    struct states *s = user;

    on_state(state, s->text);
    if (state == VITRO_CHANNEL_READY)
        vitro_channel_free(s->p.channel);
}

Test(channel_state, whoever_is_told_a_state_may_free_the_channel)
{
    struct states s = { .text = "" };

    pair_init(&s.p);
    pair_start(&s.p);
    vitro_channel_watch(s.p.channel, free_it, &s);
    vitro_channel_connect(s.p.channel);
    pair_run(&s.p);
    s.p.channel = NULL;
    cr_expect_str_eq(s.text, "CONNECTING READY SHUTDOWN ");
    cr_expect_eq(vitro_sim_links(s.p.sim), 0);
    pair_stop(&s.p);
}

/* ---- calls meanwhile ------------------------------------------------------------------------ */

Test(channel_state, r40_a_call_fails_fast_in_transient_failure_only)
{
    struct states s;
    struct record r = { .len = 0 };
    vitro_call *c;
    vitro_error err;

    silent(&s);
    c = call(&s, false, &r);
    peer_run(&s.peer);
    cr_expect_str_eq(r.text, "", "it waits in CONNECTING: %s", r.text);
    peer_close(&s.peer, true);
    pair_settle(&s.p);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    cr_expect_str_eq(s.text, "CONNECTING TRANSIENT_FAILURE ");
    over(c, &r);
    cr_expect_eq(unary(&s, false, 0, &err), VITRO_UNAVAILABLE);
    cr_expect_str_eq(err.frame[err.depth - 1].text, "no connection to sim:server");
    cr_expect_eq(vitro_sim_now(s.p.sim), 0, "at once");
    peer_done(&s.peer);
    pair_stop(&s.p);
}

Test(channel_state, a_call_that_fails_fast_takes_its_children_along_that_wait_behind_it,
     .timeout = 20)
{
    enum { CHILDREN = 2 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    struct states s;
    struct record r = { .len = 0 }, of_child[CHILDREN] = { { .len = 0 } };
    vitro_call *child[CHILDREN];

    alone(&s);
    o.parent = call(&s, false, &r);
    for (int i = 0; i < CHILDREN; i++)
        child[i] = pair_call(&s.p, &echo_bidi, &o, &of_child[i]);
    vitro_sim_run_for(s.p.sim, second);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    for (int i = 0; i < CHILDREN; i++) {
        cr_expect_str_eq(of_child[i].text, "closed CANCELLED");
        over(child[i], &of_child[i]);
    }
    over(o.parent, &r);
    pair_stop(&s.p);
}

Test(channel_state, a_call_that_waits_for_ready_is_served_once_there_is_a_server)
{
    struct states s;
    struct record patient = { .len = 0 }, other = { .len = 0 };
    vitro_call *first, *second_one;

    alone(&s);
    first = call(&s, true, &patient);
    second_one = call(&s, false, &other);
    vitro_sim_run_for(s.p.sim, 30 * second);
    cr_expect_str_eq(other.text, "closed UNAVAILABLE");
    cr_expect_str_eq(patient.text, "");
    serve(&s);
    cr_assert_eq(vitro_call_send(first, bytes_of("a"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&s.p);
    cr_expect_str_eq(patient.text, "headers message(a) end closed OK");
    over(first, &patient);
    over(second_one, &other);
    pair_stop(&s.p);
}

Test(channel_state, a_call_that_waits_for_ready_waits_no_longer_than_its_deadline)
{
    struct states s;
    vitro_error err;

    alone(&s);
    cr_expect_eq(unary(&s, true, 7 * second, &err), VITRO_DEADLINE_EXCEEDED);
    cr_expect_eq(vitro_sim_now(s.p.sim), 7 * second);
    cr_expect(strstr(err.frame[err.depth - 1].text, "waited for its connection"), "%s",
              err.frame[err.depth - 1].text);
    pair_stop(&s.p);
}

/* ---- back-off ------------------------------------------------------------------------------- */

static void until_accepted(struct states *s, unsigned n)
{
    while (s->peer.accepted < n)
        vitro_sim_run_for(s->p.sim, 10 * ms);
}

/* When the attempts of a channel begin that nobody answers: the gaps between the first n. */
static void gaps(struct states *s, int64_t *gap, size_t n)
{
    int64_t last = s->p.channel->began;

    for (size_t i = 0; i < n; i++) {
        while (s->p.channel->began == last)
            vitro_sim_run_for(s->p.sim, 10 * ms);
        gap[i] = s->p.channel->began - last;
        last = s->p.channel->began;
    }
}

static void expect_near(int64_t gap, int64_t wanted)
{
    cr_expect(gap >= wanted * 8 / 10 - 20 * ms && gap <= wanted * 12 / 10 + 20 * ms,
              "%lld ms, not %lld", (long long)(gap / ms), (long long)(wanted / ms));
}

Test(channel_state, back_off_begins_at_1_s_grows_by_1_6_and_ends_at_120_s)
{
    enum { N = 14 };
    struct states s;
    int64_t gap[N], wanted = second;
    bool jitter = false;

    alone(&s);
    vitro_channel_connect(s.p.channel);
    pair_settle(&s.p);
    gaps(&s, gap, N);
    for (size_t i = 0; i < N; i++) {
        expect_near(gap[i], wanted);
        jitter = jitter || gap[i] / ms != wanted / ms;
        wanted = MIN(wanted * 16 / 10, 120 * second);
    }
    cr_expect_eq(wanted, 120 * second);
    cr_expect(jitter);
    pair_stop(&s.p);
}

Test(channel_state, back_off_is_what_the_options_say)
{
    struct states s = { .text = "" };
    int64_t gap[4];

    pair_init(&s.p);
    s.p.channel_options.initial_reconnect_backoff_ms = 100;
    s.p.channel_options.max_reconnect_backoff_ms = 200;
    pair_make_world(&s.p);
    pair_make_channel(&s.p);
    vitro_channel_connect(s.p.channel);
    pair_settle(&s.p);
    gaps(&s, gap, 4);
    expect_near(gap[0], 100 * ms);
    expect_near(gap[1], 160 * ms);
    expect_near(gap[2], 200 * ms);
    expect_near(gap[3], 200 * ms);
    pair_stop(&s.p);
}

Test(channel_state, r40_back_off_grows_until_a_server_has_sent_its_settings_and_got_a_call)
{
    struct states s;
    struct record r = { .len = 0 };
    vitro_call *c;

    silent(&s);
    c = call(&s, true, &r);
    for (unsigned i = 1; i <= 5; i++) {
        pair_settle(&s.p);
        until_accepted(&s, i);
        cr_expect_eq(s.p.channel->failures, i);
        if (i < 5)
            peer_close(&s.peer, true);
    }
    peer_settings(&s.peer, 0, 0);
    peer_run(&s.peer);
    cr_assert_eq(peer_count(&s.peer, "HEADERS 1"), 1, "%s", s.peer.log);
    peer_response(&s.peer, 1, NULL);
    peer_trailers(&s.peer, 1, "grpc-status: 0\n");
    peer_run(&s.peer);
    cr_expect_str_eq(r.text, "headers end closed OK");
    cr_expect_eq(s.p.channel->failures, 0);
    over(c, &r);
    peer_done(&s.peer);
    pair_stop(&s.p);
}

/*
 * Greet, and leave before any call could begin: by GOAWAY, with an error or as servers leave whose
 * time is up; or grant no stream, and close.
 */
enum leaving { POLITELY, WITH_AN_ERROR, WITHOUT_A_WORD };

static void send_away(struct states *s, enum leaving how)
{
    const uint8_t frame[17] = { 0, 0, 8, 7, [16] = how == WITH_AN_ERROR ? 2 : 0 };
    enum { MAX_CONCURRENT_STREAMS = 3 };

    peer_settings(&s->peer, how == WITHOUT_A_WORD ? MAX_CONCURRENT_STREAMS : 0, 0);
    if (how != WITHOUT_A_WORD)
        peer_raw(&s->peer, frame, sizeof frame);
    peer_run(&s->peer);
    if (how == WITHOUT_A_WORD)
        peer_close(&s->peer, true);
    pair_settle(&s->p);
}

Test(channel_state, r40_a_call_fails_fast_when_each_connection_is_left_before_it_could_begin)
{
    for (enum leaving how = WITH_AN_ERROR; how <= WITHOUT_A_WORD; how++) {
        struct states s;
        struct record r = { .len = 0 }, patient = { .len = 0 };
        vitro_call *c, *other;
        vitro_error err;

        silent(&s);
        c = call(&s, false, &r);
        until_accepted(&s, 1);
        send_away(&s, how);
        cr_expect_str_eq(r.text, "", "that server may be at its end: there may be another");
        until_accepted(&s, 2);
        other = call(&s, true, &patient);
        send_away(&s, how);
        cr_expect_str_eq(r.text, "closed UNAVAILABLE");
        cr_expect(
            strstr(r.message, how == WITH_AN_ERROR ? "before a call got to it" : "reset by peer"),
            "%s", r.message);
        cr_expect_eq(vitro_channel_get_state(s.p.channel), VITRO_CHANNEL_TRANSIENT_FAILURE);
        cr_expect_eq(unary(&s, false, 0, &err), VITRO_UNAVAILABLE);
        cr_expect_str_eq(patient.text, "");
        vitro_call_cancel(other);
        pair_settle(&s.p);
        over(other, &patient);
        over(c, &r);
        peer_done(&s.peer);
        pair_stop(&s.p);
    }
}

Test(channel_state, a_connection_that_the_channel_itself_leaves_is_no_failure)
{
    struct states s = { .text = "" };

    pair_init(&s.p);
    s.p.channel_options.idle_timeout_ms = 10;
    pair_start(&s.p);
    for (int i = 0; i < 3; i++) {
        vitro_channel_connect(s.p.channel);
        vitro_sim_run_for(s.p.sim, 20 * ms);
        cr_expect_eq(vitro_channel_get_state(s.p.channel), VITRO_CHANNEL_IDLE);
        cr_expect_eq(s.p.channel->failures, 0);
    }
    cr_expect_eq(unary(&s, false, 10 * ms, NULL), VITRO_OK);
    pair_stop(&s.p);
}

Test(channel_state, a_connection_that_its_server_closes_unused_is_no_failure)
{
    struct states s = { .text = "" };

    pair_init(&s.p);
    s.p.server_options.max_connection_idle_ms = 20;
    pair_start(&s.p);
    for (int i = 0; i < 3; i++) {
        vitro_channel_connect(s.p.channel);
        vitro_sim_run_for(s.p.sim, 50 * ms);
        cr_expect_eq(vitro_channel_get_state(s.p.channel), VITRO_CHANNEL_IDLE);
        cr_expect_eq(unary(&s, false, 10 * ms, NULL), VITRO_OK);
        vitro_sim_run_for(s.p.sim, 50 * ms);
    }
    pair_stop(&s.p);
}

/* A client that is slow finds both together: that the server is there, and that it leaves. */
Test(channel_state, a_call_that_is_sent_away_gets_another_connection_at_once)
{
    struct states s;
    struct record r = { .len = 0 };
    vitro_call *c;
    int64_t began;

    silent(&s);
    c = call(&s, false, &r);
    until_accepted(&s, 1);
    began = vitro_sim_now(s.p.sim);
    send_away(&s, POLITELY);
    cr_expect_eq(s.peer.accepted, 2);
    cr_expect_eq(vitro_sim_now(s.p.sim), began);
    cr_expect_str_eq(r.text, "");
    vitro_call_cancel(c);
    pair_run(&s.p);
    over(c, &r);
    peer_done(&s.peer);
    pair_stop(&s.p);
}

Test(channel_state, back_off_grows_while_calls_are_sent_away_again_and_again)
{
    struct states s;
    struct record r = { .len = 0 }, patient = { .len = 0 };
    vitro_call *c, *other;
    int64_t last = 0, wanted = second, began = 0;
    unsigned n = 0;

    silent(&s);
    c = call(&s, false, &r);
    other = call(&s, true, &patient);
    while (!r.closed) {
        until_accepted(&s, ++n);
        if (n == 1)
            began = s.p.channel->began;
        if (n > 2) {
            expect_near(s.p.channel->began - last, wanted);
            wanted = wanted * 16 / 10;
        }
        last = s.p.channel->began;
        send_away(&s, POLITELY);
    }
    cr_expect_gt(last - began, 20 * second, "%lld ms", (long long)((last - began) / ms));
    cr_expect_lt(n, 12);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE", "after the time that a connection may take");
    cr_expect(strstr(r.message, "before a call got to it"), "%s", r.message);
    cr_expect_str_eq(patient.text, "");
    vitro_call_cancel(other);
    pair_run(&s.p);
    over(other, &patient);
    over(c, &r);
    peer_done(&s.peer);
    pair_stop(&s.p);
}

Test(channel_state, a_reset_of_the_back_off_tries_at_once)
{
    struct states s;

    alone(&s);
    vitro_channel_connect(s.p.channel);
    vitro_sim_run_for(s.p.sim, 200 * second);
    cr_assert_gt(s.p.channel->failures, 5);
    serve(&s);
    vitro_channel_reset_backoff(s.p.channel);
    vitro_sim_run_for(s.p.sim, 1);
    cr_expect_str_eq(s.text, "CONNECTING TRANSIENT_FAILURE READY ");
    pair_stop(&s.p);
}

/* ---- idleness ------------------------------------------------------------------------------- */

Test(channel_state, r42_without_a_call_for_30_minutes_a_channel_is_idle)
{
    const int64_t half_hour = 1800 * second;
    struct states s = { .text = "" };
    struct record r = { .len = 0 };
    vitro_call *c;

    pair_init(&s.p);
    pair_start(&s.p);
    watch(&s);
    c = call(&s, false, &r);
    vitro_sim_run_for(s.p.sim, 2 * half_hour);
    cr_expect_str_eq(s.text, "CONNECTING READY ", "a call is open");
    cr_assert_eq(vitro_call_send_end(c, NULL), VITRO_OK);
    vitro_sim_run_for(s.p.sim, half_hour - 1);
    cr_expect_str_eq(s.text, "CONNECTING READY ");
    vitro_sim_run_for(s.p.sim, 1);
    cr_expect_str_eq(s.text, "CONNECTING READY IDLE ");
    cr_expect_eq(vitro_sim_links(s.p.sim), 0);
    over(c, &r);
    cr_expect_eq(unary(&s, false, 0, NULL), VITRO_OK);
    pair_stop(&s.p);
}

Test(channel_state, r42_a_channel_that_nobody_uses_gives_up_connecting)
{
    struct states s;

    alone(&s);
    vitro_channel_connect(s.p.channel);
    vitro_sim_run_for(s.p.sim, 1800 * second);
    cr_expect_str_eq(s.text, "CONNECTING TRANSIENT_FAILURE IDLE ");
    cr_expect_not(timer_running(&s.p.channel->backoff));
    pair_stop(&s.p);
}

/* ---- on sockets ----------------------------------------------------------------------------- */

/*
 * A program that only calls now and then drives no loop between: what failed then is no news. The
 * port is one that was free a moment ago.
 */
Test(channel_state, a_loop_that_stood_still_tries_again_before_a_call_fails, .timeout = 20)
{
    struct states s = { .text = "" };

    pair_init(&s.p);
    s.p.sockets = true;
    pair_listen(&s.p);
    vitro_server_free(s.p.server);
    pair_make_channel(&s.p);
    cr_assert_eq(unary(&s, false, 0, NULL), VITRO_UNAVAILABLE);
    serve(&s);
    vitro_channel_reset_backoff(s.p.channel);
    cr_expect_eq(unary(&s, false, 0, NULL), VITRO_OK);
    pair_stop(&s.p);
}

Test(channel_state, a_call_on_sockets_waits_until_its_server_listens, .timeout = 20)
{
    struct states s = { .text = "" };
    struct record r = { .len = 0 };
    vitro_call *c;

    pair_init(&s.p);
    s.p.sockets = true;
    s.p.channel_options.initial_reconnect_backoff_ms = 1;
    pair_listen(&s.p);
    vitro_server_free(s.p.server);
    pair_make_channel(&s.p);
    watch(&s);
    c = call(&s, true, &r);
    while (vitro_channel_get_state(s.p.channel) != VITRO_CHANNEL_TRANSIENT_FAILURE)
        cr_assert_eq(vitro_loop_run(s.p.client_loop, -1, NULL), VITRO_OK);
    serve(&s);
    cr_assert_eq(vitro_call_send_end(c, NULL), VITRO_OK);
    while (!r.closed)
        cr_assert_eq(vitro_loop_run(s.p.client_loop, -1, NULL), VITRO_OK);
    cr_expect_str_eq(r.text, "end closed OK");
    cr_expect_str_eq(s.text, "CONNECTING TRANSIENT_FAILURE READY ");
    over(c, &r);
    pair_stop(&s.p);
}
