/*
 * health - grpc.health.v1.Health: the statuses, and who asks for them.
 *
 * Statuses are set on the server's first loop and read on that of each call, so a lock guards
 * them. Who watches is woken by a post to the loop of its call and takes the newest status there:
 * a status that changes twice before is told once.
 */
#include "vitro/health.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/util.h"
#include "known/grpc/health/v1/health.vitro.h"
#include "server/server.h"
#include "services/answer.h"
#include "services/watch.h"

typedef Grpc__Health__V1__HealthCheckRequest check_request;
typedef Grpc__Health__V1__HealthCheckResponse check_response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus wire_status;
typedef Grpc__Health__V1__HealthListResponse list_response;
typedef Grpc__Health__V1__HealthListResponse__StatusesEntry list_entry;

#define REQUEST (&vitro_known_grpc__health__v1__health_check_request__descriptor)

/* ---- statuses ------------------------------------------------------------------------------- */

static struct health_service *find(const vitro_health *h, vitro_str name)
{
    struct health_service *s = h->services;

    while (s && !vitro_str_eq(s->name, name))
        s = s->next;
    return s;
}

vitro_health_status vitro_health_get(const vitro_health *h, vitro_str name)
{
    const struct health_service *s = find(h, name);

    return s ? s->status : VITRO_HEALTH_SERVICE_UNKNOWN;
}

static struct health_service *service_new(vitro_health *h, const char *name)
{
    size_t n = strlen(name);
    struct health_service *s = vitro_server_keep(h->server, sizeof *s);
    char *copy = vitro_server_keep(h->server, n + 1);

    if (!s || !copy)
        return NULL;
    memcpy(copy, name, n + 1);
    s->name = (vitro_str){ copy, n };
    s->status = VITRO_HEALTH_SERVICE_UNKNOWN;
    return s;
}

vitro_code vitro_health_set(vitro_health *h, const char *service, vitro_health_status status,
                            vitro_error *err)
{
    struct health_service *s;
    bool fresh;

    LOOP_ASSERT(vitro_server_loop(h->server));
    if (!service || (unsigned)status > VITRO_HEALTH_SERVICE_UNKNOWN)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "health", 0, "no such status, or no name");
    s = find(h, vitro_str_of(service)); /* only this loop adds */
    fresh = !s;
    if (fresh)
        s = service_new(h, service);
    if (!s)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "health", 0, "out of memory");
    pthread_mutex_lock(&h->lock);
    if (fresh) {
        s->next = h->services;
        h->services = s;
    }
    if (!h->draining) {
        s->status = status;
        vitro_health_wake(h, s->name);
    }
    pthread_mutex_unlock(&h->lock);
    return VITRO_OK;
}

/* ---- Check and List ------------------------------------------------------------------------- */

static void on_check(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_health *h = user;
    check_request *request = (check_request *)vitro_answer_read(call, REQUEST, m);
    check_response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    vitro_health_status status;

    if (!request)
        return;
    pthread_mutex_lock(&h->lock);
    status = vitro_health_get(h, vitro_str_of(request->service));
    pthread_mutex_unlock(&h->lock);
    vitro_pb_free(&request->base);
    response.status = (wire_status)status;
    if (status == VITRO_HEALTH_SERVICE_UNKNOWN)
        vitro_call_finish(call, VITRO_NOT_FOUND, "unknown service", NULL, NULL);
    else
        vitro_answer_whole(call, &response.base);
}

/* One row of a list, with what it points to. */
struct row {
    list_entry entry;
    check_response status;
};

static bool fill(const vitro_health *h, list_response *response, struct arena *memory)
{
    size_t n = 0;

    for (const struct health_service *s = h->services; s; s = s->next)
        n += s->status != VITRO_HEALTH_SERVICE_UNKNOWN;
    response->statuses = vitro_arena_alloc(memory, (n + 1) * sizeof(list_entry *));
    for (const struct health_service *s = h->services; s && response->statuses; s = s->next) {
        struct row *row;

        if (s->status == VITRO_HEALTH_SERVICE_UNKNOWN)
            continue;
        row = vitro_arena_alloc(memory, sizeof *row);
        if (!row)
            return false;
        row->status = (check_response)GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
        row->entry = (list_entry)GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__STATUSES_ENTRY__INIT;
        row->status.status = (wire_status)s->status;
        row->entry.key = (char *)(uintptr_t)s->name.ptr; /* packing only reads it */
        row->entry.value = &row->status;
        response->statuses[response->n_statuses++] = &row->entry;
    }
    return response->statuses != NULL;
}

static void on_list(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_health *h = user;
    list_response response = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
    struct arena memory;
    bool ok;

    (void)m; /* it has no fields */
    vitro_arena_init(&memory, vitro_loop_account(vitro_call_loop(call)), 0);
    pthread_mutex_lock(&h->lock);
    ok = fill(h, &response, &memory);
    pthread_mutex_unlock(&h->lock);
    if (ok)
        vitro_answer_whole(call, &response.base);
    else
        vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
    vitro_arena_done(&memory);
}

/* ---- Watch ---------------------------------------------------------------------------------- */

static void on_watch(vitro_call *call, const vitro_message *m, void *user)
{
    check_request *request = (check_request *)vitro_answer_read(call, REQUEST, m);

    if (!request)
        return;
    if (!vitro_health_watch(user, call, vitro_str_of(request->service)))
        vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
    vitro_pb_free(&request->base);
}

/* ---- the service ---------------------------------------------------------------------------- */

static void on_draining(struct server_hook *hook)
{
    vitro_health *h = CONTAINER_OF(hook, vitro_health, hook);

    pthread_mutex_lock(&h->lock);
    h->draining = true;
    for (struct health_service *s = h->services; s; s = s->next) {
        if (s->status != VITRO_HEALTH_SERVICE_UNKNOWN)
            s->status = VITRO_HEALTH_NOT_SERVING;
    }
    vitro_health_wake_all(h);
    pthread_mutex_unlock(&h->lock);
}

static void on_leaving(struct server_hook *hook)
{
    pthread_mutex_destroy(&CONTAINER_OF(hook, vitro_health, hook)->lock);
}

static vitro_code serve(vitro_health *h, vitro_error *err)
{
    static const vitro_call_events check = { .size = sizeof check, .on_message = on_check };
    static const vitro_call_events list = { .size = sizeof list, .on_message = on_list };
    static const vitro_call_events watch = { .size = sizeof watch, .on_message = on_watch };
    static const struct {
        const char *path;
        vitro_kind kind;
        const vitro_call_events *events;
    } methods[] = {
        { "/grpc.health.v1.Health/Check", VITRO_UNARY, &check },
        { "/grpc.health.v1.Health/List", VITRO_UNARY, &list },
        { "/grpc.health.v1.Health/Watch", VITRO_SERVER_STREAMING, &watch },
    };
    vitro_code rc = VITRO_OK;

    for (size_t i = 0; i < ARRAY_LEN(methods) && rc == VITRO_OK; i++) {
        vitro_method m = { methods[i].path, methods[i].kind,
                           &vitro_known_grpc_health_v1_health_proto_file };
        rc = vitro_server_add(h->server, &m, NULL, methods[i].events, h, err);
    }
    return rc;
}

vitro_code vitro_health_register(vitro_health **out, vitro_server *server, vitro_error *err)
{
    vitro_health *h = vitro_server_keep(server, sizeof *h);
    vitro_code rc;

    *out = NULL;
    if (!h)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "health", 0, "out of memory");
    h->server = server;
    h->hook.draining = on_draining;
    h->hook.leaving = on_leaving;
    list_init(&h->watches);
    pthread_mutex_init(&h->lock, NULL);
    vitro_server_hook(server, &h->hook);
    rc = vitro_health_set(h, "", VITRO_HEALTH_SERVING, err);
    if (rc == VITRO_OK)
        rc = serve(h, err);
    if (rc == VITRO_OK)
        *out = h;
    return rc;
}
