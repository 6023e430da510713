/*
 * health - a server that says whether it serves: grpc.health.v1.
 *
 * Load balancers, orchestrators and clients ask by Check (now), Watch (now and at each change) and
 * List (everything). A service has the status that the application gave it; the empty name is the
 * server as a whole and serves from the start.
 *
 * With the server of vitro_server_new(), before it listens:
 *
 *      vitro_server *server = NULL;
 *      vitro_health *health;
 *
 *      if (vitro_health_register(&health, server, NULL) == VITRO_OK)
 *          vitro_health_set(health, "chat.ChatService", VITRO_HEALTH_SERVING, NULL);
 *
 * A client makes its stubs of grpc/health/v1/health.proto in `pkg-config --variable=proto vitro`.
 *
 * Source: grpc/doc/health-checking.md; grpc/health/v1/health.proto.
 */
#ifndef VITRO_HEALTH_H
#define VITRO_HEALTH_H

#include "vitro/server.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_health vitro_health;

/** HealthCheckResponse.ServingStatus. */
typedef enum vitro_health_status {
    VITRO_HEALTH_UNKNOWN = 0, /* not decided yet */
    VITRO_HEALTH_SERVING = 1,
    VITRO_HEALTH_NOT_SERVING = 2,
    VITRO_HEALTH_SERVICE_UNKNOWN = 3 /* as if the service had never been named */
} vitro_health_status;

/**
 * Serve grpc.health.v1.Health. The server as a whole, "", is SERVING from here on.
 *
 * @param out     lends, until the server is freed. NULL on failure.
 * @param server  keeps.
 * @param err     filled on failure; may be NULL.
 * @return as vitro_server_add(); VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the server's first loop's.
 * Wire: Check of a service that has no status is NOT_FOUND; Watch of one says SERVICE_UNKNOWN
 *       and stays open.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_health_register(vitro_health **out, vitro_server *server,
                                                         vitro_error *err);

/**
 * Give a service a status, and tell it to all who watch it. vitro_server_drain() makes every
 * status NOT_SERVING, tells it and ends the watches with UNAVAILABLE; from then on this function
 * changes nothing.
 *
 * @param health   of vitro_health_register().
 * @param service  copied: "package.Service"; "" is the server as a whole.
 * @param status   VITRO_HEALTH_...
 * @param err      filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for another status, or without a name;
 *         VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the server's first loop's; from others through vitro_loop_post() to
 *         vitro_server_loop().
 * Wire: one message to each who watches the service, if the status is not the one told last.
 *       Who reads slowly is told the newest status only.
 */
VITRO_API vitro_code vitro_health_set(vitro_health *health, const char *service,
                                      vitro_health_status status, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
