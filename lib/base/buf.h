/*
 * buf - a growing run of bytes with a hard maximum from birth.
 *
 * For what must lie in one piece: a reassembled message, a header block. It grows by doubling,
 * never past its maximum, and what a peer declares is checked before anything is allocated.
 */
#ifndef VITRO_BASE_BUF_H
#define VITRO_BASE_BUF_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

struct buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max; /* bytes it may ever hold */
    struct account *account;
};

/* An empty buffer that owns nothing yet. account is kept, may be NULL. */
void vitro_buf_init(struct buf *b, struct account *account, size_t max);

/* Release the bytes; the buffer is empty and usable again. */
void vitro_buf_done(struct buf *b);

/* Make room for n more bytes: where to write them; NULL over the maximum or out of memory. */
uint8_t *vitro_buf_reserve(struct buf *b, size_t n);

/* Add n bytes; false, and nothing added, as above. */
bool vitro_buf_append(struct buf *b, const void *p, size_t n);

/* Drop the first n bytes; the rest moves to the front. */
void vitro_buf_consume(struct buf *b, size_t n);

static inline vitro_bytes vitro_buf_bytes(const struct buf *b)
{
    vitro_bytes all = { b->ptr, b->len };
    return all;
}

#ifdef __cplusplus
}
#endif
#endif
