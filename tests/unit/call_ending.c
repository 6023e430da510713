/* A server's call ends, whatever stands in the way of its status. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/peer.h"

static void serve(struct pair *p, const vitro_method *method, const vitro_method_options *options,
                  const vitro_call_events *events, void *user)
{
    pair_init(p);
    pair_make_server(p);
    cr_assert_eq(vitro_server_add(p->server, method, options, events, user, NULL), VITRO_OK);
}

static void connect_peer(struct pair *p, struct peer *peer)
{
    pair_listen(p);
    peer_init(peer, p, p->client_loop);
    peer->manual_ack = true;
    peer_client(peer);
}

static size_t open_calls(struct pair *p)
{
    size_t calls;

    vitro_server_load(p->server, NULL, &calls);
    return calls;
}

/* ---- a response that cannot be sent --------------------------------------------------------- */

static void finish_with_too_much(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_error err;

    cr_expect_neq(vitro_call_finish(call, VITRO_ABORTED, "x", user, &err), VITRO_OK);
}

static const vitro_call_events too_much = { .size = sizeof too_much,
                                            .on_message = finish_with_too_much };
static const vitro_method much = { "/test.Echo/Much", VITRO_UNARY, NULL };

Test(ending, a_status_with_more_fields_than_can_be_sent_still_ends_the_call)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_md *many = vitro_md_new();
    vitro_call *call;

    for (int i = 0; i < 1100; i++)
        cr_assert_eq(vitro_md_add(many, vitro_str_of("k"), bytes_of("v"), NULL), VITRO_OK);
    serve(&p, &much, NULL, &too_much, many);
    pair_start(&p);
    call = pair_call(&p, &much, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("hi"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "closed RESOURCE_EXHAUSTED");
    cr_expect_eq(open_calls(&p), 0);
    vitro_call_unref(call);
    record_done(&r);
    vitro_md_free(many);
    pair_stop(&p);
}

/* ---- deadlines ------------------------------------------------------------------------------ */

Test(ending, the_longest_timeout_is_no_timeout_that_has_passed)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;

    pair_init(&p);
    pair_start(&p);
    o.timeout_ns = 4000 * INT64_C(1000000000); /* the clock is far from its start then */
    call = pair_call(&p, &echo_bidi, &o, &r);
    pair_run(&p);
    cr_expect_str_eq(r.text, "closed DEADLINE_EXCEEDED");
    peer_init(&peer, &p, p.client_loop);
    peer.manual_ack = true;
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/Unary", "grpc-timeout: 2562047H\n");
    peer_message(&peer, 1, true, "hi");
    peer_run(&peer);
    cr_expect(strstr(peer.log, "grpc-status=0"), "%s", peer.log);
    peer_done(&peer);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

static void answer_large(vitro_call *call, const vitro_message *m, void *user)
{
    enum { SIZE = 200000 };
    uint8_t *bytes = calloc(1, SIZE);

    cr_expect_eq(vitro_call_send(call, (vitro_bytes){ bytes, SIZE }, 0, NULL, NULL), VITRO_OK);
    free(bytes);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events large_events = { .size = sizeof large_events,
                                                .on_message = answer_large };
static const vitro_method large = { "/test.Echo/Large", VITRO_SERVER_STREAMING, NULL };

Test(ending, a_deadline_ends_a_call_whose_client_opens_no_window)
{
    struct pair p;
    struct peer peer;

    serve(&p, &large, NULL, &large_events, NULL);
    connect_peer(&p, &peer);
    peer.manual_window = true;
    peer_request(&peer, 1, false, "/test.Echo/Large", "grpc-timeout: 1S\n");
    peer_message(&peer, 1, true, "hi");
    peer_run(&peer);
    vitro_sim_run(p.sim);
    cr_expect_eq(open_calls(&p), 0);
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- a client that goes --------------------------------------------------------------------- */

static void cancel_too(vitro_call *call, void *user)
{
    ++*(unsigned *)user;
    vitro_call_cancel(call);
}

static const vitro_call_events cancelling = { .size = sizeof cancelling,
                                              .on_cancelled = cancel_too };
static const vitro_method kept = { "/test.Echo/Kept", VITRO_BIDI_STREAMING, NULL };

Test(ending, a_handler_may_cancel_the_call_that_it_is_told_is_cancelled)
{
    struct pair p;
    struct peer peer;
    vitro_method_options o = VITRO_METHOD_OPTIONS_INIT;
    unsigned told = 0;

    o.manual_credit = true;
    serve(&p, &kept, &o, &cancelling, &told);
    connect_peer(&p, &peer);
    peer_request(&peer, 1, false, "/test.Echo/Kept", NULL);
    peer_message(&peer, 1, true, "hi"); /* complete, and not read */
    peer_reset(&peer, 1, 0);
    peer_run(&peer);
    pair_settle(&p);
    cr_expect_eq(told, 1);
    cr_expect_eq(open_calls(&p), 0);
    peer_done(&peer);
    pair_stop(&p);
}
