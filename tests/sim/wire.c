#include "sim/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "io/target.h"

/* A lane reads nothing while it holds so many bytes. */
enum { LANE_MAX = 65536 };

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

static struct pipe *pipe_of(struct passage *p)
{
    return CONTAINER_OF(p, struct pipe, passage);
}

static void pipe_close(struct pipe *p, bool abort)
{
    vitro_connect_cancel(&p->connect);
    vitro_timer_stop(p->passage.world->wire_loop, &p->cut);
    for (int i = 0; i < 2; i++) {
        if (p->end[i]) {
            tap_end(p->end[i], abort ? RECORD_RST : RECORD_FIN);
            p->end[i]->ops->close(p->end[i], abort);
        }
        p->end[i] = NULL;
    }
    passage_done(&p->passage);
    p->closed = true;
}

static void pipe_cut(struct pipe *p)
{
    world_say(p->passage.world, "pipe %u is cut", p->passage.number);
    pipe_close(p, true);
}

static void cut_later(struct passage *passage)
{
    struct pipe *p = pipe_of(passage);
    struct world *w = passage->world;

    if (!timer_running(&p->cut))
        vitro_timer_start(w->wire_loop, &p->cut,
                          vitro_loop_now(w->wire_loop) + (int64_t)some(w, 0, 3000) * MS);
}

static void on_cut(struct timer *t)
{
    struct pipe *p = CONTAINER_OF(t, struct pipe, cut);
    size_t odds = world_pause(p->passage.world);

    pipe_cut(p);
    world_go_on(p->passage.world, odds);
}

/* ---- moving bytes --------------------------------------------------------------------------- */

/* Watch for what each lane can use now. */
static void want(struct pipe *p)
{
    for (int i = 0; i < 2; i++) {
        const struct lane *from = &p->passage.lane[i], *to = &p->passage.lane[!i];
        unsigned events = 0;

        if (!p->end[i])
            continue;
        if (!from->ended && !from->doomed && from->out.len < LANE_MAX)
            events |= IO_READ;
        if (to->out.len && !lane_is_stalled(to))
            events |= IO_WRITE;
        p->end[i]->ops->want(p->end[i], events);
    }
}

/* Nothing of a lane is left: its end goes on, or its fate comes. False: the pipe is closed. */
static bool settle(struct pipe *p)
{
    for (int i = 0; i < 2; i++) {
        struct lane *l = &p->passage.lane[i];
        struct transport *to = p->end[!i];

        if (l->out.len || lane_is_stalled(l))
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
    if (p->passage.lane[0].shut && p->passage.lane[1].shut) {
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

    switch (from->ops->read(from, bytes, l->passage->world->wire->chunk, &n, NULL)) {
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
    vitro_bytes bytes = { l->out.ptr, MIN(l->out.len, l->passage->world->wire->chunk) };
    size_t n;

    if (!bytes.len || lane_is_stalled(l))
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
    struct pipe *p = pipe_of(from->passage);
    size_t odds = world_pause(p->passage.world);
    bool well = true;

    if (events & IO_READ)
        well = lane_read(from, t);
    if (well && !p->closed && (events & IO_WRITE))
        well = lane_write(lane_opposite(from), t);
    if (!well)
        pipe_close(p, true);
    if (!p->closed)
        settle(p);
    world_go_on(p->passage.world, odds);
}

/* ---- making them ---------------------------------------------------------------------------- */

static void attach(struct pipe *p, int i, struct transport *t)
{
    uint32_t conn = t->recorder ? vitro_recorder_conn(t->recorder) : RECORD_NO_CONN;

    if (conn < CONNS_MAX)
        p->passage.world->side[conn] = i ? SIDE_SERVER : SIDE_CLIENT;
    p->end[i] = t;
    t->user = &p->passage.lane[i];
    t->ready = on_ready;
}

static void on_connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    struct pipe *p = CONTAINER_OF(c, struct pipe, connect);
    size_t odds = world_pause(p->passage.world);

    (void)err;
    if (t) {
        attach(p, 1, t);
        settle(p);
    } else {
        world_say(p->passage.world, "pipe %u finds no server", p->passage.number);
        pipe_close(p, true);
    }
    world_go_on(p->passage.world, odds);
}

static void move(struct passage *passage)
{
    struct pipe *p = pipe_of(passage);

    if (!p->closed)
        settle(p);
}

static const struct passage_ops ops = { "pipe", move, cut_later };

static void on_accepted(struct listener *listener, struct transport *t)
{
    struct wire *wire = CONTAINER_OF(listener, struct wire, listener);
    struct world *w = wire->world;
    struct pipe *p = calloc(1, sizeof *p);
    size_t odds = world_pause(w);

    p->next = wire->pipes;
    wire->pipes = p;
    vitro_timer_init(&p->cut, on_cut);
    passage_init(&p->passage, w, &ops, wire->made++,
                 AT_BYTES | (w->client_credentials ? AT_RECORDS : AT_FRAMES));
    attach(p, 0, t);
    t->ops->attach(t, w->wire_loop);
    vitro_connect_start(&p->connect, w->wire_loop, &wire->server, w->trace, INT64_MAX,
                        on_connected);
    want(p);
    world_go_on(w, odds);
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
        world_expect(w, p->closed, "pipe %u: a connection is left open", p->passage.number);
        if (!p->closed)
            pipe_close(p, true);
        free(p);
    }
    free(wire);
    w->wire = NULL;
}
