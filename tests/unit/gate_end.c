/* gate - the end of connections, loops and gates while something is held, and its memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/driver.h"
#include "support/gated.h"
#include "support/heap.h"
#include "support/peer.h"
#include "support/pump.h"

TestSuite(gate_end, .timeout = 60);

/* ---- ends ----------------------------------------------------------------------------------- */

Test(gate_end, what_is_held_of_a_connection_that_is_cut_is_dropped_and_said_so)
{
    struct gated *s = gated_new();
    struct walk w = { 0 };
    size_t held;

    gated_begin(s, true);
    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "x");
    pair_run(&s->p);
    vitro_gate_next(s->gate);
    pair_run(&s->p);
    held = vitro_gate_count(s->gate);
    cr_assert_gt(held, 2u);
    cr_assert(vitro_sim_cut(s->p.sim, 0));
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 0u);
    cr_assert(s->record[0].closed && s->record[0].code == VITRO_UNAVAILABLE);
    gated_end(s, &w);
    cr_assert_eq(gated_notes(&w, "dropped"), held);
    gated_check_units(&w, 0);
    walk_done(&w);
}

Test(gate_end, a_connection_closes_when_its_last_unit_is_let_go)
{
    struct gated *s = gated_new();
    struct walk w = { 0 };
    size_t connections = 1;

    gated_begin(s, true);
    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "x");
    gated_run_for(s, SECOND);
    gated_drop_calls(s);
    vitro_channel_free(s->p.channel);
    s->p.channel = NULL;
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 1u, "GOAWAY");
    vitro_server_load(s->p.server, &connections, NULL);
    cr_assert_eq(connections, 1u);
    vitro_gate_next(s->gate);
    pair_run(&s->p);
    vitro_server_load(s->p.server, &connections, NULL);
    cr_assert_eq(connections, 0u);
    gated_end(s, &w);
    cr_assert_eq(gated_notes(&w, "dropped"), 0u);
    gated_check_units(&w, 0);
    walk_done(&w);
}

/* GOAWAY is held when nobody runs the loops any more. */
Test(gate_end, a_loop_that_ends_lets_go)
{
    for (int gate_first = 0; gate_first < 2; gate_first++) {
        struct gated *s = gated_new();
        gated_begin(s, true);
        gated_call(s, &echo_unary, 0);
        gated_say(s, 0, "x");
        gated_run_for(s, SECOND);
        gated_drop_calls(s);
        vitro_channel_free(s->p.channel);
        vitro_server_free(s->p.server);
        if (gate_first)
            vitro_gate_free(s->gate);
        vitro_loop_unref(s->p.client_loop);
        vitro_loop_unref(s->p.server_loop);
        if (!gate_first)
            vitro_gate_free(s->gate);
        vitro_sim_free(s->p.sim);
        vitro_trace_unref(s->trace);
        gated_free(s);
    }
}

Test(gate_end, a_gate_that_is_freed_leaves_connections_that_go_on)
{
    struct gated *s = gated_new();

    gated_begin(s, true);
    gated_call(s, &echo_bidi, 0);
    cr_assert_eq(vitro_call_send(s->call[0], bytes_of("a"), 0, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    vitro_gate_free(s->gate);
    s->gate = NULL;
    pair_run(&s->p);
    cr_assert_eq(vitro_call_send(s->call[0], bytes_of("b"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    cr_assert_str_eq(s->record[0].text, "headers message(a) message(b) end closed OK");
    gated_end(s, NULL);
}

Test(gate_end, a_loop_has_one_gate_and_a_gate_one_world)
{
    struct gated *s = gated_new();
    vitro_gate_options newer = { sizeof newer, NULL, true };
    struct {
        vitro_gate_options known;
        int unknown;
    } options = { VITRO_GATE_OPTIONS_INIT, 1 };
    vitro_gate *other;
    vitro_loop *real;

    gated_begin(s, true);
    options.known.size = sizeof options;
    cr_assert_eq(vitro_gate_new(&other, &options.known, NULL), VITRO_INVALID_ARGUMENT);
    cr_assert_eq(vitro_gate_new(&other, &newer, NULL), VITRO_OK);
    cr_assert_eq(vitro_gate_attach(other, s->p.client_loop, NULL), VITRO_FAILED_PRECONDITION);
    cr_assert_eq(vitro_loop_new(&real, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_gate_attach(s->gate, real, NULL), VITRO_FAILED_PRECONDITION);
    cr_assert_eq(vitro_gate_attach(other, real, NULL), VITRO_OK);
    cr_assert_eq(vitro_gate_attach(other, real, NULL), VITRO_FAILED_PRECONDITION);
    vitro_gate_free(other);
    vitro_gate_free(NULL);
    vitro_loop_unref(real);
    gated_end(s, NULL);
}

/* ---- somebody who comes late ---------------------------------------------------------------- */

/* A viewer waits for a moment at which nothing is unsent: while much is held there is none. */
Test(gate_end, a_viewer_who_attaches_while_units_are_held_waits_and_spins_nothing)
{
    struct gated *s = gated_new();
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char folder[] = "/tmp/vitro-gate-XXXXXX", sink[128];
    uint8_t seen[4096];
    int fd;

    cr_assert(mkdtemp(folder) != NULL);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/trace", folder);
    snprintf(sink, sizeof sink, "listen:%s", at.sun_path);
    gated_trace(s);
    cr_assert_eq(vitro_trace_add(s->trace, sink, NULL, NULL), VITRO_OK);
    pair_make_server(&s->p);
    gated_gate(s);
    pair_start(&s->p);
    gated_call(s, &echo_bidi, 0);
    vitro_gate_go(s->gate);
    pair_run(&s->p);
    vitro_gate_hold(s->gate);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
        cr_assert_eq(vitro_call_send(s->call[0], bytes_of("a"), 0, NULL, NULL), VITRO_OK);
        pair_run(&s->p);
    }
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    gated_run_for(s, SECOND);
    cr_assert_eq(s->record[0].messages, 3u);
    cr_assert_gt(recv(fd, seen, sizeof seen, MSG_DONTWAIT), 0, "it has come to see something");
    vitro_gate_go(s->gate);
    gated_end(s, NULL);
    close(fd);
    unlink(at.sun_path);
    rmdir(folder);
}

/* ---- memory --------------------------------------------------------------------------------- */

Test(gate_end, a_connection_whose_bytes_are_held_is_asked_for_no_more)
{
    struct gated *s = gated_new();
    uint8_t *large = calloc(1, 4 << 20);
    size_t held = 0, before;
    vitro_gate_unit u;

    s->p.server_options.window_bytes = 64 << 20;
    s->p.server_options.max_recv_bytes = 8 << 20;
    gated_begin(s, true);
    gated_call(s, &echo_client_stream, 0);
    vitro_gate_go(s->gate);
    pair_run(&s->p);
    vitro_gate_hold(s->gate);
    before = vitro_loop_memory(s->p.client_loop).bytes;
    cr_assert_eq(
        vitro_call_send(s->call[0], (vitro_bytes){ large, 4 << 20 }, VITRO_SEND_LAST, NULL, NULL),
        VITRO_OK);
    pair_run(&s->p);
    for (size_t i = 0; vitro_gate_look(s->gate, i, &u); i++)
        held += u.length;
    cr_assert(held >= DRIVER_HIGH && held < DRIVER_HIGH + (1 << 20) + 70000, "%zu bytes are held",
              held);
    cr_assert_lt(vitro_loop_memory(s->p.client_loop).bytes, before + (4 << 20) + 600000);
    gated_run_for(s, SECOND);
    cr_assert_str_eq(s->record[0].text, "headers message(4194304) end closed OK");
    free(large);
    gated_end(s, NULL);
}

/* Nothing of the loops' memory stays, with and without a gate. */
Test(gate_end, nothing_is_left)
{
    struct heap heap = { 0 };
    vitro_gate *gate;
    struct pair p;
    struct record r = { 0 };
    vitro_call *call;

    heap_install(&heap);
    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_gate_new(&gate, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_gate_attach(gate, p.client_loop, NULL), VITRO_OK);
    cr_assert_eq(vitro_gate_attach(gate, p.server_loop, NULL), VITRO_OK);
    vitro_gate_hold(gate);
    pair_start(&p);
    call = pair_call(&p, &echo_unary, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_assert_gt(vitro_gate_count(gate), 0u);
    vitro_gate_go(gate);
    pair_run(&p);
    cr_assert_eq(r.code, VITRO_OK);
    vitro_call_unref(call);
    record_done(&r);
    vitro_channel_free(p.channel);
    vitro_server_free(p.server);
    pair_run(&p);
    vitro_loop_trim(p.client_loop);
    vitro_loop_trim(p.server_loop);
    cr_assert_eq(vitro_loop_memory(p.client_loop).bytes, 0u);
    cr_assert_eq(vitro_loop_memory(p.server_loop).bytes, 0u);
    vitro_gate_free(gate);
    vitro_loop_unref(p.client_loop);
    vitro_loop_unref(p.server_loop);
    vitro_sim_free(p.sim);
    heap_remove();
    cr_assert_eq(heap.live, 0u, "%zu blocks are left", heap.live);
}

static void mark_closed(vitro_call *call, const vitro_status *status, void *user)
{
    cr_assert(!*(bool *)user, "closed twice");
    *(bool *)user = true;
}

static const vitro_call_events marked = { .size = sizeof marked, .on_closed = mark_closed };

/* Memory runs out at the nth allocation: the connection may fail, but all ends, once. */
static size_t run_out(struct heap *h, size_t nth, bool once)
{
    struct gated *s = gated_new();
    size_t began, made;
    bool closed = false;

    gated_begin(s, true);
    began = h->calls;
    h->once = once;
    h->fail_at = nth ? began + nth : 0;
    if (vitro_call_start(&s->call[0], s->p.channel, &echo_bidi, NULL, &marked, &closed, NULL) ==
            VITRO_OK &&
        vitro_call_send(s->call[0], bytes_of("some bytes"), VITRO_SEND_LAST, NULL, NULL))
        vitro_call_cancel(s->call[0]);
    vitro_sim_run_for(s->p.sim, 0);
    while (vitro_gate_next(s->gate))
        vitro_sim_run_for(s->p.sim, SECOND);
    h->fail_at = 0;
    made = h->calls - began;
    gated_run_for(s, 2 * (int64_t)SECOND);
    cr_assert(!s->call[0] || closed, "allocation %zu: the call hangs", nth);
    if (s->call[0])
        vitro_call_unref(s->call[0]);
    s->calls = 1;
    s->call[0] = NULL;
    vitro_gate_go(s->gate);
    gated_end(s, NULL);
    cr_assert_eq(h->live, 0u, "allocation %zu: %zu blocks are left", nth, h->live);
    return made;
}

Test(gate_end, memory_may_run_out_anywhere)
{
    struct heap h = { 0 };
    size_t made;

    heap_install(&h);
    made = run_out(&h, 0, false);
    cr_assert_gt(made, 30u);
    for (size_t nth = 1; nth <= made; nth++) {
        run_out(&h, nth, true);
        run_out(&h, nth, false);
    }
    heap_remove();
}

/* ---- what is no HTTP/2, and layers below ---------------------------------------------------- */

/* A session may write anything, in pieces: all of it comes through, as parts of frames. */
Test(gate_end, bytes_of_any_session_come_through)
{
    struct chance c = seed_chance();
    static struct pump_world w;
    static struct pump p;

    for (size_t i = 0; i < 30; i++) {
        vitro_gate_options o = VITRO_GATE_OPTIONS_INIT;
        vitro_gate *gate;
        vitro_sim *sim;
        vitro_loop *loop;

        memset(&w, 0, sizeof w);
        memset(&p, 0, sizeof p);
        o.hold = true;
        cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_gate_new(&gate, &o, NULL), VITRO_OK);
        cr_assert_eq(vitro_gate_attach(gate, loop, NULL), VITRO_OK);
        w.server_layers = i % 3;
        pump_listen(&w, loop, loop, "sim:echo");
        pump_connect(&w, &p, seed_between(&c, 1, 60000), i % 3, i);
        vitro_sim_run(sim);
        while (!p.closes) {
            cr_assert(vitro_gate_next(gate), "it hangs " SEED_TEXT, seed_of_run(), i);
            if (seed_between(&c, 0, 9) == 0)
                vitro_gate_hold(gate);
            if (seed_between(&c, 0, 9) == 0) {
                vitro_gate_go(gate);
                vitro_gate_hold(gate);
            }
            vitro_sim_run(sim);
        }
        cr_assert_eq(p.received, p.to_send);
        vitro_gate_free(gate);
        pump_done(&w);
        vitro_loop_unref(loop);
        vitro_sim_free(sim);
    }
}

/* ---- patience ------------------------------------------------------------------------------- */

/* On real sockets the clock goes on while somebody reads: here nothing is held, and it goes on. */
Test(gate_end, where_somebody_steps_nobody_is_left_for_being_slow)
{
    for (int gated = 0; gated < 2; gated++) {
        struct gated *s = gated_new();
        struct peer slow;

        s->p.sim_options.latency_ns = 0; /* a scripted peer connects at once */
        gated_begin(s, gated);
        if (gated)
            vitro_gate_go(s->gate);
        peer_init(&slow, &s->p, s->p.client_loop);
        slow.manual_ack = true;
        peer_raw(&slow, "PRI * HTTP", 10);
        peer_connect(&slow);
        vitro_sim_run_for(s->p.sim, 19 * (int64_t)SECOND);
        cr_expect(!slow.closed);
        vitro_sim_run_for(s->p.sim, 41 * (int64_t)SECOND);
        cr_expect_eq(slow.closed, !gated);
        peer_done(&slow);
        gated_end(s, NULL);
    }
}

Test(gate_end, where_somebody_steps_a_silent_server_is_waited_for)
{
    for (int gated = 0; gated < 2; gated++) {
        struct gated *s = gated_new();
        struct peer silent;

        s->p.sim_options.latency_ns = 0; /* as above */
        gated_trace(s);
        pair_make_world(&s->p);
        if (gated) {
            gated_gate(s);
            vitro_gate_go(s->gate);
        }
        pair_make_channel(&s->p);
        peer_init(&silent, &s->p, s->p.server_loop);
        silent.manual_ack = true;
        peer_listen(&silent);
        gated_call(s, &echo_unary, 0);
        vitro_sim_run_for(s->p.sim, 19 * (int64_t)SECOND);
        cr_expect(!s->record[0].closed);
        vitro_sim_run_for(s->p.sim, 41 * (int64_t)SECOND);
        cr_expect_eq(s->record[0].closed, !gated, "%s", s->record[0].text);
        peer_done(&silent);
        gated_end(s, NULL);
    }
}
