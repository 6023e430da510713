/*
 * inflated - what a compressed message says.
 *
 *      body      [flag 1|length|deflated ....]
 *      inflated                [.....................]
 *
 * Its text is not kept: it is inflated again whenever somebody looks; the last one is at hand.
 */
#ifndef VITRO_DECODE_INFLATED_H
#define VITRO_DECODE_INFLATED_H

#include "base/buf.h"
#include "vitro/lab/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { INFLATED_MAX = 16 * 1024 * 1024 }; /* of one message: a small one may grow without end */

struct inflated {
    vitro_event of;  /* the message, a PROTOBUF event; its number is 0: none */
    const char *why; /* NULL, or why it cannot be inflated */
    struct buf text;
};

/* True for what the fields of which stand in a source of their own. */
static inline bool event_is_deflated(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_PROTOBUF && ev->source == VITRO_SOURCE_BODY && ev->type == 1;
}

/* Inflate the bytes of a span into out; NULL, or why that cannot be done: out has some of it. */
const char *vitro_inflate_span(vitro_decode *d, const vitro_span *span, vitro_str name,
                               struct buf *out);

/* Inflate it, when it is not at hand. Lends until the next call. */
const struct inflated *vitro_inflate(const vitro_decode *d, const vitro_event *ev);

/* Likewise of an event's number; NULL when it is not kept, or is no such message. */
const struct inflated *vitro_inflate_number(const vitro_decode *d, uint32_t number);

/* All of what it says. */
vitro_span vitro_inflated_span(const struct inflated *i);

#ifdef __cplusplus
}
#endif
#endif
