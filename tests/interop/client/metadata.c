/* metadata - custom_metadata: the server sends back what the client has sent, by two kinds. */
#include <string.h>

#include "interop/client/session.h"

static const vitro_str initial = VITRO_STR_INIT("x-grpc-test-echo-initial");
static const vitro_str trailing = VITRO_STR_INIT("x-grpc-test-echo-trailing-bin");
static const char initial_value[] = "test_initial_metadata_value";
static const uint8_t trailing_value[] = { 0xab, 0xab, 0xab };

static vitro_md *to_send(void)
{
    vitro_md *md = vitro_md_new();
    vitro_bytes text = { (const uint8_t *)initial_value, strlen(initial_value) };
    vitro_bytes bytes = { trailing_value, sizeof trailing_value };

    if (md && (vitro_md_add(md, initial, text, NULL) || vitro_md_add(md, trailing, bytes, NULL))) {
        vitro_md_free(md);
        md = NULL;
    }
    return md;
}

static bool has(struct session *s, const char *what, const vitro_md *md, vitro_str key,
                const void *want, size_t n)
{
    vitro_bytes value;

    if (!md || !vitro_md_get(md, key, &value))
        return failed(s, "%s: %s did not come back", what, key.ptr);
    return (value.len == n && !memcmp(value.ptr, want, n)) ||
           failed(s, "%s: %s has another value", what, key.ptr);
}

static bool came_back(struct session *s, const char *what, const vitro_reply *reply)
{
    return has(s, what, reply->headers, initial, initial_value, strlen(initial_value)) &&
           has(s, what, reply->trailers, trailing, trailing_value, sizeof trailing_value);
}

static bool by_unary(struct session *s, const vitro_call_options *options)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros(1);
    Grpc__Testing__SimpleResponse *response;
    vitro_error err;
    bool good;

    request.payload = &payload;
    request.response_size = 1;
    if (grpc_testing_test_service_unary_call(s->channel, &request, &response, options, &err))
        return failed_by(s, "UnaryCall", &err);
    good = is_zeros(s, "UnaryCall", response->payload, 1);
    grpc__testing__simple_response__free_unpacked(response, NULL);
    return good && came_back(s, "UnaryCall", options->reply);
}

static vitro_code write_one(grpc_testing_test_service_full_duplex_call_stream *stream,
                            vitro_error *err)
{
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__ResponseParameters one = GRPC__TESTING__RESPONSE_PARAMETERS__INIT, *list = &one;
    Grpc__Testing__Payload payload = zeros(1);
    vitro_code rc;

    one.size = 1;
    request.n_response_parameters = 1;
    request.response_parameters = &list;
    request.payload = &payload;
    rc = grpc_testing_test_service_full_duplex_call_write(stream, &request, err);
    return rc ? rc : grpc_testing_test_service_full_duplex_call_write_end(stream, err);
}

static bool read_one(struct session *s, grpc_testing_test_service_full_duplex_call_stream *stream)
{
    Grpc__Testing__StreamingOutputCallResponse *response;
    vitro_error err;
    bool good;

    if (grpc_testing_test_service_full_duplex_call_read(stream, &response, &err))
        return failed_by(s, "FullDuplexCall", &err);
    if (!response)
        return failed(s, "FullDuplexCall: no response");
    good = is_zeros(s, "FullDuplexCall", response->payload, 1);
    grpc__testing__streaming_output_call_response__free_unpacked(response, NULL);
    return good;
}

static bool by_duplex(struct session *s, const vitro_call_options *options)
{
    grpc_testing_test_service_full_duplex_call_stream stream;
    vitro_error err;
    bool good;

    if (grpc_testing_test_service_full_duplex_call(s->channel, &stream, options, &err))
        return failed_by(s, "FullDuplexCall", &err);
    good = !write_one(&stream, &err) && read_one(s, &stream);
    if (grpc_testing_test_service_full_duplex_call_close(&stream, NULL, &err))
        return failed_by(s, "FullDuplexCall", &err);
    return good && came_back(s, "FullDuplexCall", options->reply);
}

bool custom_metadata(struct session *s)
{
    vitro_reply reply = VITRO_REPLY_INIT, streams = VITRO_REPLY_INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = to_send();
    bool good;

    if (!md)
        return failed(s, "no memory for the metadata");
    options.metadata = md;
    options.reply = &reply;
    good = by_unary(s, &options);
    options.reply = &streams;
    good = good && by_duplex(s, &options);
    vitro_reply_done(&reply);
    vitro_reply_done(&streams);
    vitro_md_free(md);
    return good;
}
