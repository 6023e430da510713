/* Peers that cost more than they should: what they may do is bounded. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/peer.h"

static void start_client(struct pair *p, struct peer *peer)
{
    pair_listen(p);
    peer_init(peer, p, p->client_loop);
    peer_client(peer);
}

static size_t connections_of(struct pair *p)
{
    size_t n;

    vitro_server_load(p->server, &n, NULL);
    return n;
}

Test(call_hostile, refusals_that_nobody_reads_cost_bounded_memory, .timeout = 20)
{
    struct pair p;
    struct peer peer;
    size_t before, after;

    pair_init(&p);
    p.sim_options.in_flight_max = 16384;
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer.manual_ack = true;
    peer_client(&peer);
    vitro_driver_pause(&peer.driver, true);
    before = vitro_loop_memory(p.server_loop).bytes;
    for (uint32_t i = 0; i < 20000; i++) {
        peer_request(&peer, 2 * i + 1, true, "/test.Echo/Unary", NULL);
        if (i % 1000 == 999)
            peer_run(&peer);
    }
    after = vitro_loop_memory(p.server_loop).bytes;
    cr_assert_lt(after, before + 1000000, "%zu bytes", after - before);
    vitro_driver_pause(&peer.driver, false); /* a client that was only slow is served on */
    peer_run(&peer);
    cr_assert_geq(peer_count(&peer, "HEADERS"), 100);
    cr_assert_gt(peer_count(&peer, "RST_STREAM"), 1000);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_hostile, over_its_memory_a_connection_ends_with_enhance_your_calm, .timeout = 20)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    p.server_options.connection_memory_bytes = 100000;
    p.server_options.max_streams = 100000;
    start_client(&p, &peer);
    for (uint32_t i = 0; i < 1000; i++)
        peer_request(&peer, 2 * i + 1, false, "/test.Echo/Bidi", NULL);
    peer_run(&peer);
    cr_assert(strstr(peer_line(&peer, "GOAWAY"), "ENHANCE_YOUR_CALM"), "%s",
              peer_line(&peer, "GOAWAY"));
    cr_assert_eq(peer_count(&peer, "GOAWAY"), 1);
    pair_run(&p);
    cr_assert_eq(connections_of(&p), 0);
    peer_done(&peer);
    pair_stop(&p);
}

static unsigned begun;

static void count_begun(vitro_call *call, const vitro_md *md, void *user)
{
    begun++;
}

Test(call_hostile, mistakes_that_make_us_reset_count_as_resets, .timeout = 20)
{
    static const vitro_call_events counting = { .size = sizeof counting,
                                                .on_headers = count_begun };
    static const vitro_method counted = { "/test.Echo/Counted", VITRO_BIDI_STREAMING, NULL };
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &counted, NULL, &counting, NULL, NULL), VITRO_OK);
    start_client(&p, &peer);
    for (uint32_t id = 1; id < 4000; id += 2) {
        peer_request(&peer, id, false, "/test.Echo/Counted", NULL);
        cr_assert(vitro_frame_write_window_update(&peer.out, id, INT32_MAX)); /* over 2^31-1 */
        if (id % 100 == 99)
            peer_run(&peer);
    }
    peer_run(&peer);
    cr_assert(strstr(peer_line(&peer, "GOAWAY"), "ENHANCE_YOUR_CALM"), "%u begun", begun);
    cr_assert_eq(peer_count(&peer, "GOAWAY"), 1);
    cr_assert_leq(begun, 1100);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_hostile, a_fault_ends_a_connection_whose_peer_reads_nothing, .timeout = 20)
{
    static const uint8_t data_on_stream_0[10] = { 0, 0, 1, 0, 0 };
    char text[101] = "";
    struct pair p;
    struct peer peer;

    pair_init(&p);
    p.sim_options.in_flight_max = 4096;
    start_client(&p, &peer);
    vitro_driver_pause(&peer.driver, true);
    memset(text, 'x', sizeof text - 1);
    peer_request(&peer, 1, false, "/test.Echo/ServerStream", NULL);
    peer_message(&peer, 1, true, text);
    peer_run(&peer);
    peer_raw(&peer, data_on_stream_0, sizeof data_on_stream_0);
    peer_run(&peer);
    cr_assert_eq(connections_of(&p), 1, "its last bytes are given a moment");
    pair_run(&p);
    cr_assert_eq(connections_of(&p), 0);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_hostile, a_drained_connection_does_not_wait_for_ever_for_its_last_bytes, .timeout = 20)
{
    char text[101] = "";
    struct pair p;
    struct peer peer;

    pair_init(&p);
    p.sim_options.in_flight_max = 4096;
    start_client(&p, &peer);
    vitro_driver_pause(&peer.driver, true);
    memset(text, 'x', sizeof text - 1);
    peer_request(&peer, 1, false, "/test.Echo/ServerStream", NULL);
    peer_message(&peer, 1, true, text);
    peer_run(&peer);
    vitro_server_drain(p.server, 0, NULL, NULL);
    pair_run(&p);
    cr_assert_eq(connections_of(&p), 0);
    peer_done(&peer);
    pair_stop(&p);
}
