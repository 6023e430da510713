/*
 * lpm - gRPC length-prefixed messages, the unit of data inside a stream.
 *
 * A stream is a byte pipe cut into DATA frames (RFC 9113, 6.1). The cuts mean nothing, so each
 * message states its length (gRPC PROTOCOL-HTTP2):
 *      1 byte compressed flag | 4 bytes length, big-endian | message
 *
 * The reader is pure: bytes in, messages out, the same however the input is split. A message that
 * lies whole in the input is lent from there; one that does not is put together in a block that is
 * charged to an account and grows with what has arrived, not with what was promised. An oversized
 * message is refused from its prefix.
 */
#ifndef VITRO_WIRE_LPM_H
#define VITRO_WIRE_LPM_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LPM_PREFIX = 5 };

struct lpm_message {
    vitro_bytes bytes; /* lent until the reader or the input is touched again */
    size_t wire_size;  /* prefix and bytes as they came */
    bool compressed;   /* flag 1: bytes are of the announced encoding */
};

struct lpm_reader {
    uint8_t prefix[LPM_PREFIX];
    uint8_t prefix_len; /* bytes of prefix read; the rest of it still to come */
    bool lent;          /* the message in body was handed out: drop it on the next call */
    bool encoding;      /* grpc-encoding names one other than identity */
    uint32_t limit;     /* most bytes of a message */
    struct buf body;    /* the message that is being put together */
};

/* A reader at the start of a stream. account is kept; limit is in bytes of one message. */
void vitro_lpm_init(struct lpm_reader *r, struct account *account, uint32_t limit);
void vitro_lpm_done(struct lpm_reader *r);

/* Whether a message may have flag 1: an encoding was announced by the peer's headers. */
void vitro_lpm_set_encoding(struct lpm_reader *r, bool encoding);

/*
 * Read on: take bytes off the front of *in until a message is complete (*ready, and *out is it) or
 * *in is empty. Call again until *ready is false: a message of no bytes needs no more input.
 *
 * INTERNAL: a flag other than 0 and 1, or 1 without an encoding. RESOURCE_EXHAUSTED: longer than
 * the limit, or memory is out. After a failure the stream is over; only done may follow.
 */
vitro_code vitro_lpm_next(struct lpm_reader *r, vitro_bytes *in, struct lpm_message *out,
                          bool *ready, vitro_error *err);

/* The stream has ended: INTERNAL when that is inside a message. */
vitro_code vitro_lpm_end(const struct lpm_reader *r, vitro_error *err);

/* Bytes of the incomplete message that have arrived, its prefix included; 0 between messages. */
size_t vitro_lpm_pending(const struct lpm_reader *r);

/* Bytes that the incomplete message still lacks; what is missing of the prefix while it is cut. */
size_t vitro_lpm_missing(const struct lpm_reader *r);

/*
 * Give the block of the message that was lent to into, which held none: the message stays valid
 * as long as that. False when the message lies in the input instead.
 */
bool vitro_lpm_keep(struct lpm_reader *r, struct buf *into);

/* Release the block of a message that was lent, before the next call. */
void vitro_lpm_release(struct lpm_reader *r);

/* Write a prefix; flag: 1 when the message is compressed, else 0. */
static inline void lpm_write_prefix(uint8_t out[LPM_PREFIX], uint8_t flag, uint32_t length)
{
    out[0] = flag;
    out[1] = (uint8_t)(length >> 24);
    out[2] = (uint8_t)(length >> 16);
    out[3] = (uint8_t)(length >> 8);
    out[4] = (uint8_t)length;
}

/* The length of the message behind a prefix. */
static inline uint32_t lpm_read_length(const uint8_t prefix[LPM_PREFIX])
{
    return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
           prefix[4];
}

#ifdef __cplusplus
}
#endif
#endif
