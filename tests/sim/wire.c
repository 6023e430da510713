#include "sim/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "io/target.h"

/* A lane reads nothing while it holds so many bytes. */
enum { LANE_MAX = 65536 };

/* Memory of the wire never fails: it is no part of what is tested. */
static size_t heap_pause(struct world *w)
{
    size_t odds = w->heap.odds;

    w->heap.odds = 0;
    return odds;
}

/* ---- the tap: as a driver does, an end tells what it sends ---------------------------------- */

static void tap_bytes(struct transport *t, vitro_bytes bytes)
{
    if (t->recorder)
        vitro_recorder_bytes(t->recorder, t->sent_as, &bytes, 1);
    vitro_loop_traced(t->loop, t->trace);
}

static void tap_end(struct transport *t, enum record_end how)
{
    if (t->recorder)
        vitro_recorder_end(t->recorder, t->sent_as, how);
    vitro_loop_traced(t->loop, t->trace);
}

/* ---- pipes ---------------------------------------------------------------------------------- */

static void pipe_close(struct pipe *p, bool abort)
{
    vitro_connect_cancel(&p->connect);
    vitro_timer_stop(p->world->wire_loop, &p->cut);
    for (int i = 0; i < 2; i++) {
        vitro_timer_stop(p->world->wire_loop, &p->lane[i].stalled);
        if (p->end[i]) {
            tap_end(p->end[i], abort ? RECORD_RST : RECORD_FIN);
            p->end[i]->ops->close(p->end[i], abort);
        }
        p->end[i] = NULL;
        vitro_buf_done(&p->lane[i].out);
        vitro_buf_done(&p->lane[i].insert);
    }
    p->closed = true;
}

void pipe_cut(struct pipe *p)
{
    world_say(p->world, "pipe %u is cut", p->number);
    pipe_close(p, true);
}

void pipe_cut_later(struct pipe *p)
{
    if (!timer_running(&p->cut))
        vitro_timer_start(p->world->wire_loop, &p->cut,
                          vitro_loop_now(p->world->wire_loop) +
                              (int64_t)some(p->world, 0, 3000) * MS);
}

static void on_cut(struct timer *t)
{
    struct pipe *p = CONTAINER_OF(t, struct pipe, cut);
    size_t odds = heap_pause(p->world);

    pipe_cut(p);
    p->world->heap.odds = odds;
}

/* ---- moving bytes --------------------------------------------------------------------------- */

static bool is_stalled(const struct lane *l)
{
    return timer_running(&l->stalled);
}

/* Watch for what each lane can use now. */
static void want(struct pipe *p)
{
    for (int i = 0; i < 2; i++) {
        const struct lane *from = &p->lane[i], *to = &p->lane[!i];
        unsigned events = 0;

        if (!p->end[i])
            continue;
        if (!from->ended && !from->doomed && from->out.len < LANE_MAX)
            events |= IO_READ;
        if (to->out.len && !is_stalled(to))
            events |= IO_WRITE;
        p->end[i]->ops->want(p->end[i], events);
    }
}

/* Nothing of a lane is left: its end goes on, or its fate comes. False: the pipe is closed. */
static bool settle(struct pipe *p)
{
    for (int i = 0; i < 2; i++) {
        struct lane *l = &p->lane[i];
        struct transport *to = p->end[!i];

        if (l->out.len || is_stalled(l))
            continue;
        if (l->doomed) {
            pipe_cut(p);
            return false;
        }
        if (l->ended && to && !l->shut) {
            tap_end(to, RECORD_FIN);
            to->ops->shut(to);
            l->shut = true;
        }
    }
    if (p->lane[0].shut && p->lane[1].shut) {
        pipe_close(p, false);
        return false;
    }
    want(p);
    return true;
}

/* False: the other end is gone. */
static bool lane_read(struct lane *l, struct transport *from)
{
    static uint8_t bytes[LANE_MAX];
    size_t n;

    switch (from->ops->read(from, bytes, l->pipe->world->wire->chunk, &n, NULL)) {
    case IO_DONE:
        lane_take(l, (vitro_bytes){ bytes, n });
        return true;
    case IO_END:
        l->ended = true;
        return true;
    case IO_LATER:
        return true;
    default:
        return false;
    }
}

static bool lane_write(struct lane *l, struct transport *to)
{
    vitro_bytes bytes = { l->out.ptr, MIN(l->out.len, l->pipe->world->wire->chunk) };
    size_t n;

    if (!bytes.len || is_stalled(l))
        return true;
    if (to->ops->write(to, &bytes, 1, &n, NULL) == IO_FAILED)
        return false;
    if (n)
        tap_bytes(to, (vitro_bytes){ bytes.ptr, n });
    vitro_buf_consume(&l->out, n);
    return true;
}

static void on_ready(struct transport *t, unsigned events)
{
    struct lane *from = t->user;
    struct pipe *p = from->pipe;
    size_t odds = heap_pause(p->world);
    bool well = true;

    if (events & IO_READ)
        well = lane_read(from, t);
    if (well && !p->closed && (events & IO_WRITE))
        well = lane_write(lane_opposite(from), t);
    if (!well)
        pipe_close(p, true);
    if (!p->closed)
        settle(p);
    p->world->heap.odds = odds;
}

static void on_stalled(struct timer *t)
{
    struct lane *l = CONTAINER_OF(t, struct lane, stalled);

    world_say(l->pipe->world, "pipe %u goes on", l->pipe->number);
    settle(l->pipe);
}

/* ---- making them ---------------------------------------------------------------------------- */

static void attach(struct pipe *p, int i, struct transport *t)
{
    uint32_t conn = t->recorder ? vitro_recorder_conn(t->recorder) : RECORD_NO_CONN;

    if (conn < CONNS_MAX)
        p->world->side[conn] = i ? SIDE_SERVER : SIDE_CLIENT;
    p->end[i] = t;
    t->user = &p->lane[i];
    t->ready = on_ready;
}

static void on_connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    struct pipe *p = CONTAINER_OF(c, struct pipe, connect);
    size_t odds = heap_pause(p->world);

    (void)err;
    if (t) {
        attach(p, 1, t);
        settle(p);
    } else {
        world_say(p->world, "pipe %u finds no server", p->number);
        pipe_close(p, true);
    }
    p->world->heap.odds = odds;
}

static bool is_of_wire(enum fault f)
{
    return f != FAULT_AGE && f != FAULT_DRAIN && f != FAULT_ABORT && f != FAULT_LEAVE &&
           f != FAULT_MEMORY;
}

/* One of the world's faults; FAULT_COUNT: none of the wire's. */
static enum fault draw_fault(struct world *w)
{
    enum fault found = FAULT_COUNT;
    size_t seen = 0;

    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        if (w->may[f] && is_of_wire(f) && one_in(w, ++seen))
            found = f;
    }
    return found;
}

/* In the beginning of a connection, or anywhere in it. */
static uint64_t draw_place(struct world *w)
{
    static const size_t most[] = { 100, 1000, 5000, 300000 };

    return some(w, 0, most[some(w, 0, 3)]);
}

static void draw(struct pipe *p)
{
    struct world *w = p->world;

    p->fault = w->ending || !one_in(w, 2) ? FAULT_COUNT : draw_fault(w);
    if (p->fault == FAULT_COUNT)
        return;
    p->where = (int)some(w, 0, 1);
    p->at = p->fault == FAULT_LOST ? some(w, 0, 1) * 50 : draw_place(w);
}

static void init(struct pipe *p)
{
    vitro_timer_init(&p->cut, on_cut);
    for (int i = 0; i < 2; i++) {
        struct lane *l = &p->lane[i];

        l->pipe = p;
        vitro_buf_init(&l->out, NULL, SIZE_MAX);
        vitro_buf_init(&l->insert, NULL, SIZE_MAX);
        vitro_frame_reader_init(&l->reader, 0, i == 0);
        vitro_timer_init(&l->stalled, on_stalled);
    }
}

static void on_accepted(struct listener *listener, struct transport *t)
{
    struct wire *wire = CONTAINER_OF(listener, struct wire, listener);
    struct world *w = wire->world;
    struct pipe *p = calloc(1, sizeof *p);
    size_t odds = heap_pause(w);

    *p = (struct pipe){ .world = w, .next = wire->pipes, .number = wire->made++ };
    wire->pipes = p;
    init(p);
    draw(p);
    attach(p, 0, t);
    t->ops->attach(t, w->wire_loop);
    vitro_connect_start(&p->connect, w->wire_loop, &wire->server, w->trace, INT64_MAX,
                        on_connected);
    want(p);
    w->heap.odds = odds;
}

static struct address address_of(const char *target)
{
    struct target t;

    if (vitro_target_parse(&t, vitro_str_of(target), NULL) != VITRO_OK)
        abort();
    return t.addresses[0];
}

bool wire_open(struct world *w)
{
    static const size_t chunks[] = { LANE_MAX, LANE_MAX, LANE_MAX, 1500 }, crumbs[] = { 100, 7 };
    struct address here = address_of("sim:wire");
    struct wire *wire = w->wire = calloc(1, sizeof *wire);

    wire->world = w;
    wire->server = address_of("sim:server");
    wire->chunk = w->crumbs ? crumbs[some(w, 0, 1)] : chunks[some(w, 0, 3)];
    return vitro_listener_open(&wire->listener, w->wire_loop, &here, NULL, on_accepted, NULL) ==
           VITRO_OK;
}

void wire_close(struct world *w)
{
    struct wire *wire = w->wire;

    vitro_listener_close(&wire->listener);
    while (wire->pipes) {
        struct pipe *p = wire->pipes;

        wire->pipes = p->next;
        world_expect(w, p->closed, "pipe %u: a connection is left open", p->number);
        if (!p->closed)
            pipe_close(p, true);
        free(p);
    }
    free(wire);
    w->wire = NULL;
}

/* ---- deeds ---------------------------------------------------------------------------------- */

void wire_deed(struct world *w)
{
    struct pipe *found = NULL;
    size_t seen = 0;

    for (struct pipe *p = w->wire->pipes; p; p = p->next) {
        if (!p->closed && p->fault == FAULT_COUNT && one_in(w, ++seen))
            found = p;
    }
    if (!found)
        return;
    found->where = (int)some(w, 0, 1);
    found->at = found->lane[found->where].passed;
    found->fault = draw_fault(w);
    lane_take(&found->lane[found->where], (vitro_bytes){ (const uint8_t *)"", 0 });
    if (!found->closed)
        settle(found);
}

void wire_calm(struct world *w)
{
    for (struct pipe *p = w->wire->pipes; p; p = p->next) {
        if (p->closed)
            continue;
        p->fault = FAULT_COUNT;
        for (int i = 0; i < 2; i++)
            vitro_timer_stop(w->wire_loop, &p->lane[i].stalled);
        settle(p);
    }
}
