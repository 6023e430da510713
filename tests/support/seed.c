#include "support/seed.h"

#include <stdlib.h>

unsigned long long seed_of_run(void)
{
    const char *text = getenv("VITRO_SEED");

    return text && *text ? strtoull(text, NULL, 10) : 20250920u;
}

struct chance seed_chance(void)
{
    struct chance c;

    vitro_chance_seed(&c, seed_of_run());
    return c;
}

void seed_fill(struct chance *c, void *p, size_t n)
{
    uint8_t *to = p;

    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)vitro_chance_next(c);
}

size_t seed_between(struct chance *c, size_t low, size_t high)
{
    return low + (size_t)vitro_chance_below(c, high - low + 1);
}
