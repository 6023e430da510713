/*
 * outputs - the calls of TestService that have a stream of responses.
 *
 *      StreamingOutputCall   what the one request asks for
 *      FullDuplexCall        what each request asks for, as it comes
 *      HalfDuplexCall        the same, once the client has ended its side
 *
 * All three are one queue of responses to send. It stops at a response whose time has not come and
 * at a client that is behind, and goes on from the alarm and the writable event.
 */
#include <stdlib.h>
#include <string.h>

#include "interop/server/service.h"

enum { MAX_OUTPUTS = 100000 }; /* responses that wait */

struct output {
    int32_t size, interval_us;
    uint32_t flags; /* to send it with */
};

struct outputs {
    vitro_call *call;
    vitro_alarm *due;
    struct output *queue;
    size_t count, at; /* queued in all, sent */
    bool waited;      /* queue[at] has had its interval */
    bool waiting;     /* for the alarm or the client */
    bool at_the_end;  /* nothing leaves before all requests have come */
    bool ended;       /* they have */
    bool finished;
    bool begun, compresses; /* its headers are chosen; messages may go compressed */
};

static void end(struct outputs *o, vitro_code code, const char *text)
{
    o->finished = true;
    finish(o->call, code, text);
}

static bool send_one(struct outputs *o, bool *more)
{
    Grpc__Testing__StreamingOutputCallResponse response =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    Grpc__Testing__Payload payload;
    vitro_error err;
    vitro_code rc;

    if (!make_payload(o->call, o->queue[o->at].size, &payload)) {
        o->finished = true;
        return false;
    }
    response.payload = &payload;
    rc = vitro_stub_send(o->call, &response.base, o->queue[o->at].flags, more, &err);
    free(payload.body.data);
    if (rc)
        end(o, err.code, err.frame[0].text);
    o->at++;
    o->waited = false;
    return !rc;
}

/* True when the next response has to wait for its time. */
static bool must_wait(struct outputs *o)
{
    int32_t us = o->queue[o->at].interval_us;

    if (us <= 0 || o->waited)
        return false;
    o->waited = o->waiting = true;
    vitro_alarm_set(o->due, vitro_loop_now(vitro_call_loop(o->call)) + us * INT64_C(1000));
    return true;
}

static void send_on(struct outputs *o)
{
    bool more = true;

    if (o->finished || o->waiting || (o->at_the_end && !o->ended))
        return;
    while (o->at < o->count) {
        if (must_wait(o) || !send_one(o, &more))
            return;
        if (!more) {
            o->waiting = true;
            return;
        }
    }
    if (o->ended)
        end(o, VITRO_OK, NULL);
}

static void go_on(struct outputs *o)
{
    o->waiting = false;
    send_on(o);
}

static void on_due(void *user)
{
    go_on(user);
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool add(struct outputs *o, const Grpc__Testing__StreamingOutputCallRequest *request)
{
    size_t n = request->n_response_parameters, left = o->count - o->at;
    struct output *queue;

    if (n > MAX_OUTPUTS - left) {
        end(o, VITRO_RESOURCE_EXHAUSTED, "too many responses at once");
        return false;
    }
    if (left)
        memmove(o->queue, o->queue + o->at, left * sizeof *queue);
    queue = realloc(o->queue, (left + n + 1) * sizeof *queue);
    if (!queue) {
        end(o, VITRO_RESOURCE_EXHAUSTED, "no memory for the responses");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const Grpc__Testing__ResponseParameters *asked = request->response_parameters[i];
        queue[left + i] =
            (struct output){ asked->size, asked->interval_us, send_flags(asked->compressed) };
    }
    o->queue = queue;
    o->count = left + n;
    o->at = 0;
    return true;
}

static bool wants_compression(const Grpc__Testing__StreamingOutputCallRequest *request)
{
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        if (said_so(request->response_parameters[i]->compressed))
            return true;
    }
    return false;
}

/* What has to be said before the first response. Compression begins with the headers: a request
 * that asks for it later than others is refused. */
static bool begin_response(struct outputs *o, bool compressed)
{
    vitro_code rc = VITRO_OK;
    vitro_error err;

    if (compressed && !o->compresses)
        rc = may_compress(o->call, true, &err);
    o->compresses = o->compresses || (compressed && !rc);
    if (!rc && !o->begun)
        rc = echo_headers(o->call, &err);
    o->begun = true;
    if (rc)
        end(o, err.code, err.frame[0].text);
    return !rc;
}

static void take(struct outputs *o, const Grpc__Testing__StreamingOutputCallRequest *request)
{
    if (o->finished || !begin_response(o, wants_compression(request)))
        return;
    if (ended_as_asked(o->call, request->response_status))
        o->finished = true;
    else if (add(o, request))
        send_on(o);
}

static void on_request(vitro_call *call, const Grpc__Testing__StreamingOutputCallRequest *request,
                       void *state)
{
    take(state, request);
}

/* ---- the rest of a call's life -------------------------------------------------------------- */

static void on_end(vitro_call *call, void *state)
{
    struct outputs *o = state;

    o->ended = true;
    if (!o->finished && begin_response(o, false))
        send_on(o);
}

static void on_writable(vitro_call *call, void *state)
{
    go_on(state);
}

static void on_cancelled(vitro_call *call, void *state)
{
    struct outputs *o = state;

    o->finished = true;
    vitro_alarm_clear(o->due);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *state)
{
    struct outputs *o = state;

    vitro_alarm_free(o->due);
    free(o->queue);
    free(o);
}

static struct outputs *begin(vitro_call *call)
{
    struct outputs *o = calloc(1, sizeof *o);

    if (!o || vitro_alarm_new(&o->due, vitro_call_loop(call), on_due, o, NULL)) {
        free(o);
        finish(call, VITRO_RESOURCE_EXHAUSTED, "no memory for the call");
        return NULL;
    }
    o->call = call;
    return o;
}

/* Both duplex calls have requests of one type: the receiver of either will do. */
static const grpc_testing_test_service_full_duplex_call_handler duplex = {
    { .size = sizeof(vitro_call_events),
      .on_message = grpc_testing_test_service_full_duplex_call_receive,
      .on_end = on_end,
      .on_writable = on_writable,
      .on_cancelled = on_cancelled,
      .on_closed = on_closed },
    on_request,
};

void serve_full_duplex(vitro_call *call, void *user)
{
    struct outputs *o = begin(call);

    if (o)
        grpc_testing_test_service_full_duplex_call_serve(call, &duplex, o);
}

void serve_half_duplex(vitro_call *call, void *user)
{
    struct outputs *o = begin(call);

    if (!o)
        return;
    o->at_the_end = true;
    grpc_testing_test_service_full_duplex_call_serve(call, &duplex, o);
}

void serve_streaming_output(vitro_call *call,
                            const Grpc__Testing__StreamingOutputCallRequest *request, void *user)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_writable = on_writable,
        .on_cancelled = on_cancelled,
        .on_closed = on_closed,
    };
    struct outputs *o = begin(call);

    if (!o)
        return;
    vitro_stub_serve(call, &events, o);
    o->ended = true;
    take(o, request);
}
