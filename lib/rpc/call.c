#include "rpc/call.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "rpc/chain.h"
#include "rpc/message.h"
#include "rpc/stream.h"

const vitro_call_events vitro_call_no_events = VITRO_CALL_EVENTS_INIT;

/* ---- life ----------------------------------------------------------------------------------- */

static void on_timer(struct timer *t)
{
    vitro_call *c = CONTAINER_OF(t, vitro_call, timer);

    c->ops->expired(c);
}

void vitro_call_init(vitro_call *c, const struct call_ops *ops, vitro_loop *loop,
                     struct account *account, const vitro_call_events *events, void *user)
{
    memset(c, 0, offsetof(vitro_call, outcome.error));
    c->ops = ops;
    c->loop = loop;
    c->account = account;
    c->events = events;
    c->user = user;
    c->deadline = INT64_MAX;
    c->id = vitro_loop_next_call(loop);
    c->refs = 1;
    list_init(&c->children);
    list_init(&c->sibling);
    vitro_md_init(&c->headers, account);
    vitro_md_init(&c->outcome.trailers, account);
    vitro_timer_init(&c->timer, on_timer);
}

void vitro_call_set_time_left(vitro_call *c, int64_t left)
{
    int64_t now = vitro_loop_now(c->loop);

    if (left == INT64_MAX)
        c->deadline = INT64_MAX;
    else
        c->deadline = left > INT64_MAX - 1 - now ? INT64_MAX - 1 : now + left;
}

void vitro_call_arm(vitro_call *c)
{
    if (c->deadline != INT64_MAX)
        vitro_timer_start(c->loop, &c->timer, c->deadline);
}

/* A parent's deadline is a child's too: whichever timer is first, that is what is over. */
static void end_child(vitro_call *c)
{
    if (vitro_call_time_left(c) == 0)
        c->ops->expired(c);
    else
        c->ops->cancel(c, VITRO_CANCELLED, "the parent call was cancelled");
}

void vitro_call_set_cancelled(vitro_call *c)
{
    struct list *i;

    c->cancelled = true;
    while ((i = list_pop(&c->children)) != NULL)
        end_child(CONTAINER_OF(i, vitro_call, sibling));
}

void vitro_call_adopt(vitro_call *parent, vitro_call *c)
{
    if (parent->cancelled)
        end_child(c);
    else
        list_append(&parent->children, &c->sibling);
}

static void free_message(vitro_call *c)
{
    struct outcome *o = &c->outcome;

    vitro_mem_free(c->account, o->message, o->message_room);
    o->message = NULL;
    o->message_len = o->message_room = 0;
}

void vitro_call_decide(vitro_call *c, vitro_code code, vitro_str message, const vitro_error *why)
{
    struct outcome *o = &c->outcome;
    char *text = message.len ? vitro_mem_text(c->account, message) : NULL;

    free_message(c);
    o->code = code;
    if (text) {
        o->message = text;
        o->message_len = message.len;
        o->message_room = message.len + 1;
    }
    o->has_error = why != NULL;
    if (why)
        o->error = *why;
}

vitro_status vitro_call_status(vitro_call *c)
{
    struct outcome *o = &c->outcome;

    return (vitro_status){
        o->code, { o->message, o->message_len }, &o->trailers, o->has_error ? &o->error : NULL
    };
}

void vitro_call_done(vitro_call *c)
{
    assert(list_empty(&c->children) && list_empty(&c->sibling));
    vitro_timer_stop(c->loop, &c->timer);
    vitro_chain_free(c->chain);
    vitro_md_done(&c->headers);
    vitro_md_done(&c->outcome.trailers);
    free_message(c);
    if (c->room_block)
        vitro_mem_free(c->account, c->room_block, c->room_len + LPM_PREFIX);
}

vitro_call *vitro_call_ref(vitro_call *c)
{
    __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

static void on_dropped(struct post *p)
{
    vitro_call *c = CONTAINER_OF(p, vitro_call, dropped);

    c->ops->destroy(c);
}

void vitro_call_unref(vitro_call *c)
{
    vitro_loop *loop;

    if (!c || __atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    loop = c->loop;
    if (vitro_loop_here(loop)) {
        c->ops->destroy(c);
        return;
    }
    /* Between turns nobody can tell whether this is the thread that drives the loop. */
    vitro_loop_ref(loop); /* with the call its channel may go, and that one's reference */
    vitro_loop_send(loop, &c->dropped, on_dropped);
    vitro_loop_unref(loop);
}

vitro_code vitro_call_find_encoding(const char *name, enum encoding *out, vitro_error *err)
{
    if (vitro_encoding_find(vitro_str_of(name), out))
        return VITRO_OK;
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, "call", 0,
                      "no such compression: \"%s\"; there are %s", name, vitro_encoding_all().ptr);
}

/* ---- sending -------------------------------------------------------------------------------- */

static vitro_code may_send(vitro_call *c, size_t len, vitro_error *err)
{
    LOOP_ASSERT(c->loop);
    if (c->cancelled)
        return vitro_fail(err, VITRO_CANCELLED, "call", 0, "the call was cancelled");
    if (c->closed || c->send_done)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0,
                          c->closed ? "the call is closed" : "the last message was sent");
    if (len > UINT32_MAX || (c->max_send && len > c->max_send))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0,
                          "a message of %zu bytes is over the limit of %zu", len,
                          c->max_send ? (size_t)c->max_send : (size_t)UINT32_MAX);
    return VITRO_OK;
}

static vitro_code no_memory(vitro_error *err)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
}

bool vitro_call_compressed(vitro_call *c, struct queue *q, vitro_bytes msg, uint32_t flags)
{
    return c->encoding != ENCODING_IDENTITY && !(flags & VITRO_SEND_PLAIN) &&
           vitro_message_compress(q, c->account, c->encoding, msg, flags & VITRO_SEND_ALONE);
}

/* Where the application's messages go: interceptors see them first, as they are. */
static struct queue *out(vitro_call *c)
{
    return c->chain ? &chain_sends(c->chain)->queue : c->ops->out(c);
}

static bool send_compressed(vitro_call *c, vitro_bytes msg, uint32_t flags)
{
    return !c->chain && vitro_call_compressed(c, c->ops->out(c), msg, flags);
}

/* The first byte of a message in the queue of out(). */
static uint8_t head_of(const vitro_call *c, uint32_t flags)
{
    return c->chain ? (uint8_t)flags : 0;
}

/* A message is in the queue, or the end. */
static void wake(vitro_call *c)
{
    if (c->chain) {
        vitro_chain_queued(c->chain);
        return;
    }
    c->out_done = c->send_done;
    c->ops->queued(c);
}

static bool is_blocked(vitro_call *c)
{
    if (!c->chain)
        return c->ops->is_blocked(c);
    c->chain->blocked = true;
    return true;
}

static void queued(vitro_call *c, uint32_t flags, bool *more)
{
    if (flags & VITRO_SEND_LAST)
        c->send_done = true;
    wake(c);
    if (more)
        *more = true;
    if (out(c)->len >= STREAM_HIGH && is_blocked(c) && more)
        *more = false;
}

vitro_code vitro_call_send(vitro_call *c, vitro_bytes msg, uint32_t flags, bool *more,
                           vitro_error *err)
{
    vitro_code rc = may_send(c, msg.len, err);

    if (rc != VITRO_OK)
        return rc;
    if (!send_compressed(c, msg, flags) &&
        !vitro_message_append(out(c), head_of(c, flags), msg, flags & VITRO_SEND_ALONE))
        return no_memory(err);
    queued(c, flags, more);
    return VITRO_OK;
}

/* Its bytes are not needed any more; told at the end of the turn, as if they had left. */
static void give_back(struct pool *pool, vitro_bytes msg, vitro_release_fn *release, void *user)
{
    struct queue left;

    vitro_queue_init(&left, pool);
    vitro_queue_attach(&left, msg.ptr, msg.len, release, user);
    vitro_queue_clear(&left);
}

vitro_code vitro_call_attach(vitro_call *c, vitro_bytes msg,
                             void (*release)(const void *ptr, size_t len, void *user), void *user,
                             uint32_t flags, bool *more, vitro_error *err)
{
    vitro_code rc = may_send(c, msg.len, err);

    if (rc != VITRO_OK) {
        release(msg.ptr, msg.len, user);
        return rc;
    }
    if (send_compressed(c, msg, flags))
        give_back(out(c)->pool, msg, release, user);
    else if (!vitro_message_attach(out(c), head_of(c, flags), msg, release, user,
                                   flags & VITRO_SEND_ALONE))
        return no_memory(err);
    queued(c, flags, more);
    return VITRO_OK;
}

/*
 * Room in the queue's chunk when the message fits one, else a block that is attached later; a
 * block too when it may be compressed on its way to the queue.
 */
vitro_code vitro_call_reserve(vitro_call *c, size_t n, uint8_t **room, vitro_error *err)
{
    vitro_code rc = may_send(c, n, err);
    size_t got;

    *room = NULL;
    if (rc != VITRO_OK)
        return rc;
    assert(!c->room);
    if (c->encoding == ENCODING_IDENTITY && n + LPM_PREFIX <= CHUNK_BYTES / 2) {
        c->room = vitro_queue_reserve(out(c), n + LPM_PREFIX, &got);
    } else {
        c->room_block = vitro_mem_alloc(c->account, n + LPM_PREFIX);
        c->room = c->room_block;
    }
    if (!c->room)
        return no_memory(err);
    c->room_len = n;
    lpm_write_prefix(c->room, 0, (uint32_t)n);
    *room = c->room + LPM_PREFIX;
    return VITRO_OK;
}

static void release_block(const void *ptr, size_t len, void *user)
{
    vitro_mem_free(user, (void *)(uintptr_t)ptr, len);
}

/* The block of a large message, or of one that may become smaller. */
static void commit_block(vitro_call *c, uint8_t *block, size_t n, uint32_t flags)
{
    vitro_bytes msg = { block + LPM_PREFIX, n - LPM_PREFIX };

    if (send_compressed(c, msg, flags))
        vitro_mem_free(c->account, block, n);
    else if (!vitro_queue_attach(out(c), block, n, release_block, c->account))
        c->ops->cancel(c, VITRO_RESOURCE_EXHAUSTED, "out of memory"); /* for its piece */
}

void vitro_call_commit(vitro_call *c, uint32_t flags, bool *more)
{
    size_t n = c->room_len + LPM_PREFIX;
    void *block = c->room_block;

    assert(c->room);
    c->room[0] = head_of(c, flags);
    c->room = NULL;
    c->room_block = NULL;
    if (block)
        commit_block(c, block, n, flags);
    else
        vitro_queue_commit(out(c), n);
    if (flags & VITRO_SEND_ALONE)
        vitro_queue_seal(out(c));
    queued(c, flags, more);
}

vitro_code vitro_call_send_end(vitro_call *c, vitro_error *err)
{
    LOOP_ASSERT(c->loop);
    if (c->ops->finish || c->closed)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0,
                          c->closed ? "the call is closed" : "a server ends with a status");
    if (c->send_done)
        return VITRO_OK;
    c->send_done = true;
    wake(c);
    return VITRO_OK;
}

/* ---- the server's own ----------------------------------------------------------------------- */

static vitro_code server_only(const vitro_call *c, vitro_error *err)
{
    LOOP_ASSERT(c->loop);
    if (!c->ops->finish)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0, "only a server may do this");
    if (c->cancelled)
        return vitro_fail(err, VITRO_CANCELLED, "call", 0, "the call was cancelled");
    if (c->closed)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0, "the call is closed");
    return VITRO_OK;
}

vitro_code vitro_call_send_headers(vitro_call *c, const vitro_md *md, vitro_error *err)
{
    vitro_code rc = server_only(c, err);

    return rc != VITRO_OK ? rc : c->ops->headers(c, md, err);
}

vitro_code vitro_call_compress(vitro_call *c, const char *encoding, vitro_error *err)
{
    enum encoding e;
    vitro_code rc = server_only(c, err);

    if (rc != VITRO_OK)
        return rc;
    rc = vitro_call_find_encoding(encoding, &e, err);
    return rc != VITRO_OK ? rc : c->ops->compress(c, e, err);
}

vitro_code vitro_call_finish(vitro_call *c, vitro_code code, const char *message,
                             const vitro_md *trailers, vitro_error *err)
{
    vitro_code rc = server_only(c, err);

    return rc != VITRO_OK ? rc : c->ops->finish(c, code, message, trailers, err);
}

/* ---- the rest ------------------------------------------------------------------------------- */

void vitro_call_cancel(vitro_call *c)
{
    LOOP_ASSERT(c->loop);
    if (!c->closed)
        c->ops->cancel(c, VITRO_CANCELLED, NULL);
}

void vitro_call_credit(vitro_call *c, uint32_t n)
{
    LOOP_ASSERT(c->loop);
    if (c->closed)
        return;
    if (c->chain)
        vitro_chain_credit(c->chain, n);
    else
        c->ops->credit(c, n);
}

void vitro_call_hold(vitro_call *c)
{
    LOOP_ASSERT(c->loop);
    if (c->closed)
        return;
    if (c->chain)
        vitro_chain_hold(c->chain);
    else
        c->ops->hold(c);
}

void vitro_call_set_user(vitro_call *c, void *user)
{
    c->user = user;
}

void *vitro_call_user(const vitro_call *c)
{
    return c->user;
}

vitro_str vitro_call_path(const vitro_call *c)
{
    return c->path;
}

const vitro_md *vitro_call_metadata(const vitro_call *c)
{
    return c->has_headers ? &c->headers : NULL;
}

vitro_str vitro_call_encoding(const vitro_call *c)
{
    return vitro_encoding_name(c->peer_encoding);
}

int64_t vitro_call_time_left(const vitro_call *c)
{
    int64_t now;

    if (c->deadline == INT64_MAX)
        return INT64_MAX;
    now = vitro_loop_now(c->loop);
    return c->deadline > now ? c->deadline - now : 0;
}

bool vitro_call_is_cancelled(const vitro_call *c)
{
    return c->cancelled;
}

uint32_t vitro_call_id(const vitro_call *c)
{
    return c->id;
}

vitro_loop *vitro_call_loop(const vitro_call *c)
{
    return c->loop;
}

/* ---- its end -------------------------------------------------------------------------------- */

vitro_code vitro_status_error(const vitro_status *status, vitro_error *err)
{
    vitro_str text = status->message;

    if (!err)
        return status->code;
    if (status->error)
        *err = *status->error;
    else
        vitro_fail(err, status->code, "server", 0, "%.*s", (int)MIN(text.len, (size_t)INT_MAX),
                   text.len ? text.ptr : "");
    err->code = status->code;
    return status->code;
}
