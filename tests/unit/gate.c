/*
 * gate - what is held and let go: nothing but time may tell a run with a gate from one without.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/channel.h"
#include "frame/frame.h"
#include "support/gated.h"

TestSuite(gate, .timeout = 60);

/* While the gate holds, no packet carries what was not released before it. */
static void check_release_before_packet(const struct walk *w)
{
    uint16_t server = 0; /* its port: the first packet is the client's SYN */
    size_t released[2] = { 0, 0 }, sent[2] = { 0, 0 };
    size_t sizes[2][4096];
    size_t held[2] = { 0, 0 }, gone[2] = { 0, 0 };

    for (size_t i = 0; i < w->n; i++) {
        const struct walked *item = &w->item[i];
        const char *kind;
        int dir;
        if (item->type == WALKED_PACKET) {
            server = server ? server : item->to_port;
            dir = item->from_port == server;
            sent[dir] += item->len;
            cr_assert_leq(sent[dir], released[dir], "bytes are on the wire that nobody let go");
            continue;
        }
        if (item->type != WALKED_NOTE)
            continue;
        if (i && walk_note(w, i, "gate") == item) /* from here on all goes */
            return;
        dir = strcmp(walk_field(item, "VITRO_DIR"), "s2c") == 0;
        kind = walk_field(item, "VITRO_KIND");
        if (strcmp(kind, "held") == 0) {
            size_t n = 0;
            walk_raw(item, "VITRO_BYTES", &n);
            cr_assert_lt(held[dir], 4096u);
            sizes[dir][held[dir]++] = n;
        } else if (strcmp(walk_field(item, "VITRO_KIND"), "released") == 0) {
            released[dir] += sizes[dir][gone[dir]++];
        }
    }
}

static void compare_bytes(const uint8_t *a, size_t n, const uint8_t *b, size_t m, const char *what,
                          size_t number)
{
    size_t i = 0;

    while (i < MIN(n, m) && a[i] == b[i])
        i++;
    cr_assert(i == n && i == m, "%s: %zu and %zu bytes, different from %zu on " SEED_TEXT, what, n,
              m, i, seed_of_run(), number);
}

/* ---- the same bytes ------------------------------------------------------------------------- */

struct outcome {
    struct walk w;
    char text[GATED_CALLS][4096];
    int64_t end;
};

static void run_case(struct outcome *out, uint64_t seed, size_t number, bool gated)
{
    struct gated *s = gated_new();
    struct chance c;

    vitro_chance_seed(&c, seed);
    s->p.sim_options.seed = number;
    s->p.sim_options.latency_ns = (int64_t)seed_between(&c, 1, 20000000);
    s->p.sim_options.in_flight_max = 1 << 28;
    if (seed_between(&c, 0, 1))
        s->p.server_options.window_bytes = s->p.server_options.max_window_bytes = 3000;
    gated_begin(s, gated);
    gated_play(s, &c, seed_between(&c, 0, 2) == 0);
    for (size_t i = 0; i < s->calls; i++)
        memcpy(out->text[i], s->record[i].text, sizeof out->text[i]);
    out->end = vitro_sim_now(s->p.sim);
    vitro_gate_free(s->gate); /* both runs end alike */
    s->gate = NULL;
    gated_end(s, &out->w);
}

static void compare(const struct outcome *a, const struct outcome *b, size_t number)
{
    static const uint16_t ports[2][2] = { { 49152, 50051 }, { 50051, 49152 } };

    for (size_t i = 0; i < GATED_CALLS; i++)
        cr_assert_str_eq(a->text[i], b->text[i], "call %zu: %s, but %s " SEED_TEXT, i, a->text[i],
                         b->text[i], seed_of_run(), number);
    cr_assert_eq(a->end, b->end);
    for (int dir = 0; dir < 2; dir++) {
        size_t n = 0, m = 0, h = 0;
        uint8_t *x = walk_payload(&a->w, ports[dir][0], ports[dir][1], &n);
        uint8_t *y = walk_payload(&b->w, ports[dir][0], ports[dir][1], &m);
        uint8_t *z = gated_held_bytes(&b->w, dir ? "s2c" : "c2s", &h);
        compare_bytes(x, n, y, m, "with a gate", number);
        cr_assert_leq(h, m); /* what came when it was gone passed */
        compare_bytes(y, h, z, h, "as held", number);
        free(x);
        free(y);
        free(z);
    }
}

Test(gate, a_stepped_run_carries_the_bytes_of_one_that_is_not)
{
    struct chance c = seed_chance();
    static struct outcome plain, gated;

    for (size_t i = 0; i < 60; i++) {
        uint64_t seed = vitro_chance_next(&c);
        memset(&plain, 0, sizeof plain);
        memset(&gated, 0, sizeof gated);
        run_case(&plain, seed, i, false);
        run_case(&gated, seed, i, true);
        compare(&plain, &gated, i);
        gated_check_units(&gated.w, i);
        cr_assert_null(walk_note(&plain.w, 0, "held"));
        walk_done(&plain.w);
        walk_done(&gated.w);
    }
}

/* Links that take and give a few bytes at a time: all arrives, though not in the same packets. */
Test(gate, each_unit_is_held_once_whatever_the_link_does)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 40; i++) {
        struct gated *s = gated_new();
        struct walk w = { 0 };
        s->p.sim_options.seed = i;
        s->p.sim_options.read_max = (uint32_t)seed_between(&c, 0, 1) * 50;
        s->p.sim_options.write_max = (uint32_t)seed_between(&c, 0, 1) * 50;
        s->p.sim_options.in_flight_max = (uint32_t)seed_between(&c, 100, 5000);
        s->p.sim_options.latency_ns = (int64_t)seed_between(&c, 0, 1) * 1000000;
        gated_begin(s, true);
        gated_play(s, &c, false);
        gated_end(s, &w);
        gated_check_units(&w, i);
        walk_done(&w);
    }
}

/* ---- one call, frame by frame --------------------------------------------------------------- */

Test(gate, one_call_is_stepped_through_in_the_order_it_was_made)
{
    struct gated *s = gated_new();
    struct walk w = { 0 };
    vitro_gate_unit u;
    char seen[1024] = "";
    size_t steps = 0;

    gated_begin(s, true);
    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "hello");
    pair_run(&s->p);
    for (; vitro_gate_look(s->gate, 0, &u); steps++) {
        const char *name = u.kind == VITRO_GATE_PREFACE ? "preface" : vitro_frame_type_name(u.type);
        cr_assert_eq(u.number, steps + 1);
        cr_assert(u.conn == 0 && u.kind != VITRO_GATE_PART);
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%c%s%s ",
                 u.from_server ? '<' : '>', name, u.flags & 1 ? "+" : "");
        cr_assert(vitro_gate_next(s->gate));
        pair_run(&s->p);
    }
    cr_assert_str_eq(seen, "<SETTINGS >preface >SETTINGS >SETTINGS+ >HEADERS >DATA+ <SETTINGS+ "
                           "<HEADERS <DATA <HEADERS+ ");
    cr_assert_str_eq(s->record[0].text, "headers message(hello) end closed OK");
    cr_assert(!vitro_gate_look(s->gate, 0, &u) && vitro_gate_is_holding(s->gate));
    vitro_gate_go(s->gate);
    gated_end(s, &w);
    gated_check_units(&w, 0);
    check_release_before_packet(&w);
    walk_done(&w);
}

Test(gate, go_lets_all_pass_and_hold_holds_again)
{
    struct gated *s = gated_new();

    gated_begin(s, true);
    gated_call(s, &echo_bidi, 0);
    pair_run(&s->p);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    vitro_gate_go(s->gate);
    cr_assert(vitro_gate_count(s->gate) == 0 && !vitro_gate_is_holding(s->gate));
    cr_assert_eq(vitro_call_send(s->call[0], bytes_of("a"), 0, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    cr_assert_str_eq(s->record[0].text, "headers message(a) ");
    vitro_gate_hold(s->gate);
    cr_assert_eq(vitro_call_send(s->call[0], bytes_of("b"), 0, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 1u);
    cr_assert_str_eq(s->record[0].text, "headers message(a) ");
    cr_assert(vitro_gate_next(s->gate));
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 1u, "the answer is held");
    vitro_gate_go(s->gate);
    pair_run(&s->p);
    cr_assert_str_eq(s->record[0].text, "headers message(a) message(b) ");
    gated_end(s, NULL);
}

Test(gate, a_step_with_nothing_to_hold_lets_the_next_unit_pass)
{
    struct gated *s = gated_new();

    gated_begin(s, true);
    cr_assert_not(vitro_gate_next(s->gate));
    cr_assert_not(vitro_gate_next(s->gate));
    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "x");
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 4u, "the server's SETTINGS and the preface went by");
    vitro_gate_go(s->gate);
    cr_assert_not(vitro_gate_next(s->gate), "nothing is held: there is nothing to step");
    vitro_gate_hold(s->gate);
    gated_call(s, &echo_unary, 0);
    pair_run(&s->p);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    gated_end(s, NULL);
}

Test(gate, units_of_several_connections_are_one_queue)
{
    struct gated *s = gated_new();
    vitro_channel *other;
    vitro_call *call;
    struct record record = { 0 };
    vitro_gate_unit u;
    uint32_t last = 0, conns = 0;

    gated_begin(s, true);
    cr_assert_eq(
        vitro_channel_new(&other, s->p.client_loop, s->p.target, &s->p.channel_options, NULL),
        VITRO_OK);
    cr_assert_eq(vitro_call_start(&call, other, &echo_unary, NULL, &record_events, &record, NULL),
                 VITRO_OK);
    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "x");
    cr_assert_eq(vitro_call_send(call, bytes_of("y"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    while (vitro_gate_look(s->gate, 0, &u)) {
        cr_assert_gt(u.number, last);
        last = u.number;
        conns |= 1U << u.conn;
        cr_assert(vitro_gate_next(s->gate));
        pair_run(&s->p);
    }
    cr_assert_eq(conns, 3u);
    cr_assert(record.code == VITRO_OK && s->record[0].code == VITRO_OK && record.closed);
    vitro_call_unref(call);
    record_done(&record);
    vitro_gate_go(s->gate);
    vitro_channel_free(other);
    gated_end(s, NULL);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void never_answer(vitro_call *call, const vitro_message *m, void *user)
{
}

static const vitro_method silent = { "/test.Echo/Silent", VITRO_UNARY, NULL };
static const vitro_call_events silent_events = { .size = sizeof silent_events,
                                                 .on_message = never_answer };

Test(gate, a_deadline_waits_while_a_unit_is_held)
{
    struct gated *s = gated_new();

    gated_trace(s);
    pair_make_server(&s->p);
    gated_gate(s);
    cr_assert_eq(vitro_server_add(s->p.server, &silent, NULL, &silent_events, NULL, NULL),
                 VITRO_OK);
    pair_start(&s->p);
    gated_call(s, &silent, SECOND);
    gated_say(s, 0, "x");
    pair_run(&s->p);
    while (vitro_gate_count(s->gate)) {
        int64_t now = vitro_sim_now(s->p.sim);
        vitro_sim_run_for(s->p.sim, 100 * (int64_t)SECOND);
        cr_assert_eq(vitro_sim_now(s->p.sim), now);
        cr_assert(!s->record[0].closed, "the deadline passed at a gate");
        vitro_gate_next(s->gate);
        vitro_sim_run_for(s->p.sim, 100000000);
    }
    cr_assert(!s->record[0].closed);
    pair_run(&s->p);
    cr_assert(s->record[0].closed && s->record[0].code == VITRO_DEADLINE_EXCEEDED);
    cr_assert_gt(vitro_gate_count(s->gate), 0u, "RST_STREAM is held");
    vitro_gate_go(s->gate);
    gated_end(s, NULL);
}

static bool never(void *user)
{
    return false;
}

Test(gate, waiting_for_what_is_held_is_an_error_and_no_hang)
{
    struct gated *s = gated_new();

    gated_begin(s, true);
    gated_call(s, &echo_unary, 0);
    cr_assert_eq(vitro_loop_run_until(s->p.client_loop, never, NULL, INT64_MAX, NULL),
                 VITRO_ABORTED);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    gated_end(s, NULL);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static struct gated *real_begin(struct gated *s)
{
    struct pair *p = &s->p;

    gated_trace(s);
    cr_assert_eq(vitro_loop_new(&p->client_loop, NULL, NULL), VITRO_OK);
    p->server_loop = p->client_loop;
    snprintf(p->target, sizeof p->target, "ipv4:127.0.0.1:0");
    p->server = pair_another_server(p);
    gated_gate(s);
    pair_start(p);
    return s;
}

static struct gated *real_stage(void)
{
    return real_begin(gated_new());
}

static void real_end(struct gated *s, struct walk *w)
{
    gated_drop_calls(s);
    vitro_gate_go(s->gate);
    vitro_channel_free(s->p.channel);
    vitro_server_free(s->p.server);
    vitro_gate_free(s->gate);
    vitro_loop_unref(s->p.client_loop);
    vitro_trace_unref(s->trace);
    walk_fd(w, s->fd);
    cr_assert_str_eq(w->why, "");
    gated_free(s);
}

static bool is_closed_or_held(void *user)
{
    struct gated *s = user;

    return s->record[0].closed || vitro_gate_count(s->gate);
}

Test(gate, a_call_over_sockets_is_stepped_through)
{
    struct gated *s = real_stage();
    struct walk w = { 0 };
    int64_t limit = vitro_loop_now(s->p.client_loop) + 20 * (int64_t)SECOND;

    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "hello");
    while (!s->record[0].closed) {
        cr_assert_eq(vitro_loop_run_until(s->p.client_loop, is_closed_or_held, s, limit, NULL),
                     VITRO_OK);
        vitro_gate_next(s->gate);
    }
    cr_assert_str_eq(s->record[0].text, "headers message(hello) end closed OK");
    real_end(s, &w);
    gated_check_units(&w, 0);
    check_release_before_packet(&w);
    walk_done(&w);
}

static void release_one(void *user)
{
    cr_assert(vitro_gate_next(user));
}

/* Not the peer holds it up: it is not cut short after a second. */
Test(gate, over_sockets_a_held_farewell_is_waited_for)
{
    struct gated *s = real_stage();
    struct walk w = { 0 };
    vitro_alarm *alarm;

    vitro_gate_go(s->gate);
    gated_call(s, &echo_unary, 0);
    gated_say(s, 0, "bye");
    cr_assert_eq(vitro_loop_run_until(s->p.client_loop, is_closed_or_held, s, INT64_MAX, NULL),
                 VITRO_OK);
    vitro_gate_hold(s->gate);
    cr_assert_eq(vitro_alarm_new(&alarm, s->p.client_loop, release_one, s->gate, NULL), VITRO_OK);
    vitro_alarm_set(alarm, vitro_loop_now(s->p.client_loop) + 5 * (int64_t)SECOND / 4);
    vitro_channel_free(s->p.channel);
    s->p.channel = NULL;
    vitro_alarm_free(alarm);
    real_end(s, &w);
    cr_assert_eq(gated_notes(&w, "held"), 1u);
    cr_assert_eq(gated_notes(&w, "dropped"), 0u);
    walk_done(&w);
}

static bool is_closed(void *user)
{
    return ((const struct record *)user)->closed;
}

Test(gate, over_sockets_time_runs_on)
{
    struct gated *s = real_stage();
    struct walk w = { 0 };

    gated_call(s, &echo_unary, SECOND / 20);
    gated_say(s, 0, "late");
    cr_assert_eq(vitro_loop_run_until(s->p.client_loop, is_closed, &s->record[0], INT64_MAX, NULL),
                 VITRO_OK);
    cr_assert_eq(s->record[0].code, VITRO_DEADLINE_EXCEEDED);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    real_end(s, &w);
    gated_check_units(&w, 0);
    walk_done(&w);
}

/* Let go of the next unit, until the answer to a PING is the one that is held. */
static void until_answer_is_held(struct gated *s, bool of_server)
{
    enum { PING = 6, ACK = 1 };
    vitro_gate_unit u = { .type = 0 };

    for (;;) {
        cr_assert_eq(vitro_loop_run_until(s->p.client_loop, is_closed_or_held, s, INT64_MAX, NULL),
                     VITRO_OK);
        cr_assert(vitro_gate_look(s->gate, 0, &u));
        if (u.type == PING && (u.flags & ACK) && u.from_server == of_server)
            return;
        vitro_gate_next(s->gate);
    }
}

/* Neither side gives the other one up for what the gate holds. */
Test(gate, over_sockets_keepalive_waits_for_an_answer_that_is_held)
{
    for (int of_server = 0; of_server < 2; of_server++) {
        struct gated *s = gated_new();
        struct walk w = { 0 };

        s->p.server_options.keepalive_time_ms = of_server ? 0 : 10;
        s->p.server_options.keepalive_timeout_ms = 10;
        s->p.channel_options.keepalive_timeout_ms = 10;
        real_begin(s);
        if (of_server)
            s->p.channel->keepalive_ns = SECOND / 100; /* less than its options allow */
        gated_call(s, &echo_bidi, 0);
        until_answer_is_held(s, of_server);
        vitro_loop_run_until(s->p.client_loop, is_closed, &s->record[0],
                             vitro_loop_now(s->p.client_loop) + SECOND / 10, NULL);
        cr_expect_not(s->record[0].closed, "%s", s->record[0].text);
        gated_say(s, 0, "");
        vitro_gate_go(s->gate);
        cr_assert_eq(
            vitro_loop_run_until(s->p.client_loop, is_closed, &s->record[0], INT64_MAX, NULL),
            VITRO_OK);
        cr_expect_eq(s->record[0].code, VITRO_OK, "%s", s->record[0].text);
        real_end(s, &w);
        walk_done(&w);
    }
}
