#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t system_mono(void *user)
{
    (void)user;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(void *user)
{
    (void)user;
    return read_clock(CLOCK_REALTIME);
}

struct clock vitro_clock_system(void)
{
    return (struct clock){ system_mono, system_wall, NULL };
}

static int64_t virtual_mono(void *user)
{
    return ((struct clock_virtual *)user)->now;
}

static int64_t virtual_wall(void *user)
{
    const struct clock_virtual *v = user;
    return v->wall_start + v->now;
}

struct clock vitro_clock_virtual(struct clock_virtual *v)
{
    return (struct clock){ virtual_mono, virtual_wall, v };
}
