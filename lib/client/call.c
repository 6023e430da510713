#include "client/call.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "frame/frame.h"
#include "rpc/chain.h"
#include "wire/timeout.h"

static struct client_call *of_call(vitro_call *c)
{
    return CONTAINER_OF(c, struct client_call, base);
}

static struct note_at note_at(const struct client_call *c)
{
    struct note_at nowhere = { NOTE_CLIENT, RECORD_NO_CONN, 0, 0 };

    return c->attempt && c->attempt->stream.conn ? vitro_connection_at(c->attempt->stream.conn)
                                                 : nowhere;
}

static uint32_t stream_id(const struct client_call *c)
{
    return c->attempt ? (uint32_t)c->attempt->stream.h2.id : 0;
}

void vitro_client_call_wait(struct client_call *c, const char *why)
{
    vitro_trace *trace = c->channel->trace;
    int64_t now = vitro_loop_now(c->base.loop);

    if (c->waits_for == why)
        return;
    if (c->waits_for)
        vitro_note(trace, waited, .at = note_at(c), .call = c->base.id, .why = c->waits_for,
                   .duration = now - c->wait_since);
    if (why)
        vitro_note(trace, waiting, .at = note_at(c), .call = c->base.id, .why = why);
    c->waits_for = why;
    c->wait_since = now;
}

/* ---- the attempt ---------------------------------------------------------------------------- */

static struct attempt *attempt_new(struct client_call *c, struct connection *conn)
{
    struct attempt *a = vitro_freelist_take(&c->channel->attempts);

    if (!a)
        return NULL;
    a->call = c;
    a->channel = c->channel;
    a->number = ++c->attempts;
    a->has_headers = false;
    vitro_stream_init(&a->stream, c->base.loop, &vitro_attempt_ops, &conn->account, c->max_recv,
                      c->credit);
    a->stream.call = c->base.id;
    a->stream.method = c->base.path;
    return a;
}

static vitro_code attempt_open(struct client_call *c, struct attempt *a, struct connection *conn,
                               vitro_error *err)
{
    struct fields f;
    char timeout[TIMEOUT_ROOM];
    vitro_code rc = vitro_client_request_check(c, conn, err);

    if (rc)
        return rc;
    vitro_fields_init(&f, c->base.account);
    vitro_client_request(c, &f, timeout);
    rc = f.failed ? vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory")
                  : vitro_stream_open(&a->stream, conn, f.at, f.n, err);
    vitro_fields_done(&f);
    return rc;
}

void vitro_client_call_begin_attempt(struct client_call *c, struct connection *conn)
{
    vitro_trace *trace = c->channel->trace;
    struct attempt *a;
    vitro_error why;

    if (vitro_call_time_left(&c->base) == 0) { /* its timer is due: nothing is sent any more */
        c->base.ops->expired(&c->base);
        return;
    }
    a = attempt_new(c, conn);
    if (!a) {
        vitro_fail(&why, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
        vitro_client_call_fail(c, &why);
        return;
    }
    vitro_client_call_wait(c, NULL);
    vitro_note(trace, attempt, .at = vitro_connection_at(conn), .call = c->base.id,
               .attempt = a->number);
    a->stream.blocked = c->blocked;
    a->stream.h2.kept = &c->kept;
    a->stream.h2.ending = c->base.out_done ? H2_END : H2_OPEN;
    vitro_queue_move(&a->stream.h2.send, &c->pending);
    if (attempt_open(c, a, conn, &why) != VITRO_OK) {
        vitro_queue_clear(&a->stream.h2.send);
        vitro_queue_clear(&c->kept);
        vitro_freelist_put(&c->channel->attempts, a);
        vitro_client_call_fail(c, &why);
        return;
    }
    c->attempt = a;
    vitro_note(trace, stream, .at = note_at(c), .call = c->base.id, .attempt = a->number,
               .stream = stream_id(c));
}

void vitro_client_call_commit(struct client_call *c)
{
    if (c->attempt)
        c->attempt->stream.h2.kept = NULL;
    vitro_queue_clear(&c->kept);
}

bool vitro_client_call_again(struct client_call *c, bool unsent)
{
    struct attempt *a = c->attempt;

    if (!a->stream.h2.kept || (!unsent && c->refused))
        return false;
    c->refused = c->refused || !unsent;
    c->blocked = a->stream.blocked;
    c->credit = a->stream.credit;
    vitro_queue_move(&c->pending, &c->kept);
    c->attempt = NULL;
    list_append(&c->channel->waiting, &c->waiting);
    vitro_channel_wake(c->channel);
    return true;
}

/* The stream goes on by itself to its end; the call is not told of it any more. */
static void let_go(struct client_call *c)
{
    vitro_client_call_commit(c);
    if (c->attempt) {
        if (c->peer)
            vitro_client_tell_peer(c->peer, c->attempt->stream.conn);
        c->attempt->call = NULL;
        c->attempt->stream.method = (vitro_str){ NULL, 0 }; /* it is the call's */
    }
    c->attempt = NULL;
}

/* ---- the end -------------------------------------------------------------------------------- */

void vitro_client_call_decide(struct client_call *c, vitro_code code, vitro_str message,
                              const vitro_error *why)
{
    c->decided = true;
    vitro_call_decide(&c->base, code, message, why);
}

static void call_conclude(vitro_call *base)
{
    struct client_call *c = of_call(base);
    vitro_status status = vitro_call_status(base);

    assert(c->decided && !c->base.closed);
    vitro_client_call_wait(c, NULL);
    if (status.error) {
        char text[256];
        vitro_error_format(status.error, text, sizeof text);
        vitro_note(c->channel->trace, ended, .at = note_at(c), .call = c->base.id,
                   .status = vitro_code_name((int)status.code), .reason = vitro_str_of(text));
    }
    vitro_task_cancel(&c->close);
    list_remove(&c->waiting);
    list_remove(&c->open);
    vitro_channel_call_over(c->channel);
    list_remove(&c->base.sibling);
    let_go(c);
    vitro_queue_clear(&c->pending);
    vitro_call_tell_closed(&c->base, &status);
    vitro_call_unref(c->parent);
    c->parent = NULL;
    vitro_call_unref(&c->base);
}

void vitro_client_call_close(struct client_call *c)
{
    if (!c->base.chain) {
        call_conclude(&c->base);
        return;
    }
    let_go(c);
    vitro_chain_end(c->base.chain);
}

static void on_close(struct task *t)
{
    vitro_client_call_close(CONTAINER_OF(t, struct client_call, close));
}

void vitro_client_call_fail(struct client_call *c, const vitro_error *why)
{
    if (task_waiting(&c->close) || c->base.closed)
        return;
    vitro_client_call_decide(c, why->code, vitro_str_of(why->frame[0].text), why);
    vitro_auth_drop(c->auth);
    list_remove(&c->waiting);
    vitro_call_set_cancelled(&c->base);
    if (c->base.chain)
        vitro_chain_stop(c->base.chain, why->code);
    if (c->attempt) {
        vitro_stream_stop(&c->attempt->stream);
        vitro_stream_reset(&c->attempt->stream, H2_CANCEL);
        let_go(c);
    }
    vitro_loop_defer(c->base.loop, &c->close);
}

/* ---- what the application asks for ---------------------------------------------------------- */

static struct queue *call_out(vitro_call *base)
{
    struct client_call *c = of_call(base);

    return c->attempt ? &c->attempt->stream.h2.send : &c->pending;
}

static void call_queued(vitro_call *base)
{
    struct client_call *c = of_call(base);

    if (!c->attempt)
        return;
    if (base->out_done)
        c->attempt->stream.h2.ending = H2_END;
    vitro_stream_wake(&c->attempt->stream);
}

static bool call_blocked(vitro_call *base)
{
    struct client_call *c = of_call(base);

    c->blocked = true;
    if (c->attempt)
        c->attempt->stream.blocked = true;
    return true;
}

static void call_credit(vitro_call *base, uint64_t n)
{
    struct client_call *c = of_call(base);

    if (c->attempt)
        vitro_stream_credit(&c->attempt->stream, n);
    else
        c->credit = n > STREAM_CREDIT_ALL - c->credit ? STREAM_CREDIT_ALL : c->credit + n;
}

/* Not a response that is the only one: whoever waits for the end has to have it. */
static void call_hold(vitro_call *base)
{
    struct client_call *c = of_call(base);

    if (vitro_call_expects_one(base, false))
        return;
    c->credit = 0;
    if (c->attempt)
        c->attempt->stream.credit = 0;
}

static void call_cancel(vitro_call *base, vitro_code code, const char *reason)
{
    struct client_call *c = of_call(base);
    vitro_error why;

    if (task_waiting(&c->close))
        return;
    vitro_note(c->channel->trace, cancelled, .at = note_at(c), .call = base->id,
               .attempt = c->attempts, .stream = stream_id(c),
               .reason = vitro_str_of(reason ? reason : "the application asked for it"));
    vitro_fail(&why, code, "call", 0, "%s", reason ? reason : "cancelled by the client");
    vitro_client_call_fail(c, &why);
}

static struct connection *call_connection(const vitro_call *base)
{
    const struct client_call *c = of_call((vitro_call *)(uintptr_t)base);

    return c->attempt ? c->attempt->stream.conn : NULL;
}

static void call_expired(vitro_call *base)
{
    struct client_call *c = of_call(base);
    vitro_error why;

    if (task_waiting(&c->close))
        return;
    vitro_note(c->channel->trace, deadline, .at = note_at(c), .call = base->id,
               .attempt = c->attempts, .stream = stream_id(c));
    if (channel_is(c->channel, VITRO_CHANNEL_TRANSIENT_FAILURE) && !c->attempt)
        vitro_fail(&why, VITRO_DEADLINE_EXCEEDED, "call", 0,
                   "the deadline has passed without a connection: %s",
                   c->channel->failure.frame[0].text);
    else
        vitro_fail(&why, VITRO_DEADLINE_EXCEEDED, "call", 0, "the deadline has passed");
    if (c->waits_for)
        vitro_wrap(&why, VITRO_DEADLINE_EXCEEDED, "channel", "waited for its %s", c->waits_for);
    else if (base->chain && base->chain->waits)
        vitro_wrap(&why, VITRO_DEADLINE_EXCEEDED, "interceptor", "the call was suspended");
    vitro_client_call_fail(c, &why);
}

void vitro_client_call_send(struct client_call *c)
{
    list_append(&c->channel->waiting, &c->waiting);
    vitro_channel_wake(c->channel);
}

/* The request may leave, once its credentials are there. */
static void call_opened(vitro_call *base)
{
    struct client_call *c = of_call(base);

    if (c->auth)
        vitro_auth_begin(c->auth);
    else
        vitro_client_call_send(c);
}

static void call_stop(vitro_call *base, const vitro_error *why)
{
    vitro_client_call_fail(of_call(base), why);
}

static void call_destroy(vitro_call *base)
{
    struct client_call *c = of_call(base);
    vitro_channel *channel = c->channel;

    vitro_auth_drop(c->auth);
    vitro_md_done(&c->request);
    vitro_call_done(base);
    if (c->authority)
        vitro_mem_free(base->account, c->authority, strlen(c->authority) + 1);
    vitro_freelist_put(&channel->calls, c);
    channel->n_calls--;
    vitro_channel_shrunk(channel);
}

static const struct call_ops call_ops = {
    .out = call_out,
    .queued = call_queued,
    .is_blocked = call_blocked,
    .credit = call_credit,
    .hold = call_hold,
    .cancel = call_cancel,
    .connection = call_connection,
    .expired = call_expired,
    .destroy = call_destroy,
    .opened = call_opened,
    .conclude = call_conclude,
    .stop = call_stop,
};

/* ---- the beginning -------------------------------------------------------------------------- */

static void init(struct client_call *c, vitro_channel *channel, const vitro_method *method,
                 const vitro_call_events *events, void *user)
{
    memset(c, 0, sizeof *c);
    vitro_call_init(&c->base, &call_ops, channel->loop, &channel->account, events, user);
    c->base.path = vitro_str_of(method->path);
    c->base.kind = method->kind;
    c->base.max_send = channel->options.max_send_bytes;
    c->channel = channel;
    list_init(&c->waiting);
    list_init(&c->open);
    vitro_queue_init(&c->pending, vitro_loop_pool(channel->loop));
    vitro_queue_init(&c->kept, vitro_loop_pool(channel->loop));
    vitro_md_init(&c->request, &channel->account);
    vitro_task_init(&c->close, on_close);
    channel->n_calls++;
}

static void set_deadline(struct client_call *c, const vitro_call_options *o)
{
    int64_t left = o->parent ? vitro_call_time_left(o->parent) : INT64_MAX;

    if (o->timeout_ns != 0)
        left = MIN(left, MAX(o->timeout_ns, (int64_t)0));
    vitro_call_set_time_left(&c->base, left);
}

/* Its interceptors, behind the channel's. They take the credit of a stream, to pass it on. */
static vitro_code intercept(struct client_call *c, const vitro_call_options *o, vitro_error *err)
{
    const vitro_interceptor *const *lists[] = { c->channel->options.interceptors, o->interceptors };
    vitro_code rc = vitro_chain_check(o->interceptors, "call", err);

    if (rc == VITRO_OK)
        rc = vitro_chain_new(&c->base, lists, ARRAY_LEN(lists), err);
    if (!c->base.chain)
        return rc;
    c->base.chain->request.md = &c->request;
    c->base.chain->response.md = &c->base.headers;
    c->base.chain->credit = c->credit;
    c->base.chain->trace = c->channel->trace;
    if (!vitro_call_expects_one(&c->base, false))
        c->credit = 0;
    return rc;
}

static vitro_code apply(struct client_call *c, const vitro_call_options *o, vitro_error *err)
{
    vitro_code rc = VITRO_OK;

    c->max_recv = o->max_recv_bytes ? o->max_recv_bytes : c->channel->options.max_recv_bytes;
    /* the end proves that one response is the only one: a second one must not be held back */
    c->credit =
        o->manual_credit && !vitro_call_expects_one(&c->base, false) ? 0 : STREAM_CREDIT_ALL;
    c->base.encoding = c->channel->encoding;
    if (o->compression)
        rc = vitro_call_find_encoding(o->compression, &c->base.encoding, err);
    if (rc == VITRO_OK && o->metadata)
        rc = vitro_md_append(&c->request, o->metadata, err);
    if (rc == VITRO_OK && o->authority)
        rc = vitro_client_check_authority(o->authority, err);
    if (rc == VITRO_OK && o->authority) {
        c->authority = vitro_mem_text(c->base.account, vitro_str_of(o->authority));
        if (!c->authority)
            rc = vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    }
    if (rc == VITRO_OK)
        rc = vitro_auth_new(c, o->credentials, err);
    set_deadline(c, o);
    c->wait_for_ready = o->wait_for_ready;
    c->peer = o->peer;
    if (c->peer)
        vitro_peer_done(c->peer); /* nobody is taken for who answered another call */
    if (o->parent)
        c->parent = vitro_call_ref(o->parent);
    return rc == VITRO_OK ? intercept(c, o, err) : rc;
}

vitro_code vitro_call_start(vitro_call **out, vitro_channel *channel, const vitro_method *method,
                            const vitro_call_options *options, const vitro_call_events *events,
                            void *user, vitro_error *err)
{
    vitro_call_options o;
    struct client_call *c;
    vitro_code rc;

    *out = NULL;
    LOOP_ASSERT(channel->loop);
    if (!vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("call", err);
    if (o.parent && o.parent->loop != channel->loop)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "call", 0,
                          "the parent call belongs to another loop");
    rc = vitro_client_check_path(method->path, err);
    if (rc != VITRO_OK)
        return rc;
    if (!channel->trace && list_empty(&channel->connections))
        channel->trace = vitro_loop_trace(channel->loop, NULL);
    c = vitro_freelist_take(&channel->calls);
    if (!c)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    init(c, channel, method, events, user);
    rc = apply(c, &o, err);
    if (rc != VITRO_OK) {
        c->base.closed = true;
        vitro_call_unref(c->parent);
        vitro_call_unref(&c->base);
        return rc;
    }
    vitro_trace_file(channel->trace, method->file);
    vitro_note(channel->trace, call, .at = note_at(c), .call = c->base.id, .method = c->base.path);
    list_append(&channel->calls_open, &c->open);
    vitro_call_arm(&c->base);
    if (c->base.chain)
        vitro_chain_open(&c->base.chain->request);
    else
        call_opened(&c->base);
    if (c->parent)
        vitro_call_adopt(c->parent, &c->base);
    *out = vitro_call_ref(&c->base);
    return VITRO_OK;
}
