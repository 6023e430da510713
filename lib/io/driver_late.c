/*
 * driver_late - the good moment for sinks that come while the connection is open.
 *
 *      nothing is unsent .......... what the session has produced has crossed, in whole frames
 *      nothing is to be taken ..... and so has what it knows of the peer
 *      between two frames ......... and the next byte begins one
 *
 * So what the session can tell then is true of exactly the bytes before, and the late sink sees
 * exactly those behind. Most connections are there at the end of any turn. For one that never
 * rests, while somebody waits: input is read up to the next border, and the session is not asked
 * for output before the last has left. Neither waits for the other, so nothing ever stops.
 *
 * Under TLS they are shown what lies above it: without the handshake nobody could open its records,
 * which end where frames end as a rule.
 */
#include "io/driver_inside.h"

bool vitro_driver_awaited(struct driver *d)
{
    const struct transport *t = d->transport;

    /* a link has one recorder for both ends, which speaks for its client */
    return t && t->recorder && d->opened && d->ops->join && (t->client || t->tap_reads) &&
           vitro_recorder_awaited(t->recorder);
}

static bool all_has_crossed(const struct driver *d)
{
    size_t waiting = vitro_driver_unsent(d) + d->in.len;

    for (size_t i = 0; i < d->layers; i++)
        waiting += d->stage[i].up.len;
    return waiting == 0;
}

void vitro_driver_let_join(struct driver *d)
{
    struct recorder *r;
    struct audience waiting;

    if (!vitro_driver_awaited(d) || !all_has_crossed(d) || d->ops->until_frame(d))
        return;
    r = d->transport->recorder;
    waiting = vitro_recorder_waiting(r);
    if (!d->ops->join(d, waiting))
        return;
    vitro_recorder_join(r, waiting, d->produced, d->taken_in);
    d->late = true;
    vitro_loop_traced(d->loop, d->transport->trace);
}

size_t vitro_driver_read_room(struct driver *d)
{
    size_t left;

    if (!vitro_driver_awaited(d) || vitro_driver_unsent(d) || opaque(d))
        return LOOP_READ_BYTES;
    left = d->ops->until_frame(d);
    return left ? MIN(left, (size_t)LOOP_READ_BYTES) : LOOP_READ_BYTES;
}
