/*
 * watch - the health of a server, from inside: its statuses and the calls that watch them.
 */
#ifndef VITRO_SERVICES_WATCH_H
#define VITRO_SERVICES_WATCH_H

#include <pthread.h>

#include "server/server.h"
#include "vitro/health.h"

#ifdef __cplusplus
extern "C" {
#endif

struct health_service {
    struct health_service *next;
    vitro_str name; /* terminated; lives as long as the server */
    vitro_health_status status;
};

struct vitro_health {
    vitro_server *server;
    struct server_hook hook;
    pthread_mutex_t lock; /* of all below */
    struct health_service *services;
    struct list watches;
    bool draining;
};

/* Under the lock. SERVICE_UNKNOWN when the name has no status. */
vitro_health_status vitro_health_get(const vitro_health *h, vitro_str name);

/* Under the lock: have those who watch this name, or any, look again. */
void vitro_health_wake(vitro_health *h, vitro_str name);
void vitro_health_wake_all(vitro_health *h);

/* From here on the call watches name, which is copied. False when memory is out. */
bool vitro_health_watch(vitro_health *h, vitro_call *call, vitro_str name);

#ifdef __cplusplus
}
#endif
#endif
