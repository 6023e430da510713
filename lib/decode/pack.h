/*
 * pack - numbers in as few bytes as they need: seven bits a byte, the lowest first; small
 * differences, of either sign, stay small.
 */
#ifndef VITRO_DECODE_PACK_H
#define VITRO_DECODE_PACK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PACK_MAX = 10 }; /* bytes of one number */

static inline uint8_t *pack_put(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static inline const uint8_t *pack_get(const uint8_t *p, uint64_t *v)
{
    unsigned shift = 7;

    for (*v = *p & 0x7f; *p++ & 0x80; shift += 7)
        *v |= (uint64_t)(*p & 0x7f) << shift;
    return p;
}

/* The difference to - from, and back; both may wrap around. */
static inline uint64_t pack_delta(uint64_t from, uint64_t to)
{
    uint64_t d = to - from;

    return d << 1 ^ (d >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t pack_apply(uint64_t from, uint64_t delta)
{
    return from + (delta >> 1 ^ (delta & 1 ? UINT64_MAX : 0));
}

#ifdef __cplusplus
}
#endif
#endif
