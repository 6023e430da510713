#include "gate/gate.h"

#include <assert.h>

#include "base/error.h"
#include "base/util.h"
#include "io/driver.h"
#include "vitro/lab/sim.h"

/* ---- the queue ------------------------------------------------------------------------------ */

/* Time stands while something is held: a deadline must not pass because somebody reads slowly. */
static void update_clock(vitro_gate *g)
{
    bool hold = g->count != 0;

    if (!g->sim || hold == g->clock_held)
        return;
    g->clock_held = hold;
    vitro_sim_hold(g->sim, hold);
}

static struct gate_unit *unit_of(struct list *i)
{
    return CONTAINER_OF(i, struct gate_unit, link);
}

static vitro_loop *loop_of(const struct gate_layer *l)
{
    return l->layer.driver->loop;
}

static const char *dir_of(const struct gate_layer *l)
{
    return l->from_server ? "s2c" : "c2s";
}

static const char *end_of(const char *name)
{
    return name[0] ? name : NULL;
}

static void note_held(const struct gate_unit *u, vitro_bytes bytes)
{
    static const char *const forms[] = { "preface", "frame", "part" };
    const struct gate_layer *l = u->layer;

    vitro_note(l->trace, held, .at = vitro_gate_at(l), .client = end_of(l->client),
               .server = end_of(l->server), .unit = u->is.number, .dir = dir_of(l),
               .stream = u->is.stream, .form = forms[u->is.kind], .offset = u->is.offset,
               .bytes = bytes);
    vitro_loop_traced(loop_of(l), l->trace);
}

void vitro_gate_note_released(const struct gate_unit *u)
{
    const struct gate_layer *l = u->layer;

    vitro_note(l->trace, released, .at = vitro_gate_at(l), .unit = u->is.number, .dir = dir_of(l),
               .stream = u->is.stream);
    vitro_loop_traced(loop_of(l), l->trace);
}

static void note_dropped(const struct gate_unit *u)
{
    const struct gate_layer *l = u->layer;

    vitro_note(l->trace, dropped, .at = vitro_gate_at(l), .unit = u->is.number, .dir = dir_of(l),
               .stream = u->is.stream);
    vitro_loop_traced(loop_of(l), l->trace);
}

bool vitro_gate_wants(vitro_gate *g)
{
    if (!g->holding)
        return false;
    if (!g->passes)
        return true;
    assert(g->count == 0);
    g->passes--;
    return false;
}

bool vitro_gate_take(vitro_gate *g, struct gate_layer *l, const vitro_gate_unit *unit,
                     vitro_bytes bytes)
{
    struct gate_unit *u = vitro_mem_zalloc(vitro_loop_account(loop_of(l)), sizeof *u);

    if (!u)
        return false;
    u->layer = l;
    u->is = *unit;
    u->is.number = ++g->units;
    list_append(&g->held, &u->link);
    g->count++;
    update_clock(g);
    note_held(u, bytes);
    return true;
}

void vitro_gate_unit_free(struct gate_unit *u)
{
    vitro_mem_free(vitro_loop_account(loop_of(u->layer)), u, sizeof *u);
}

static void take_out(vitro_gate *g, struct gate_unit *u)
{
    list_remove(&u->link);
    g->count--;
    update_clock(g);
}

static void let_go(vitro_gate *g, struct gate_unit *u)
{
    struct gate_layer *l = u->layer;

    take_out(g, u);
    list_append(&l->going, &u->link);
    l->open_to = u->is.offset + u->is.length;
    vitro_driver_wake(l->layer.driver);
}

/* Each held unit of a layer, or of all layers when it is NULL, in order. */
static void each_held(vitro_gate *g, const struct gate_layer *l,
                      void (*fn)(vitro_gate *g, struct gate_unit *u))
{
    for (struct list *i = g->held.next, *next; i != &g->held; i = next) {
        next = i->next;
        if (!l || unit_of(i)->layer == l)
            fn(g, unit_of(i));
    }
}

static void drop(vitro_gate *g, struct gate_unit *u)
{
    take_out(g, u);
    note_dropped(u);
    vitro_gate_unit_free(u);
}

void vitro_gate_forget(vitro_gate *g, struct gate_layer *l)
{
    struct list *i;

    while ((i = list_pop(&l->going)) != NULL) {
        note_dropped(unit_of(i));
        vitro_gate_unit_free(unit_of(i));
    }
    if (g)
        each_held(g, l, drop);
    list_remove(&l->link);
}

/* ---- loops ---------------------------------------------------------------------------------- */

static bool opening(struct loop_hook *h, struct driver *d)
{
    vitro_gate *g = CONTAINER_OF(h, struct gate_loop, hook)->gate;
    struct gate_layer *l = vitro_gate_layer_push(g, d);

    if (l)
        list_append(&g->layers, &l->link);
    return l != NULL;
}

/* The gate is out of a connection: what it holds there goes, and all that follows. */
static void leave_layer(vitro_gate *g, struct gate_layer *l)
{
    each_held(g, l, let_go);
    list_remove(&l->link);
    l->gate = NULL;
    vitro_driver_wake(l->layer.driver);
}

static void leave_loop(struct gate_loop *gl)
{
    vitro_gate *g = gl->gate;

    for (struct list *i = g->layers.next, *next; i != &g->layers; i = next) {
        struct gate_layer *l = CONTAINER_OF(i, struct gate_layer, link);
        next = i->next;
        if (loop_of(l) == gl->loop)
            leave_layer(g, l);
    }
    list_remove(&gl->link);
    vitro_mem_free(NULL, gl, sizeof *gl);
}

static void leaving(struct loop_hook *h)
{
    leave_loop(CONTAINER_OF(h, struct gate_loop, hook));
}

/* One real loop, or any number of one sim: then all run on one thread, in one order. */
static bool fits(const vitro_gate *g, const vitro_loop *loop)
{
    return list_empty(&g->loops) || (g->sim && g->sim == vitro_loop_sim(loop));
}

vitro_code vitro_gate_attach(vitro_gate *g, vitro_loop *loop, vitro_error *err)
{
    struct gate_loop *gl;

    LOOP_ASSERT(loop);
    if (!fits(g, loop))
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "gate", 0,
                          "it has one real loop, or loops of one sim");
    gl = vitro_mem_zalloc(NULL, sizeof *gl);
    if (!gl)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "gate", 0, "out of memory");
    gl->hook = (struct loop_hook){ opening, leaving, .holds = true };
    gl->gate = g;
    gl->loop = loop;
    if (!vitro_loop_set_hook(loop, &gl->hook)) {
        vitro_mem_free(NULL, gl, sizeof *gl);
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "gate", 0, "%s has a gate already",
                          vitro_loop_name(loop));
    }
    g->sim = vitro_loop_sim(loop);
    list_append(&g->loops, &gl->link);
    return VITRO_OK;
}

/* ---- life ----------------------------------------------------------------------------------- */

vitro_code vitro_gate_new(vitro_gate **out, const vitro_gate_options *options, vitro_error *err)
{
    vitro_gate_options o;
    vitro_gate *g;

    *out = NULL;
    if (!vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("gate", err);
    g = vitro_mem_zalloc(NULL, sizeof *g);
    if (!g)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "gate", 0, "out of memory");
    list_init(&g->loops);
    list_init(&g->layers);
    list_init(&g->held);
    if (o.trace)
        g->trace = vitro_trace_ref(o.trace);
    if (o.hold)
        vitro_gate_hold(g);
    *out = g;
    return VITRO_OK;
}

void vitro_gate_free(vitro_gate *g)
{
    if (!g)
        return;
    if (g->count)
        vitro_gate_go(g);
    while (!list_empty(&g->loops)) {
        struct gate_loop *gl = CONTAINER_OF(g->loops.next, struct gate_loop, link);
        vitro_loop_set_hook(gl->loop, NULL);
        leave_loop(gl);
    }
    assert(list_empty(&g->layers) && g->count == 0);
    vitro_trace_unref(g->trace);
    vitro_mem_free(NULL, g, sizeof *g);
}

/* ---- commands ------------------------------------------------------------------------------- */

static void tell(vitro_gate *g, const char *state)
{
    vitro_note(g->trace, gate, .state = state);
    if (!list_empty(&g->loops))
        vitro_loop_traced(CONTAINER_OF(g->loops.next, struct gate_loop, link)->loop, g->trace);
}

void vitro_gate_tell(vitro_gate *g)
{
    tell(g, NOTE_GATE_RESTS);
}

static void set_holding(vitro_gate *g, bool holding)
{
    if (g->holding == holding)
        return;
    g->holding = holding;
    tell(g, holding ? NOTE_GATE_HOLDS : NOTE_GATE_LETS_GO);
}

void vitro_gate_hold(vitro_gate *g)
{
    g->passes = 0;
    set_holding(g, true);
}

void vitro_gate_go(vitro_gate *g)
{
    g->passes = 0;
    set_holding(g, false);
    each_held(g, NULL, let_go);
}

bool vitro_gate_next(vitro_gate *g)
{
    if (list_empty(&g->held)) {
        g->passes += g->holding;
        return false;
    }
    let_go(g, unit_of(g->held.next));
    return true;
}

bool vitro_gate_is_holding(const vitro_gate *g)
{
    return g->holding;
}

size_t vitro_gate_count(const vitro_gate *g)
{
    return g->count;
}

bool vitro_gate_look(const vitro_gate *g, size_t i, vitro_gate_unit *out)
{
    struct list *at = g->held.next;

    if (i >= g->count)
        return false;
    while (i--)
        at = at->next;
    *out = unit_of(at)->is;
    return true;
}
