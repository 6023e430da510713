/*
 * events - the index of all events, packed: some 8 bytes an event instead of 64.
 *
 *      [page][page][page]...[tail]      a page: EVENTS_PAGE events as bytes; the tail: as they are
 *
 * What follows from events before it in the page is not written: a frame begins where the one
 * before it in its direction ended, what is inside a message stands behind the prefix. Of the rest
 * the differences are, as small numbers. A page is unpacked as a whole and kept for a while: going
 * through events in order unpacks each page once.
 */
#ifndef VITRO_DECODE_EVENTS_H
#define VITRO_DECODE_EVENTS_H

#include "base/mem.h"
#include "vitro/lab/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EVENTS_PAGE = 64, EVENTS_OPEN = 8, EVENT_SHAPES = 256, EVENT_SHAPE_SLOTS = 1024 };

struct events_open; /* an unpacked page */

struct events {
    struct account *account;
    uint32_t count;
    uint8_t **pages; /* packed; the first two bytes are the size */
    uint32_t page_count, page_cap;
    vitro_event *tail;
    struct events_open *open; /* EVENTS_OPEN pages that were looked at */
    /* What kinds of events there are: kind, source, dir, type, flags, bits and why in one. */
    uint64_t shapes[EVENT_SHAPES];
    uint32_t shape_count;
    uint16_t shape_slots[EVENT_SHAPE_SLOTS];
};

void vitro_events_init(struct events *e, struct account *account);
void vitro_events_done(struct events *e);

/* Keep a copy; ev->number is its place from 1. False without memory: it is not kept. */
bool vitro_events_add(struct events *e, const vitro_event *ev);

/* i counts from 0 and is less than e->count. Lent until the next call. NULL without memory. */
const vitro_event *vitro_events_get(struct events *e, uint32_t i);

#ifdef __cplusplus
}
#endif
#endif
