/*
 * reassembled - a handshake message that is split over records (RFC 8446, 5.1).
 *
 *      records      [head|.. Finished|Certif]  [head|icat]  [head|e|CertificateVerify ..]
 *      reassembled                   [Certif         icat         e]
 *
 * It belongs to the record that completes it, as in Wireshark. Its bytes are not kept: they are
 * gathered again whenever somebody looks, from the last record before it that began with a message;
 * the last one is at hand.
 */
#ifndef VITRO_DECODE_REASSEMBLED_H
#define VITRO_DECODE_REASSEMBLED_H

#include "base/buf.h"
#include "vitro/lab/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Of a TLS event's rope: so many bytes go on with a message, and so far before the record begins
 * the one from which on messages are gathered; 0: the message does not end here, or is too long.
 */
enum {
    TLS_REST_BITS = 15, /* no record holds more */
    TLS_BACK_MAX = (1 << (32 - TLS_REST_BITS)) - 1
};

static inline uint32_t tls_rest(const vitro_event *ev)
{
    return ev->rope == UINT32_MAX ? UINT32_MAX : ev->rope & ((1U << TLS_REST_BITS) - 1);
}

static inline uint32_t tls_back(const vitro_event *ev)
{
    return ev->rope == UINT32_MAX ? 0 : ev->rope >> TLS_REST_BITS;
}

struct reassembled {
    vitro_event of;   /* the record that completes it; its number is 0: none */
    bool is;          /* it could be gathered */
    struct buf text;  /* of all those records; the message: */
    size_t from, len; /* this part */
    struct buf runs;  /* vitro_span: where each record's part of text stands */
};

/*
 * Gather what this record completes, when it is not at hand. NULL: it completes none, or bytes are
 * missing. Lends until the next call.
 */
const struct reassembled *vitro_reassemble(const vitro_decode *d, const vitro_event *ev);

/* Likewise of an event's number; NULL also when it is not kept. */
const struct reassembled *vitro_reassemble_number(const vitro_decode *d, uint32_t number);

/* The first run of a span of it. */
bool vitro_reassembled_take(const struct reassembled *r, const vitro_span *span, vitro_span *out);

/* All of the message. */
vitro_bytes vitro_reassembled_bytes(const struct reassembled *r);
vitro_span vitro_reassembled_span(const struct reassembled *r);

#ifdef __cplusplus
}
#endif
#endif
