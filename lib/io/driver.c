#include "io/driver.h"

#include <assert.h>

#include "base/error.h"
#include "base/util.h"

/*
 * All that a driver does is done in three places, none on top of another:
 *
 *      ready, read_again .. the input side (input_side)
 *      write .............. the output side, once a turn, at its end (run_write)
 *      closed ............. the end: everything is released, then on_close (run_closed)
 *
 * Whatever goes wrong in the first two only changes the state and defers the third, so that no
 * queue is emptied under a session that is still at work.
 */
enum { WRITE_VIEW = 64 };

void vitro_driver_init(struct driver *d, vitro_loop *loop, const struct driver_ops *ops)
{
    *d = (struct driver){ .ops = ops, .loop = loop, .conn = RECORD_NO_CONN };
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

/* Where bytes go that come out of layer i, and where it takes what goes down. */
static struct queue *above(struct driver *d, size_t i)
{
    return i + 1 < d->layers ? &d->stage[i + 1].up : &d->in;
}

static struct queue *from_above(struct driver *d, size_t i)
{
    return i + 1 < d->layers ? &d->stage[i + 1].down : &d->out;
}

static struct queue *bottom_in(struct driver *d)
{
    return d->layers ? &d->stage[0].up : &d->in;
}

static struct queue *bottom_out(struct driver *d)
{
    return d->layers ? &d->stage[0].down : &d->out;
}

static bool closing(const struct driver *d)
{
    return d->state == DRIVER_CLOSING || d->state == DRIVER_CLOSED;
}

size_t vitro_driver_unsent(const struct driver *d)
{
    size_t n = d->out.len;

    for (size_t i = 0; i < d->layers; i++)
        n += d->stage[i].down.len;
    return n;
}

/* ---- the tap -------------------------------------------------------------------------------- */

static inline bool tapped(const struct driver *d)
{
    return __builtin_expect(d->transport->recorder != NULL, 0);
}

static void tap_read(struct driver *d, vitro_bytes bytes)
{
    if (!tapped(d) || !d->transport->tap_reads)
        return;
    vitro_recorder_bytes(d->transport->recorder, RECORD_RECEIVED, &bytes, 1);
    vitro_loop_traced(d->loop, d->transport->trace);
}

/* The first n bytes of what was offered have crossed. */
static void tap_written(struct driver *d, vitro_bytes *pieces, size_t n)
{
    size_t count = 0;

    if (!tapped(d))
        return;
    for (; n; count++) {
        pieces[count].len = MIN(pieces[count].len, n);
        n -= pieces[count].len;
    }
    vitro_recorder_bytes(d->transport->recorder, d->transport->sent_as, pieces, count);
    vitro_loop_traced(d->loop, d->transport->trace);
}

static void tap_end(struct driver *d, bool sent, enum record_end how)
{
    struct transport *t = d->transport;

    if (!tapped(d) || (!sent && !t->tap_reads))
        return;
    vitro_recorder_end(t->recorder, sent ? t->sent_as : RECORD_RECEIVED, how);
    vitro_loop_traced(d->loop, t->trace);
}

/* ---- state ---------------------------------------------------------------------------------- */

static void update_want(struct driver *d)
{
    unsigned events = d->blocked ? IO_WRITE : 0;

    if (!d->peer_ended && !d->paused && !(d->state == DRIVER_CLOSING && !d->flush))
        events |= IO_READ;
    if (events == d->wanted)
        return;
    d->wanted = events;
    d->transport->ops->want(d->transport, events);
}

static void schedule_write(struct driver *d)
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
        schedule_write(d);
    } else {
        vitro_loop_defer(d->loop, &d->closed);
    }
}

static void fail_memory(struct driver *d)
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
    tap_end(d, true, abort ? RECORD_RST : RECORD_FIN);
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

    vitro_loop_defer(d->loop, &d->closed);
}

/* All is written: end the stream, then wait a while for the peer's end if that was asked for. */
static void end_output(struct driver *d)
{
    if (d->shut)
        return;
    d->shut = true;
    tap_end(d, true, RECORD_FIN);
    d->transport->ops->shut(d->transport);
    if (d->linger_ns && !d->peer_ended)
        vitro_timer_start(d->loop, &d->linger, vitro_loop_now(d->loop) + d->linger_ns);
    else
        vitro_loop_defer(d->loop, &d->closed);
}

/* ---- the output side ------------------------------------------------------------------------ */

static void produce(struct driver *d)
{
    vitro_error err;

    while (d->more && !(d->state == DRIVER_CLOSING && !d->flush)) {
        size_t unsent = vitro_driver_unsent(d), before = d->out.len;
        enum vitro_step step;

        if (unsent >= DRIVER_HIGH)
            return;
        step = d->ops->produce(d, &d->out, DRIVER_HIGH - unsent, &err);
        d->produced += d->out.len - before;
        d->more = step == VITRO_MORE && d->out.len > before;
        if (step == VITRO_FAILED)
            vitro_driver_close(d, true, &err);
        else if (step == VITRO_CLOSED)
            vitro_driver_close(d, true, NULL);
        if (step == VITRO_FAILED || step == VITRO_CLOSED)
            d->more = false;
    }
}

static void push_down(struct driver *d)
{
    vitro_error err;

    for (size_t i = d->layers; i-- > 0;) {
        struct layer *l = d->stage[i].layer;
        if (l->ops->down(l, from_above(d, i), &d->stage[i].down, &err) != VITRO_FAILED)
            continue;
        vitro_driver_close(d, true, &err);
        vitro_queue_clear(from_above(d, i)); /* nothing of it can be sent any more */
        d->more = false;
    }
}

/* Once, when a flush has nothing left of the session: the layers say farewell, top first. */
static void end_layers(struct driver *d)
{
    if (d->layers_ended)
        return;
    d->layers_ended = true;
    for (size_t i = d->layers; i-- > 0;) {
        struct layer *l = d->stage[i].layer;
        if (l->ops->end)
            l->ops->end(l, &d->stage[i].down);
        for (size_t j = i; j-- > 0;) {
            struct layer *below = d->stage[j].layer;
            (void)below->ops->down(below, from_above(d, j), &d->stage[j].down, NULL);
        }
    }
}

/* Write until all is gone or the kernel takes no more. */
static void write_out(struct driver *d)
{
    struct queue *q = bottom_out(d);
    vitro_bytes pieces[WRITE_VIEW];
    vitro_error err;

    while (q->len) {
        size_t count = vitro_queue_view(q, pieces, WRITE_VIEW), offered = 0, n;
        enum io_result result;

        for (size_t i = 0; i < count; i++)
            offered += pieces[i].len;
        result = d->transport->ops->write(d->transport, pieces, count, &n, &err);
        if (result == IO_FAILED) {
            vitro_driver_close(d, false, &err);
            return;
        }
        if (result == IO_DONE) {
            tap_written(d, pieces, n);
            d->sent += n;
            vitro_queue_consume(q, n);
        }
        d->blocked = result == IO_LATER || n < offered;
        if (d->blocked)
            return;
    }
    vitro_queue_clear(q); /* pieces without bytes */
}

static void run_write(struct task *t)
{
    struct driver *d = CONTAINER_OF(t, struct driver, write);

    if (d->state == DRIVER_CLOSED || (d->state == DRIVER_CLOSING && !d->flush))
        return;
    d->blocked = false;
    if (d->opened)
        produce(d);
    push_down(d);
    write_out(d);
    if (d->flush && !d->blocked && !d->more && d->out.len == 0) {
        end_layers(d);
        write_out(d);
    }
    if (d->state == DRIVER_CLOSING && !d->flush)
        return;
    update_want(d);
    if (d->blocked)
        return;
    if (d->more && vitro_driver_unsent(d) < DRIVER_HIGH)
        schedule_write(d); /* else a layer holds it, and wakes the driver */
    else if (d->state == DRIVER_CLOSING && d->layers_ended && !vitro_driver_unsent(d))
        end_output(d);
}

void vitro_driver_wake(struct driver *d)
{
    LOOP_ASSERT(d->loop);
    if (!d->opened || d->state == DRIVER_CLOSED)
        return;
    d->more = true;
    schedule_write(d);
}

/* ---- the input side ------------------------------------------------------------------------- */

static bool all_ready(const struct driver *d)
{
    for (size_t i = 0; i < d->layers; i++) {
        if (!d->stage[i].layer->ready)
            return false;
    }
    return true;
}

/* Through the layers; false when the connection is over. */
static bool pass_up(struct driver *d)
{
    vitro_error err;

    for (size_t i = 0; i < d->layers; i++) {
        struct layer *l = d->stage[i].layer;
        enum vitro_step step = l->ops->up(l, &d->stage[i].up, above(d, i), &err);
        if (step == VITRO_FAILED) {
            vitro_driver_close(d, true, &err);
            return false;
        }
        if (step == VITRO_MORE)
            vitro_loop_next_turn(d->loop, &d->read_again);
        if (step == VITRO_CLOSED)
            d->peer_ended = true;
    }
    if (d->layers)
        schedule_write(d);
    return true;
}

static void offer(struct driver *d)
{
    vitro_error err;
    size_t before = d->in.len;
    enum vitro_step step = d->ops->take(d, &d->in, &err);

    d->taken_in += before - d->in.len;
    if (step == VITRO_MORE)
        vitro_loop_next_turn(d->loop, &d->read_again);
    else if (step == VITRO_FAILED)
        vitro_driver_close(d, true, &err);
    else if (step == VITRO_CLOSED)
        vitro_driver_close(d, true, NULL);
}

/* What was not taken must not lie in the loop's read buffer any more when this returns. */
static void own(struct driver *d)
{
    bool owned = vitro_queue_own(&d->in);

    for (size_t i = 0; i < d->layers; i++)
        owned &= vitro_queue_own(&d->stage[i].up);
    if (!owned) {
        for (size_t i = 0; i < d->layers; i++)
            vitro_queue_clear(&d->stage[i].up);
        vitro_queue_clear(&d->in);
        fail_memory(d);
    }
}

static void tell_end(struct driver *d)
{
    if (!d->peer_ended || d->end_told || task_waiting(&d->read_again) || closing(d))
        return;
    d->end_told = true;
    if (d->opened && d->ops->on_end)
        d->ops->on_end(d);
    else
        vitro_driver_close(d, false, NULL);
}

/* Layers, tap, session, in this order; read is what has just come, or nothing. */
static void input_side(struct driver *d, vitro_bytes read)
{
    bool alive = pass_up(d);

    if (read.len)
        tap_read(d, read);
    if (alive && d->state == DRIVER_OPENING && all_ready(d)) {
        d->state = DRIVER_OPEN;
        d->opened = d->more = true;
        schedule_write(d);
        d->ops->on_open(d);
    }
    if (alive && d->state == DRIVER_OPEN && d->in.len)
        offer(d);
    own(d);
    tell_end(d);
}

static void read_in(struct driver *d)
{
    uint8_t *buffer = vitro_loop_read_buffer(d->loop);
    vitro_error err;
    size_t n;

    if (!buffer) {
        fail_memory(d);
        return;
    }
    switch (d->transport->ops->read(d->transport, buffer, LOOP_READ_BYTES, &n, &err)) {
    case IO_DONE:
        d->received += n;
        if (vitro_queue_lend(bottom_in(d), buffer, n))
            input_side(d, (vitro_bytes){ buffer, n });
        else
            fail_memory(d);
        break;
    case IO_END:
        d->peer_ended = true;
        tap_end(d, false, RECORD_FIN);
        input_side(d, (vitro_bytes){ NULL, 0 });
        break;
    case IO_FAILED:
        tap_end(d, false, RECORD_RST);
        vitro_driver_close(d, false, &err);
        break;
    case IO_LATER:
        break;
    }
}

/* While closing: what still comes is recorded and dropped; only its end matters. */
static void read_away(struct driver *d)
{
    uint8_t *buffer = vitro_loop_read_buffer(d->loop);
    enum io_result result = IO_FAILED;
    size_t n = 0;

    if (buffer)
        result = d->transport->ops->read(d->transport, buffer, LOOP_READ_BYTES, &n, NULL);
    if (result == IO_DONE)
        tap_read(d, (vitro_bytes){ buffer, n });
    if (result == IO_END || result == IO_FAILED) {
        d->peer_ended = true;
        tap_end(d, false, result == IO_END ? RECORD_FIN : RECORD_RST);
        update_want(d);
    }
    if (result == IO_FAILED || (result == IO_END && d->shut)) {
        d->flush = false;
        vitro_loop_defer(d->loop, &d->closed);
    }
}

static void ready(struct transport *t, unsigned events)
{
    struct driver *d = t->user;

    if (events & IO_WRITE)
        vitro_loop_at_end(d->loop, &d->write);
    if (!(events & IO_READ) || d->peer_ended || task_waiting(&d->read_again))
        return;
    if (d->state == DRIVER_CLOSING && d->flush)
        read_away(d);
    else if (!closing(d))
        read_in(d);
    if (!closing(d))
        update_want(d);
}

static void run_read_again(struct task *t)
{
    struct driver *d = CONTAINER_OF(t, struct driver, read_again);

    if (closing(d))
        return;
    input_side(d, (vitro_bytes){ NULL, 0 });
    if (!closing(d))
        update_want(d);
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
        update_want(d);
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
        schedule_write(d);
}

void vitro_driver_open(struct driver *d, struct transport *t)
{
    LOOP_ASSERT(d->loop);
    assert(d->state == DRIVER_NEW);
    vitro_task_init(&d->read_again, run_read_again);
    vitro_task_init(&d->write, run_write);
    vitro_task_init(&d->closed, run_closed);
    vitro_timer_init(&d->linger, fire_linger);
    vitro_loop_hold(d->loop);
    d->state = DRIVER_OPENING;
    if (!t->loop && !t->ops->attach(t, d->loop)) {
        vitro_transport_drop(t);
        fail_memory(d);
        return;
    }
    assert(t->loop == d->loop);
    d->transport = t;
    d->conn = vitro_recorder_conn(t->recorder);
    t->user = d;
    t->ready = ready;
    update_want(d);
    open_layers(d);
    vitro_driver_again(d);
}
