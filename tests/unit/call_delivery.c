/* What was received in full reaches its reader; what is given up is released once, at a safe time.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "support/peer.h"

static void stop_peer(struct pair *p, struct peer *peer)
{
    peer_done(peer);
    pair_stop(p);
}

/* One message and an OK status for a reader that gives no credit yet. */
static vitro_call *unread_reply(struct pair *p, struct peer *peer, struct record *r)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;

    peer_serve(peer, p);
    o.manual_credit = true;
    call = pair_call(p, &echo_bidi, &o, r);
    peer_run(peer);
    peer_response(peer, 1, NULL);
    peer_message(peer, 1, false, "one");
    peer_trailers(peer, 1, "grpc-status: 0\n");
    return call;
}

static void read_it_late(struct pair *p, struct peer *peer, struct record *r, vitro_call *call)
{
    cr_assert(!r->closed, "%s", r->text);
    vitro_call_credit(call, 5);
    pair_settle(p);
    cr_expect_str_eq(r->text, "headers message(one) end closed OK");
    vitro_call_unref(call);
    record_done(r);
    stop_peer(p, peer);
}

Test(delivery, a_reset_behind_complete_trailers_takes_no_message_away)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call = unread_reply(&p, &peer, &r);

    peer_reset(&peer, 1, 8);
    peer_run(&peer);
    read_it_late(&p, &peer, &r, call);
}

Test(delivery, a_connection_lost_behind_complete_trailers_takes_no_message_away)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call = unread_reply(&p, &peer, &r);

    peer_run(&peer);
    peer_close(&peer, true);
    pair_settle(&p);
    read_it_late(&p, &peer, &r, call);
}

/* ---- a message that is held when the call ends ---------------------------------------------- */

static void drop_at_close(vitro_call *call, const vitro_status *status, void *user)
{
    *(vitro_code *)user = status->code;
    vitro_call_unref(call);
}

static const vitro_call_events dropping = { .size = sizeof dropping, .on_closed = drop_at_close };

Test(delivery, a_call_that_ends_by_a_second_response_may_be_dropped_at_once)
{
    struct pair p;
    struct peer peer;
    vitro_call *call;
    vitro_code code = VITRO_OK;

    peer_serve(&peer, &p);
    cr_assert_eq(
        vitro_call_start(&call, p.channel, &echo_client_stream, NULL, &dropping, &code, NULL),
        VITRO_OK);
    peer_run(&peer);
    peer_response(&peer, 1, NULL);
    peer_message(&peer, 1, false, "one");
    peer_message(&peer, 1, false, "two");
    peer_run(&peer);
    cr_expect_eq(code, VITRO_UNIMPLEMENTED);
    stop_peer(&p, &peer);
}

struct lent {
    vitro_call *other; /* whose sending would overwrite what is free */
    bool same;         /* the message was still there after the cancel */
};

static void cancel_then_look(vitro_call *call, const vitro_message *m, void *user)
{
    struct lent *lent = user;
    uint8_t noise[40];

    memset(noise, 'X', sizeof noise);
    vitro_call_cancel(call);
    cr_assert_eq(vitro_call_send(lent->other, (vitro_bytes){ noise, sizeof noise }, 0, NULL, NULL),
                 VITRO_OK);
    lent->same = m->bytes.len == 8 && memcmp(m->bytes.ptr, "precious", 8) == 0;
}

static const vitro_call_events looking = { .size = sizeof looking, .on_message = cancel_then_look };

Test(delivery, a_message_is_lent_until_return_also_when_its_call_is_cancelled_there)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    struct lent lent = { .same = false };
    vitro_call *call;

    peer_serve(&peer, &p);
    o.manual_credit = true;
    cr_assert_eq(vitro_call_start(&call, p.channel, &echo_bidi, &o, &looking, &lent, NULL),
                 VITRO_OK);
    lent.other = pair_call(&p, &echo_bidi, NULL, &r);
    peer_run(&peer);
    peer_response(&peer, 1, NULL);
    peer_message(&peer, 1, false, "precious");
    peer_run(&peer);
    vitro_call_credit(call, 1);
    pair_settle(&p);
    cr_expect(lent.same);
    vitro_call_unref(call);
    vitro_call_unref(lent.other);
    stop_peer(&p, &peer);
    record_done(&r);
}

/* ---- releases of attached messages ---------------------------------------------------------- */

struct attached {
    vitro_call *call;
    unsigned released;
    bool cancels; /* the release cancels the call, else it attaches once more */
};

static void on_release(const void *ptr, size_t len, void *user)
{
    struct attached *a = user;
    vitro_code rc;

    if (++a->released > 8)
        return; /* the test fails by its count */
    if (a->cancels)
        vitro_call_cancel(a->call);
    else
        rc = vitro_call_attach(a->call, (vitro_bytes){ ptr, len }, on_release, user, 0, NULL, NULL);
    (void)rc;
}

Test(delivery, a_release_may_cancel_its_call)
{
    static uint8_t small[100];
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    struct attached a = { .cancels = true };

    peer_serve(&peer, &p);
    a.call = pair_call(&p, &echo_bidi, NULL, &r);
    peer_run(&peer);
    cr_assert_eq(vitro_call_attach(a.call, (vitro_bytes){ small, sizeof small }, on_release, &a, 0,
                                   NULL, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_call_send(a.call, (vitro_bytes){ small, sizeof small }, 0, NULL, NULL),
                 VITRO_OK);
    peer_run(&peer);
    cr_expect_eq(a.released, 1);
    cr_expect_str_eq(r.text, "closed CANCELLED");
    vitro_call_unref(a.call);
    record_done(&r);
    stop_peer(&p, &peer);
}

Test(delivery, a_release_that_attaches_again_at_the_end_of_its_call_is_refused)
{
    static uint8_t large[40000];
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    struct attached a = { .cancels = false };

    peer_serve(&peer, &p);
    peer.manual_window = true;
    a.call = pair_call(&p, &echo_bidi, NULL, &r);
    peer_run(&peer);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(vitro_call_attach(a.call, (vitro_bytes){ large, sizeof large }, on_release, &a,
                                       0, NULL, NULL),
                     VITRO_OK);
    peer_run(&peer);
    peer_close(&peer, true);
    pair_settle(&p);
    cr_expect(r.closed);
    cr_expect_geq(a.released, 3);
    vitro_call_unref(a.call);
    record_done(&r);
    stop_peer(&p, &peer);
}
