/* service - the calls of TestService that have one response, and what all of them share. */
#include "interop/server/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const vitro_str initial = VITRO_STR_INIT("x-grpc-test-echo-initial");
static const vitro_str trailing = VITRO_STR_INIT("x-grpc-test-echo-trailing-bin");
enum { MAX_PAYLOAD = 64 << 20 }; /* what a request may ask for */

/* ---- what all calls share ------------------------------------------------------------------- */

/* A list with the one entry of this key that the client has sent; NULL when it has not. */
static vitro_md *echo_of(const vitro_call *call, vitro_str key)
{
    const vitro_md *sent = vitro_call_metadata(call);
    vitro_md *echo = NULL;
    size_t at = 0; /* behind it, once it is found */

    if (vitro_md_find(sent, key, &at, NULL))
        echo = vitro_md_new();
    if (echo && vitro_md_append_one(echo, sent, at - 1, NULL)) {
        vitro_md_free(echo);
        echo = NULL;
    }
    return echo;
}

vitro_code echo_headers(vitro_call *call, vitro_error *err)
{
    vitro_md *echo = echo_of(call, initial);
    vitro_code rc = echo ? vitro_call_send_headers(call, echo, err) : VITRO_OK;

    vitro_md_free(echo);
    return rc;
}

void finish(vitro_call *call, vitro_code code, const char *text)
{
    vitro_md *echo = echo_of(call, trailing);

    vitro_call_finish(call, code, text, echo, NULL);
    vitro_md_free(echo);
}

void finish_failed(vitro_call *call, const vitro_error *err)
{
    finish(call, err->code, err->frame[0].text);
}

bool ended_as_asked(vitro_call *call, const Grpc__Testing__EchoStatus *asked)
{
    bool known;

    if (!asked || asked->code == 0)
        return false;
    known = asked->code > 0 && asked->code <= VITRO_UNAUTHENTICATED;
    finish(call, known ? (vitro_code)asked->code : VITRO_UNKNOWN, asked->message);
    return true;
}

bool make_payload(vitro_call *call, int32_t size, Grpc__Testing__Payload *out)
{
    grpc__testing__payload__init(out);
    if (size < 0 || size > MAX_PAYLOAD) {
        finish(call, VITRO_INVALID_ARGUMENT, "a payload has 0 to 67108864 bytes");
        return false;
    }
    out->body.len = (size_t)size;
    out->body.data = calloc(1, size ? (size_t)size : 1);
    if (!out->body.data)
        finish(call, VITRO_RESOURCE_EXHAUSTED, "no memory for the payload");
    return out->body.data;
}

/* ---- one request, one response -------------------------------------------------------------- */

static void empty_call(vitro_call *call, const Grpc__Testing__Empty *request, void *user)
{
    Grpc__Testing__Empty response = GRPC__TESTING__EMPTY__INIT;
    vitro_error err;

    if (echo_headers(call, &err) || vitro_stub_send(call, &response.base, 0, NULL, &err))
        finish_failed(call, &err);
    else
        finish(call, VITRO_OK, NULL);
}

bool said_so(const Grpc__Testing__BoolValue *value)
{
    return value && value->value;
}

uint32_t send_flags(const Grpc__Testing__BoolValue *compressed)
{
    return said_so(compressed) ? 0 : VITRO_SEND_PLAIN;
}

vitro_code may_compress(vitro_call *call, bool any, vitro_error *err)
{
    return any ? vitro_call_compress(call, "gzip", err) : VITRO_OK;
}

static bool is_refused(vitro_call *call, const Grpc__Testing__BoolValue *expected,
                       const vitro_message *m)
{
    if (!said_so(expected) || m->flags & VITRO_MESSAGE_COMPRESSED)
        return false;
    finish(call, VITRO_INVALID_ARGUMENT, "the request is not compressed");
    return true;
}

static void respond(vitro_call *call, const Grpc__Testing__SimpleRequest *request,
                    Grpc__Testing__Payload *payload)
{
    Grpc__Testing__SimpleResponse response = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    char host[256] = "", id[300];
    vitro_error err;

    gethostname(host, sizeof host - 1);
    snprintf(id, sizeof id, "vitro-%s-%d", host, getpid());
    response.payload = payload;
    response.hostname = host;
    if (request->fill_server_id)
        response.server_id = id;
    if (vitro_stub_send(call, &response.base, send_flags(request->response_compressed), NULL, &err))
        finish_failed(call, &err);
    else
        finish(call, VITRO_OK, NULL);
}

/* There are no users: username and oauth_scope stay empty. */
static void unary_call(vitro_call *call, const Grpc__Testing__SimpleRequest *request)
{
    Grpc__Testing__Payload payload;
    vitro_error err;

    if (may_compress(call, said_so(request->response_compressed), &err) ||
        echo_headers(call, &err)) {
        finish_failed(call, &err);
        return;
    }
    if (ended_as_asked(call, request->response_status) ||
        !make_payload(call, request->response_size, &payload))
        return;
    respond(call, request, &payload);
    free(payload.body.data);
}

/* As an event of its own: a generated handler is not told whether its request came compressed. */
static void on_unary(vitro_call *call, const vitro_message *m, void *user)
{
    ProtobufCMessage *message =
        vitro_stub_receive(call, &grpc__testing__simple_request__descriptor, m);
    const Grpc__Testing__SimpleRequest *request = (const void *)message;

    if (message && !is_refused(call, request->expect_compressed, m))
        unary_call(call, request);
    vitro_pb_free(message);
}

/* ---- StreamingInputCall --------------------------------------------------------------------- */

struct sum {
    size_t bytes;
};

static void on_input(vitro_call *call, const vitro_message *m, void *state)
{
    ProtobufCMessage *message =
        vitro_stub_receive(call, &grpc__testing__streaming_input_call_request__descriptor, m);
    const Grpc__Testing__StreamingInputCallRequest *request = (const void *)message;

    if (message && !is_refused(call, request->expect_compressed, m) && request->payload)
        ((struct sum *)state)->bytes += request->payload->body.len;
    vitro_pb_free(message);
}

static void on_inputs_end(vitro_call *call, void *state)
{
    Grpc__Testing__StreamingInputCallResponse response =
        GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    const struct sum *sum = state;
    vitro_error err;

    if (sum->bytes > INT32_MAX) {
        finish(call, VITRO_OUT_OF_RANGE, "the sum has no room in the response");
        return;
    }
    response.aggregated_payload_size = (int32_t)sum->bytes;
    if (vitro_stub_send(call, &response.base, 0, NULL, &err))
        finish_failed(call, &err);
    else
        finish(call, VITRO_OK, NULL);
}

static void on_inputs_closed(vitro_call *call, const vitro_status *status, void *state)
{
    free(state);
}

static void streaming_input_call(vitro_call *call, void *user)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_message = on_input,
        .on_end = on_inputs_end,
        .on_closed = on_inputs_closed,
    };
    struct sum *sum = calloc(1, sizeof *sum);
    vitro_error err;

    if (!sum) {
        finish(call, VITRO_RESOURCE_EXHAUSTED, "no memory for the call");
        return;
    }
    vitro_stub_serve(call, &events, sum);
    if (echo_headers(call, &err))
        finish_failed(call, &err);
}

/* ---- the table ------------------------------------------------------------------------------ */

vitro_code service_register(vitro_server *server, vitro_error *err)
{
    static const grpc_testing_test_service_handlers handlers = {
        .size = sizeof handlers,
        .empty_call = empty_call,
        .streaming_output_call = serve_streaming_output,
        .streaming_input_call = streaming_input_call,
        .full_duplex_call = serve_full_duplex,
        .half_duplex_call = serve_half_duplex,
    };

    static const vitro_call_events unary = { .size = sizeof unary, .on_message = on_unary };
    static const vitro_method *const unaries[] = {
        &grpc_testing_test_service_unary_call_method,
        &grpc_testing_test_service_cacheable_unary_call_method,
    };
    vitro_code rc = grpc_testing_test_service_register(server, &handlers, NULL, err);

    for (size_t i = 0; i < 2 && !rc; i++)
        rc = vitro_server_add(server, unaries[i], NULL, &unary, NULL, err);
    return rc;
}
