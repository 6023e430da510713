/* attempt - what a stream brings back becomes the call's events and its status. */
#include "client/call.h"

#include "base/error.h"
#include "frame/frame.h"
#include "wire/status.h"

static struct attempt *of_stream(struct stream *s)
{
    return CONTAINER_OF(s, struct attempt, stream);
}

/* The status is known and nothing else is wanted of the stream. */
static void settle(struct attempt *a)
{
    struct client_call *c = a->call;

    vitro_stream_stop(&a->stream);
    if (!a->stream.h2.remote_end)
        vitro_stream_reset(&a->stream, H2_CANCEL);
    else if (!a->stream.h2.local_end)
        vitro_stream_reset(&a->stream, H2_NO_ERROR); /* it has all it needs; so have we */
    vitro_client_call_close(c);
}

static void fail(struct attempt *a, vitro_code code, const char *text)
{
    vitro_error why;

    vitro_fail(&why, code, "stream", 0, "%s", text);
    vitro_client_call_decide(a->call, code, vitro_str_of(text), &why);
    settle(a);
}

/* ---- header blocks -------------------------------------------------------------------------- */

static void on_headers(struct attempt *a, const struct reply_head *head)
{
    struct client_call *c = a->call;

    a->has_headers = true;
    if (!vitro_encoding_find(head->encoding, &c->base.peer_encoding)) {
        fail(a, VITRO_INTERNAL, "the reply has a grpc-encoding that was not offered");
        return;
    }
    vitro_stream_set_encoding(&a->stream, c->base.peer_encoding);
    vitro_md_swap(&c->base.headers, &a->stream.conn->block_md);
    vitro_call_tell_headers(&c->base);
}

/* A server that gave up by the same deadline may call that cancelled. */
static vitro_code past_deadline(const struct client_call *c, vitro_code code)
{
    bool over = vitro_call_time_left(&c->base) == 0;

    return code == VITRO_CANCELLED && over ? VITRO_DEADLINE_EXCEEDED : code;
}

static void on_status(struct attempt *a, const struct reply_head *head)
{
    struct client_call *c = a->call;
    struct outcome *o = &c->base.outcome;
    bool theirs = head->explicit_status || head->message.len;

    vitro_md_swap(&o->trailers, &a->stream.conn->block_md);
    vitro_client_call_decide(c, past_deadline(c, head->code),
                             theirs ? head->message : vitro_str_of(head->error.frame[0].text),
                             head->explicit_status ? NULL : &head->error);
    if (theirs && o->message) /* decoding never makes it longer */
        o->message_len =
            vitro_status_message_decode((vitro_str){ o->message, o->message_len }, o->message);
}

static void on_block(struct stream *s, bool end_stream)
{
    struct attempt *a = of_stream(s);
    struct reply_head head;

    if (!a->call)
        return;
    vitro_client_call_commit(a->call);
    vitro_reply_check(s->conn->block, !a->has_headers, end_stream, &head);
    switch (head.kind) {
    case REPLY_INFORMATIONAL:
        break;
    case REPLY_HEADERS:
        on_headers(a, &head);
        break;
    case REPLY_END:
        on_status(a, &head);
        if (!end_stream) /* it is no gRPC reply: its body is not for us */
            settle(a);
        break;
    }
}

/* ---- messages ------------------------------------------------------------------------------- */

static void on_message(struct stream *s, const vitro_message *m)
{
    struct attempt *a = of_stream(s);
    struct client_call *c = a->call;

    if (!c)
        return;
    if (!vitro_call_expects_one(&c->base, false))
        vitro_call_tell_message(&c->base, m);
    else if (c->base.single_seen)
        fail(a, VITRO_UNIMPLEMENTED, "more than one response message");
    else
        vitro_call_hold_single(&c->base, s, m);
}

/* All is here: of a kind with one response it is told now, if the call went well. */
static void on_end(struct stream *s)
{
    struct attempt *a = of_stream(s);
    struct client_call *c = a->call;
    vitro_error why;

    if (!c)
        return;
    if (!c->decided) {
        vitro_code code = vitro_reply_missing(&why);
        vitro_client_call_decide(c, code, vitro_str_of(why.frame[0].text), &why);
    }
    if (c->base.outcome.code == VITRO_OK && vitro_call_expects_one(&c->base, false)) {
        if (!c->base.single_seen) {
            fail(a, VITRO_UNIMPLEMENTED, "no response message");
            return;
        }
        if (!vitro_call_tell_single(&c->base, s)) {
            fail(a, VITRO_RESOURCE_EXHAUSTED, "out of memory");
            return;
        }
    }
    vitro_call_tell_end(&c->base);
    if (a->call) /* the application may have cancelled it in one of these */
        settle(a);
}

static void on_fault(struct stream *s, const vitro_error *why)
{
    struct attempt *a = of_stream(s);

    if (!a->call)
        return;
    vitro_client_call_decide(a->call, why->code, vitro_str_of(why->frame[0].text), why);
    settle(a);
}

static void on_trailers(struct stream *s)
{
    (void)s; /* gRPC requests have none */
}

static void on_writable(struct stream *s)
{
    struct attempt *a = of_stream(s);

    if (a->call)
        vitro_call_tell_writable(&a->call->base);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The stream was reset, or its connection lost, before a status came. */
static void decide_by_reset(struct client_call *c, uint32_t error, const vitro_error *lost)
{
    vitro_code code = vitro_status_of_rst(error);
    vitro_error why;

    if (lost) {
        vitro_client_call_decide(c, VITRO_UNAVAILABLE, vitro_str_of(lost->frame[0].text), lost);
        return;
    }
    code = past_deadline(c, code);
    c->base.cancelled = code == VITRO_CANCELLED;
    vitro_fail(&why, code, "stream", (int32_t)error, "the server reset the stream");
    vitro_client_call_decide(c, code, vitro_str_of(why.frame[0].text), &why);
}

/* No handler has seen it, and another attempt follows (gRFC A6, transparent retries). */
static bool was_refused(struct client_call *c, uint32_t error, bool unsent, const vitro_error *lost)
{
    return error == H2_REFUSED_STREAM && !lost && !c->decided && vitro_client_call_again(c, unsent);
}

static void on_closed(struct stream *s, uint32_t error, bool unsent, const vitro_error *lost)
{
    struct attempt *a = of_stream(s);
    struct client_call *c = a->call;
    vitro_channel *channel = a->channel;

    if (!unsent && s->conn == channel->ready)
        channel_was_of_use(channel);
    if (c && !was_refused(c, error, unsent, lost)) {
        if (!c->decided)
            decide_by_reset(c, error, lost);
        vitro_client_call_close(c);
    }
    vitro_lpm_done(&s->reader);
    vitro_buf_done(&s->own);
    s->conn = NULL;
    vitro_freelist_put(&channel->attempts, a);
}

const struct stream_ops vitro_attempt_ops = {
    .block = on_block,
    .message = on_message,
    .end = on_end,
    .fault = on_fault,
    .trailers = on_trailers,
    .writable = on_writable,
    .closed = on_closed,
};
