#include "server/call.h"

#include "base/error.h"
#include "frame/frame.h"
#include "rpc/chain.h"

static struct server_call *of_call(vitro_call *c)
{
    return CONTAINER_OF(c, struct server_call, base);
}

static struct server_call *of_stream(struct stream *s)
{
    return CONTAINER_OF(s, struct server_call, stream);
}

static struct note_at note_at(const struct server_call *c)
{
    struct note_at nowhere = { NOTE_SERVER, RECORD_NO_CONN, 0, 0 };

    return c->stream.conn ? vitro_connection_at(c->stream.conn) : nowhere;
}

static const vitro_str nothing = { "", 0 };

/* ---- the response --------------------------------------------------------------------------- */

/* Send what is queued, then the trailers. */
static vitro_code send_status(struct server_call *c, vitro_error *err)
{
    c->finished = true;
    c->base.send_done = true;
    if (!c->stream.conn)
        return VITRO_OK;
    c->stream.h2.ending = H2_TRAILERS;
    if (!c->headers_sent)
        return vitro_server_respond(c, c->stream.h2.send.len == 0, err);
    vitro_stream_wake(&c->stream);
    return VITRO_OK;
}

/* The handler, if it knows of a call that ends without it, is told to stop. */
static void call_conclude(vitro_call *base)
{
    struct server_call *c = of_call(base);

    send_status(c, NULL);
    if (c->cut)
        vitro_call_tell_cancelled(base);
}

/* The library ends the call, or an interceptor does: decide how. */
static void call_stop(vitro_call *base, const vitro_error *why)
{
    struct server_call *c = of_call(base);

    vitro_call_decide(base, why->code, vitro_str_of(why->frame[0].text), why);
    c->cut = !c->decided || c->cut;
    c->decided = true;
    vitro_stream_stop(&c->stream);
    if (base->chain)
        vitro_chain_stop(base->chain, why->code);
}

static void fail(struct server_call *c, const vitro_error *why)
{
    if (c->finished)
        return;
    call_stop(&c->base, why);
    if (c->base.chain)
        vitro_chain_end(c->base.chain);
    else
        call_conclude(&c->base);
}

/* An answer that is HTTP and not gRPC: 405, 415 (PROTOCOL-HTTP2, Requests). */
static void answer_http(struct server_call *c, const struct request_head *head)
{
    vitro_call_decide(&c->base, head->code, nothing, &head->error);
    c->decided = c->finished = c->headers_sent = true;
    vitro_stream_stop(&c->stream);
    vitro_server_respond_http(c, head->http_status);
}

/* ---- the request ---------------------------------------------------------------------------- */

/* what is a peer's text: as much of it as an error holds, %.*s cuts it. */
static void refuse(struct server_call *c, vitro_code code, const char *why, vitro_str what)
{
    vitro_error error;

    vitro_fail(&error, code, "call", 0, "%s%.*s", why, (int)MIN(what.len, 64u),
               what.len ? what.ptr : "");
    fail(c, &error);
}

static void unknown_method(struct server_call *c, const struct request_head *head)
{
    if (vitro_router_has_service(&c->shard->server->router, head->service))
        refuse(c, VITRO_UNIMPLEMENTED, "unknown method ", head->method);
    else
        refuse(c, VITRO_UNIMPLEMENTED, "unknown service ", head->service);
}

/* Its interceptors, the server's first. The stream has no credit but what they give on. */
static vitro_code intercept(struct server_call *c, const struct route *route, vitro_error *err)
{
    const vitro_interceptor *const *lists[] = { c->shard->server->options.interceptors,
                                                route->interceptors };
    vitro_code rc = vitro_chain_new(&c->base, lists, ARRAY_LEN(lists), err);

    if (!c->base.chain)
        return rc;
    c->base.chain->request.md = &c->base.headers;
    c->base.chain->response.md = &c->initial;
    c->base.chain->credit = c->stream.credit;
    c->base.chain->trace = c->stream.conn->config.trace;
    c->stream.credit = 0;
    return rc;
}

/* What was asked for can be done: begin. */
static void serve(struct server_call *c, const struct route *route, const struct request_head *head)
{
    struct connection *conn = c->stream.conn;
    vitro_error why;

    c->stream.credit = route->manual_credit ? 0 : STREAM_CREDIT_ALL;
    if (intercept(c, route, &why) != VITRO_OK) {
        fail(c, &why);
        return;
    }
    c->base.path = c->stream.method = route->path;
    c->base.kind = route->kind;
    c->base.events = route->events;
    c->base.user = route->user;
    c->served = true;
    vitro_call_set_time_left(&c->base, head->timeout_ns);
    vitro_call_arm(&c->base);
    vitro_md_swap(&c->base.headers, &conn->block_md);
    vitro_stream_set_encoding(&c->stream, c->base.peer_encoding);
    c->accepts = head->accepts;
    if (encoding_in(c->accepts, c->shard->server->encoding))
        c->base.encoding = c->shard->server->encoding;
    vitro_trace_file(conn->config.trace, route->file);
    vitro_note(conn->config.trace, call, .at = note_at(c), .call = c->base.id,
               .stream = (uint32_t)c->stream.h2.id, .method = route->path);
    vitro_call_tell_headers(&c->base);
}

static void refuse_encoding(struct server_call *c, const struct request_head *head)
{
    c->bad_encoding = true;
    refuse(c, VITRO_UNIMPLEMENTED, "unsupported grpc-encoding: ", head->encoding);
}

static void on_request(struct server_call *c)
{
    struct request_head head;
    const struct route *route;

    vitro_request_check(c->stream.conn->block, &head);
    switch (head.action) {
    case REQUEST_HTTP:
        answer_http(c, &head);
        return;
    case REQUEST_RESET:
        c->decided = c->finished = true;
        vitro_stream_stop(&c->stream);
        vitro_stream_reset(&c->stream, H2_PROTOCOL_ERROR);
        return;
    case REQUEST_GRPC:
        fail(c, &head.error);
        return;
    case REQUEST_ACCEPT:
        break;
    }
    route = vitro_router_find(&c->shard->server->router, head.path);
    if (!route)
        unknown_method(c, &head);
    else if (!vitro_encoding_find(head.encoding, &c->base.peer_encoding))
        refuse_encoding(c, &head);
    else
        serve(c, route, &head);
}

static void on_block(struct stream *s, bool end_stream)
{
    struct server_call *c = of_stream(s);

    (void)end_stream;
    if (!c->served && !c->finished)
        on_request(c); /* what comes later are trailers, which gRPC requests do not have */
}

static void on_message(struct stream *s, const vitro_message *m)
{
    struct server_call *c = of_stream(s);

    if (!vitro_call_expects_one(&c->base, true)) {
        vitro_call_tell_message(&c->base, m);
        return;
    }
    if (c->base.single_seen) {
        refuse(c, VITRO_UNIMPLEMENTED, "more than one request message", nothing);
        return;
    }
    vitro_call_hold_single(&c->base, s, m);
}

static void on_end(struct stream *s)
{
    struct server_call *c = of_stream(s);

    if (vitro_call_expects_one(&c->base, true)) {
        if (!c->base.single_seen) {
            refuse(c, VITRO_UNIMPLEMENTED, "no request message", nothing);
            return;
        }
        if (!vitro_call_tell_single(&c->base, s)) {
            refuse(c, VITRO_RESOURCE_EXHAUSTED, "out of memory", nothing);
            return;
        }
    }
    vitro_call_tell_end(&c->base);
}

static void on_fault(struct stream *s, const vitro_error *why)
{
    fail(of_stream(s), why);
}

static void on_writable(struct stream *s)
{
    vitro_call_tell_writable(&of_stream(s)->base);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* No status reached the client: it is gone, or the call was cut before. */
static void decide_undelivered(struct server_call *c, uint32_t error, const vitro_error *lost)
{
    const struct outcome *o = &c->base.outcome;
    bool late = o->has_error && o->error.code == VITRO_DEADLINE_EXCEEDED;
    vitro_error why;

    if (lost)
        why = *lost;
    else if (o->has_error)
        why = o->error;
    else
        vitro_fail(&why, VITRO_CANCELLED, "stream", (int32_t)error, "reset by the client");
    vitro_call_decide(&c->base, late && !lost ? VITRO_DEADLINE_EXCEEDED : VITRO_CANCELLED, nothing,
                      &why);
}

static void on_closed(struct stream *s, uint32_t error, bool unsent, const vitro_error *lost)
{
    struct server_call *c = of_stream(s);
    bool delivered = c->finished && s->h2.local_end && !lost;
    vitro_status status;

    (void)unsent;
    if (!delivered) {
        decide_undelivered(c, error, lost);
        vitro_call_tell_cancelled(&c->base);
    }
    status = vitro_call_status(&c->base);
    vitro_call_tell_closed(&c->base, &status);
    vitro_lpm_done(&s->reader);
    vitro_buf_done(&s->own);
    s->conn = NULL;
    vitro_call_unref(&c->base);
}

static const struct stream_ops stream_ops = {
    .block = on_block,
    .message = on_message,
    .end = on_end,
    .fault = on_fault,
    .trailers = vitro_server_respond_trailers,
    .writable = on_writable,
    .closed = on_closed,
};

/* ---- what the application asks for ---------------------------------------------------------- */

static struct queue *call_out(vitro_call *base)
{
    return &of_call(base)->stream.h2.send;
}

static void call_queued(vitro_call *base)
{
    struct server_call *c = of_call(base);

    if (!c->stream.conn)
        return;
    if (!c->headers_sent)
        vitro_server_respond(c, false, NULL);
    else
        vitro_stream_wake(&c->stream);
}

static bool call_blocked(vitro_call *base)
{
    of_call(base)->stream.blocked = true;
    return true;
}

static void call_credit(vitro_call *base, uint64_t n)
{
    vitro_stream_credit(&of_call(base)->stream, n);
}

static void call_hold(vitro_call *base)
{
    of_call(base)->stream.credit = 0;
}

static void call_cancel(vitro_call *base, vitro_code code, const char *why)
{
    struct server_call *c = of_call(base);
    struct outcome *o = &base->outcome;

    if (!o->has_error)
        vitro_fail(&o->error, code, "call", 0, "%s", why ? why : "cancelled by the server");
    o->has_error = true;
    vitro_call_set_cancelled(base); /* the application knows: no event */
    if (base->chain)
        vitro_chain_stop(base->chain, VITRO_CANCELLED);
    vitro_stream_stop(&c->stream);
    vitro_server_reset(c, code);
}

static struct connection *call_connection(const vitro_call *base)
{
    return of_call((vitro_call *)(uintptr_t)base)->stream.conn;
}

/*
 * The client gives up by its own clock; the status is for one whose clock is late. It cannot pass
 * what waits for a window that never opens: then the stream is reset.
 */
static void call_expired(vitro_call *base)
{
    struct server_call *c = of_call(base);
    bool stuck = c->stream.h2.send.len > 0;
    vitro_error why;

    vitro_note(c->shard->server->trace, deadline, .at = note_at(c), .call = base->id,
               .stream = (uint32_t)c->stream.h2.id);
    vitro_fail(&why, VITRO_DEADLINE_EXCEEDED, "call", 0, "the deadline has passed");
    if (!stuck) {
        fail(c, &why);
        return;
    }
    call_stop(base, &why);
    vitro_stream_reset(&c->stream, H2_CANCEL);
    vitro_call_tell_cancelled(base);
}

/* They were sent, or are on their way. */
static bool has_headers(const struct server_call *c)
{
    const struct chain *ch = c->base.chain;

    return c->headers_sent || c->decided || (ch && (ch->response.opening || ch->response.opened));
}

static vitro_code call_headers(vitro_call *base, const vitro_md *md, vitro_error *err)
{
    struct server_call *c = of_call(base);
    vitro_code rc = VITRO_OK;

    if (has_headers(c))
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0, "the headers were sent");
    if (md)
        rc = vitro_md_append(&c->initial, md, err);
    if (rc != VITRO_OK)
        return rc;
    if (!base->chain)
        return vitro_server_respond(c, false, err);
    vitro_chain_open(&base->chain->response);
    return VITRO_OK;
}

static void call_opened(vitro_call *base)
{
    vitro_server_respond(of_call(base), false, NULL);
}

static vitro_code call_compress(vitro_call *base, enum encoding e, vitro_error *err)
{
    struct server_call *c = of_call(base);

    if (has_headers(c))
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0, "the headers were sent");
    base->encoding = encoding_in(c->accepts, e) ? e : ENCODING_IDENTITY;
    return VITRO_OK;
}

static vitro_code call_finish(vitro_call *base, vitro_code code, const char *message,
                              const vitro_md *trailers, vitro_error *err)
{
    struct server_call *c = of_call(base);
    vitro_code rc = VITRO_OK;

    if (c->decided)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "call", 0, "the call was finished");
    if (trailers)
        rc = vitro_md_append(&base->outcome.trailers, trailers, err);
    if (rc != VITRO_OK)
        return rc;
    vitro_call_decide(base, code, vitro_str_of(message), NULL);
    c->decided = base->send_done = true;
    vitro_stream_stop(&c->stream);
    if (!base->chain)
        return send_status(c, err);
    vitro_chain_end_later(base->chain);
    return VITRO_OK;
}

static void call_destroy(vitro_call *base)
{
    struct server_call *c = of_call(base);
    struct shard *shard = c->shard;

    vitro_md_done(&c->initial);
    vitro_call_done(base);
    vitro_freelist_put(&shard->calls, c);
    vitro_shard_drop(shard, &shard->n_calls);
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
    .headers = call_headers,
    .compress = call_compress,
    .finish = call_finish,
};

struct stream *vitro_server_call_begin(struct shard *shard, struct connection *conn)
{
    struct server_call *c = vitro_freelist_take(&shard->calls);

    if (!c)
        return NULL;
    vitro_call_init(&c->base, &call_ops, shard->loop, &shard->account, &vitro_call_no_events, NULL);
    c->base.max_send = shard->server->options.max_send_bytes;
    vitro_stream_init(&c->stream, shard->loop, &stream_ops, &conn->account,
                      shard->server->options.max_recv_bytes, STREAM_CREDIT_ALL);
    c->stream.call = c->base.id;
    c->shard = shard;
    vitro_md_init(&c->initial, &shard->account);
    c->headers_sent = false;
    c->decided = false;
    c->cut = false;
    c->finished = false;
    c->served = false;
    c->bad_encoding = false;
    c->accepts = 0;
    __atomic_fetch_add(&shard->n_calls, 1, __ATOMIC_RELEASE);
    return &c->stream;
}
