/*
 * age - how long a server keeps a connection: as a whole, and without a call (gRFC A9). Clients
 * come back, and a balancer between them has another chance.
 */
#ifndef VITRO_RPC_AGE_H
#define VITRO_RPC_AGE_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

struct age_config {
    int64_t most;  /* ns until it is drained; INT64_MAX: for ever, here as below */
    int64_t grace; /* ns after that, then calls that are open are cut */
    int64_t idle;  /* ns without a stream until it is drained */
};

struct age {
    struct timer timer;
    int64_t due;   /* when it is old: each connection another time, 10 % around the option */
    int64_t since; /* without a stream, and with nothing on its way to the client */
    uint64_t sent; /* bytes, by then */
    bool old;
};

#ifdef __cplusplus
}
#endif
#endif
