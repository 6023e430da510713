#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/peer.h"

#define SECOND 1000000000

/* ---- a client against a server whose handlers are steered ----------------------------------- */

/* A handler that keeps what happened and the call, and does nothing by itself. */
struct held {
    struct record record;
    vitro_call *call; /* a reference; NULL before it began */
};

static void held_begin(vitro_call *call, const vitro_md *md, void *user)
{
    struct held *h = user;

    h->call = vitro_call_ref(call);
    vitro_call_set_user(call, &h->record);
    record_events.on_headers(call, md, &h->record);
}

static const vitro_method hold_bidi = { .path = "/test.Hold/Bidi", .kind = VITRO_BIDI_STREAMING };
static const vitro_method hold_unary = { .path = "/test.Hold/Unary", .kind = VITRO_UNARY };

/* The events of record_events, but for the first. */
static vitro_call_events held_events;

static void world(struct pair *p, struct held *h)
{
    memset(h, 0, sizeof *h);
    held_events = record_events;
    held_events.on_headers = held_begin;
    pair_init(p);
    pair_make_server(p);
    cr_assert_eq(vitro_server_add(p->server, &hold_bidi, NULL, &held_events, h, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_add(p->server, &hold_unary, NULL, &held_events, h, NULL), VITRO_OK);
    pair_start(p);
}

static void over(struct pair *p, struct held *h)
{
    vitro_call_unref(h->call);
    pair_stop(p);
    record_done(&h->record);
}

Test(call_life, r35_a_cancel_reaches_the_handler_and_its_sends_fail)
{
    struct pair p;
    struct held h;
    struct record r = { .len = 0 };
    vitro_call *call;

    world(&p, &h);
    call = pair_call(&p, &hold_bidi, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_OK);
    pair_settle(&p);
    cr_expect_not(vitro_call_is_cancelled(h.call));
    vitro_call_cancel(call);
    cr_expect(!r.closed, "no event inside the function that asked for it");
    cr_expect_eq(vitro_call_send(call, bytes_of("y"), 0, NULL, NULL), VITRO_CANCELLED);
    pair_settle(&p);
    cr_expect_str_eq(r.text, "closed CANCELLED");
    cr_expect_str_eq(r.message, "cancelled by the client");
    cr_expect_str_eq(h.record.text, "headers message(x) cancelled closed CANCELLED");
    cr_expect(vitro_call_is_cancelled(h.call));
    cr_expect_eq(vitro_call_send(h.call, bytes_of("z"), 0, NULL, NULL), VITRO_CANCELLED);
    cr_expect_eq(vitro_call_finish(h.call, VITRO_OK, NULL, NULL, NULL), VITRO_CANCELLED);
    vitro_call_unref(call);
    over(&p, &h);
    record_done(&r);
}

Test(call_life, r35_a_cancel_is_a_reset_on_the_wire)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call;

    peer_serve(&peer, &p);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    pair_settle(&p);
    vitro_call_cancel(call);
    pair_settle(&p);
    cr_expect_eq(peer_count(&peer, "RST_STREAM 1 CANCEL"), 1, "%s", peer.log);
    vitro_call_unref(call);
    record_done(&r);
    /* in the turn in which it would have been sent nothing is */
    call = pair_call(&p, &echo_bidi, NULL, &r);
    vitro_call_cancel(call);
    pair_settle(&p);
    cr_expect_eq(peer_count(&peer, "HEADERS"), 1, "%s", peer.log);
    vitro_call_unref(call);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- deadlines ------------------------------------------------------------------------------ */

static vitro_call_options timeout_of(int64_t ns)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.timeout_ns = ns;
    return o;
}

Test(call_life, r34_a_deadline_ends_the_call_on_both_sides)
{
    struct pair p;
    struct held h;
    struct record r = { .len = 0 };
    vitro_call_options o = timeout_of(SECOND);
    vitro_call *call;
    int64_t began;

    world(&p, &h);
    began = vitro_sim_now(p.sim);
    call = pair_call(&p, &hold_bidi, &o, &r);
    pair_settle(&p);
    cr_expect_eq(vitro_call_time_left(h.call), SECOND);
    pair_run(&p);
    cr_expect_geq(vitro_sim_now(p.sim) - began, SECOND);
    cr_expect_str_eq(r.text, "closed DEADLINE_EXCEEDED");
    cr_expect_eq(strncmp(h.record.text, "headers cancelled closed ", 25), 0, "%s", h.record.text);
    vitro_call_unref(call);
    over(&p, &h);
    record_done(&r);
}

Test(call_life, r34_the_client_resets_by_its_own_clock_and_ignores_what_comes_later)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call_options o = timeout_of(SECOND);
    vitro_call *call;

    peer_serve(&peer, &p);
    call = pair_call(&p, &echo_bidi, &o, &r);
    pair_settle(&p);
    cr_expect(strstr(peer_line(&peer, "HEADERS 1"), "grpc-timeout=1000000u"), "%s", peer.log);
    vitro_sim_run_for(p.sim, SECOND);
    cr_expect_eq(peer_count(&peer, "RST_STREAM 1 CANCEL"), 1, "%s", peer.log);
    peer_response(&peer, 1, NULL);
    peer_trailers(&peer, 1, "grpc-status: 0\n");
    peer_run(&peer);
    cr_expect_str_eq(r.text, "closed DEADLINE_EXCEEDED");
    vitro_call_unref(call);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_life, r34_the_server_ends_a_call_whose_client_is_late)
{
    struct pair p;
    struct held h;
    struct peer peer;

    memset(&h, 0, sizeof h);
    held_events = record_events;
    held_events.on_headers = held_begin;
    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &hold_bidi, NULL, &held_events, &h, NULL), VITRO_OK);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Hold/Bidi", "grpc-timeout: 20m\n");
    peer_run(&peer);
    vitro_sim_run_for(p.sim, SECOND);
    cr_expect_str_eq(peer_line(&peer, "HEADERS 1 end"),
                     "HEADERS 1 end :status=200 content-type=application/grpc grpc-status=4 "
                     "grpc-message=the deadline has passed");
    cr_expect_str_eq(h.record.text, "headers cancelled closed DEADLINE_EXCEEDED");
    peer_done(&peer);
    over(&p, &h);
}

Test(call_life, r11_a_deadline_that_is_over_sends_nothing)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call_options o = timeout_of(-1);
    vitro_call *call;

    peer_serve(&peer, &p);
    for (int i = 0; i < 2; i++) { /* without a connection, and with one */
        r = (struct record){ .len = 0 };
        call = pair_call(&p, &echo_bidi, &o, &r);
        pair_settle(&p);
        cr_expect_str_eq(r.text, "closed DEADLINE_EXCEEDED");
        cr_expect_eq(peer_count(&peer, "HEADERS"), 0, "%s", peer.log);
        vitro_call_unref(call);
        record_done(&r);
    }
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_life, r34_a_server_that_cancels_by_the_same_deadline_is_late_not_cancelling)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call_options o = timeout_of(SECOND);
    vitro_call *call;

    peer_serve(&peer, &p);
    call = pair_call(&p, &echo_bidi, &o, &r);
    pair_settle(&p);
    peer_reset(&peer, 1, H2_CANCEL);
    peer_flush(&peer);
    vitro_sim_run_for(p.sim, 2 * (int64_t)SECOND);
    cr_expect(r.closed);
    vitro_call_unref(call);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- parents -------------------------------------------------------------------------------- */

/* A handler on the client's loop, so that its own calls may have it as their parent. */
struct relay {
    struct pair *pair;
    vitro_call *parent, *child;
    struct record record;
    int64_t child_timeout;
};

static void relay_begin(vitro_call *call, const vitro_md *md, void *user)
{
    struct relay *relay = user;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    relay->parent = vitro_call_ref(call);
    o.parent = call;
    o.timeout_ns = relay->child_timeout;
    relay->child = pair_call(relay->pair, &hold_bidi, &o, &relay->record);
}

static void check_parent(bool cancel, int64_t parent_timeout, int64_t child_timeout,
                         const char *expected)
{
    static const vitro_method relay_method = { .path = "/test.Relay/Bidi",
                                               .kind = VITRO_BIDI_STREAMING };
    static const vitro_call_events events = { .size = sizeof events, .on_headers = relay_begin };
    struct pair p;
    struct held h;
    struct relay relay = { .pair = &p, .child_timeout = child_timeout };
    struct record r = { .len = 0 };
    vitro_call_options o = timeout_of(parent_timeout);
    vitro_server *server;
    vitro_channel *channel;
    vitro_call *call;

    world(&p, &h);
    cr_assert_eq(vitro_server_new(&server, &p.client_loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_add(server, &relay_method, NULL, &events, &relay, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(server, "sim:relay", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&channel, p.server_loop, "sim:relay", NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_start(&call, channel, &relay_method, &o, &record_events, &r, NULL),
                 VITRO_OK);
    pair_settle(&p);
    cr_assert(h.call);
    if (cancel)
        vitro_call_cancel(call);
    vitro_sim_run_for(p.sim, 10 * (int64_t)SECOND);
    cr_expect_str_eq(relay.record.text, expected);
    cr_expect_eq(strncmp(h.record.text, "headers cancelled closed ", 25), 0, "%s", h.record.text);
    vitro_call_unref(relay.child);
    vitro_call_unref(relay.parent);
    vitro_call_unref(call);
    vitro_channel_free(channel);
    vitro_server_free(server);
    over(&p, &h);
    record_done(&relay.record);
    record_done(&r);
}

Test(call_life, a_parent_passes_its_cancellation_and_its_deadline_on)
{
    check_parent(true, 0, 0, "closed CANCELLED");
    check_parent(true, 5 * (int64_t)SECOND, SECOND, "closed CANCELLED");
    check_parent(false, SECOND, 0, "closed DEADLINE_EXCEEDED");
    check_parent(false, SECOND, 5 * (int64_t)SECOND, "closed DEADLINE_EXCEEDED");
    check_parent(false, 5 * (int64_t)SECOND, SECOND, "closed DEADLINE_EXCEEDED");
}

Test(call_life, a_parent_that_was_cancelled_has_no_children)
{
    struct pair p;
    struct record parent = { .len = 0 }, child = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *a, *b;

    pair_init(&p);
    pair_start(&p);
    a = pair_call(&p, &echo_bidi, NULL, &parent); /* any call on the loop may be one */
    vitro_call_cancel(a);
    o.parent = a;
    b = pair_call(&p, &echo_bidi, &o, &child);
    vitro_call_unref(a);
    pair_settle(&p);
    cr_expect_str_eq(child.text, "closed CANCELLED");
    cr_expect_str_eq(child.message, "the parent call was cancelled");
    vitro_call_unref(b);
    pair_stop(&p);
    record_done(&parent);
    record_done(&child);
}

/* ---- connections that go -------------------------------------------------------------------- */

Test(call_life, r27_a_cut_link_is_unavailable_to_the_client_and_cancelled_at_the_server)
{
    for (int messages = 0; messages < 3; messages++) {
        struct pair p;
        struct held h;
        struct record r = { .len = 0 };
        vitro_call *call;

        world(&p, &h);
        call = pair_call(&p, &hold_bidi, NULL, &r);
        pair_settle(&p);
        for (int i = 0; i < messages; i++) {
            cr_assert_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_OK);
            cr_assert_eq(vitro_call_send(h.call, bytes_of("y"), 0, NULL, NULL), VITRO_OK);
            pair_settle(&p);
        }
        cr_assert(vitro_sim_cut(p.sim, 0));
        pair_settle(&p);
        cr_expect(strstr(r.text, "closed UNAVAILABLE"), "%s", r.text);
        cr_expect_eq(r.messages, messages);
        cr_expect(strstr(h.record.text, "cancelled closed CANCELLED"), "%s", h.record.text);
        vitro_call_unref(call);
        over(&p, &h);
        record_done(&r);
    }
}

Test(call_life, r27_a_server_that_is_freed_is_unavailable_and_the_next_one_is_found)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_call_options patient = VITRO_CALL_OPTIONS_INIT;

    pair_init(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    pair_settle(&p);
    vitro_server_free(p.server);
    pair_run(&p);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    vitro_call_unref(call);
    record_done(&r);
    cr_expect_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), NULL, &reply, NULL),
                 VITRO_UNAVAILABLE);
    vitro_reply_done(&reply);
    p.server = pair_another_server(&p);
    cr_assert_eq(vitro_server_listen(p.server, p.target, NULL, 0, NULL), VITRO_OK);
    patient.wait_for_ready = true;
    cr_expect_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), &patient, &reply, NULL),
                 VITRO_OK);
    vitro_reply_done(&reply);
    pair_stop(&p);
}

Test(call_life, a_call_says_who_it_is)
{
    struct pair p;
    struct held h;
    struct record r = { .len = 0 };
    vitro_call *call;
    vitro_str peer;

    world(&p, &h);
    call = pair_call(&p, &hold_bidi, NULL, &r);
    cr_expect_eq(vitro_call_peer(call).len, 0);
    pair_settle(&p);
    peer = vitro_call_peer(call);
    cr_expect(vitro_str_eq(peer, vitro_str_of("sim:server")), "%.*s", (int)peer.len, peer.ptr);
    cr_expect_gt(vitro_call_peer(h.call).len, 0);
    cr_expect(vitro_str_eq(vitro_call_path(call), vitro_str_of("/test.Hold/Bidi")));
    cr_expect(vitro_str_eq(vitro_call_path(h.call), vitro_str_of("/test.Hold/Bidi")));
    cr_expect_eq(vitro_call_id(call), 1);
    cr_expect_eq(vitro_call_user(call), &r);
    cr_expect_eq(vitro_call_loop(h.call), p.server_loop);
    cr_expect_eq(vitro_call_time_left(call), INT64_MAX);
    cr_expect_eq(vitro_call_send_headers(call, NULL, NULL), VITRO_FAILED_PRECONDITION);
    cr_expect_eq(vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL), VITRO_FAILED_PRECONDITION);
    cr_expect_eq(vitro_call_send_end(h.call, NULL), VITRO_FAILED_PRECONDITION);
    vitro_call_cancel(call);
    pair_settle(&p);
    cr_expect_eq(vitro_call_send_end(call, NULL), VITRO_FAILED_PRECONDITION);
    vitro_call_unref(call);
    over(&p, &h);
    record_done(&r);
}

/* ---- at every point ------------------------------------------------------------------------- */

/*
 * One call goes through a fixed story; at its nth event (of any kind, on either side) something is
 * done to the world. Whatever it is: closed once and last, nothing left, nothing used after free.
 */
enum {
    DO_CANCEL,
    DO_CANCEL_SERVER,
    DO_UNREF,
    DO_FREE_CHANNEL,
    DO_FREE_SERVER,
    DO_DRAIN,
    DO_CUT,
    DO_FINISH,
    DO_FREE_BOTH,
    DO_KINDS
};

struct story {
    struct pair p;
    vitro_call *call;   /* the client's; NULL once dropped */
    vitro_call *server; /* lent while it is open */
    int deed;
    size_t when, events;
    unsigned closed, server_begun, server_closed;
    vitro_code code;
};

static void do_deed(struct story *s)
{
    vitro_channel *channel = s->p.channel;
    vitro_server *server = s->p.server;
    vitro_call *call = s->call;

    switch (s->deed) {
    case DO_CANCEL:
        if (call)
            vitro_call_cancel(call);
        break;
    case DO_CANCEL_SERVER:
        if (s->server)
            vitro_call_cancel(s->server);
        break;
    case DO_FINISH:
        if (s->server)
            vitro_call_finish(s->server, VITRO_ABORTED, "enough", NULL, NULL);
        break;
    case DO_UNREF:
        s->call = NULL;
        vitro_call_unref(call);
        break;
    case DO_FREE_CHANNEL:
    case DO_FREE_BOTH:
        s->p.channel = NULL;
        vitro_channel_free(channel);
        if (s->deed == DO_FREE_CHANNEL)
            break; /* fall through */
    case DO_FREE_SERVER:
        s->p.server = NULL;
        vitro_server_free(server);
        break;
    case DO_DRAIN:
        vitro_server_drain(server, SECOND, NULL, NULL);
        break;
    default:
        for (size_t i = 0; i < vitro_sim_links_made(s->p.sim); i++)
            vitro_sim_cut(s->p.sim, i);
        break;
    }
}

static void event(struct story *s)
{
    if (s->events++ == s->when)
        do_deed(s);
}

static void story_headers(vitro_call *call, const vitro_md *md, void *user)
{
    event(user);
}

static void story_message(vitro_call *call, const vitro_message *m, void *user)
{
    uint8_t first = m->bytes.ptr[0];

    event(user);
    cr_expect_eq(m->bytes.ptr[0], first, "lent until return");
}

static void story_end(vitro_call *call, void *user)
{
    event(user);
}

static void story_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct story *s = user;

    s->closed++;
    s->code = status->code;
    event(s);
}

static const vitro_call_events story_events = { .size = sizeof story_events,
                                                .on_headers = story_headers,
                                                .on_message = story_message,
                                                .on_end = story_end,
                                                .on_writable = story_end,
                                                .on_closed = story_closed };

static void server_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct story *s = user;

    s->server = call;
    s->server_begun++;
    event(s);
}

static void server_message(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_code rc = vitro_call_send(call, m->bytes, 0, NULL, NULL);
    uint8_t first = m->bytes.ptr[0];

    event(user);
    cr_expect_eq(m->bytes.ptr[0], first, "lent until return");
    (void)rc;
}

static void server_end(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
    event(user);
}

static void server_cancelled(vitro_call *call, void *user)
{
    event(user);
}

static void server_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct story *s = user;

    s->server = NULL;
    s->server_closed++;
    event(s);
}

static const vitro_call_events story_server = { .size = sizeof story_server,
                                                .on_headers = server_headers,
                                                .on_message = server_message,
                                                .on_end = server_end,
                                                .on_writable = server_cancelled,
                                                .on_cancelled = server_cancelled,
                                                .on_closed = server_closed };

static const vitro_method story_method = { .path = "/test.Story/Bidi",
                                           .kind = VITRO_BIDI_STREAMING };

static void tell_story(struct story *s, uint32_t window)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    static uint8_t large[5000];

    pair_init(&s->p);
    s->p.server_options.window_bytes = s->p.channel_options.window_bytes = window;
    s->p.server_options.max_window_bytes = s->p.channel_options.max_window_bytes = window;
    pair_make_server(&s->p);
    cr_assert_eq(vitro_server_add(s->p.server, &story_method, NULL, &story_server, s, NULL),
                 VITRO_OK);
    pair_start(&s->p);
    o.manual_credit = true;
    cr_assert_eq(
        vitro_call_start(&s->call, s->p.channel, &story_method, &o, &story_events, s, NULL),
        VITRO_OK);
    for (int i = 0; s->call && i < 3; i++) {
        vitro_code rc =
            vitro_call_send(s->call, (vitro_bytes){ large, sizeof large }, 0, NULL, NULL);
        (void)rc;
        event(s); /* before, between and after the turns, too */
        if (s->call)
            vitro_call_credit(s->call, 1);
        pair_settle(&s->p);
    }
    if (s->call)
        vitro_call_send_end(s->call, NULL);
    pair_settle(&s->p);
    event(s);
    if (s->call)
        vitro_call_credit(s->call, 10);
    pair_run(&s->p);
    if (s->call && !s->closed)
        vitro_call_cancel(s->call);
    pair_run(&s->p);
}

static void end_story(struct story *s)
{
    vitro_call_unref(s->call);
    vitro_channel_free(s->p.channel);
    vitro_server_free(s->p.server);
    pair_run(&s->p);
    cr_expect_eq(s->closed, 1, "deed %d at %zu: closed %u times", s->deed, s->when, s->closed);
    cr_expect_eq(s->server_begun, s->server_closed, "deed %d at %zu: %u calls, %u closed", s->deed,
                 s->when, s->server_begun, s->server_closed);
    vitro_loop_trim(s->p.client_loop);
    vitro_loop_trim(s->p.server_loop);
    cr_expect_eq(vitro_loop_memory(s->p.client_loop).bytes, 0, "deed %d at %zu", s->deed, s->when);
    cr_expect_eq(vitro_loop_memory(s->p.server_loop).bytes, 0, "deed %d at %zu", s->deed, s->when);
    vitro_loop_unref(s->p.client_loop);
    vitro_loop_unref(s->p.server_loop);
    vitro_sim_free(s->p.sim);
}

Test(call_life, whatever_is_done_at_whichever_event_a_call_closes_once_and_leaves_nothing,
     .timeout = 120)
{
    static const uint32_t windows[] = { 65535, 1000 };

    for (size_t w = 0; w < ARRAY_LEN(windows); w++) {
        for (int deed = 0; deed < DO_KINDS; deed++) {
            size_t events = 1;
            for (size_t when = 0; when < events; when++) {
                struct story s = { .deed = deed, .when = when };
                tell_story(&s, windows[w]);
                events = s.events;
                end_story(&s);
            }
        }
    }
}
