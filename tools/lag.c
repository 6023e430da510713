#include "lag.h"

static bool waits(const struct lag *l)
{
    return l->next > l->ready;
}

void lag_take(struct lag *l, uint64_t come, bool more, int64_t now_ms)
{
    l->come = come;
    if (!l->wanted || !more)
        l->ready = come;
    else if (waits(l) && now_ms >= l->due)
        l->ready = l->next;
    if (!waits(l) && come > l->ready) {
        l->next = come;
        l->due = now_ms + LAG_MS;
    }
}

int lag_wait(const struct lag *l, int64_t now_ms)
{
    if (!waits(l))
        return -1;
    return l->due > now_ms ? (int)(l->due - now_ms) : 0;
}
