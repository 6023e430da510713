/*
 * victim - a `vitro serve` of its own, what it costs, and whether it answers.
 */
#ifndef ATTACKS_VICTIM_H
#define ATTACKS_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vitro/credentials.h"

struct victim {
    pid_t pid;
    bool tls;
    unsigned port;
    vitro_credentials *credentials; /* of good clients; NULL: plain text */
};

/* Start it; false, and why on stderr. */
bool victim_start(struct victim *v, const char *program, bool tls);

/* SIGTERM: true when it ends well. */
bool victim_stop(struct victim *v);

/* What the system says of it: how much memory it has held at most, and how long it has run; 0 when
 * it is gone. */
unsigned victim_kib(const struct victim *v);
unsigned victim_cpu_ms(const struct victim *v);

/* A good call on a connection of its own: how long all of it took; -1 when it failed, and why. */
int victim_call_ms(const struct victim *v);

int64_t now_ms(void);

#endif
