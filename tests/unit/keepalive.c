/* PINGs that find out a dead peer, how many a server puts up with, and the ages of connections. */
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <string.h>

#include "client/channel.h"
#include "io/socket.h"
#include "support/peer.h"

static const int64_t ms = 1000000, second = 1000 * INT64_C(1000000);

/* One of our sides against a script. */
struct talk {
    struct pair p;
    struct peer peer;
    struct record r;
    vitro_call *call;
};

static void talk_done(struct talk *t)
{
    vitro_call_unref(t->call);
    peer_done(&t->peer);
    pair_stop(&t->p);
    record_done(&t->r);
}

static void run(struct talk *t, int64_t ns)
{
    vitro_sim_run_for(t->p.sim, ns);
}

static unsigned pings(const struct talk *t)
{
    return peer_count(&t->peer, "PING 0\n");
}

/* ---- our client ----------------------------------------------------------------------------- */

/* A channel on its way to a script. */
static void client_start(struct talk *t)
{
    pair_make_world(&t->p);
    peer_init(&t->peer, &t->p, t->p.server_loop);
    peer_listen(&t->peer);
    peer_settings(&t->peer, 0, 0);
    pair_make_channel(&t->p);
    vitro_channel_connect(t->p.channel);
}

/* One with this keepalive that is READY. */
static void client_init(struct talk *t, uint32_t time_ms, bool without_calls)
{
    *t = (struct talk){ .call = NULL };
    pair_init(&t->p);
    t->p.channel_options.keepalive_time_ms = time_ms;
    t->p.channel_options.keepalive_permit_without_calls = without_calls;
    client_start(t);
    peer_run(&t->peer);
    cr_assert_eq(vitro_channel_get_state(t->p.channel), VITRO_CHANNEL_READY);
}

static void client_call(struct talk *t)
{
    t->call = pair_call(&t->p, &echo_bidi, NULL, &t->r);
    peer_run(&t->peer);
}

Test(keepalive, r41_a_client_asks_a_silent_server_during_a_call_only)
{
    struct talk t;

    client_init(&t, 30000, false);
    run(&t, 1000 * second);
    cr_expect_eq(pings(&t), 0, "%s", t.peer.log);
    client_call(&t);
    cr_expect_eq(pings(&t), 1, "it was overdue");
    cr_expect_lt(strstr(t.peer.log, "PING 0\n"), strstr(t.peer.log, "HEADERS 1"),
                 "and comes before the call");
    run(&t, 95 * second);
    cr_expect_eq(pings(&t), 4);
    talk_done(&t);
}

Test(keepalive, r41_a_client_asks_without_a_call_when_it_is_told_to)
{
    struct talk t;

    client_init(&t, 30000, true);
    run(&t, 95 * second);
    cr_expect_eq(pings(&t), 3, "%s", t.peer.log);
    talk_done(&t);
}

Test(keepalive, r41_a_client_does_not_ask_by_itself_nor_more_often_than_each_10_s)
{
    struct talk t;

    client_init(&t, 0, true);
    client_call(&t);
    run(&t, 3600 * second);
    cr_expect_eq(pings(&t), 0);
    talk_done(&t);
    client_init(&t, 1, true);
    run(&t, 95 * second);
    cr_expect_eq(pings(&t), 9);
    talk_done(&t);
}

Test(keepalive, r41_what_the_server_says_is_a_sign_of_life_too)
{
    struct talk t;

    client_init(&t, 30000, false);
    client_call(&t);
    peer_response(&t.peer, 1, NULL);
    for (int i = 0; i < 20; i++) {
        peer_message(&t.peer, 1, false, "x");
        peer_run(&t.peer);
        run(&t, 29 * second);
    }
    cr_expect_eq(pings(&t), 0, "%s", t.peer.log);
    talk_done(&t);
}

Test(keepalive, r41_a_server_that_is_silent_for_20_s_after_a_ping_is_lost)
{
    struct talk t;

    client_init(&t, 30000, false);
    client_call(&t);
    vitro_driver_pause(&t.peer.driver, true);
    run(&t, 50 * second - 1);
    cr_expect_str_eq(t.r.text, "");
    run(&t, 1);
    cr_expect_str_eq(t.r.text, "closed UNAVAILABLE");
    cr_expect_str_eq(t.r.message, "nothing came of sim:server for 20000 ms after a PING");
    cr_expect_eq(vitro_channel_get_state(t.p.channel), VITRO_CHANNEL_IDLE);
    talk_done(&t);
}

/* As on a loop that stood still meanwhile: the time is over, and the answer is here unread. */
Test(keepalive, r41_an_answer_that_comes_with_the_last_moment_counts)
{
    struct talk t = { .call = NULL };

    pair_init(&t.p);
    t.p.channel_options.connect_ms = 60000;
    t.p.channel_options.keepalive_time_ms = 30000;
    t.p.channel_options.keepalive_timeout_ms = 10000;
    t.p.channel_options.keepalive_permit_without_calls = true;
    t.p.sim_options.latency_ns = 5 * second;
    client_start(&t);
    run(&t, 400 * second);
    cr_expect_eq(vitro_channel_get_state(t.p.channel), VITRO_CHANNEL_READY);
    cr_expect_gt(pings(&t), 3);
    talk_done(&t);
}

Test(keepalive, r41_a_client_that_has_asked_too_often_asks_half_as_often_from_then_on)
{
    struct talk t;

    client_init(&t, 30000, true);
    client_call(&t);
    cr_assert(
        vitro_frame_write_goaway(&t.peer.out, 1, H2_ENHANCE_YOUR_CALM, bytes_of("too_many_pings")));
    peer_run(&t.peer);
    peer_close(&t.peer, false);
    pair_settle(&t.p);
    cr_expect_str_eq(t.r.text, "closed UNAVAILABLE");
    cr_expect_str_eq(t.r.message, "the peer left with ENHANCE_YOUR_CALM: too_many_pings");
    peer_forget(&t.peer);
    peer_settings(&t.peer, 0, 0);
    vitro_channel_connect(t.p.channel);
    run(&t, 2 * second);
    cr_assert_eq(vitro_channel_get_state(t.p.channel), VITRO_CHANNEL_READY);
    run(&t, 125 * second);
    cr_expect_eq(pings(&t), 2, "%s", t.peer.log);
    talk_done(&t);
}

/* ---- our server ----------------------------------------------------------------------------- */

static void server_init(struct talk *t)
{
    *t = (struct talk){ .call = NULL };
    pair_init(&t->p);
}

static void server_start(struct talk *t)
{
    pair_listen(&t->p);
    peer_init(&t->peer, &t->p, t->p.client_loop);
    peer_client(&t->peer);
}

static void ask(struct talk *t, unsigned n)
{
    static const uint8_t frame[17] = { 0, 0, 8, 6 };

    for (unsigned i = 0; i < n; i++)
        peer_raw(&t->peer, frame, sizeof frame);
    peer_run(&t->peer);
}

static bool is_refused(const struct talk *t)
{
    return peer_count(&t->peer, "GOAWAY 0 last 0 ENHANCE_YOUR_CALM too_many_pings") == 1 ||
           peer_count(&t->peer, "GOAWAY 0 last 1 ENHANCE_YOUR_CALM too_many_pings") == 1;
}

Test(keepalive, r41_a_server_asks_each_2_hours_and_gives_up_a_client_after_20_s)
{
    struct talk t;

    server_init(&t);
    server_start(&t);
    run(&t, 7200 * second);
    cr_expect_eq(pings(&t), 1, "%s", t.peer.log);
    run(&t, 7200 * second);
    cr_expect_eq(pings(&t), 2);
    vitro_driver_pause(&t.peer.driver, true);
    run(&t, 7219 * second);
    cr_expect_eq(vitro_sim_links(t.p.sim), 1);
    run(&t, 2 * second);
    vitro_driver_pause(&t.peer.driver, false);
    peer_run(&t.peer);
    cr_expect(t.peer.closed);
    talk_done(&t);
}

Test(keepalive, r41_two_strikes_are_forgiven_and_a_third_ends_the_connection_at_once)
{
    struct talk t;

    server_init(&t);
    server_start(&t);
    ask(&t, 3);
    cr_expect_eq(peer_count(&t.peer, "PING 0 ack"), 3, "%s", t.peer.log);
    cr_expect_not(t.peer.closed);
    ask(&t, 1);
    cr_expect(is_refused(&t), "%s", t.peer.log);
    cr_expect(t.peer.closed);
    talk_done(&t);
}

Test(keepalive, r41_sixty_pings_at_once_are_too_many)
{
    struct talk t;

    server_init(&t);
    server_start(&t);
    ask(&t, 60);
    cr_expect(is_refused(&t), "%s", t.peer.log);
    cr_expect(t.peer.closed);
    talk_done(&t);
}

Test(keepalive, r41_during_a_call_a_ping_is_allowed_each_5_minutes_and_without_one_each_2_hours)
{
    struct talk t;

    server_init(&t);
    server_start(&t);
    peer_request(&t.peer, 1, false, "/test.Echo/Bidi", NULL);
    peer_run(&t.peer);
    for (int i = 0; i < 20; i++) {
        ask(&t, 1);
        run(&t, 300 * second);
    }
    cr_expect_not(is_refused(&t), "%s", t.peer.log);
    peer_reset(&t.peer, 1, H2_CANCEL);
    peer_run(&t.peer);
    for (int i = 0; i < 20; i++) {
        run(&t, 7200 * second);
        ask(&t, 1);
    }
    cr_expect_not(is_refused(&t), "%s", t.peer.log);
    for (int i = 0; i < 3; i++) {
        run(&t, 300 * second);
        ask(&t, 1);
    }
    cr_expect(is_refused(&t), "%s", t.peer.log);
    talk_done(&t);
}

Test(keepalive, r41_a_server_that_permits_pings_without_calls_takes_one_each_5_minutes)
{
    struct talk t;

    server_init(&t);
    t.p.server_options.keepalive_permit_without_calls = true;
    server_start(&t);
    for (int i = 0; i < 20; i++) {
        ask(&t, 1);
        run(&t, 300 * second);
    }
    cr_expect_not(is_refused(&t), "%s", t.peer.log);
    talk_done(&t);
}

Test(keepalive, r41_pings_are_forgiven_when_the_server_sends_headers_or_data)
{
    struct talk t;

    server_init(&t);
    server_start(&t);
    peer_request(&t.peer, 1, false, "/test.Echo/Bidi", NULL);
    for (int i = 0; i < 20; i++) {
        peer_message(&t.peer, 1, false, "x"); /* is echoed */
        peer_run(&t.peer);
        ask(&t, 3);
    }
    cr_expect_not(is_refused(&t), "%s", t.peer.log);
    ask(&t, 1);
    cr_expect(is_refused(&t), "%s", t.peer.log);
    talk_done(&t);
}

Test(keepalive, a_server_may_take_any_number_of_pings)
{
    struct talk t;

    server_init(&t);
    t.p.server_options.max_ping_strikes = UINT32_MAX;
    server_start(&t);
    ask(&t, 500);
    cr_expect_eq(peer_count(&t.peer, "PING 0 ack"), 500);
    talk_done(&t);
}

/* ---- ages ----------------------------------------------------------------------------------- */

Test(keepalive, r42_an_old_connection_is_drained_with_max_age_and_its_calls_go_on)
{
    struct talk t;

    server_init(&t);
    t.p.server_options.max_connection_age_ms = 100000;
    server_start(&t);
    peer_request(&t.peer, 1, false, "/test.Echo/Bidi", NULL);
    peer_run(&t.peer);
    run(&t, 90 * second - 1);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY"), 0, "%s", t.peer.log);
    run(&t, 20 * second + 1);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY 0 last 2147483647 NO_ERROR"), 1, "%s", t.peer.log);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY 0 last 1 NO_ERROR max_age"), 1, "%s", t.peer.log);
    run(&t, 3600 * second);
    peer_message(&t.peer, 1, true, "x");
    peer_run(&t.peer);
    cr_expect_eq(peer_count(&t.peer, "HEADERS 1 end grpc-status=0"), 1, "%s", t.peer.log);
    cr_expect(t.peer.closed);
    talk_done(&t);
}

Test(keepalive, r42_connections_that_began_together_do_not_end_together)
{
    int64_t due[2];

    for (uint64_t i = 0; i < 2; i++) {
        struct talk t;

        server_init(&t);
        t.p.server_options.max_connection_age_ms = 100000;
        t.p.sim_options.seed = i;
        server_start(&t);
        while (!t.peer.closed)
            run(&t, ms);
        due[i] = vitro_sim_now(t.p.sim);
        cr_expect(due[i] >= 90 * second && due[i] <= 110 * second);
        talk_done(&t);
    }
    cr_expect_neq(due[0], due[1]);
}

Test(keepalive, r42_after_the_grace_calls_of_an_old_connection_are_cut)
{
    struct talk t;

    server_init(&t);
    t.p.server_options.max_connection_age_ms = 100000;
    t.p.server_options.max_connection_age_grace_ms = 30000;
    server_start(&t);
    peer_request(&t.peer, 1, false, "/test.Echo/Bidi", NULL);
    peer_run(&t.peer);
    while (peer_count(&t.peer, "GOAWAY") < 2)
        run(&t, ms);
    run(&t, 30 * second - 2 * ms);
    cr_expect_not(t.peer.closed);
    run(&t, 2 * ms);
    cr_expect(t.peer.closed);
    talk_done(&t);
}

Test(keepalive, r42_a_connection_without_a_call_is_drained_with_max_idle)
{
    struct talk t;

    server_init(&t);
    t.p.server_options.max_connection_idle_ms = 60000;
    server_start(&t);
    run(&t, 50 * second);
    peer_request(&t.peer, 1, false, "/test.Echo/Bidi", NULL);
    peer_run(&t.peer);
    run(&t, 3600 * second);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY"), 0, "%s", t.peer.log);
    peer_message(&t.peer, 1, true, "x");
    peer_run(&t.peer);
    run(&t, 60 * second - 1);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY"), 0, "%s", t.peer.log);
    run(&t, 1);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY 0 last 1 NO_ERROR max_idle"), 1, "%s", t.peer.log);
    cr_expect(t.peer.closed);
    talk_done(&t);
}

/* A response of 50,000 bytes, 2 KiB of which are under way at once, to one who reads nothing yet.
 */
static void answer_slowly(struct talk *t)
{
    char text[224] = "";

    server_init(t);
    t->p.server_options.max_connection_idle_ms = 20000;
    t->p.sim_options.in_flight_max = 2048;
    server_start(t);
    peer_request(&t->peer, 1, false, "/test.Echo/ServerStream", NULL);
    peer_message(&t->peer, 1, true, memset(text, 'x', sizeof text - 1));
    peer_flush(&t->peer);
    vitro_sim_step(t->p.sim);
    vitro_driver_pause(&t->peer.driver, true);
    run(t, 15 * second);
}

Test(keepalive, r42_a_connection_is_not_idle_while_its_client_reads_the_last_answer, .timeout = 20)
{
    struct talk t;

    answer_slowly(&t);
    while (!t.peer.closed) {
        vitro_driver_pause(&t.peer.driver, false);
        for (int i = 0; i < 4; i++)
            vitro_sim_step(t.p.sim);
        vitro_driver_pause(&t.peer.driver, true);
        run(&t, 15 * second);
    }
    cr_expect_eq(peer_count(&t.peer, "HEADERS 1 end grpc-status=0"), 1, "%s", t.peer.log);
    cr_expect_eq(peer_count(&t.peer, "GOAWAY 0 last 1 NO_ERROR max_idle"), 1, "%s", t.peer.log);
    cr_expect_gt(vitro_sim_now(t.p.sim), 100 * second);
    talk_done(&t);
}

Test(keepalive, r42_a_client_that_reads_nothing_keeps_no_connection)
{
    struct talk t;
    size_t connections;

    answer_slowly(&t);
    run(&t, 100 * second);
    vitro_server_load(t.p.server, &connections, NULL);
    cr_expect_eq(connections, 0);
    talk_done(&t);
}

Test(keepalive, r42_a_client_of_ours_comes_back_to_a_server_that_found_it_too_old)
{
    struct pair p;
    vitro_reply reply = VITRO_REPLY_INIT;

    pair_init(&p);
    p.server_options.max_connection_age_ms = 10000;
    pair_start(&p);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), NULL, &reply, NULL),
                     VITRO_OK);
        vitro_reply_done(&reply);
        vitro_sim_run_for(p.sim, second);
    }
    cr_expect(vitro_sim_links_made(p.sim) >= 9 && vitro_sim_links_made(p.sim) <= 12, "%zu",
              vitro_sim_links_made(p.sim));
    pair_stop(&p);
}

/* ---- TCP ------------------------------------------------------------------------------------ */

static unsigned user_timeout(struct pair *p)
{
    const struct transport *t = p->channel->ready->driver.transport;
    unsigned got = 0;
    socklen_t len = sizeof got;
    int fd = CONTAINER_OF(t, struct sock, base)->source.fd;

    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &got, &len), 0);
    return got;
}

Test(keepalive, TCP_gives_up_as_soon_as_keepalive_does)
{
    static const struct {
        uint32_t time, timeout;
        unsigned tcp;
    } rows[] = { { 0, 0, 0 }, { 60000, 0, 20000 }, { 60000, 7000, 7000 } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        vitro_reply reply = VITRO_REPLY_INIT;

        pair_init(&p);
        p.sockets = true;
        p.channel_options.keepalive_time_ms = rows[i].time;
        p.channel_options.keepalive_timeout_ms = rows[i].timeout;
        pair_start(&p);
        cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), NULL, &reply, NULL),
                     VITRO_OK);
        vitro_reply_done(&reply);
        cr_expect_eq(user_timeout(&p), rows[i].tcp);
        pair_stop(&p);
    }
}
