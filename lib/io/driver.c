#include "io/driver.h"

#include <assert.h>

#include "base/error.h"
#include "io/driver_inside.h"
#include "io/inside.h"

/*
 * All that a driver does is done in three places, none on top of another:
 *
 *      ready, read_again .. the input side (input_side)
 *      write .............. the output side, once a turn, at its end (vitro_driver_run_write)
 *      closed ............. the end: everything is released, then on_close (run_closed)
 *
 * Whatever goes wrong in the first two only changes the state and defers the third, so that no
 * queue is emptied under a session that is still at work.
 */
void vitro_driver_init(struct driver *d, vitro_loop *loop, const struct driver_ops *ops)
{
    *d = (struct driver){ .ops = ops, .loop = loop, .conn = RECORD_NO_CONN };
    list_init(&d->tracing);
    vitro_queue_init(&d->in, vitro_loop_pool(loop));
    vitro_queue_init(&d->out, vitro_loop_pool(loop));
}

void vitro_driver_push(struct driver *d, struct layer *l)
{
    struct driver_stage *s = &d->stage[d->layers];

    assert(d->layers < DRIVER_LAYERS && d->state == DRIVER_NEW);
    d->layers++;
    s->layer = l;
    l->driver = d;
    vitro_queue_init(&s->up, vitro_loop_pool(d->loop));
    vitro_queue_init(&s->down, vitro_loop_pool(d->loop));
}

size_t vitro_driver_unsent(const struct driver *d)
{
    size_t n = d->out.len;

    for (size_t i = 0; i < d->layers; i++)
        n += d->stage[i].down.len;
    return n;
}

/* ---- state ---------------------------------------------------------------------------------- */

void vitro_driver_update_want(struct driver *d)
{
    unsigned events = d->blocked ? IO_WRITE : 0;

    if (!d->peer_ended && !d->paused && !over(d))
        events |= IO_READ;
    if (events == d->wanted)
        return;
    d->wanted = events;
    d->transport->ops->want(d->transport, events);
}

void vitro_driver_schedule_write(struct driver *d)
{
    if (!d->blocked)
        vitro_loop_at_end(d->loop, &d->write);
}

static void set_why(struct driver *d, const vitro_error *why)
{
    if (!why || d->why)
        return;
    d->error = *why;
    d->why = &d->error;
}

void vitro_driver_close(struct driver *d, bool flush, const vitro_error *why)
{
    LOOP_ASSERT(d->loop);
    if (d->state == DRIVER_NEW || d->state == DRIVER_CLOSED)
        return;
    if (d->state == DRIVER_CLOSING && (flush || !d->flush))
        return;
    set_why(d, why);
    d->state = DRIVER_CLOSING;
    d->flush = flush && d->transport;
    if (d->flush) {
        d->more = d->opened;
        if (d->flush_ns)
            vitro_timer_start(d->loop, &d->linger, vitro_loop_now(d->loop) + d->flush_ns);
        vitro_driver_schedule_write(d);
    } else {
        vitro_loop_defer(d->loop, &d->closed);
    }
}

void vitro_driver_fail_memory(struct driver *d)
{
    vitro_error err;

    vitro_fail(&err, VITRO_RESOURCE_EXHAUSTED, "driver", 0, "out of memory");
    vitro_driver_close(d, false, &err);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void release_transport(struct driver *d)
{
    bool abort = d->why && !d->shut;

    if (!d->transport)
        return;
    if (tapped(d))
        vitro_driver_tap_end(d, true, abort ? RECORD_RST : RECORD_FIN);
    list_remove(&d->tracing);
    d->transport->ops->close(d->transport, abort);
    d->transport = NULL;
}

static void release_layers(struct driver *d)
{
    for (size_t i = d->layers; i-- > 0;) {
        vitro_queue_clear(&d->stage[i].up);
        vitro_queue_clear(&d->stage[i].down);
        d->stage[i].layer->ops->close(d->stage[i].layer);
    }
    d->layers = 0;
}

static void run_closed(struct task *t)
{
    struct driver *d = CONTAINER_OF(t, struct driver, closed);
    const struct vitro_error *why = d->why;

    d->state = DRIVER_CLOSED;
    vitro_task_cancel(&d->read_again);
    vitro_task_cancel(&d->write);
    vitro_timer_stop(d->loop, &d->linger);
    release_transport(d);
    vitro_queue_clear(&d->in);
    vitro_queue_clear(&d->out);
    release_layers(d);
    vitro_loop_release(d->loop);
    d->ops->on_close(d, why); /* d may be gone after this */
}

static void fire_linger(struct timer *t)
{
    struct driver *d = CONTAINER_OF(t, struct driver, linger);
    vitro_error why;

    if (d->shut) {
        vitro_loop_defer(d->loop, &d->closed);
        return;
    }
    if (driver_is_held(d)) { /* that is not the peer's fault */
        vitro_timer_start(d->loop, t, vitro_loop_now(d->loop) + d->flush_ns);
        return;
    }
    vitro_fail(&why, VITRO_UNAVAILABLE, "driver", 0, "the peer did not take the last bytes");
    vitro_driver_close(d, false, &why);
}

/* All is written: end the stream, then wait a while for the peer's end if that was asked for. */
void vitro_driver_end_output(struct driver *d)
{
    if (d->shut)
        return;
    d->shut = true;
    if (tapped(d))
        vitro_driver_tap_end(d, true, RECORD_FIN);
    d->transport->ops->shut(d->transport);
    if (d->linger_ns && !d->peer_ended)
        vitro_timer_start(d->loop, &d->linger, vitro_loop_now(d->loop) + d->linger_ns);
    else
        vitro_loop_defer(d->loop, &d->closed);
}

/* ---- what the session and the layers ask for ------------------------------------------------ */

void vitro_driver_wake(struct driver *d)
{
    LOOP_ASSERT(d->loop);
    if (!d->opened || d->state == DRIVER_CLOSED)
        return;
    d->more = true;
    vitro_driver_schedule_write(d);
}

void vitro_driver_again(struct driver *d)
{
    LOOP_ASSERT(d->loop);
    if (d->state != DRIVER_NEW && !closing(d))
        vitro_loop_next_turn(d->loop, &d->read_again);
}

void vitro_driver_pause(struct driver *d, bool pause)
{
    LOOP_ASSERT(d->loop);
    d->paused = pause;
    if (d->state != DRIVER_NEW && !closing(d))
        vitro_driver_update_want(d);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void open_layers(struct driver *d)
{
    vitro_error err;

    for (size_t i = 0; i < d->layers; i++) {
        struct layer *l = d->stage[i].layer;
        if (l->ops->open && l->ops->open(l, &d->stage[i].down, &err) == VITRO_FAILED)
            vitro_driver_close(d, true, &err);
    }
    if (d->layers)
        vitro_driver_schedule_write(d);
}

static void ready(struct transport *t, unsigned events)
{
    struct driver *d = t->user;

    if (events & IO_WRITE)
        vitro_loop_at_end(d->loop, &d->write);
    if (events & IO_READ)
        vitro_driver_readable(d);
}

/* Without a hook this is one branch of a beginning connection, and nothing of a running one. */
static bool tell_hook(struct driver *d)
{
    struct loop_hook *hook = d->loop->hook;

    return __builtin_expect(hook == NULL, 1) || hook->opening(hook, d);
}

void vitro_driver_open(struct driver *d, struct transport *t)
{
    bool told;

    LOOP_ASSERT(d->loop);
    assert(d->state == DRIVER_NEW);
    vitro_task_init(&d->read_again, vitro_driver_read_again);
    vitro_task_init(&d->write, vitro_driver_run_write);
    vitro_task_init(&d->closed, run_closed);
    vitro_timer_init(&d->linger, fire_linger);
    vitro_loop_hold(d->loop);
    told = tell_hook(d);
    d->state = DRIVER_OPENING;
    if (!told || (!t->loop && !t->ops->attach(t, d->loop))) {
        vitro_transport_drop(t);
        vitro_driver_fail_memory(d);
        return;
    }
    assert(t->loop == d->loop);
    d->transport = t;
    d->conn = vitro_recorder_conn(t->recorder);
    t->user = d;
    t->ready = ready;
    vitro_tracing_begin(d);
    vitro_driver_update_want(d);
    open_layers(d);
    vitro_driver_again(d);
}
