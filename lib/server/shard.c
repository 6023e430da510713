/* shard - a server's part on one loop. */
#include "server/server.h"

#include <assert.h>

#include "base/error.h"
#include "rpc/defaults.h"
#include "server/call.h"

static void on_room(struct connection *c)
{
    (void)c; /* a server opens no streams */
}

static struct stream *on_accept(struct connection *c)
{
    return vitro_server_call_begin(c->owner, c);
}

static void on_goaway(struct connection *c, uint32_t error, vitro_bytes debug)
{
    (void)c;
    (void)error;
    (void)debug;
}

static void on_closed(struct connection *c, const vitro_error *why)
{
    if (vitro_trace_on(c->config.trace)) {
        char text[256] = "the client closed it";
        if (why)
            vitro_error_format(why, text, sizeof text);
        vitro_note(c->config.trace, disconnected, .at = vitro_connection_at(c),
                   .reason = vitro_str_of(text));
    }
    list_remove(&c->link);
}

void vitro_shard_drop(struct shard *s, size_t *count)
{
    vitro_server *server = s->server;

    vitro_server_enter(server);
    __atomic_fetch_sub(count, 1, __ATOMIC_RELEASE);
    vitro_server_leave(server);
}

static void on_gone(void *owner)
{
    struct shard *s = owner;

    vitro_shard_drop(s, &s->n_connections);
}

static const struct connection_ops connection_ops = {
    .room = on_room,
    .accept = on_accept,
    .goaway = on_goaway,
    .closed = on_closed,
    .gone = on_gone,
};

void vitro_shard_adopt(struct shard *s, struct transport *t)
{
    const vitro_server_options *o = &s->server->options;
    struct connection_config config = {
        .server = true,
        .window = o->window_bytes,
        .max_window = o->max_window_bytes,
        .max_streams = o->max_streams,
        .max_header_bytes = o->max_header_bytes,
        .keepalive = { .time = option_ns(o->keepalive_time_ms),
                       .timeout = (int64_t)o->keepalive_timeout_ms * 1000000,
                       .without_calls = o->keepalive_permit_without_calls,
                       .min_interval = option_ns(o->min_recv_ping_interval_without_data_ms),
                       .max_strikes = o->max_ping_strikes },
        .age = { .most = option_ns(o->max_connection_age_ms),
                 .grace = option_ns(o->max_connection_age_grace_ms),
                 .idle = option_ns(o->max_connection_idle_ms) },
        .memory_bytes = o->connection_memory_bytes,
        .memory = &s->memory,
        .slabs = &s->slabs,
        .parent = &s->account,
        .trace = s->server->trace,
    };
    struct connection *c;

    if (!s->trace && s->server->trace)
        s->trace = vitro_loop_trace(s->loop, s->server->trace);
    if (t->accepted)
        config.tls = vitro_tls_layer_new(t->accepted, s->loop, NULL);
    if (t->accepted && !config.tls) {
        vitro_transport_drop(t);
        c = NULL;
    } else {
        c = vitro_connection_new(s->loop, t, &config, &connection_ops, s);
    }
    if (!c) {
        vitro_shard_drop(s, &s->n_connections);
        return;
    }
    list_append(&s->connections, &c->link);
    if (__atomic_load_n(&s->server->draining, __ATOMIC_ACQUIRE))
        vitro_connection_drain(c, "the server is draining", NULL);
}

static void drain(struct shard *s)
{
    for (struct list *i = s->connections.next, *next; i != &s->connections; i = next) {
        next = i->next;
        vitro_connection_drain(CONTAINER_OF(i, struct connection, link), "the server is draining",
                               NULL);
    }
}

static void abort_all(struct shard *s)
{
    vitro_error why;

    vitro_fail(&why, VITRO_UNAVAILABLE, "server", 0, "the server was closed");
    for (struct list *i = s->connections.next; i != &s->connections; i = i->next)
        vitro_connection_abort(CONTAINER_OF(i, struct connection, link), &why);
}

static void on_post(struct post *p)
{
    struct shard *s = CONTAINER_OF(p, struct shard, post);
    vitro_server *server = s->server;
    uint32_t wanted;

    vitro_server_enter(server); /* the post on its way has kept it so far */
    __atomic_store_n(&s->post_sent, 0, __ATOMIC_RELEASE);
    wanted = __atomic_exchange_n(&s->wanted, 0, __ATOMIC_ACQ_REL);
    if (wanted & SHARD_ABORT)
        abort_all(s);
    else if (wanted & SHARD_DRAIN)
        drain(s);
    vitro_server_leave(server);
}

void vitro_shard_want(struct shard *s, uint32_t what)
{
    __atomic_fetch_or(&s->wanted, what, __ATOMIC_ACQ_REL);
    if (__atomic_exchange_n(&s->post_sent, 1, __ATOMIC_ACQ_REL) == 0)
        vitro_loop_send(s->loop, &s->post, on_post);
}

static void on_trim(struct task *t)
{
    struct shard *s = CONTAINER_OF(t, struct shard, trim);

    vitro_h2_memory_trim(&s->memory);
    vitro_slabs_trim(&s->slabs);
    vitro_freelist_trim(&s->calls, 0);
}

void vitro_shard_init(struct shard *s, vitro_server *server, vitro_loop *loop)
{
    *s = (struct shard){ .server = server, .loop = loop };
    vitro_account_init(&s->account, vitro_loop_account(loop), 0);
    vitro_h2_memory_init(&s->memory, &s->account);
    vitro_slabs_init(&s->slabs, &s->account, sizeof(struct connection));
    vitro_freelist_init(&s->calls, &s->account, sizeof(struct server_call));
    list_init(&s->connections);
    vitro_task_init(&s->trim, on_trim);
    vitro_loop_at_trim(loop, &s->trim);
    vitro_loop_hold(loop);
}

void vitro_shard_done(struct shard *s)
{
    assert(list_empty(&s->connections));
    vitro_pool_release(vitro_loop_pool(s->loop)); /* blocks that are charged to the account */
    vitro_task_cancel(&s->trim);
    vitro_loop_untrace(s->loop, s->trace);
    vitro_h2_memory_done(&s->memory);
    vitro_slabs_trim(&s->slabs);
    vitro_freelist_trim(&s->calls, 0);
    assert(s->account.used == 0);
    vitro_loop_release(s->loop);
}
