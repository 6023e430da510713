/*
 * compressed - cases of messages that cross compressed, and of those that must not.
 *
 * A client asks whether the server looks at all: a request that says it is compressed and is not
 * must be INVALID_ARGUMENT.
 */
#include "interop/client/one_call.h"

enum { LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159 };

typedef Grpc__Testing__BoolValue truth;

static truth *is(bool value)
{
    static truth no = GRPC__TESTING__BOOL_VALUE__INIT, yes = GRPC__TESTING__BOOL_VALUE__INIT;

    yes.value = true;
    return value ? &yes : &no;
}

static vitro_call_options gzip(void)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;

    options.compression = "gzip";
    return options;
}

static uint32_t flags_of(bool compressed)
{
    return compressed ? 0 : VITRO_SEND_PLAIN;
}

/* Drop what was kept, and tell whether each was zeros of its size, compressed or not. */
static bool right(struct session *s, struct one_call *c, int n, const size_t *size,
                  const bool *compressed)
{
    bool good = c->messages == n || failed(s, "%d responses, not %d", c->messages, n);

    for (int i = 0; i < ONE_CALL_KEPT && c->kept[i]; i++) {
        /* Both types of response begin with the payload. */
        const Grpc__Testing__StreamingOutputCallResponse *r = (const void *)c->kept[i];
        good = good && is_zeros(s, "a response", r->payload, size[i]);
        if (good && c->compressed[i] != compressed[i])
            good = failed(s, "response %d is %scompressed", i, compressed[i] ? "not " : "");
        vitro_pb_free(c->kept[i]);
    }
    return good;
}

/* ---- unary ---------------------------------------------------------------------------------- */

/* One call: how its request is sent, what it says of itself, and how it ends. */
static bool unary(struct session *s, Grpc__Testing__SimpleRequest *request, bool compress,
                  vitro_code code, bool compressed)
{
    Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);
    vitro_call_options options = gzip();
    size_t size = LARGE_RESPONSE;
    struct one_call c;
    bool good;

    request->payload = &payload;
    request->response_size = LARGE_RESPONSE;
    if (!one_call_begin(s, &c, &grpc_testing_test_service_unary_call_method, NULL, &options))
        return false;
    c.type = &grpc__testing__simple_response__descriptor;
    good = one_call_send(s, &c, &request->base, VITRO_SEND_LAST | flags_of(compress));
    good = one_call_ends(s, &c, code, NULL) && good;
    return right(s, &c, code ? 0 : 1, &size, &compressed) && good;
}

static bool request_unary(struct session *s, bool said, bool done, vitro_code code)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;

    request.expect_compressed = is(said);
    return unary(s, &request, done, code, false);
}

bool client_compressed_unary(struct session *s)
{
    return request_unary(s, true, false, VITRO_INVALID_ARGUMENT) &&
           request_unary(s, true, true, VITRO_OK) && request_unary(s, false, false, VITRO_OK);
}

static bool response_unary(struct session *s, bool compressed)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;

    request.response_compressed = is(compressed);
    return unary(s, &request, false, VITRO_OK, compressed);
}

bool server_compressed_unary(struct session *s)
{
    return response_unary(s, true) && response_unary(s, false);
}

/* ---- client_compressed_streaming ------------------------------------------------------------ */

static bool input(struct session *s, struct one_call *c, bool said, bool done, size_t size)
{
    Grpc__Testing__StreamingInputCallRequest request =
        GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros(size);

    request.payload = &payload;
    request.expect_compressed = is(said);
    return one_call_send(s, c, &request.base, flags_of(done));
}

static bool begin_input(struct session *s, struct one_call *c)
{
    vitro_call_options options = gzip();

    if (!one_call_begin(s, c, &grpc_testing_test_service_streaming_input_call_method, NULL,
                        &options))
        return false;
    c->type = &grpc__testing__streaming_input_call_response__descriptor;
    return true;
}

static bool input_refused(struct session *s)
{
    struct one_call c;
    bool good = begin_input(s, &c);

    if (!good)
        return false;
    good = input(s, &c, true, false, 27182);
    return one_call_ends(s, &c, VITRO_INVALID_ARGUMENT, NULL) && good;
}

static bool inputs_summed(struct session *s)
{
    const Grpc__Testing__StreamingInputCallResponse *response;
    struct one_call c;
    bool good = begin_input(s, &c);

    if (!good)
        return false;
    good = input(s, &c, true, true, 27182) && input(s, &c, false, false, 45904);
    vitro_call_send_end(c.call, NULL);
    good = one_call_ends(s, &c, VITRO_OK, NULL) && good;
    response = (const void *)c.kept[0];
    if (good && (!response || response->aggregated_payload_size != 27182 + 45904))
        good = failed(s, "StreamingInputCall: another sum than 73086");
    vitro_pb_free(c.kept[0]);
    return good;
}

bool client_compressed_streaming(struct session *s)
{
    return input_refused(s) && inputs_summed(s);
}

/* ---- server_compressed_streaming ------------------------------------------------------------ */

bool server_compressed_streaming(struct session *s)
{
    static const size_t sizes[] = { 31415, 92653 };
    static const bool compressed[] = { true, false };
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__ResponseParameters one = GRPC__TESTING__RESPONSE_PARAMETERS__INIT, two = one;
    Grpc__Testing__ResponseParameters *list[] = { &one, &two };
    struct one_call c;
    bool good;

    one.size = (int32_t)sizes[0];
    one.compressed = is(true);
    two.size = (int32_t)sizes[1];
    two.compressed = is(false);
    request.n_response_parameters = 2;
    request.response_parameters = list;
    if (!one_call_begin(s, &c, &grpc_testing_test_service_streaming_output_call_method,
                        &request.base, NULL))
        return false;
    c.type = &grpc__testing__streaming_output_call_response__descriptor;
    good = one_call_ends(s, &c, VITRO_OK, NULL);
    return right(s, &c, 2, sizes, compressed) && good;
}
