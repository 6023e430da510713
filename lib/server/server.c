#include "server/server.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "rpc/call.h"
#include "rpc/chain.h"
#include "rpc/defaults.h"

enum { MAX_STREAMS = 100, MAX_LOOPS = 1024 };

/* gRFC A8 and A9 */
enum { KEEPALIVE_MS = 7200000, PING_INTERVAL_MS = 300000, PING_STRIKES = 2 };

/* ---- life ----------------------------------------------------------------------------------- */

static vitro_code import_options(vitro_server *s, const vitro_server_options *options,
                                 vitro_error *err)
{
    vitro_server_options *o = &s->options;

    if (!vitro_options_import(o, sizeof *o, options))
        return vitro_options_refuse("server", err);
    if (vitro_chain_check(o->interceptors, "server", err))
        return VITRO_INVALID_ARGUMENT;
    option_default(&o->max_recv_bytes, DEFAULT_MAX_RECV);
    option_default(&o->max_header_bytes, DEFAULT_MAX_HEADERS);
    option_default(&o->max_streams, MAX_STREAMS);
    option_default(&o->keepalive_time_ms, KEEPALIVE_MS);
    option_default(&o->keepalive_timeout_ms, DEFAULT_KEEPALIVE_TIMEOUT);
    option_default(&o->min_recv_ping_interval_without_data_ms, PING_INTERVAL_MS);
    option_default(&o->max_ping_strikes, PING_STRIKES);
    option_default(&o->max_connection_age_ms, UINT32_MAX);
    option_default(&o->max_connection_age_grace_ms, UINT32_MAX);
    option_default(&o->max_connection_idle_ms, UINT32_MAX);
    if (vitro_call_find_encoding(o->compression, &s->encoding, err))
        return VITRO_INVALID_ARGUMENT;
    o->compression = NULL; /* the caller's text */
    return option_windows(&o->window_bytes, &o->max_window_bytes, "server", err);
}

/* A server on a loop of its own, to which it holds the one reference. */
static vitro_code new_with_loop(vitro_server **out, const vitro_server_options *options,
                                vitro_error *err)
{
    vitro_loop *own;
    vitro_code rc = vitro_loop_new(&own, NULL, err);

    if (rc)
        return rc;
    rc = vitro_server_new(out, &own, 1, options, err);
    if (rc) {
        vitro_loop_unref(own);
        return rc;
    }
    assert(*out);
    (*out)->own = own;
    return VITRO_OK;
}

vitro_code vitro_server_new(vitro_server **out, vitro_loop *const *loops, size_t n_loops,
                            const vitro_server_options *options, vitro_error *err)
{
    struct account *account;
    vitro_server *s;

    *out = NULL;
    if (!loops && n_loops == 0)
        return new_with_loop(out, options, err);
    if (!loops || n_loops == 0 || n_loops > MAX_LOOPS)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0, "%zu loops: give 1 to %d",
                          n_loops, MAX_LOOPS);
    for (size_t i = 0; i < n_loops; i++)
        if (!loops[i])
            return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0,
                              "the list of loops has a NULL at %zu", i);
    account = vitro_loop_account(loops[0]);
    s = vitro_mem_zalloc(account, sizeof *s);
    if (s)
        s->shards = vitro_mem_zalloc(account, n_loops * sizeof *s->shards);
    if (!s || !s->shards) {
        vitro_mem_free(account, s, sizeof *s);
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    }
    if (import_options(s, options, err)) {
        vitro_mem_free(account, s->shards, n_loops * sizeof *s->shards);
        vitro_mem_free(account, s, sizeof *s);
        return VITRO_INVALID_ARGUMENT;
    }
    vitro_account_init(&s->account, account, 0);
    s->trace = s->options.trace ? vitro_loop_trace(loops[0], s->options.trace) : NULL;
    vitro_router_init(&s->router, &s->account);
    vitro_arena_init(&s->kept, &s->account, 0);
    list_init(&s->listeners);
    list_init(&s->hooks);
    list_init(&s->secure);
    vitro_server_init_end(s);
    s->n_shards = n_loops;
    for (size_t i = 0; i < n_loops; i++)
        vitro_shard_init(&s->shards[i], s, loops[i]);
    *out = s;
    return VITRO_OK;
}

vitro_loop *vitro_server_loop(const vitro_server *s)
{
    return server_first_loop(s);
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

void vitro_server_hook(vitro_server *s, struct server_hook *h)
{
    LOOP_ASSERT(server_first_loop(s));
    list_append(&s->hooks, &h->link);
}

/* ---- methods -------------------------------------------------------------------------------- */

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
        vitro_str_of(method->path), method->kind, false, NULL, method->file, events, user
    };

    LOOP_ASSERT(server_first_loop(s));
    if (!vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("server", err);
    if (!is_path(route.path))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0,
                          "%s: a method is /package.Service/Method",
                          method->path ? method->path : "(null)");
    if (!events)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "server", 0, "%s has no handler",
                          method->path);
    if (s->listening)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "server", 0,
                          "methods are added before the server listens: %s", method->path);
    if (vitro_chain_check(o.interceptors, "server", err))
        return VITRO_INVALID_ARGUMENT;
    route.manual_credit = o.manual_credit;
    route.interceptors = o.interceptors;
    if (!vitro_router_add(&s->router, &route))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "server", 0, "out of memory");
    return VITRO_OK;
}
