/* A channel's connections: leaving them, coming back, and the end. */
#include <criterion/criterion.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "support/peer.h"

static void start_peer(struct pair *p, struct peer *peer)
{
    pair_make_world(p);
    peer_init(peer, p, p->server_loop);
    peer_listen(peer);
    peer_settings(peer, 0, 0);
    pair_make_channel(p);
}

/* A script that has taken a call and reads nothing more, and bytes on their way to it. */
static vitro_call *start_stuck(struct pair *p, struct peer *peer, struct record *r)
{
    uint8_t *bytes = calloc(1, 50000);
    vitro_call *call;

    pair_init(p);
    p->sim_options.in_flight_max = 4096;
    start_peer(p, peer);
    call = pair_call(p, &echo_bidi, NULL, r);
    peer_run(peer);
    vitro_driver_pause(&peer->driver, true);
    cr_assert_eq(vitro_call_send(call, (vitro_bytes){ bytes, 50000 }, 0, NULL, NULL), VITRO_OK);
    pair_settle(p);
    free(bytes);
    return call;
}

Test(call_channel, freed_while_its_peer_reads_nothing_it_ends, .timeout = 20)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call = start_stuck(&p, &peer, &r);

    vitro_call_unref(call);
    vitro_channel_free(p.channel);
    p.channel = NULL;
    cr_assert_str_eq(r.text, "closed CANCELLED");
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_channel, freed_on_a_loop_with_a_thread_it_is_gone, .timeout = 20)
{
    vitro_loop *loop;
    vitro_channel *ch;

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&ch, loop, "ipv4:127.0.0.1:1", NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_start(loop, NULL), VITRO_OK);
    vitro_channel_free(ch);
    vitro_loop_stop(loop);
    cr_assert_eq(vitro_loop_memory(loop).allocations, 0);
    vitro_loop_unref(loop);
}

Test(call_channel, a_connection_that_is_about_to_close_gets_no_calls, .timeout = 20)
{
    static const uint8_t data_on_stream_0[10] = { 0, 0, 1, 0, 0 };
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call = start_stuck(&p, &peer, &r);

    cr_assert_not_null(p.channel->ready);
    peer_raw(&peer, data_on_stream_0, sizeof data_on_stream_0);
    peer_run(&peer);
    cr_assert_not(list_empty(&p.channel->connections), "it has not closed yet");
    cr_assert_null(p.channel->ready);
    pair_run(&p);
    cr_assert_str_eq(r.text, "closed UNAVAILABLE");
    vitro_call_unref(call);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_channel, a_server_that_sends_its_clients_away_is_not_asked_without_a_pause, .timeout = 20)
{
    static const uint8_t goaway[17] = { 0, 0, 8, 7 };
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call;
    unsigned accepted, greeted = 1;

    pair_init(&p);
    start_peer(&p, &peer);
    peer.manual_ack = true; /* its SETTINGS come first on each connection */
    peer_raw(&peer, goaway, sizeof goaway);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    for (int i = 0; i < 20; i++) {
        pair_settle(&p);
        if (peer.connected && peer.accepted > greeted) {
            greeted = peer.accepted;
            peer_settings(&peer, 0, 0);
            peer_raw(&peer, goaway, sizeof goaway);
            peer_run(&peer);
        }
    }
    cr_assert_eq(peer.accepted, 2, "once more at once, then after a pause");
    accepted = peer.accepted;
    peer.out.len = 0;
    peer_settings(&peer, 0, 0);
    pair_run(&p); /* the clock goes on */
    cr_assert_eq(peer.accepted, accepted + 1);
    peer_run(&peer);
    cr_assert_eq(peer_count(&peer, "HEADERS 1"), 1, "%s", peer.log);
    vitro_call_cancel(call);
    pair_run(&p);
    vitro_call_unref(call);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_channel, with_its_stream_ids_used_up_a_connection_is_replaced, .timeout = 20)
{
    struct pair p;
    struct connection *first;

    pair_init(&p);
    pair_start(&p);
    for (int i = 0; i < 4; i++) {
        struct record r = { .len = 0 };
        vitro_call *call = pair_call(&p, &echo_unary, NULL, &r);

        cr_assert_eq(vitro_call_send(call, bytes_of("hi"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
        pair_run(&p);
        cr_assert_str_eq(r.text, "headers message(hi) end closed OK", "call %d: %s", i, r.text);
        vitro_call_unref(call);
        record_done(&r);
        if (i == 0) {
            first = p.channel->ready;
            cr_assert_eq(nghttp2_session_set_next_stream_id(first->h2.ng, INT32_MAX), 0);
        }
    }
    pair_stop(&p);
}

/* SETTINGS change the windows of streams alone (RFC 9113, 6.9.2). */
Test(call_channel, a_small_first_window_does_not_shrink_the_connections, .timeout = 20)
{
    uint8_t part[900] = { 0, 0, 0, 0xc0, 0 };
    struct pair p;
    struct peer peer;

    pair_init(&p);
    p.server_options.window_bytes = 1000;
    p.server_options.max_window_bytes = 2000;
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/Unary", NULL);
    for (int i = 0; i < 40; i++) {
        peer_data(&peer, 1, false, (vitro_bytes){ part, sizeof part });
        peer_run(&peer);
        memset(part, 0, 5);
    }
    cr_expect_gt(peer_count(&peer, "WINDOW_UPDATE 0 "), 0, "%s",
                 peer.log); /* half of 65,535 was used */
    peer_done(&peer);
    pair_stop(&p);
}
