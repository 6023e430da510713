#include "io/driver_inside.h"

/* The output side: session, layers, transport, tap; once a turn, at its end. */
enum { WRITE_VIEW = 64 };

static struct queue *bottom_out(struct driver *d)
{
    return d->layers ? &d->stage[0].down : &d->out;
}

/* The session has added to what lies between it and the top layer, which held before bytes. */
static void account_for(struct driver *d, size_t before, enum vitro_step step,
                        const vitro_error *err)
{
    d->produced += d->out.len - before;
    if (step == VITRO_FAILED)
        vitro_driver_close(d, true, err);
    else if (step == VITRO_CLOSED)
        vitro_driver_close(d, true, NULL);
    if (step == VITRO_FAILED || step == VITRO_CLOSED)
        d->more = false;
}

static void produce(struct driver *d)
{
    vitro_error err;

    while (d->more && !over(d)) {
        size_t unsent = vitro_driver_unsent(d), before = d->out.len;
        enum vitro_step step;

        if (unsent >= DRIVER_HIGH)
            return;
        step = d->ops->produce(d, &d->out, DRIVER_HIGH - unsent, &err);
        d->more = step == VITRO_MORE && d->out.len > before;
        account_for(d, before, step, &err);
    }
}

void vitro_driver_answer(struct driver *d)
{
    size_t before = d->out.len;
    vitro_error err;

    account_for(d, before, d->ops->answer(d, &d->out, &err), &err);
}

static void push_down(struct driver *d)
{
    vitro_error err;

    for (size_t i = d->layers; i-- > 0;) {
        struct layer *l = d->stage[i].layer;
        if (i == 0 && d->late && opaque(d))
            vitro_driver_tap_late_down(d);
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
/* A peer that has said its last word need not take ours: a close_notify under TLS. */
static bool in_good_order(const struct driver *d)
{
    return d->state == DRIVER_CLOSING && d->peer_ended && !d->why;
}

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
        if (result == IO_FAILED && in_good_order(d))
            break;
        if (result == IO_FAILED) {
            vitro_driver_close(d, false, &err);
            return;
        }
        if (result == IO_DONE) {
            if (tapped(d))
                vitro_driver_tap_written(d, pieces, n);
            d->sent += n;
            vitro_queue_consume(q, n);
        }
        d->blocked = result == IO_LATER || n < offered;
        if (d->blocked)
            return;
    }
    vitro_queue_clear(q); /* pieces without bytes, or what nobody takes */
}

/* What is still unsent leaves first, when somebody waits for a border between two frames. */
static bool may_produce(struct driver *d)
{
    return !vitro_driver_unsent(d) || !vitro_driver_awaited(d);
}

void vitro_driver_run_write(struct task *t)
{
    struct driver *d = CONTAINER_OF(t, struct driver, write);

    if (over(d))
        return;
    d->blocked = false;
    vitro_driver_let_join(d);
    if (d->opened && may_produce(d))
        produce(d);
    push_down(d);
    write_out(d);
    if (d->flush && !d->blocked && !d->more && d->out.len == 0) {
        end_layers(d);
        write_out(d);
    }
    if (over(d))
        return;
    vitro_driver_let_join(d);
    vitro_driver_update_want(d);
    if (d->blocked)
        return;
    if (d->more && may_produce(d) && vitro_driver_unsent(d) < DRIVER_HIGH)
        vitro_driver_schedule_write(d); /* else a layer holds it, and wakes the driver */
    else if (d->state == DRIVER_CLOSING && d->layers_ended && !vitro_driver_unsent(d))
        vitro_driver_end_output(d);
}
