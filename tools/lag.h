/*
 * lag - what comes is shown a little later than it came: the secrets that open it, which another
 * program writes in the same moment, are there by then. All of it waits, so its order stays.
 */
#ifndef VITRO_TOOLS_LAG_H
#define VITRO_TOOLS_LAG_H

#include <stdbool.h>
#include <stdint.h>

enum { LAG_MS = 100 };

/* Begun zeroed but for `wanted`. */
struct lag {
    bool wanted;    /* else all is shown at once */
    uint64_t come;  /* bytes that are there */
    uint64_t ready; /* of these, to be shown */
    uint64_t next;  /* more than that: what will be, and when */
    int64_t due;
};

/* So many bytes are there now; more: others may follow. Then l->ready is true for this time. */
void lag_take(struct lag *l, uint64_t come, bool more, int64_t now_ms);

/* Milliseconds until more is ready; -1: nothing that is there waits. */
int lag_wait(const struct lag *l, int64_t now_ms);

#endif
