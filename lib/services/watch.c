/*
 * watch - one call of Health.Watch: the status now, and again whenever it changes.
 *
 * A change arrives as a post on the loop of the call. The watch refers to its call until neither
 * an event nor a post can come any more, so the server, which waits for its calls, outlives it.
 */
#include "services/watch.h"

#include "known/grpc/health/v1/health.vitro.h"
#include "rpc/call.h"
#include "services/answer.h"

typedef Grpc__Health__V1__HealthCheckResponse check_response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus wire_status;

enum { NOTHING_TOLD = -1 };

struct watch {
    struct list link; /* in the health's; under its lock */
    vitro_health *health;
    vitro_call *call; /* a reference */
    vitro_str name;   /* terminated */
    struct post post;
    bool posted; /* it is on its way; under the lock */
    bool closed;
    bool behind; /* the peer reads slowly: wait for writable */
    int told;
};

static void watch_free(struct watch *w)
{
    struct account *account = vitro_loop_account(vitro_call_loop(w->call));
    vitro_call *call = w->call;

    vitro_mem_free(account, (char *)(uintptr_t)w->name.ptr, w->name.len + 1);
    vitro_mem_free(account, w, sizeof *w);
    vitro_call_unref(call);
}

static void tell(struct watch *w)
{
    check_response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    bool draining, more = true;

    if (w->behind)
        return;
    pthread_mutex_lock(&w->health->lock);
    response.status = (wire_status)vitro_health_get(w->health, w->name);
    draining = w->health->draining;
    pthread_mutex_unlock(&w->health->lock);
    if (w->told != (int)response.status) {
        w->told = (int)response.status;
        if (!vitro_answer_send(w->call, &response.base, &more))
            return;
        w->behind = !more;
    }
    if (draining)
        vitro_call_finish(w->call, VITRO_UNAVAILABLE, "the server is draining", NULL, NULL);
}

static void on_changed(struct post *p)
{
    struct watch *w = CONTAINER_OF(p, struct watch, post);

    pthread_mutex_lock(&w->health->lock);
    w->posted = false;
    pthread_mutex_unlock(&w->health->lock);
    if (w->closed)
        watch_free(w);
    else
        tell(w);
}

static void wake(struct watch *w)
{
    if (w->posted)
        return;
    w->posted = true;
    vitro_loop_send(vitro_call_loop(w->call), &w->post, on_changed);
}

void vitro_health_wake(vitro_health *h, vitro_str name)
{
    for (struct list *i = h->watches.next; i != &h->watches; i = i->next) {
        struct watch *w = CONTAINER_OF(i, struct watch, link);
        if (vitro_str_eq(w->name, name))
            wake(w);
    }
}

void vitro_health_wake_all(vitro_health *h)
{
    for (struct list *i = h->watches.next; i != &h->watches; i = i->next)
        wake(CONTAINER_OF(i, struct watch, link));
}

/* ---- the call ------------------------------------------------------------------------------- */

static void on_writable(vitro_call *call, void *user)
{
    struct watch *w = user;

    (void)call;
    w->behind = false;
    tell(w);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct watch *w = user;
    bool posted;

    (void)call;
    (void)status;
    w->closed = true;
    pthread_mutex_lock(&w->health->lock);
    list_remove(&w->link);
    posted = w->posted;
    pthread_mutex_unlock(&w->health->lock);
    if (!posted)
        watch_free(w);
}

bool vitro_health_watch(vitro_health *h, vitro_call *call, vitro_str name)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_writable = on_writable,
        .on_closed = on_closed,
    };
    struct account *account = vitro_loop_account(vitro_call_loop(call));
    struct watch *w = vitro_mem_zalloc(account, sizeof *w);
    char *copy = w ? vitro_mem_text(account, name) : NULL;

    if (!copy) {
        vitro_mem_free(account, w, sizeof *w);
        return false;
    }
    w->health = h;
    w->call = vitro_call_ref(call);
    w->name = (vitro_str){ copy, name.len };
    w->told = NOTHING_TOLD;
    call->events = &events;
    call->user = w;
    pthread_mutex_lock(&h->lock);
    list_append(&h->watches, &w->link);
    pthread_mutex_unlock(&h->lock);
    tell(w);
    return true;
}
