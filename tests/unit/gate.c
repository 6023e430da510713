/*
 * gate - what is held, let go, and lost on the way: nothing but time may tell a run with a gate
 * from one without.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "frame/frame.h"
#include "io/driver.h"
#include "support/heap.h"
#include "support/pair.h"
#include "support/pump.h"
#include "support/seed.h"
#include "support/walk.h"
#include "vitro/lab/gate.h"
#include "vitro/trace.h"

#define SECOND 1000000000

enum { CALLS = 6, UNITS_MAX = 200000 };

/* ---- a world with a gate, or without -------------------------------------------------------- */

struct stage {
    struct pair p;
    vitro_gate *gate; /* NULL: none */
    vitro_trace *trace;
    int fd;
    struct record record[CALLS];
    vitro_call *call[CALLS];
    size_t calls;
};

static void stage_trace(struct stage *s)
{
    char sink[32];

    s->fd = memfd_create("gate", MFD_CLOEXEC);
    cr_assert_geq(s->fd, 0);
    snprintf(sink, sizeof sink, "fd:%d", s->fd);
    cr_assert_eq(vitro_trace_open(&s->trace, sink, NULL, NULL), VITRO_OK);
    s->p.channel_options.trace = s->p.server_options.trace = s->trace;
}

static void stage_gate(struct stage *s)
{
    vitro_gate_options o = VITRO_GATE_OPTIONS_INIT;

    o.hold = true;
    o.trace = s->trace;
    cr_assert_eq(vitro_gate_new(&s->gate, &o, NULL), VITRO_OK);
    cr_assert_eq(vitro_gate_attach(s->gate, s->p.server_loop, NULL), VITRO_OK);
    if (s->p.client_loop != s->p.server_loop)
        cr_assert_eq(vitro_gate_attach(s->gate, s->p.client_loop, NULL), VITRO_OK);
}

/* The options of s->p are set by then. */
static void stage_begin(struct stage *s, bool gated)
{
    stage_trace(s);
    pair_make_server(&s->p);
    if (gated)
        stage_gate(s);
    pair_start(&s->p);
}

static struct stage *stage_new(void)
{
    struct stage *s = calloc(1, sizeof *s);

    pair_init(&s->p);
    s->p.sim_options.latency_ns = 1000000;
    return s;
}

static void begin_call(struct stage *s, const vitro_method *method, int64_t timeout_ns)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.timeout_ns = timeout_ns;
    s->call[s->calls] = pair_call(&s->p, method, &o, &s->record[s->calls]);
    s->calls++;
}

static void say(struct stage *s, size_t i, const char *text)
{
    cr_assert_eq(vitro_call_send(s->call[i], bytes_of(text), VITRO_SEND_LAST, NULL, NULL),
                 VITRO_OK);
}

static void end_calls(struct stage *s)
{
    for (size_t i = 0; i < s->calls; i++) {
        vitro_call_unref(s->call[i]);
        s->call[i] = NULL;
    }
}

/* Records are written to until the loops are gone. */
static void stage_free(struct stage *s)
{
    for (size_t i = 0; i < s->calls; i++)
        record_done(&s->record[i]);
    close(s->fd);
    free(s);
}

/* The file that the trace has become is read back. */
static void stage_end(struct stage *s, struct walk *w)
{
    end_calls(s);
    vitro_channel_free(s->p.channel);
    vitro_server_free(s->p.server);
    pair_run(&s->p);
    vitro_gate_free(s->gate);
    vitro_loop_unref(s->p.client_loop);
    vitro_loop_unref(s->p.server_loop);
    vitro_sim_free(s->p.sim);
    vitro_trace_unref(s->trace);
    if (w) {
        walk_fd(w, s->fd);
        cr_assert_str_eq(w->why, "");
    }
    stage_free(s);
}

/* Let everything go, one unit after the other, and come to rest between them. */
static void step_all(struct stage *s)
{
    while (s->gate && vitro_gate_count(s->gate)) {
        int64_t now = vitro_sim_now(s->p.sim);
        vitro_sim_run_for(s->p.sim, SECOND);
        cr_assert_eq(vitro_sim_now(s->p.sim), now, "time passes while units are held");
        cr_assert(vitro_gate_next(s->gate));
        vitro_sim_run_for(s->p.sim, 0);
    }
}

static void run_for(struct stage *s, int64_t ns)
{
    int64_t limit = vitro_sim_now(s->p.sim) + ns;

    do {
        step_all(s);
        vitro_sim_run_for(s->p.sim, limit - vitro_sim_now(s->p.sim));
    } while (s->gate && (vitro_gate_count(s->gate) || vitro_sim_now(s->p.sim) < limit));
}

/* ---- what the file says --------------------------------------------------------------------- */

/* One direction: its bytes from the packets, and from the notes of what was held. */
static uint8_t *held_bytes(const struct walk *w, const char *dir, size_t *len)
{
    uint8_t *all = malloc(1);
    const struct walked *note;

    *len = 0;
    for (size_t i = 0; (note = walk_note(w, i, "held")) != NULL; i = (size_t)(note - w->item) + 1) {
        size_t n;
        const uint8_t *bytes = walk_raw(note, "VITRO_BYTES", &n);
        if (strcmp(walk_field(note, "VITRO_DIR"), dir) != 0)
            continue;
        cr_assert_eq(strtoull(walk_field(note, "VITRO_OFFSET"), NULL, 10), *len);
        all = realloc(all, *len + n + 1);
        memcpy(all + *len, bytes, n);
        *len += n;
    }
    return all;
}

/* Each unit is held once, in order, and then released or dropped, once. */
static void check_units(const struct walk *w, size_t number)
{
    static uint8_t fate[UNITS_MAX];
    unsigned long next = 1, held = 0;

    memset(fate, 0, sizeof fate);
    for (size_t i = 0; i < w->n; i++) {
        const struct walked *item = &w->item[i];
        const char *kind = item->type == WALKED_NOTE ? walk_field(item, "VITRO_KIND") : "";
        bool is_held = strcmp(kind, "held") == 0;
        unsigned long unit;
        if (!is_held && strcmp(kind, "released") != 0 && strcmp(kind, "dropped") != 0)
            continue;
        unit = strtoul(walk_field(item, "VITRO_UNIT"), NULL, 10);
        cr_assert_lt(unit, (unsigned long)UNITS_MAX);
        cr_assert_eq(fate[unit], is_held ? 0 : 1, "unit %lu " SEED_TEXT, unit, seed_of_run(),
                     number);
        fate[unit]++;
        held += is_held;
        cr_assert(!is_held || unit == next++);
    }
    for (unsigned long u = 1; u <= held; u++)
        cr_assert_eq(fate[u], 2, "unit %lu stays " SEED_TEXT, u, seed_of_run(), number);
}

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
    char text[CALLS][4096];
    int64_t end;
};

/* A program of calls that follows from the chance alone. */
static void play(struct stage *s, struct chance *c, bool large)
{
    static const vitro_method *const methods[] = { &echo_unary, &echo_bidi, &echo_client_stream,
                                                   &echo_server_stream };
    static uint8_t bytes[30000];
    bool ended[CALLS] = { false };
    const vitro_method *kind[CALLS] = { NULL };

    for (int round = 0; round < 14; round++) {
        for (size_t acts = seed_between(c, 1, 4); acts > 0; acts--) {
            size_t deed = seed_between(c, 0, 9), k = seed_between(c, 0, 3);
            size_t i = s->calls ? seed_between(c, 0, s->calls - 1) : 0;
            size_t n = seed_between(c, 0, large && k ? sizeof bytes : 12);
            if (!s->calls || (deed < 3 && s->calls < CALLS)) {
                kind[s->calls] = methods[k];
                begin_call(s, methods[k],
                           deed == 0 ? (int64_t)seed_between(c, 1, 300) * 1000000 : 0);
            } else if (deed < 8 && !ended[i]) {
                bool once = kind[i] == &echo_unary || kind[i] == &echo_server_stream;
                (void)!vitro_call_send(s->call[i], (vitro_bytes){ bytes, once ? n % 12 : n },
                                       once ? VITRO_SEND_LAST : 0, NULL, NULL);
                ended[i] = once;
            } else if (deed == 8) {
                (void)!vitro_call_send_end(s->call[i], NULL);
                ended[i] = true;
            } else if (deed == 9 && seed_between(c, 0, 3) == 0) {
                vitro_call_cancel(s->call[i]);
            }
        }
        run_for(s, (int64_t)seed_between(c, 0, 40) * 1000000);
    }
    run_for(s, SECOND);
}

static void run_case(struct outcome *out, uint64_t seed, size_t number, bool gated)
{
    struct stage *s = stage_new();
    struct chance c;

    vitro_chance_seed(&c, seed);
    s->p.sim_options.seed = number;
    s->p.sim_options.latency_ns = (int64_t)seed_between(&c, 1, 20000000);
    s->p.sim_options.in_flight_max = 1 << 28;
    if (seed_between(&c, 0, 1))
        s->p.server_options.window_bytes = s->p.server_options.max_window_bytes = 3000;
    stage_begin(s, gated);
    play(s, &c, seed_between(&c, 0, 2) == 0);
    for (size_t i = 0; i < s->calls; i++)
        memcpy(out->text[i], s->record[i].text, sizeof out->text[i]);
    out->end = vitro_sim_now(s->p.sim);
    vitro_gate_free(s->gate); /* both runs end alike */
    s->gate = NULL;
    stage_end(s, &out->w);
}

static void compare(const struct outcome *a, const struct outcome *b, size_t number)
{
    static const uint16_t ports[2][2] = { { 49152, 50051 }, { 50051, 49152 } };

    for (size_t i = 0; i < CALLS; i++)
        cr_assert_str_eq(a->text[i], b->text[i], "call %zu: %s, but %s " SEED_TEXT, i, a->text[i],
                         b->text[i], seed_of_run(), number);
    cr_assert_eq(a->end, b->end);
    for (int dir = 0; dir < 2; dir++) {
        size_t n = 0, m = 0, h = 0;
        uint8_t *x = walk_payload(&a->w, ports[dir][0], ports[dir][1], &n);
        uint8_t *y = walk_payload(&b->w, ports[dir][0], ports[dir][1], &m);
        uint8_t *z = held_bytes(&b->w, dir ? "s2c" : "c2s", &h);
        compare_bytes(x, n, y, m, "with a gate", number);
        cr_assert_leq(h, m); /* what came when it was gone passed */
        compare_bytes(y, h, z, h, "as held", number);
        free(x);
        free(y);
        free(z);
    }
}

Test(gate, a_stepped_run_carries_the_bytes_of_one_that_is_not, .timeout = 30)
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
        check_units(&gated.w, i);
        cr_assert_null(walk_note(&plain.w, 0, "held"));
        walk_done(&plain.w);
        walk_done(&gated.w);
    }
}

/* Links that take and give a few bytes at a time: all arrives, though not in the same packets. */
Test(gate, each_unit_is_held_once_whatever_the_link_does, .timeout = 30)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 40; i++) {
        struct stage *s = stage_new();
        struct walk w = { 0 };
        s->p.sim_options.seed = i;
        s->p.sim_options.read_max = (uint32_t)seed_between(&c, 0, 1) * 50;
        s->p.sim_options.write_max = (uint32_t)seed_between(&c, 0, 1) * 50;
        s->p.sim_options.in_flight_max = (uint32_t)seed_between(&c, 100, 5000);
        s->p.sim_options.latency_ns = (int64_t)seed_between(&c, 0, 1) * 1000000;
        stage_begin(s, true);
        play(s, &c, false);
        stage_end(s, &w);
        check_units(&w, i);
        walk_done(&w);
    }
}

/* ---- one call, frame by frame --------------------------------------------------------------- */

Test(gate, one_call_is_stepped_through_in_the_order_it_was_made, .timeout = 30)
{
    struct stage *s = stage_new();
    struct walk w = { 0 };
    vitro_gate_unit u;
    char seen[1024] = "";
    size_t steps = 0;

    stage_begin(s, true);
    begin_call(s, &echo_unary, 0);
    say(s, 0, "hello");
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
    stage_end(s, &w);
    check_units(&w, 0);
    check_release_before_packet(&w);
    walk_done(&w);
}

Test(gate, go_lets_all_pass_and_hold_holds_again, .timeout = 30)
{
    struct stage *s = stage_new();

    stage_begin(s, true);
    begin_call(s, &echo_bidi, 0);
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
    stage_end(s, NULL);
}

Test(gate, a_step_with_nothing_to_hold_lets_the_next_unit_pass, .timeout = 30)
{
    struct stage *s = stage_new();

    stage_begin(s, true);
    cr_assert_not(vitro_gate_next(s->gate));
    cr_assert_not(vitro_gate_next(s->gate));
    begin_call(s, &echo_unary, 0);
    say(s, 0, "x");
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 4u, "the server's SETTINGS and the preface went by");
    vitro_gate_go(s->gate);
    cr_assert_not(vitro_gate_next(s->gate), "nothing is held: there is nothing to step");
    vitro_gate_hold(s->gate);
    begin_call(s, &echo_unary, 0);
    pair_run(&s->p);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    stage_end(s, NULL);
}

Test(gate, units_of_several_connections_are_one_queue, .timeout = 30)
{
    struct stage *s = stage_new();
    vitro_channel *other;
    vitro_call *call;
    struct record record = { 0 };
    vitro_gate_unit u;
    uint32_t last = 0, conns = 0;

    stage_begin(s, true);
    cr_assert_eq(
        vitro_channel_new(&other, s->p.client_loop, s->p.target, &s->p.channel_options, NULL),
        VITRO_OK);
    cr_assert_eq(vitro_call_start(&call, other, &echo_unary, NULL, &record_events, &record, NULL),
                 VITRO_OK);
    begin_call(s, &echo_unary, 0);
    say(s, 0, "x");
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
    stage_end(s, NULL);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void never_answer(vitro_call *call, const vitro_message *m, void *user)
{
}

static const vitro_method silent = { "/test.Echo/Silent", VITRO_UNARY, NULL };
static const vitro_call_events silent_events = { .size = sizeof silent_events,
                                                 .on_message = never_answer };

Test(gate, a_deadline_waits_while_a_unit_is_held, .timeout = 30)
{
    struct stage *s = stage_new();

    stage_trace(s);
    pair_make_server(&s->p);
    stage_gate(s);
    cr_assert_eq(vitro_server_add(s->p.server, &silent, NULL, &silent_events, NULL, NULL),
                 VITRO_OK);
    pair_start(&s->p);
    begin_call(s, &silent, SECOND);
    say(s, 0, "x");
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
    stage_end(s, NULL);
}

static bool never(void *user)
{
    return false;
}

Test(gate, waiting_for_what_is_held_is_an_error_and_no_hang, .timeout = 30)
{
    struct stage *s = stage_new();

    stage_begin(s, true);
    begin_call(s, &echo_unary, 0);
    cr_assert_eq(vitro_loop_run_until(s->p.client_loop, never, NULL, INT64_MAX, NULL),
                 VITRO_ABORTED);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    stage_end(s, NULL);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static struct stage *real_stage(void)
{
    struct stage *s = stage_new();
    struct pair *p = &s->p;

    stage_trace(s);
    cr_assert_eq(vitro_loop_new(&p->client_loop, NULL, NULL), VITRO_OK);
    p->server_loop = p->client_loop;
    snprintf(p->target, sizeof p->target, "ipv4:127.0.0.1:0");
    p->server = pair_another_server(p);
    stage_gate(s);
    pair_start(p);
    return s;
}

static void real_end(struct stage *s, struct walk *w)
{
    end_calls(s);
    vitro_gate_go(s->gate);
    vitro_channel_free(s->p.channel);
    vitro_server_free(s->p.server);
    vitro_gate_free(s->gate);
    vitro_loop_unref(s->p.client_loop);
    vitro_trace_unref(s->trace);
    walk_fd(w, s->fd);
    cr_assert_str_eq(w->why, "");
    stage_free(s);
}

static bool is_closed_or_held(void *user)
{
    struct stage *s = user;

    return s->record[0].closed || vitro_gate_count(s->gate);
}

Test(gate, a_call_over_sockets_is_stepped_through, .timeout = 30)
{
    struct stage *s = real_stage();
    struct walk w = { 0 };
    int64_t limit = vitro_loop_now(s->p.client_loop) + 20 * (int64_t)SECOND;

    begin_call(s, &echo_unary, 0);
    say(s, 0, "hello");
    while (!s->record[0].closed) {
        cr_assert_eq(vitro_loop_run_until(s->p.client_loop, is_closed_or_held, s, limit, NULL),
                     VITRO_OK);
        vitro_gate_next(s->gate);
    }
    cr_assert_str_eq(s->record[0].text, "headers message(hello) end closed OK");
    real_end(s, &w);
    check_units(&w, 0);
    check_release_before_packet(&w);
    walk_done(&w);
}

static bool is_closed(void *user)
{
    return ((const struct record *)user)->closed;
}

Test(gate, over_sockets_time_runs_on, .timeout = 30)
{
    struct stage *s = real_stage();
    struct walk w = { 0 };

    begin_call(s, &echo_unary, SECOND / 20);
    say(s, 0, "late");
    cr_assert_eq(vitro_loop_run_until(s->p.client_loop, is_closed, &s->record[0], INT64_MAX, NULL),
                 VITRO_OK);
    cr_assert_eq(s->record[0].code, VITRO_DEADLINE_EXCEEDED);
    cr_assert_gt(vitro_gate_count(s->gate), 0u);
    real_end(s, &w);
    check_units(&w, 0);
    walk_done(&w);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static size_t notes_of(const struct walk *w, const char *kind)
{
    const struct walked *note;
    size_t n = 0;

    for (size_t i = 0; (note = walk_note(w, i, kind)) != NULL; i = (size_t)(note - w->item) + 1)
        n++;
    return n;
}

Test(gate, what_is_held_of_a_connection_that_is_cut_is_dropped_and_said_so, .timeout = 30)
{
    struct stage *s = stage_new();
    struct walk w = { 0 };
    size_t held;

    stage_begin(s, true);
    begin_call(s, &echo_unary, 0);
    say(s, 0, "x");
    pair_run(&s->p);
    vitro_gate_next(s->gate);
    pair_run(&s->p);
    held = vitro_gate_count(s->gate);
    cr_assert_gt(held, 2u);
    cr_assert(vitro_sim_cut(s->p.sim, 0));
    pair_run(&s->p);
    cr_assert_eq(vitro_gate_count(s->gate), 0u);
    cr_assert(s->record[0].closed && s->record[0].code == VITRO_UNAVAILABLE);
    stage_end(s, &w);
    cr_assert_eq(notes_of(&w, "dropped"), held);
    check_units(&w, 0);
    walk_done(&w);
}

Test(gate, a_connection_closes_when_its_last_unit_is_let_go, .timeout = 30)
{
    struct stage *s = stage_new();
    struct walk w = { 0 };
    size_t connections = 1;

    stage_begin(s, true);
    begin_call(s, &echo_unary, 0);
    say(s, 0, "x");
    run_for(s, SECOND);
    end_calls(s);
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
    stage_end(s, &w);
    cr_assert_eq(notes_of(&w, "dropped"), 0u);
    check_units(&w, 0);
    walk_done(&w);
}

/* GOAWAY is held when nobody runs the loops any more. */
Test(gate, a_loop_that_ends_lets_go, .timeout = 30)
{
    for (int gate_first = 0; gate_first < 2; gate_first++) {
        struct stage *s = stage_new();
        stage_begin(s, true);
        begin_call(s, &echo_unary, 0);
        say(s, 0, "x");
        run_for(s, SECOND);
        end_calls(s);
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
        stage_free(s);
    }
}

Test(gate, a_gate_that_is_freed_leaves_connections_that_go_on, .timeout = 30)
{
    struct stage *s = stage_new();

    stage_begin(s, true);
    begin_call(s, &echo_bidi, 0);
    cr_assert_eq(vitro_call_send(s->call[0], bytes_of("a"), 0, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    vitro_gate_free(s->gate);
    s->gate = NULL;
    pair_run(&s->p);
    cr_assert_eq(vitro_call_send(s->call[0], bytes_of("b"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&s->p);
    cr_assert_str_eq(s->record[0].text, "headers message(a) message(b) end closed OK");
    stage_end(s, NULL);
}

Test(gate, a_loop_has_one_gate_and_a_gate_one_world, .timeout = 30)
{
    struct stage *s = stage_new();
    vitro_gate_options newer = { sizeof newer, NULL, true };
    struct {
        vitro_gate_options known;
        int unknown;
    } options = { VITRO_GATE_OPTIONS_INIT, 1 };
    vitro_gate *other;
    vitro_loop *real;

    stage_begin(s, true);
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
    stage_end(s, NULL);
}

/* ---- memory --------------------------------------------------------------------------------- */

Test(gate, a_connection_whose_bytes_are_held_is_asked_for_no_more, .timeout = 30)
{
    struct stage *s = stage_new();
    uint8_t *large = calloc(1, 4 << 20);
    size_t held = 0, before;
    vitro_gate_unit u;

    s->p.server_options.window_bytes = 64 << 20;
    s->p.server_options.max_recv_bytes = 8 << 20;
    stage_begin(s, true);
    begin_call(s, &echo_client_stream, 0);
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
    cr_assert(held >= DRIVER_HIGH && held < DRIVER_HIGH + 70000, "%zu bytes are held", held);
    cr_assert_lt(vitro_loop_memory(s->p.client_loop).bytes, before + (4 << 20) + 600000);
    run_for(s, SECOND);
    cr_assert_str_eq(s->record[0].text, "headers message(4194304) end closed OK");
    free(large);
    stage_end(s, NULL);
}

/* Nothing of the loops' memory stays, with and without a gate. */
Test(gate, nothing_is_left, .timeout = 30)
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

/* ---- what is no HTTP/2, and layers below ---------------------------------------------------- */

/* A session may write anything, in pieces: all of it comes through, as parts of frames. */
Test(gate, bytes_of_any_session_come_through, .timeout = 30)
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
