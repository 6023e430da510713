/* order - numbers out of bytes, in the byte order that a capture or a protocol chose. */
#ifndef VITRO_DECODE_ORDER_H
#define VITRO_DECODE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

static inline uint16_t read16(const uint8_t *p, bool big)
{
    return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static inline uint32_t read32(const uint8_t *p, bool big)
{
    uint32_t high = read16(big ? p : p + 2, big), low = read16(big ? p + 2 : p, big);

    return high << 16 | low;
}

static inline uint64_t read64(const uint8_t *p, bool big)
{
    uint64_t high = read32(big ? p : p + 4, big), low = read32(big ? p + 4 : p, big);

    return high << 32 | low;
}

#endif
