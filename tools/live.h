/*
 * live - numbers about a capture that is being made: its feed counts, others look on.
 */
#ifndef VITRO_TOOLS_LIVE_H
#define VITRO_TOOLS_LIVE_H

#include <stdint.h>

struct live {
    uint64_t packets; /* taken in */
    uint64_t missed;  /* packets and blocks that could not be: the kernel or a program was faster */
    uint64_t programs; /* that are joined now */
    uint64_t joined;   /* that ever were */
};

static inline void live_add(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline uint64_t live_get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif
