/*
 * tracing - which trace the objects of a loop write to, by whose clock, and who attaches to it.
 *
 * A trace has no loop. Those who connect to its `listen:` sockets are let in by whichever loop is
 * in a turn: each that uses the trace watches them in its poller, so that nobody depends on one
 * loop, and a turn without somebody at the door costs nothing. When somebody has come, every loop
 * looks through its connections, so that those at rest are shown, too. Each also sees to the
 * readers of `unix:` sinks from time to time. A reader that is behind when the turn ends gets the
 * rest a little later, though nothing more is written.
 */
#include "io/driver_inside.h"
#include "io/inside.h"
#include "trace/trace.h"
#include "vitro/lab/sim.h"

enum { LISTENERS = 8 };

static const int64_t behind_ns = 5 * 1000000;  /* until a reader is tried again */
static const int64_t pause_ns = 100 * 1000000; /* until somebody is let in, when nobody could be */

struct watched {
    struct source source;
    struct tracing *tracing;
};

/* A trace that objects of the loop use. */
struct tracing {
    struct tracing *next;
    vitro_loop *loop;
    vitro_trace *trace;
    size_t users;
    struct watched listener[LISTENERS];
    size_t listeners;
    unsigned added; /* vitro_trace_added() when they were looked at */
    struct timer behind, pause, dial;
    bool dials;          /* there are sinks that do */
    struct list drivers; /* of the connections that it records */
    struct trace_watcher watcher;
    struct post post;    /* some have come */
    ATOMIC(bool) posted; /* it is on its way */
    bool over;           /* and takes this with it */
};

static struct tracing **find(vitro_loop *loop, const vitro_trace *trace)
{
    struct tracing **at = &loop->tracings;

    while (*at && (*at)->trace != trace)
        at = &(*at)->next;
    return at;
}

/* ---- who attaches ---------------------------------------------------------------------------- */

static void watch_all(struct tracing *t, unsigned events)
{
    for (size_t i = 0; i < t->listeners; i++)
        (void)vitro_source_want(t->loop, &t->listener[i].source, events);
}

static void welcome(struct tracing *t)
{
    if (vitro_trace_welcome(t->trace)) {
        vitro_loop_traced(t->loop, t->trace); /* what did not fit at once */
        return;
    }
    watch_all(t, 0);
    vitro_timer_start(t->loop, &t->pause, vitro_loop_now(t->loop) + pause_ns);
}

static void on_readable(struct source *s, unsigned events)
{
    (void)events;
    welcome(CONTAINER_OF(s, struct watched, source)->tracing);
}

static void on_pause(struct timer *timer)
{
    struct tracing *t = CONTAINER_OF(timer, struct tracing, pause);

    watch_all(t, IO_READ);
}

static void dial(struct tracing *t)
{
    int64_t now = vitro_loop_now(t->loop), rest = vitro_trace_dial(t->trace, now);

    t->dials = rest >= 0;
    if (t->dials && !t->loop->sim)
        vitro_timer_start(t->loop, &t->dial, now + rest);
}

static void on_dial(struct timer *timer)
{
    dial(CONTAINER_OF(timer, struct tracing, dial));
}

/* Watch the listeners that were added since, and see to those that dial. */
static void look(struct tracing *t)
{
    unsigned added = vitro_trace_added(t->trace);
    int fd;

    if (added == t->added)
        return;
    t->added = added;
    while (t->listeners < LISTENERS && (fd = vitro_trace_listener(t->trace, t->listeners)) >= 0) {
        struct watched *w = &t->listener[t->listeners++];
        w->tracing = t;
        vitro_source_init(&w->source, fd, on_readable);
        if (!t->loop->sim)
            (void)vitro_source_want(t->loop, &w->source, IO_READ);
    }
    dial(t);
}

/* ---- who has come ---------------------------------------------------------------------------- */

static void on_post(struct post *p)
{
    struct tracing *t = CONTAINER_OF(p, struct tracing, post);

    atomic_store(&t->posted, false);
    if (t->over) {
        vitro_mem_free(&t->loop->account, t, sizeof *t);
        return;
    }
    for (struct list *i = t->drivers.next; i != &t->drivers; i = i->next)
        vitro_driver_let_join(CONTAINER_OF(i, struct driver, tracing));
}

static void on_came(struct trace_watcher *w)
{
    struct tracing *t = CONTAINER_OF(w, struct tracing, watcher);

    if (!atomic_exchange(&t->posted, true))
        vitro_loop_send(t->loop, &t->post, on_post);
}

void vitro_tracing_begin(struct driver *d)
{
    struct tracing *t = *find(d->loop, d->transport->trace);

    if (t && d->transport->recorder)
        list_append(&t->drivers, &d->tracing);
}

/* ---- flushing -------------------------------------------------------------------------------- */

static void on_behind(struct timer *timer)
{
    struct tracing *t = CONTAINER_OF(timer, struct tracing, behind);

    vitro_loop_traced(t->loop, t->trace);
}

void vitro_loop_flushed(vitro_loop *loop, vitro_trace *trace, bool behind)
{
    struct tracing *t = *find(loop, trace);

    if (!t)
        return;
    look(t);
    if (loop->sim && t->listeners) /* its poller knows no descriptors */
        vitro_trace_welcome(trace);
    if (loop->sim && t->dials)
        dial(t);
    if (behind && !loop->sim && !timer_running(&t->behind))
        vitro_timer_start(loop, &t->behind, vitro_loop_now(loop) + behind_ns);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Without memory nobody can attach by way of this loop; else the trace is as good as any. */
static void begin(vitro_loop *loop, vitro_trace *trace)
{
    struct tracing **at = find(loop, trace), *t = *at;

    if (!t)
        t = *at = vitro_mem_zalloc(&loop->account, sizeof *t);
    if (!t)
        return;
    t->loop = loop;
    t->trace = trace;
    if (t->users++)
        return;
    vitro_timer_init(&t->behind, on_behind);
    vitro_timer_init(&t->pause, on_pause);
    vitro_timer_init(&t->dial, on_dial);
    list_init(&t->drivers);
    t->watcher.came = on_came;
    vitro_trace_watch(trace, &t->watcher);
    look(t);
}

vitro_trace *vitro_loop_trace(vitro_loop *loop, vitro_trace *given)
{
    vitro_trace *trace = given ? vitro_trace_ref(given) : vitro_trace_process();
    vitro_sim *sim = vitro_loop_sim(loop);

    if (trace && sim)
        vitro_sim_trace(sim, trace);
    if (trace)
        begin(loop, trace);
    return trace;
}

static void end(struct tracing *t)
{
    vitro_trace_unwatch(t->trace, &t->watcher);
    watch_all(t, 0);
    vitro_timer_stop(t->loop, &t->behind);
    vitro_timer_stop(t->loop, &t->pause);
    vitro_timer_stop(t->loop, &t->dial);
    while (list_pop(&t->drivers)) {
        /* they go on, and are shown to nobody who comes later while they rest */
    }
    t->over = true;
    if (!atomic_load(&t->posted))
        vitro_mem_free(&t->loop->account, t, sizeof *t);
}

void vitro_loop_untrace(vitro_loop *loop, vitro_trace *trace)
{
    struct tracing **at = find(loop, trace), *t = *at;

    if (trace && t && !--t->users) {
        *at = t->next;
        end(t);
    }
    vitro_trace_unref(trace);
}
