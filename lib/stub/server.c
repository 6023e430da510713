/*
 * server - the stubs' side of a service: its methods among the routes, and the table of handlers
 * that each of them leads to.
 */
#include <string.h>

#include "base/error.h"
#include "rpc/call.h"
#include "server/server.h"
#include "vitro/stub.h"

void vitro_stub_serve(vitro_call *call, const vitro_call_events *events, void *state)
{
    if (!events) {
        events = &vitro_call_no_events;
        vitro_call_finish(call, VITRO_INTERNAL, "a handler was not begun with its _INIT", NULL,
                          NULL);
    }
    call->events = events;
    call->user = state;
}

/* A handler stands in the table of this caller, which may be older and shorter, and is set. */
static bool has_handler(const void *handlers, size_t size, size_t at)
{
    void (*handler)(void);

    if (at + sizeof handler > size)
        return false;
    memcpy(&handler, (const char *)handlers + at, sizeof handler);
    return handler != NULL;
}

vitro_code vitro_stub_register(vitro_server *server, const vitro_stub_route *routes, size_t n,
                               const void *handlers, void *user, vitro_error *err)
{
    vitro_stub_service *service;
    size_t size = 0;

    if (handlers)
        memcpy(&size, handlers, sizeof size);
    if (size < sizeof size)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "stub", 0,
                          "the table of handlers has no size: begin it with its _INIT");
    service = vitro_server_keep(server, sizeof *service);
    if (!service)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "stub", 0, "out of memory");
    *service = (vitro_stub_service){ handlers, user };
    for (size_t i = 0; i < n; i++) {
        if (!has_handler(handlers, size, routes[i].handler))
            continue;
        vitro_code rc =
            vitro_server_add(server, routes[i].method, NULL, routes[i].events, service, err);
        if (rc != VITRO_OK)
            return rc;
    }
    return VITRO_OK;
}
