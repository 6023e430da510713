/*
 * ends - cases of calls that end otherwise than well: by the server's status, by a method that
 * nobody has, by the client, by the deadline.
 *
 * They are told by the closed event, which has the status text as it crossed the wire.
 */
#include <string.h>

#include "interop/client/session.h"

static const int64_t patience_ns = INT64_C(10000000000);

struct end {
    vitro_call *call;
    int messages;
    bool closed;
    vitro_code code;
    char text[256];
    size_t text_len;
    vitro_error error;
};

/* ---- one call by events --------------------------------------------------------------------- */

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    ((struct end *)user)->messages++;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct end *end = user;

    end->closed = true;
    end->code = vitro_status_error(status, &end->error);
    end->text_len = status->message.len;
    if (end->text_len && end->text_len <= sizeof end->text)
        memcpy(end->text, status->message.ptr, end->text_len);
}

static bool begin(struct session *s, struct end *end, const vitro_method *method,
                  const ProtobufCMessage *request, int64_t timeout_ns)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_message = on_message,
        .on_closed = on_closed,
    };
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;

    memset(end, 0, sizeof *end);
    options.timeout_ns = timeout_ns;
    if (vitro_stub_start(&end->call, s->channel, method, request, &options, &events, end, &err))
        return failed_by(s, method->path, &err);
    return true;
}

static bool is_closed(void *user)
{
    return ((const struct end *)user)->closed;
}

static bool has_message(void *user)
{
    return is_closed(user) || ((const struct end *)user)->messages;
}

static bool is_connected(void *user)
{
    return is_closed(user) || vitro_call_peer(((const struct end *)user)->call).len;
}

static bool wait_until(struct session *s, struct end *end, bool (*done)(void *user))
{
    vitro_error err;

    if (vitro_loop_run_until(s->loop, done, end, vitro_loop_now(s->loop) + patience_ns, &err))
        return failed_by(s, "loop", &err);
    return done(end) || failed(s, "nothing happened in 10 s");
}

/* Begin a call that stays open, with its first request. */
static bool begin_duplex(struct session *s, struct end *end,
                         const Grpc__Testing__StreamingOutputCallRequest *request,
                         int64_t timeout_ns)
{
    vitro_error err;

    return begin(s, end, &grpc_testing_test_service_full_duplex_call_method, NULL, timeout_ns) &&
           (!vitro_stub_send(end->call, &request->base, 0, NULL, &err) ||
            failed_by(s, "FullDuplexCall", &err));
}

/* Wait for the end, which is with this code and, unless NULL, this text. */
static bool ends(struct session *s, struct end *end, vitro_code code, const char *text)
{
    const char *what = "the call";
    bool good = wait_until(s, end, is_closed);

    if (!good)
        vitro_call_cancel(end->call);
    while (!end->closed && !vitro_loop_run(s->loop, 0, NULL))
        ;
    good = good && ended_with(s, what, end->code, code, &end->error);
    if (good && text && (end->text_len != strlen(text) || memcmp(end->text, text, end->text_len)))
        good = failed(s, "%s: another text than was asked for", what);
    vitro_call_unref(end->call);
    return good;
}

/* ---- status_code_and_message and special_status_message ------------------------------------- */

static bool unary_ends(struct session *s, Grpc__Testing__EchoStatus *status)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    struct end end;

    request.response_status = status;
    return begin(s, &end, &grpc_testing_test_service_unary_call_method, &request.base, 0) &&
           ends(s, &end, (vitro_code)status->code, status->message);
}

static bool duplex_ends(struct session *s, Grpc__Testing__EchoStatus *status)
{
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    struct end end;

    request.response_status = status;
    if (!begin_duplex(s, &end, &request, 0))
        return false;
    vitro_call_send_end(end.call, NULL);
    return ends(s, &end, (vitro_code)status->code, status->message);
}

bool status_code_and_message(struct session *s)
{
    Grpc__Testing__EchoStatus status = GRPC__TESTING__ECHO_STATUS__INIT;

    status.code = VITRO_UNKNOWN;
    status.message = (char *)"test status message";
    return unary_ends(s, &status) && duplex_ends(s, &status);
}

bool special_status_message(struct session *s)
{
    Grpc__Testing__EchoStatus status = GRPC__TESTING__ECHO_STATUS__INIT;

    status.code = VITRO_UNKNOWN;
    status.message =
        (char *)"\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001F608\t\n";
    return unary_ends(s, &status);
}

/* ---- unimplemented_method and unimplemented_service ----------------------------------------- */

static bool is_unimplemented(struct session *s, const vitro_method *method)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    struct end end;

    return begin(s, &end, method, &request.base, 0) && ends(s, &end, VITRO_UNIMPLEMENTED, NULL);
}

bool unimplemented_method(struct session *s)
{
    return is_unimplemented(s, &grpc_testing_test_service_unimplemented_call_method);
}

bool unimplemented_service(struct session *s)
{
    return is_unimplemented(s, &grpc_testing_unimplemented_service_unimplemented_call_method);
}

/* ---- cancel_after_begin and cancel_after_first_response ------------------------------------- */

/* The call has begun when its headers have left: one turn after its connection is there. */
bool cancel_after_begin(struct session *s)
{
    struct end end;

    if (!begin(s, &end, &grpc_testing_test_service_streaming_input_call_method, NULL, 0))
        return false;
    if (wait_until(s, &end, is_connected))
        vitro_loop_run(s->loop, 0, NULL);
    vitro_call_cancel(end.call);
    return ends(s, &end, VITRO_CANCELLED, NULL);
}

static void one_output(Grpc__Testing__StreamingOutputCallRequest *request,
                       Grpc__Testing__ResponseParameters **list)
{
    list[0]->size = 31415;
    request->n_response_parameters = 1;
    request->response_parameters = list;
}

bool cancel_after_first_response(struct session *s)
{
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__ResponseParameters one = GRPC__TESTING__RESPONSE_PARAMETERS__INIT, *list = &one;
    Grpc__Testing__Payload payload = zeros(27182);
    struct end end;

    request.payload = &payload;
    one_output(&request, &list);
    if (!begin_duplex(s, &end, &request, 0))
        return false;
    if (wait_until(s, &end, has_message) && !end.messages)
        failed_by(s, "no response", &end.error);
    vitro_call_cancel(end.call);
    return ends(s, &end, VITRO_CANCELLED, NULL) && !s->why[0];
}

/* ---- timeout_on_sleeping_server ------------------------------------------------------------- */

/* The connection is made before, so that the server sees the call within its millisecond. */
bool timeout_on_sleeping_server(struct session *s)
{
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros(27182);
    struct end end;

    request.payload = &payload;
    return empty_unary(s) && begin_duplex(s, &end, &request, 1000000) &&
           ends(s, &end, VITRO_DEADLINE_EXCEEDED, NULL);
}
