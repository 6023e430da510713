/* ending - drain, close, and give the memory back once nothing points to the server. */
#include "server/server.h"

#include <assert.h>

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

void vitro_server_init_end(vitro_server *s)
{
    vitro_timer_init(&s->grace, on_grace);
}

static void server_free(vitro_server *s)
{
    struct account *account = s->account.parent;
    vitro_loop *own = s->own;

    for (struct list *i = s->hooks.next; i != &s->hooks; i = i->next) {
        struct server_hook *h = CONTAINER_OF(i, struct server_hook, link);
        if (h->leaving)
            h->leaving(h);
    }
    vitro_loop_untrace(server_first_loop(s), s->trace);
    vitro_shard_done(&s->shards[0]);
    vitro_server_forget_credentials(s);
    vitro_router_done(&s->router);
    vitro_arena_done(&s->kept);
    assert(s->account.used == 0);
    vitro_mem_free(account, s->shards, s->n_shards * sizeof *s->shards);
    vitro_mem_free(account, s, sizeof *s);
    vitro_loop_unref(own);
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
    vitro_loop_send(server_first_loop(shard->server), p, on_shard_done);
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
    vitro_timer_stop(server_first_loop(s), &s->grace);
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
        vitro_loop_send(server_first_loop(s), &s->drained, on_shrunk);
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

static void tell_draining(vitro_server *s)
{
    for (struct list *i = s->hooks.next; i != &s->hooks; i = i->next) {
        struct server_hook *h = CONTAINER_OF(i, struct server_hook, link);
        if (h->draining)
            h->draining(h);
    }
}

void vitro_server_drain(vitro_server *s, int64_t grace_ns,
                        void (*on_drained)(vitro_server *server, void *user), void *user)
{
    LOOP_ASSERT(server_first_loop(s));
    if (__atomic_exchange_n(&s->draining, 1, __ATOMIC_ACQ_REL))
        return;
    s->on_drained = on_drained;
    s->drained_user = user;
    tell_draining(s);
    vitro_server_stop_listening(s);
    if (grace_ns > 0)
        vitro_timer_start(server_first_loop(s), &s->grace,
                          loop_after(server_first_loop(s), grace_ns));
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
    LOOP_ASSERT(server_first_loop(s));
    __atomic_store_n(&s->draining, 1, __ATOMIC_RELEASE);
    s->freed = true;
    vitro_server_stop_listening(s);
    vitro_timer_stop(server_first_loop(s), &s->grace);
    each_shard(s, SHARD_ABORT);
    shrunk(s);
    if (!vitro_loop_here(server_first_loop(s))) /* in a callback the turns to come do it */
        drive_to_end(s);
}
