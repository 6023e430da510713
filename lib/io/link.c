#include "io/sim.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "io/inside.h"
#include "io/system.h"

/*
 * A link: two pipes of packets in memory, one for each direction.
 *
 *      client end --write--> [packet][packet] --read--> server end
 *
 * A packet arrives `latency` after it was written; the reader's loop has a timer for it. Readiness
 * is level-triggered as in the kernel: an end that may be read or written stays in its loop's list
 * of ready ends. A link records itself: each end tells the one recorder what it writes.
 */
struct packet {
    struct list link;
    int64_t due;
    size_t len, at; /* bytes, and how many of them were read */
    bool last;      /* the end of the stream; it has no bytes */
    uint8_t data[];
};

struct link;

struct link_end {
    struct transport base;
    struct link *link;
    struct list packets; /* on their way to this end */
    size_t in_flight;
    unsigned wanted;
    struct task ready;
    struct timer arrival;
    struct list waiting; /* at the listener, until it is accepted */
    bool shut;           /* this end has sent its last byte */
    bool closed;
    bool reset;
};

struct link {
    struct list link;
    struct vitro_sim *sim;
    size_t number;
    struct recorder *recorder;
    struct link_end client, server;
};

static struct link_end *peer_of(struct link_end *e)
{
    return e == &e->link->client ? &e->link->server : &e->link->client;
}

static int64_t now_of(const struct link_end *e)
{
    return e->link->sim->time.now;
}

/* ---- readiness ------------------------------------------------------------------------------ */

static struct packet *arrived(const struct link_end *e)
{
    struct packet *p = CONTAINER_OF(e->packets.next, struct packet, link);

    return !list_empty(&e->packets) && p->due <= now_of(e) ? p : NULL;
}

static unsigned readiness(struct link_end *e)
{
    struct link_end *peer = peer_of(e);
    bool full = peer->in_flight >= e->link->sim->options.in_flight_max;
    unsigned events = 0;

    if (e->reset || arrived(e))
        events |= IO_READ;
    if (e->reset || peer->closed || !full)
        events |= IO_WRITE;
    return events & e->wanted;
}

/* Put the end into its loop's list when it is ready; else see to it that it will be. */
static void schedule(struct link_end *e)
{
    vitro_loop *loop = e->base.loop;

    if (!loop || e->closed)
        return;
    if (readiness(e)) {
        if (!task_waiting(&e->ready))
            list_append(&loop->ready, &e->ready.link);
    } else if (!list_empty(&e->packets) && !arrived(e) && !timer_running(&e->arrival)) {
        vitro_timer_start(loop, &e->arrival,
                          CONTAINER_OF(e->packets.next, struct packet, link)->due);
    }
}

static void run_ready(struct task *t)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, ready);
    unsigned events = readiness(e);

    if (!events) {
        schedule(e); /* what is still under way needs its timer */
        return;
    }
    e->base.loop->ready_count++;
    list_append(&e->base.loop->ready, &t->link); /* it stays until it is not ready any more */
    e->base.ready(&e->base, events);
}

static void fire_arrival(struct timer *t)
{
    schedule(CONTAINER_OF(t, struct link_end, arrival));
}

/* ---- the two ends --------------------------------------------------------------------------- */

static bool link_attach(struct transport *t, vitro_loop *loop)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, base);

    t->loop = loop;
    vitro_loop_hold(loop);
    schedule(e);
    return true;
}

static void link_want(struct transport *t, unsigned events)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, base);

    e->wanted = events;
    schedule(e);
}

static size_t by_chance(struct vitro_sim *sim, size_t n, uint32_t max)
{
    size_t some = max ? 1 + (size_t)vitro_chance_below(&sim->chance, max) : n;

    return MIN(n, some);
}

static void packet_drop(struct link_end *e, struct packet *p)
{
    list_remove(&p->link);
    e->in_flight -= p->len;
    vitro_mem_free(&e->link->sim->account, p, sizeof *p + p->len);
}

static void drop_packets(struct link_end *e)
{
    while (!list_empty(&e->packets))
        packet_drop(e, CONTAINER_OF(e->packets.next, struct packet, link));
}

static enum io_result failed(vitro_error *err, int number)
{
    vitro_fail_system(err, VITRO_UNAVAILABLE, "link", number);
    return IO_FAILED;
}

static enum io_result link_read(struct transport *t, uint8_t *to, size_t room, size_t *n,
                                vitro_error *err)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, base);
    struct packet *p;

    *n = 0;
    if (e->reset)
        return failed(err, ECONNRESET);
    room = by_chance(e->link->sim, room, e->link->sim->options.read_max);
    while (room && (p = arrived(e)) != NULL && !p->last) {
        size_t some = MIN(room, p->len - p->at);

        memcpy(to + *n, p->data + p->at, some);
        p->at += some;
        *n += some;
        room -= some;
        if (p->at == p->len)
            packet_drop(e, p);
    }
    if (*n) {
        schedule(peer_of(e)); /* there is room again */
        return IO_DONE;
    }
    p = arrived(e);
    return p && p->last ? IO_END : IO_LATER;
}

/* A packet on its way to e, of len bytes that the caller fills; NULL when memory is out. */
static struct packet *packet_send(struct link_end *e, size_t len)
{
    struct vitro_sim *sim = e->link->sim;
    struct packet *p = vitro_mem_alloc(&sim->account, sizeof *p + len);

    if (!p)
        return NULL;
    *p = (struct packet){ .due = sim->time.now + sim->options.latency_ns, .len = len };
    e->in_flight += len;
    list_append(&e->packets, &p->link);
    return p;
}

static size_t total(const vitro_bytes *from, size_t pieces)
{
    size_t n = 0;

    for (size_t i = 0; i < pieces; i++)
        n += from[i].len;
    return n;
}

static void gather(uint8_t *to, size_t n, const vitro_bytes *from)
{
    for (; n; from++) {
        size_t some = MIN(n, from->len);

        if (some)
            memcpy(to, from->ptr, some);
        to += some;
        n -= some;
    }
}

static enum io_result link_write(struct transport *t, const vitro_bytes *from, size_t pieces,
                                 size_t *n, vitro_error *err)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, base), *peer = peer_of(e);
    struct vitro_sim *sim = e->link->sim;
    size_t max = sim->options.in_flight_max;
    size_t room = peer->in_flight < max ? max - peer->in_flight : 0;
    struct packet *p;

    *n = 0;
    if (e->reset)
        return failed(err, ECONNRESET);
    if (peer->closed || e->shut)
        return failed(err, EPIPE);
    room = MIN(room, total(from, pieces));
    room = room ? by_chance(sim, room, sim->options.write_max) : 0;
    if (!room)
        return IO_LATER;
    p = packet_send(peer, room);
    if (!p) {
        vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "link", 0, "out of memory");
        return IO_FAILED;
    }
    gather(p->data, room, from);
    *n = room;
    schedule(peer);
    return IO_DONE;
}

static void link_reset(struct link_end *e)
{
    drop_packets(e);
    e->reset = true;
    schedule(e);
}

static void link_shut(struct transport *t)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, base), *peer = peer_of(e);
    struct packet *last;

    if (e->shut || e->reset || peer->closed)
        return;
    e->shut = true;
    last = packet_send(peer, 0);
    if (!last) {
        link_reset(peer); /* out of memory: an end that can be told without any */
        return;
    }
    last->last = true;
    schedule(peer);
}

static void free_link(struct link *link)
{
    list_remove(&link->link);
    link->sim->links_open--;
    vitro_recorder_free(link->recorder);
    vitro_mem_free(&link->sim->account, link, sizeof *link);
}

static void link_close(struct transport *t, bool abort)
{
    struct link_end *e = CONTAINER_OF(t, struct link_end, base), *peer = peer_of(e);

    if (abort && !peer->closed)
        link_reset(peer);
    else
        link_shut(t);
    e->closed = true;
    drop_packets(e);
    list_remove(&e->waiting);
    if (t->loop) {
        vitro_task_cancel(&e->ready);
        vitro_timer_stop(t->loop, &e->arrival);
        vitro_loop_release(t->loop);
    }
    if (peer->closed)
        free_link(e->link);
    else
        schedule(peer);
}

static int64_t link_round_trip(const struct transport *t)
{
    return 2 * CONTAINER_OF(t, const struct link_end, base)->link->sim->options.latency_ns;
}

static const struct transport_ops link_ops = { link_attach,     link_want, link_read, link_write,
                                               link_round_trip, link_shut, link_close };

/* ---- making and cutting --------------------------------------------------------------------- */

static void init_end(struct link *link, struct link_end *e)
{
    e->link = link;
    e->base.ops = &link_ops;
    e->base.recorder = link->recorder;
    e->base.sent_as = e == &link->client ? RECORD_SENT : RECORD_RECEIVED;
    e->base.client = e == &link->client;
    list_init(&e->packets);
    list_init(&e->waiting);
    vitro_task_init(&e->ready, run_ready);
    vitro_timer_init(&e->arrival, fire_arrival);
}

struct transport *vitro_link_new(vitro_loop *loop, struct listener *l, vitro_trace *trace)
{
    struct vitro_sim *sim = loop->sim;
    struct link *link = vitro_mem_zalloc(&sim->account, sizeof *link);

    if (!link)
        return NULL;
    if (!trace)
        trace = l->trace;
    vitro_sim_trace(sim, trace);
    link->sim = sim;
    link->number = sim->links_made++;
    sim->links_open++;
    list_append(&sim->links, &link->link);
    link->recorder = vitro_recorder_new(trace, RECORD_CLIENT, NULL, NULL, loop->number);
    vitro_recorder_established(link->recorder);
    init_end(link, &link->client);
    init_end(link, &link->server);
    link->client.base.trace = link->server.base.trace = trace;
    link->client.base.peer = link->server.base.local = l->bound;
    list_append(&l->waiting, &link->server.waiting);
    vitro_loop_defer(l->loop, &l->sim_ready);
    return &link->client.base;
}

struct transport *vitro_link_accept(struct listener *l)
{
    struct list *first = list_pop(&l->waiting);

    return first ? &CONTAINER_OF(first, struct link_end, waiting)->base : NULL;
}

size_t vitro_sim_links(const vitro_sim *sim)
{
    return sim->links_open;
}

size_t vitro_sim_links_made(const vitro_sim *sim)
{
    return sim->links_made;
}

bool vitro_sim_cut(vitro_sim *sim, size_t number)
{
    for (struct list *i = sim->links.next; i != &sim->links; i = i->next) {
        struct link *link = CONTAINER_OF(i, struct link, link);
        if (link->number != number)
            continue;
        if (link->client.closed || link->server.closed || link->client.reset)
            return false;
        vitro_recorder_end(link->recorder, RECORD_SENT, RECORD_RST);
        link_reset(&link->client);
        link_reset(&link->server);
        return true;
    }
    return false;
}
