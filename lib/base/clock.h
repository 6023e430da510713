/*
 * clock - time and chance, both injected, so that a run can be repeated.
 */
#ifndef VITRO_BASE_CLOCK_H
#define VITRO_BASE_CLOCK_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds. mono never goes back; wall counts from 1970-01-01T00:00:00Z. */
struct clock {
    int64_t (*mono)(void *user);
    int64_t (*wall)(void *user);
    void *user;
};

/* The system's clocks. */
struct clock vitro_clock_system(void);

/* A clock that moves only when told to; mono starts at 0. */
struct clock_virtual {
    int64_t now;        /* nanoseconds since its start */
    int64_t wall_start; /* wall time at its start */
};
struct clock vitro_clock_virtual(struct clock_virtual *v);

/* xoshiro256**: fast, repeatable from its seed, not for secrets. */
struct chance {
    uint64_t s[4];
};

void vitro_chance_seed(struct chance *c, uint64_t seed);
void vitro_chance_seed_system(struct chance *c); /* from the kernel */
uint64_t vitro_chance_next(struct chance *c);

/* Evenly from 0 to below - 1; below is not 0. */
uint64_t vitro_chance_below(struct chance *c, uint64_t below);

#ifdef __cplusplus
}
#endif
#endif
