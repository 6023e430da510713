/*
 * driver_inside - what the files of the driver share: driver.c (life), driver_in.c (the input
 * side), driver_out.c (the output side), driver_tap.c, driver_late.c.
 */
#ifndef VITRO_IO_DRIVER_INSIDE_H
#define VITRO_IO_DRIVER_INSIDE_H

#include "io/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where bytes go that come out of layer i, and where it takes what goes down. */
static inline struct queue *above(struct driver *d, size_t i)
{
    return i + 1 < d->layers ? &d->stage[i + 1].up : &d->in;
}

static inline struct queue *from_above(struct driver *d, size_t i)
{
    return i + 1 < d->layers ? &d->stage[i + 1].down : &d->out;
}

static inline bool closing(const struct driver *d)
{
    return d->state == DRIVER_CLOSING || d->state == DRIVER_CLOSED;
}

/* Closing without waiting for anything: only the end is still to come. */
static inline bool over(const struct driver *d)
{
    return d->state == DRIVER_CLOSED || (d->state == DRIVER_CLOSING && !d->flush);
}

/* Late sinks are shown what lies above the lowest layer. */
static inline bool opaque(const struct driver *d)
{
    return d->layers && d->stage[0].layer->ops->opaque;
}

/* ---- life ----------------------------------------------------------------------------------- */

void vitro_driver_update_want(struct driver *d);
void vitro_driver_schedule_write(struct driver *d); /* unless the transport takes no more now */
void vitro_driver_fail_memory(struct driver *d);
void vitro_driver_end_output(struct driver *d); /* all is written: end the stream */

/* ---- the two sides -------------------------------------------------------------------------- */

void vitro_driver_readable(struct driver *d);
void vitro_driver_read_again(struct task *t);
void vitro_driver_run_write(struct task *t);
void vitro_driver_answer(struct driver *d); /* what is short, while the transport is blocked */

/* ---- the tap -------------------------------------------------------------------------------- */

/* Without a recorder the tap is this branch, which the processor predicts. */
static inline bool tapped(const struct driver *d)
{
    return __builtin_expect(d->transport->recorder != NULL, 0);
}

void vitro_driver_tap_read(struct driver *d, vitro_bytes bytes);

/*
 * The same for sinks that joined late. below: bytes of the transport, of no use to them when a
 * layer is opaque; then those go down that it takes in now.
 */
void vitro_driver_tap_late(struct driver *d, vitro_bytes bytes);
void vitro_driver_tap_late_below(struct driver *d, vitro_bytes bytes);
void vitro_driver_tap_late_down(struct driver *d);

/* The first n bytes of what was offered have crossed; pieces are cut to them. */
void vitro_driver_tap_written(struct driver *d, vitro_bytes *pieces, size_t n);
void vitro_driver_tap_end(struct driver *d, bool sent, enum record_end how);

/* ---- sinks that come while the connection is open ------------------------------------------- */

/* Some wait to join it. */
bool vitro_driver_awaited(struct driver *d);

/* Let them, when this is a good moment. */
void vitro_driver_let_join(struct driver *d);

/* Remember it for when some come: see tracing.c. */
void vitro_tracing_begin(struct driver *d);

/* Bytes to be read at most, so that a good moment comes soon. */
size_t vitro_driver_read_room(struct driver *d);

#ifdef __cplusplus
}
#endif
#endif
