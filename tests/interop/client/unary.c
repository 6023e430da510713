/* unary - one request, one response: cases of EmptyCall and UnaryCall. */
#include "interop/client/session.h"

enum { LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159 };

bool empty_unary(struct session *s)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT, *response;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;
    vitro_code rc;

    options.reply = &reply;
    rc = grpc_testing_test_service_empty_call(s->channel, &request, &response, &options, &err);
    vitro_reply_done(&reply);
    if (rc)
        return failed_by(s, "EmptyCall", &err);
    grpc__testing__empty__free_unpacked(response, NULL);
    return true;
}

bool large(struct session *s, int request_size, int response_size)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros((size_t)request_size);
    Grpc__Testing__SimpleResponse *response;
    vitro_error err;
    bool good;

    request.payload = &payload;
    request.response_size = response_size;
    if (grpc_testing_test_service_unary_call(s->channel, &request, &response, NULL, &err))
        return failed_by(s, "UnaryCall", &err);
    good = is_zeros(s, "UnaryCall", response->payload, (size_t)response_size);
    grpc__testing__simple_response__free_unpacked(response, NULL);
    return good;
}

bool large_unary(struct session *s)
{
    return large(s, LARGE_REQUEST, LARGE_RESPONSE);
}
