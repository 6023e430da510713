/*
 * seed - generated input for properties: VITRO_SEED from the environment, else the same every run.
 *
 * A property prints the seed when it fails: cr_assert(..., "why " SEED_TEXT, seed_of_run(),
 * case_number).
 */
#ifndef SUPPORT_SEED_H
#define SUPPORT_SEED_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define SEED_TEXT "(VITRO_SEED=%llu, case %zu)"

/* The seed of this run. */
unsigned long long seed_of_run(void);

/* A generator that starts from it. */
struct chance seed_chance(void);

/* n bytes of any value. */
void seed_fill(struct chance *c, void *p, size_t n);

/* Evenly from low to high, both included. */
size_t seed_between(struct chance *c, size_t low, size_t high);

#endif
