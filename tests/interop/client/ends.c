/*
 * ends - cases of calls that end otherwise than well: by the server's status, by a method that
 * nobody has, by the client, by the deadline.
 */
#include "interop/client/one_call.h"

/* Begin a call that stays open, with its first request. */
static bool begin_duplex(struct session *s, struct one_call *end,
                         const Grpc__Testing__StreamingOutputCallRequest *request,
                         const vitro_call_options *options)
{
    return one_call_begin(s, end, &grpc_testing_test_service_full_duplex_call_method, NULL,
                          options) &&
           one_call_send(s, end, &request->base, 0);
}

/* ---- status_code_and_message and special_status_message ------------------------------------- */

static bool unary_ends(struct session *s, Grpc__Testing__EchoStatus *status)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    struct one_call end;

    request.response_status = status;
    return one_call_begin(s, &end, &grpc_testing_test_service_unary_call_method, &request.base,
                          NULL) &&
           one_call_ends(s, &end, (vitro_code)status->code, status->message);
}

static bool duplex_ends(struct session *s, Grpc__Testing__EchoStatus *status)
{
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    struct one_call end;

    request.response_status = status;
    if (!begin_duplex(s, &end, &request, NULL))
        return false;
    vitro_call_send_end(end.call, NULL);
    return one_call_ends(s, &end, (vitro_code)status->code, status->message);
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
    struct one_call end;

    return one_call_begin(s, &end, method, &request.base, NULL) &&
           one_call_ends(s, &end, VITRO_UNIMPLEMENTED, NULL);
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

/* On a connection that is there the headers leave within a turn: so the server sees the call. */
bool cancel_after_begin(struct session *s)
{
    struct one_call end;

    if (!empty_unary(s) ||
        !one_call_begin(s, &end, &grpc_testing_test_service_streaming_input_call_method, NULL,
                        NULL))
        return false;
    vitro_loop_run(s->loop, 0, NULL);
    vitro_call_cancel(end.call);
    return one_call_ends(s, &end, VITRO_CANCELLED, NULL);
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
    struct one_call end;

    request.payload = &payload;
    one_output(&request, &list);
    if (!begin_duplex(s, &end, &request, NULL))
        return false;
    if (one_call_wait(s, &end, one_call_answered) && !end.messages)
        failed_by(s, "no response", &end.error);
    vitro_call_cancel(end.call);
    return one_call_ends(s, &end, VITRO_CANCELLED, NULL) && !s->why[0];
}

/* ---- timeout_on_sleeping_server ------------------------------------------------------------- */

/* The connection is made before, so that the server sees the call within its millisecond. */
bool timeout_on_sleeping_server(struct session *s)
{
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros(27182);
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    struct one_call end;

    request.payload = &payload;
    options.timeout_ns = 1000000;
    return empty_unary(s) && begin_duplex(s, &end, &request, &options) &&
           one_call_ends(s, &end, VITRO_DEADLINE_EXCEEDED, NULL);
}
