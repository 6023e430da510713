#include "io/driver_inside.h"

enum { TAP_VIEW = 64 };

/* What a driver tells its recorder; called only when there is one. */

void vitro_driver_tap_read(struct driver *d, vitro_bytes bytes)
{
    if (!d->transport->tap_reads)
        return;
    vitro_recorder_bytes(d->transport->recorder, RECORD_RECEIVED, &bytes, 1);
    vitro_loop_traced(d->loop, d->transport->trace);
}

void vitro_driver_tap_late(struct driver *d, vitro_bytes bytes)
{
    vitro_recorder_late_bytes(d->transport->recorder, RECORD_RECEIVED, &bytes, 1);
    vitro_loop_traced(d->loop, d->transport->trace);
}

void vitro_driver_tap_late_below(struct driver *d, vitro_bytes bytes)
{
    if (!opaque(d))
        vitro_driver_tap_late(d, bytes);
}

void vitro_driver_tap_late_down(struct driver *d)
{
    const struct piece *p = from_above(d, 0)->head;
    vitro_bytes pieces[TAP_VIEW];

    while (p) {
        size_t n = 0;
        for (; p && n < TAP_VIEW; p = p->next)
            pieces[n++] = (vitro_bytes){ p->ptr, p->len };
        vitro_recorder_late_bytes(d->transport->recorder, RECORD_SENT, pieces, n);
    }
    vitro_loop_traced(d->loop, d->transport->trace);
}

void vitro_driver_tap_written(struct driver *d, vitro_bytes *pieces, size_t n)
{
    size_t count = 0;

    for (; n; count++) {
        pieces[count].len = MIN(pieces[count].len, n);
        n -= pieces[count].len;
    }
    vitro_recorder_bytes(d->transport->recorder, d->transport->sent_as, pieces, count);
    if (d->late && !opaque(d))
        vitro_recorder_late_bytes(d->transport->recorder, RECORD_SENT, pieces, count);
    vitro_loop_traced(d->loop, d->transport->trace);
}

void vitro_driver_tap_end(struct driver *d, bool sent, enum record_end how)
{
    struct transport *t = d->transport;

    if (sent || t->tap_reads)
        vitro_recorder_end(t->recorder, sent ? t->sent_as : RECORD_RECEIVED, how);
    if (d->late)
        vitro_recorder_late_end(t->recorder, sent ? RECORD_SENT : RECORD_RECEIVED, how);
    vitro_loop_traced(d->loop, t->trace);
}
