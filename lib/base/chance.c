#include "base/clock.h"

#include <assert.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* splitmix64 spreads a seed over the state (Vigna, as xoshiro's authors advise). */
static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void vitro_chance_seed(struct chance *c, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        c->s[i] = splitmix(&seed);
}

void vitro_chance_seed_system(struct chance *c)
{
    uint64_t seed = 0;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, &seed, sizeof seed) != (ssize_t)sizeof seed) {
        struct timespec t; /* a chroot without devices: chance is for jitter, not for secrets */
        clock_gettime(CLOCK_REALTIME, &t);
        seed = (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec ^ (uint64_t)getpid() << 16;
    }
    if (fd >= 0)
        close(fd);
    vitro_chance_seed(c, seed);
}

static uint64_t rotate(uint64_t x, unsigned k)
{
    return x << k | x >> (64 - k);
}

uint64_t vitro_chance_next(struct chance *c)
{
    uint64_t *s = c->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t vitro_chance_below(struct chance *c, uint64_t below)
{
    uint64_t reject, x;

    assert(below > 0);
    reject = (UINT64_MAX - below + 1) % below; /* 2^64 mod below */
    do {
        x = vitro_chance_next(c);
    } while (x < reject);
    return x % below;
}
