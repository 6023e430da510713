/* listening - where connections arrive, and which loop each goes to. */
#include "server/server.h"

#include <string.h>

#include "base/error.h"
#include "io/resolve.h"
#include "io/target.h"

struct server_listener {
    struct listener listener;
    struct list link;
    vitro_server *server;
    struct tls_end *tls; /* NULL: plain text */
};

/* Credentials of one vitro_server_listen_secure. */
struct server_tls {
    struct list link;
    struct tls_end *end;
};

static struct shard *fewest(vitro_server *s, size_t *total)
{
    struct shard *best = &s->shards[0]; /* there is one at least */
    size_t least = SIZE_MAX;

    *total = 0;
    for (size_t i = 0; i < s->n_shards; i++) {
        size_t n = __atomic_load_n(&s->shards[i].n_connections, __ATOMIC_ACQUIRE);
        *total += n;
        if (n < least)
            best = &s->shards[i];
        least = MIN(least, n);
    }
    return best;
}

static void on_arrive(struct transport *t)
{
    vitro_shard_adopt(t->user, t);
}

static void on_accepted(struct listener *l, struct transport *t)
{
    const struct server_listener *mine = CONTAINER_OF(l, struct server_listener, listener);
    vitro_server *s = mine->server;
    size_t total;
    struct shard *shard = fewest(s, &total);

    if (s->options.max_connections && total >= s->options.max_connections) {
        vitro_transport_drop(t);
        return;
    }
    __atomic_fetch_add(&shard->n_connections, 1, __ATOMIC_RELEASE);
    t->user = shard;
    t->accepted = mine->tls;
    if (shard->loop == l->loop)
        vitro_shard_adopt(shard, t);
    else
        vitro_transport_send(t, shard->loop, on_arrive);
}

static vitro_code listen_on(vitro_server *s, const struct address *a, struct tls_end *tls,
                            struct address *bound, vitro_error *err)
{
    struct server_listener *l = vitro_mem_zalloc(&s->account, sizeof *l);
    vitro_code rc;

    if (!l)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    l->server = s;
    l->tls = tls;
    if (!s->trace)
        s->trace = vitro_loop_trace(server_first_loop(s), NULL);
    rc = vitro_listener_open(&l->listener, server_first_loop(s), a, s->trace, on_accepted, err);
    if (rc != VITRO_OK) {
        vitro_mem_free(&s->account, l, sizeof *l);
        return rc;
    }
    list_append(&s->listeners, &l->link);
    *bound = l->listener.bound;
    return VITRO_OK;
}

void vitro_server_stop_listening(vitro_server *s)
{
    struct list *i;

    while ((i = list_pop(&s->listeners)) != NULL) {
        struct server_listener *l = CONTAINER_OF(i, struct server_listener, link);
        vitro_listener_close(&l->listener);
        vitro_mem_free(&s->account, l, sizeof *l);
    }
}

/* ---- credentials ---------------------------------------------------------------------------- */

static vitro_code use_credentials(vitro_server *s, vitro_credentials *credentials,
                                  struct server_tls **out, vitro_error *err)
{
    struct server_tls *t;
    vitro_code rc;

    *out = NULL;
    if (!credentials)
        return VITRO_OK;
    t = vitro_mem_zalloc(&s->account, sizeof *t);
    if (!t)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    rc = vitro_tls_end_new(&t->end, credentials, true, server_first_loop(s), NULL, err);
    if (rc != VITRO_OK) {
        vitro_mem_free(&s->account, t, sizeof *t);
        return rc;
    }
    list_append(&s->secure, &t->link);
    *out = t;
    return VITRO_OK;
}

void vitro_server_forget_credentials(vitro_server *s)
{
    struct list *i;

    while ((i = list_pop(&s->secure)) != NULL) {
        struct server_tls *t = CONTAINER_OF(i, struct server_tls, link);
        vitro_tls_end_free(t->end);
        vitro_mem_free(&s->account, t, sizeof *t);
    }
}

/* ---- listening ------------------------------------------------------------------------------ */

/* A name is looked up before listening; the answer may take a while, but happens once. */
struct lookup_wait {
    struct resolve resolve;
    struct await await;
    const struct target *target;
    struct address found;
    vitro_error error;
    bool ok;
};

static void on_looked_up(struct resolve *r, const struct address *list, size_t count,
                         const vitro_error *err)
{
    struct lookup_wait *w = CONTAINER_OF(r, struct lookup_wait, resolve);

    w->ok = count > 0;
    if (w->ok)
        w->found = list[0];
    else
        w->error = *err;
    vitro_await_done(&w->await);
}

static void start_look_up(struct await *a)
{
    struct lookup_wait *w = CONTAINER_OF(a, struct lookup_wait, await);

    vitro_resolve_start(&w->resolve, a->loop, w->target, on_looked_up);
}

static void abandon_look_up(struct await *a)
{
    vitro_resolve_cancel(&CONTAINER_OF(a, struct lookup_wait, await)->resolve);
}

static vitro_code look_up(vitro_server *s, struct target *t, vitro_error *err)
{
    struct lookup_wait w = { .target = t };
    vitro_code rc;

    if (!t->host[0])
        return VITRO_OK;
    rc = vitro_loop_await(server_first_loop(s), &w.await, start_look_up, abandon_look_up, err);
    if (rc != VITRO_OK)
        return rc;
    if (!w.ok) {
        if (err)
            *err = w.error;
        return w.error.code;
    }
    t->addresses[0] = w.found;
    t->count = 1;
    return VITRO_OK;
}

static vitro_code tell_listening(vitro_server *s, vitro_error *err)
{
    vitro_code rc = VITRO_OK;

    for (struct list *i = s->hooks.next; i != &s->hooks && rc == VITRO_OK; i = i->next) {
        struct server_hook *h = CONTAINER_OF(i, struct server_hook, link);
        if (h->listening)
            rc = h->listening(h, err);
    }
    return rc;
}

vitro_code vitro_server_listen(vitro_server *s, const char *target, char *bound, size_t bound_size,
                               vitro_error *err)
{
    return vitro_server_listen_secure(s, target, NULL, bound, bound_size, err);
}

vitro_code vitro_server_listen_secure(vitro_server *s, const char *target,
                                      vitro_credentials *credentials, char *bound,
                                      size_t bound_size, vitro_error *err)
{
    struct target t;
    struct server_tls *tls;
    struct address at = { .kind = ADDRESS_NONE };
    char text[ADDRESS_TEXT];
    vitro_code rc;

    if (bound && bound_size)
        bound[0] = '\0';
    rc = vitro_target_parse(&t, vitro_str_of(target), err);
    if (rc != VITRO_OK)
        vitro_wrap(err, rc, "listen", "%s", target ? target : "(null)");
    if (rc == VITRO_OK && !s->listening)
        rc = tell_listening(s, err);
    if (rc == VITRO_OK)
        rc = look_up(s, &t, err);
    if (rc == VITRO_OK)
        rc = use_credentials(s, credentials, &tls, err);
    for (size_t i = 0; rc == VITRO_OK && i < t.count; i++)
        rc = listen_on(s, &t.addresses[i], tls ? tls->end : NULL, &at, err);
    if (rc != VITRO_OK)
        return rc;
    s->listening = true;
    if (bound && bound_size) {
        vitro_address_text(&at, text, sizeof text);
        size_t n = MIN(strlen(text), bound_size - 1);
        memcpy(bound, text, n);
        bound[n] = '\0';
    }
    return VITRO_OK;
}
