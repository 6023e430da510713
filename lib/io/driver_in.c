#include "io/driver_inside.h"

/* The input side: transport, layers, tap, session. */

static struct queue *bottom_in(struct driver *d)
{
    return d->layers ? &d->stage[0].up : &d->in;
}

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
        vitro_driver_schedule_write(d);
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
    if (d->blocked && d->more && !closing(d) && d->ops->answer)
        vitro_driver_answer(d);
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
        vitro_driver_fail_memory(d);
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

/*
 * What late sinks are shown of a read: it itself, or what the layers have made of it, which lies
 * in d->in behind the first before bytes: a copy then, as it may be shown behind the session.
 */
static vitro_bytes for_late(struct driver *d, vitro_bytes read, size_t before, uint8_t **copy)
{
    size_t n = d->in.len - before;

    *copy = NULL;
    if (!d->late || !opaque(d))
        return read;
    *copy = n ? vitro_mem_alloc(vitro_loop_account(d->loop), n) : NULL;
    if (*copy)
        vitro_queue_copy(&d->in, before, *copy, n);
    else if (n)
        vitro_driver_fail_memory(d);
    return (vitro_bytes){ *copy, *copy ? n : 0 };
}

/*
 * Layers, tap, session, in this order; read is what has just come, or nothing. Late sinks get it
 * behind the session while that has to tell them what its header blocks mean.
 */
static void input_side(struct driver *d, vitro_bytes read)
{
    size_t before = d->in.len;
    bool alive = pass_up(d), behind = d->telling;
    uint8_t *copy;
    vitro_bytes shown = for_late(d, read, before, &copy);
    bool late = shown.len && d->late;

    if (read.len && tapped(d))
        vitro_driver_tap_read(d, read);
    if (late && !behind)
        vitro_driver_tap_late(d, shown);
    if (alive && d->state == DRIVER_OPENING && all_ready(d)) {
        d->state = DRIVER_OPEN;
        d->opened = d->more = true;
        vitro_driver_schedule_write(d);
        d->ops->on_open(d);
    }
    if (alive && d->state == DRIVER_OPEN && d->in.len)
        offer(d);
    if (late && behind)
        vitro_driver_tap_late(d, shown);
    vitro_mem_free(vitro_loop_account(d->loop), copy, shown.len);
    own(d);
    tell_end(d);
}

static void read_in(struct driver *d)
{
    uint8_t *buffer = vitro_loop_read_buffer(d->loop);
    size_t room = vitro_driver_read_room(d), n;
    vitro_error err;

    if (!buffer) {
        vitro_driver_fail_memory(d);
        return;
    }
    switch (d->transport->ops->read(d->transport, buffer, room, &n, &err)) {
    case IO_DONE:
        d->received += n;
        if (vitro_queue_lend(bottom_in(d), buffer, n))
            input_side(d, (vitro_bytes){ buffer, n });
        else
            vitro_driver_fail_memory(d);
        break;
    case IO_END:
        d->peer_ended = true;
        if (tapped(d))
            vitro_driver_tap_end(d, false, RECORD_FIN);
        input_side(d, (vitro_bytes){ NULL, 0 });
        break;
    case IO_FAILED:
        if (tapped(d))
            vitro_driver_tap_end(d, false, RECORD_RST);
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
    d->received += n;
    if (result == IO_DONE && tapped(d))
        vitro_driver_tap_read(d, (vitro_bytes){ buffer, n });
    if (result == IO_DONE && d->late)
        vitro_driver_tap_late_below(d, (vitro_bytes){ buffer, n });
    if (result == IO_END || result == IO_FAILED) {
        d->peer_ended = true;
        if (tapped(d))
            vitro_driver_tap_end(d, false, result == IO_END ? RECORD_FIN : RECORD_RST);
        vitro_driver_update_want(d);
    }
    if (result == IO_FAILED || (result == IO_END && d->shut)) {
        d->flush = false;
        vitro_loop_defer(d->loop, &d->closed);
    }
}

/* The transport is watched for what the driver still waits for, also while it flushes: the peer's
 * end can be read again and again. */
static void after_input(struct driver *d)
{
    if (!over(d))
        vitro_driver_update_want(d);
    if (!closing(d))
        vitro_driver_let_join(d);
}

void vitro_driver_readable(struct driver *d)
{
    if (d->peer_ended || task_waiting(&d->read_again))
        return;
    if (d->state == DRIVER_CLOSING && d->flush)
        read_away(d);
    else if (!closing(d))
        read_in(d);
    after_input(d);
}

void vitro_driver_read_again(struct task *t)
{
    struct driver *d = CONTAINER_OF(t, struct driver, read_again);

    if (closing(d))
        return;
    input_side(d, (vitro_bytes){ NULL, 0 });
    after_input(d);
}
