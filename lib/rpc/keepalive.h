/*
 * keepalive - PINGs that tell whether a peer which says nothing is still there, and how many of
 * them a peer may send (gRFC A8, A9).
 */
#ifndef VITRO_RPC_KEEPALIVE_H
#define VITRO_RPC_KEEPALIVE_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

struct keepalive_config {
    int64_t time;         /* ns of silence, then a PING; INT64_MAX: none is sent */
    int64_t timeout;      /* ns without a byte after it, then the peer is gone */
    bool without_calls;   /* a client sends them without a call, too; a server lets it */
    int64_t min_interval; /* server: ns between PINGs of the client; a closer one is a strike */
    uint32_t max_strikes; /* server: one more ends the connection; UINT32_MAX: none does */
};

struct keepalive {
    struct timer timer;
    int64_t since;    /* when the connection was open, as if a byte had come then */
    int64_t ping_at;  /* when our PING was sent */
    uint64_t ping_in; /* bytes that had come by then */
    bool pinged;      /* and no answer was seen yet */
    bool overdue;     /* nor in time */
    bool has_good;
    int64_t good_at; /* server: the client's last PING that was no strike, if has_good */
    uint32_t strikes;
};

#ifdef __cplusplus
}
#endif
#endif
