/*
 * router - from a path, "/package.Service/Method", to its handler.
 */
#ifndef VITRO_SERVER_ROUTER_H
#define VITRO_SERVER_ROUTER_H

#include "base/mem.h"
#include "vitro/server.h"

#ifdef __cplusplus
extern "C" {
#endif

struct route {
    vitro_str path; /* static; empty: a free slot */
    vitro_kind kind;
    bool manual_credit;
    const vitro_interceptor *const *interceptors; /* kept; NULL: none */
    const struct vitro_pb_file *file;             /* kept; NULL: not known */
    const vitro_call_events *events;              /* kept */
    void *user;                                   /* kept */
};

struct router {
    struct account *account;
    struct route *slots; /* open addressing; cap is a power of two, at most half of it used */
    size_t cap, count;
};

void vitro_router_init(struct router *r, struct account *account);
void vitro_router_done(struct router *r);

/* Add, or replace one of the same path. False when memory is out. */
bool vitro_router_add(struct router *r, const struct route *route);

/* NULL when there is none. Lends until the router changes. */
const struct route *vitro_router_find(const struct router *r, vitro_str path);

/* True when any route is of this service, "package.Service". */
bool vitro_router_has_service(const struct router *r, vitro_str service);

#ifdef __cplusplus
}
#endif
#endif
