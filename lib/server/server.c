#include "server/server.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "io/resolve.h"
#include "io/target.h"
#include "rpc/defaults.h"

enum { MAX_STREAMS = 100, MAX_LOOPS = 1024 };

struct server_listener {
    struct listener listener;
    struct list link;
    vitro_server *server;
};

/* ---- life -------------------------------------------------------------------------------------
 */

static bool import_options(vitro_server *s, const vitro_server_options *options)
{
    vitro_server_options *o = &s->options;

    if (!vitro_options_import(o, sizeof *o, options))
        return false;
    option_default(&o->max_recv_bytes, DEFAULT_MAX_RECV);
    option_default(&o->max_header_bytes, DEFAULT_MAX_HEADERS);
    option_default(&o->max_streams, MAX_STREAMS);
    return option_windows(&o->window_bytes, &o->max_window_bytes);
}

static void each_shard(vitro_server *s, uint32_t what)
{
    for (size_t i = 0; i < s->n_shards; i++)
        vitro_shard_want(&s->shards[i], what);
}

static void on_grace(struct timer *t)
{
    vitro_server *s = CONTAINER_OF(t, vitro_server, grace);

    each_shard(s, SHARD_ABORT);
}

static vitro_loop *first_loop(const vitro_server *s)
{
    return s->shards[0].loop;
}

vitro_code vitro_server_new(vitro_server **out, vitro_loop *const *loops, size_t n_loops,
                            const vitro_server_options *options, vitro_error *err)
{
    struct account *account;
    vitro_server *s;

    *out = NULL;
    if (n_loops == 0 || n_loops > MAX_LOOPS)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0, "%zu loops: give 1 to %d",
                          n_loops, MAX_LOOPS);
    account = vitro_loop_account(loops[0]);
    s = vitro_mem_zalloc(account, sizeof *s);
    if (s)
        s->shards = vitro_mem_zalloc(account, n_loops * sizeof *s->shards);
    if (!s || !s->shards) {
        vitro_mem_free(account, s, sizeof *s);
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    }
    if (!import_options(s, options)) {
        vitro_mem_free(account, s->shards, n_loops * sizeof *s->shards);
        vitro_mem_free(account, s, sizeof *s);
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0,
                          "options that this version does not know, or a window over 2^31-1");
    }
    vitro_account_init(&s->account, account, 0);
    s->trace = s->options.trace ? vitro_loop_trace(loops[0], s->options.trace) : NULL;
    vitro_router_init(&s->router, &s->account);
    vitro_arena_init(&s->kept, &s->account, 0);
    list_init(&s->listeners);
    vitro_timer_init(&s->grace, on_grace);
    s->n_shards = n_loops;
    for (size_t i = 0; i < n_loops; i++)
        vitro_shard_init(&s->shards[i], s, loops[i]);
    *out = s;
    return VITRO_OK;
}

static void server_free(vitro_server *s)
{
    struct account *account = s->account.parent;

    vitro_shard_done(&s->shards[0]);
    vitro_router_done(&s->router);
    vitro_arena_done(&s->kept);
    vitro_trace_unref(s->trace);
    assert(s->account.used == 0);
    vitro_mem_free(account, s->shards, s->n_shards * sizeof *s->shards);
    vitro_mem_free(account, s, sizeof *s);
}

/* On the first loop: the shard has gone. The last one takes the server with it. */
static void on_shard_done(struct post *p)
{
    vitro_server *s = CONTAINER_OF(p, struct shard, post)->server;

    if (++s->n_done == s->n_shards && !s->driven)
        server_free(s);
}

static void on_shard_end(struct post *p)
{
    struct shard *shard = CONTAINER_OF(p, struct shard, post);

    vitro_shard_done(shard);
    vitro_loop_send(first_loop(shard->server), p, on_shard_done);
}

/* Each shard's memory is of its own loop, and is given back there; the first one's in the end. */
static void server_release(vitro_server *s)
{
    size_t n = s->n_shards;

    s->n_done = 1;
    for (size_t i = 1; i < n; i++)
        vitro_loop_send(s->shards[i].loop, &s->shards[i].post, on_shard_end);
    if (n == 1 && !s->driven)
        server_free(s);
}

void vitro_server_load(const vitro_server *s, size_t *connections, size_t *calls)
{
    size_t n_connections = 0, n_calls = 0;

    for (size_t i = 0; i < s->n_shards; i++) {
        n_connections += __atomic_load_n(&s->shards[i].n_connections, __ATOMIC_ACQUIRE);
        n_calls += __atomic_load_n(&s->shards[i].n_calls, __ATOMIC_ACQUIRE);
    }
    if (connections)
        *connections = n_connections;
    if (calls)
        *calls = n_calls;
}

void *vitro_server_keep(vitro_server *s, size_t n)
{
    return vitro_arena_zalloc(&s->kept, n);
}

/* ---- methods ----------------------------------------------------------------------------------
 */

/* "/Service/Method": two slashes, neither name empty. */
static bool is_path(vitro_str path)
{
    const char *second;

    if (path.len < 4 || path.ptr[0] != '/')
        return false;
    second = memchr(path.ptr + 1, '/', path.len - 1);
    return second && second > path.ptr + 1 && second < path.ptr + path.len - 1;
}

vitro_code vitro_server_add(vitro_server *s, const vitro_method *method,
                            const vitro_method_options *options, const vitro_call_events *events,
                            void *user, vitro_error *err)
{
    vitro_method_options o;
    struct route route = {
        vitro_str_of(method->path), method->kind, false, method->file, events, user
    };

    LOOP_ASSERT(first_loop(s));
    if (!vitro_options_import(&o, sizeof o, options) || !is_path(route.path))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0,
                          "%s: a method is /package.Service/Method",
                          method->path ? method->path : "(null)");
    if (s->listening)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "server", 0,
                          "%s: methods are added before the server listens", method->path);
    route.manual_credit = o.manual_credit;
    if (!vitro_router_add(&s->router, &route))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    return VITRO_OK;
}

/* ---- listening --------------------------------------------------------------------------------
 */

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
    vitro_server *s = CONTAINER_OF(l, struct server_listener, listener)->server;
    size_t total;
    struct shard *shard = fewest(s, &total);

    if (s->options.max_connections && total >= s->options.max_connections) {
        vitro_transport_drop(t);
        return;
    }
    __atomic_fetch_add(&shard->n_connections, 1, __ATOMIC_RELEASE);
    t->user = shard;
    if (shard->loop == l->loop)
        vitro_shard_adopt(shard, t);
    else
        vitro_transport_send(t, shard->loop, on_arrive);
}

static vitro_code listen_on(vitro_server *s, const struct address *a, struct address *bound,
                            vitro_error *err)
{
    struct server_listener *l = vitro_mem_zalloc(&s->account, sizeof *l);
    vitro_code rc;

    if (!l)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    l->server = s;
    if (!s->trace)
        s->trace = vitro_loop_trace(first_loop(s), NULL);
    rc = vitro_listener_open(&l->listener, first_loop(s), a, s->trace, on_accepted, err);
    if (rc != VITRO_OK) {
        vitro_mem_free(&s->account, l, sizeof *l);
        return rc;
    }
    list_append(&s->listeners, &l->link);
    *bound = l->listener.bound;
    return VITRO_OK;
}

static void stop_listening(vitro_server *s)
{
    struct list *i;

    while ((i = list_pop(&s->listeners)) != NULL) {
        struct server_listener *l = CONTAINER_OF(i, struct server_listener, link);
        vitro_listener_close(&l->listener);
        vitro_mem_free(&s->account, l, sizeof *l);
    }
}

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
    rc = vitro_loop_await(first_loop(s), &w.await, start_look_up, abandon_look_up, err);
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

vitro_code vitro_server_listen(vitro_server *s, const char *target, char *bound, size_t bound_size,
                               vitro_error *err)
{
    struct target t;
    struct address at = { .kind = ADDRESS_NONE };
    char text[ADDRESS_TEXT];
    vitro_code rc;

    if (bound && bound_size)
        bound[0] = '\0';
    rc = vitro_target_parse(&t, vitro_str_of(target), err);
    if (rc != VITRO_OK)
        vitro_wrap(err, rc, "listen", "%s", target ? target : "(null)");
    if (rc == VITRO_OK)
        rc = look_up(s, &t, err);
    for (size_t i = 0; rc == VITRO_OK && i < t.count; i++)
        rc = listen_on(s, &t.addresses[i], &at, err);
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

/* ---- the end ----------------------------------------------------------------------------------
 */

static bool is_busy(const vitro_server *s)
{
    return __atomic_load_n(&s->busy, __ATOMIC_SEQ_CST) != 0;
}

/*
 * Connections are open, or posts on their way. In this order: a shard enters before it counts
 * anything off, and sends the post before it leaves.
 */
static bool has_traffic(const vitro_server *s)
{
    size_t connections;

    for (size_t i = 0; i < s->n_shards; i++) {
        if (__atomic_load_n(&s->shards[i].post_sent, __ATOMIC_SEQ_CST))
            return true;
    }
    vitro_server_load(s, &connections, NULL);
    return connections || is_busy(s) || __atomic_load_n(&s->drained_sent, __ATOMIC_SEQ_CST);
}

/* Nothing is left that points to the server. */
static bool is_empty(const vitro_server *s)
{
    size_t calls;

    vitro_server_load(s, NULL, &calls);
    return calls == 0 && !has_traffic(s);
}

static void tell_drained(vitro_server *s)
{
    size_t connections;

    vitro_server_load(s, &connections, NULL);
    if (connections || s->drained_told)
        return;
    s->drained_told = true;
    vitro_timer_stop(first_loop(s), &s->grace);
    if (s->on_drained)
        s->on_drained(s, s->drained_user);
}

static void on_shrunk(struct post *p);

/* Have the first loop look whether all is over. */
static void shrunk(vitro_server *s)
{
    if (!__atomic_load_n(&s->draining, __ATOMIC_ACQUIRE))
        return;
    if (__atomic_exchange_n(&s->drained_sent, 1, __ATOMIC_SEQ_CST) == 0)
        vitro_loop_send(first_loop(s), &s->drained, on_shrunk);
}

static void on_shrunk(struct post *p)
{
    vitro_server *s = CONTAINER_OF(p, vitro_server, drained);

    __atomic_store_n(&s->drained_sent, 0, __ATOMIC_SEQ_CST);
    if (is_busy(s)) /* for some instructions more, and its post may have been this one */
        shrunk(s);
    else if (!s->freed)
        tell_drained(s);
    else if (!s->driven && is_empty(s))
        server_release(s);
}

void vitro_server_enter(vitro_server *s)
{
    __atomic_fetch_add(&s->busy, 1, __ATOMIC_SEQ_CST);
}

void vitro_server_leave(vitro_server *s)
{
    shrunk(s);
    __atomic_fetch_sub(&s->busy, 1, __ATOMIC_SEQ_CST);
}

void vitro_server_drain(vitro_server *s, int64_t grace_ns,
                        void (*on_drained)(vitro_server *server, void *user), void *user)
{
    LOOP_ASSERT(first_loop(s));
    if (__atomic_exchange_n(&s->draining, 1, __ATOMIC_ACQ_REL))
        return;
    s->on_drained = on_drained;
    s->drained_user = user;
    stop_listening(s);
    if (grace_ns > 0)
        vitro_timer_start(first_loop(s), &s->grace, vitro_loop_now(first_loop(s)) + grace_ns);
    each_shard(s, SHARD_DRAIN);
    shrunk(s); /* there may be no connection at all */
}

/* One turn of each loop, the first one last. False in a callback, where none can be run. */
static bool run_turns(vitro_server *s)
{
    vitro_code rc = VITRO_OK;

    for (size_t i = s->n_shards; i-- > 0;)
        rc = vitro_loop_run(s->shards[i].loop, 0, NULL); /* others may have a thread of their own */
    return rc == VITRO_OK;
}

/*
 * Run turns until nothing is on its way any more; calls that the application holds end it later,
 * and in a callback (under sim of any loop) the turns to come do.
 */
static void drive_to_end(vitro_server *s)
{
    bool runs;

    s->driven = true; /* so that no turn frees it under us */
    runs = run_turns(s);
    while (runs && has_traffic(s))
        run_turns(s);
    if (!runs || !is_empty(s)) {
        s->driven = false;
        return;
    }
    server_release(s);
    while (s->n_done < s->n_shards)
        run_turns(s);
    server_free(s);
}

void vitro_server_free(vitro_server *s)
{
    if (!s)
        return;
    LOOP_ASSERT(first_loop(s));
    __atomic_store_n(&s->draining, 1, __ATOMIC_RELEASE);
    s->freed = true;
    stop_listening(s);
    vitro_timer_stop(first_loop(s), &s->grace);
    each_shard(s, SHARD_ABORT);
    shrunk(s);
    if (!vitro_loop_here(first_loop(s))) /* in a callback the turns to come do it */
        drive_to_end(s);
}
