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
