#include "support/gated.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

enum { UNITS_MAX = 200000 };

/* ---- a world with a gate, or without -------------------------------------------------------- */

void gated_trace(struct gated *s)
{
    char sink[32];

    s->fd = memfd_create("gate", MFD_CLOEXEC);
    cr_assert_geq(s->fd, 0);
    snprintf(sink, sizeof sink, "fd:%d", s->fd);
    cr_assert_eq(vitro_trace_open(&s->trace, sink, NULL, NULL), VITRO_OK);
    s->p.channel_options.trace = s->p.server_options.trace = s->trace;
}

void gated_gate(struct gated *s)
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
void gated_begin(struct gated *s, bool gated)
{
    gated_trace(s);
    pair_make_server(&s->p);
    if (gated)
        gated_gate(s);
    pair_start(&s->p);
}

struct gated *gated_new(void)
{
    struct gated *s = calloc(1, sizeof *s);

    pair_init(&s->p);
    s->p.sim_options.latency_ns = 1000000;
    return s;
}

void gated_call(struct gated *s, const vitro_method *method, int64_t timeout_ns)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.timeout_ns = timeout_ns;
    s->call[s->calls] = pair_call(&s->p, method, &o, &s->record[s->calls]);
    s->calls++;
}

void gated_say(struct gated *s, size_t i, const char *text)
{
    cr_assert_eq(vitro_call_send(s->call[i], bytes_of(text), VITRO_SEND_LAST, NULL, NULL),
                 VITRO_OK);
}

void gated_drop_calls(struct gated *s)
{
    for (size_t i = 0; i < s->calls; i++) {
        vitro_call_unref(s->call[i]);
        s->call[i] = NULL;
    }
}

/* Records are written to until the loops are gone. */
void gated_free(struct gated *s)
{
    for (size_t i = 0; i < s->calls; i++)
        record_done(&s->record[i]);
    close(s->fd);
    free(s);
}

/* The file that the trace has become is read back. */
void gated_end(struct gated *s, struct walk *w)
{
    gated_drop_calls(s);
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
    gated_free(s);
}

/* Let everything go, one unit after the other, and come to rest between them. */
void gated_step_all(struct gated *s)
{
    while (s->gate && vitro_gate_count(s->gate)) {
        int64_t now = vitro_sim_now(s->p.sim);
        vitro_sim_run_for(s->p.sim, SECOND);
        cr_assert_eq(vitro_sim_now(s->p.sim), now, "time passes while units are held");
        cr_assert(vitro_gate_next(s->gate));
        vitro_sim_run_for(s->p.sim, 0);
    }
}

void gated_run_for(struct gated *s, int64_t ns)
{
    int64_t limit = vitro_sim_now(s->p.sim) + ns;

    do {
        gated_step_all(s);
        vitro_sim_run_for(s->p.sim, limit - vitro_sim_now(s->p.sim));
    } while (s->gate && (vitro_gate_count(s->gate) || vitro_sim_now(s->p.sim) < limit));
}

/* ---- a program of calls that follows from the chance alone ---------------------------------- */

/* Metadata that comes again makes HPACK's tables work. */
static void begin_any(struct gated *s, const vitro_method *method, struct chance *c)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();
    char value[32];

    snprintf(value, sizeof value, "value %zu", seed_between(c, 0, 3));
    cr_assert_eq(vitro_md_add_text(md, seed_between(c, 0, 1) ? "x-one" : "x-two", value, NULL),
                 VITRO_OK);
    o.metadata = md;
    if (seed_between(c, 0, 2) == 0)
        o.timeout_ns = (int64_t)seed_between(c, 1, 300) * 1000000;
    s->one_request[s->calls] = method == &echo_unary || method == &echo_server_stream;
    s->call[s->calls] = pair_call(&s->p, method, &o, &s->record[s->calls]);
    s->calls++;
    vitro_md_free(md);
}

static void act(struct gated *s, struct chance *c, bool large)
{
    static const vitro_method *const methods[] = { &echo_unary, &echo_bidi, &echo_client_stream,
                                                   &echo_server_stream };
    static uint8_t bytes[30000];
    size_t deed = seed_between(c, 0, 9), k = seed_between(c, 0, 3);
    size_t i = s->calls ? seed_between(c, 0, s->calls - 1) : 0;
    size_t n = seed_between(c, 0, large && k ? sizeof bytes : 12);
    bool more = seed_between(c, 0, 3) == 0;

    if (!s->calls || (deed < 3 && s->calls < GATED_CALLS))
        begin_any(s, methods[k], c);
    else if (deed < 8 && s->one_request[i])
        (void)!vitro_call_send(s->call[i], (vitro_bytes){ bytes, n % 12 }, VITRO_SEND_LAST, NULL,
                               NULL);
    else if (deed < 8)
        (void)!vitro_call_send(s->call[i], (vitro_bytes){ bytes, n }, 0, NULL, NULL);
    else if (deed == 8)
        (void)!vitro_call_send_end(s->call[i], NULL);
    else if (more)
        vitro_call_cancel(s->call[i]);
}

void gated_play(struct gated *s, struct chance *c, bool large)
{
    for (int round = 0; round < 14; round++) {
        for (size_t acts = seed_between(c, 1, 4); acts > 0; acts--)
            act(s, c, large);
        gated_run_for(s, (int64_t)seed_between(c, 0, 40) * 1000000);
    }
    gated_run_for(s, SECOND);
}

/* ---- what the file says --------------------------------------------------------------------- */

/* One direction: its bytes from the packets, and from the notes of what was held. */
uint8_t *gated_held_bytes(const struct walk *w, const char *dir, size_t *len)
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
void gated_check_units(const struct walk *w, size_t number)
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

size_t gated_notes(const struct walk *w, const char *kind)
{
    const struct walked *note;
    size_t n = 0;

    for (size_t i = 0; (note = walk_note(w, i, kind)) != NULL; i = (size_t)(note - w->item) + 1)
        n++;
    return n;
}
