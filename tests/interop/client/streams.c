/* streams - cases of the calls that have many requests, many responses, or both. */
#include "interop/client/session.h"

enum { ROUNDS = 4 };
static const int32_t request_sizes[ROUNDS] = { 27182, 8, 1828, 45904 };
static const int32_t response_sizes[ROUNDS] = { 31415, 9, 2653, 58979 };
enum { SUM = 27182 + 8 + 1828 + 45904 };

typedef Grpc__Testing__StreamingOutputCallRequest output_request;
typedef Grpc__Testing__StreamingOutputCallResponse output_response;
typedef grpc_testing_test_service_full_duplex_call_stream duplex_stream;

/* A stream that the client has not given up itself (good, or at its end) tells more by its status
 * than by the responses that it lacks. */
static bool ended_well(struct session *s, const char *what, bool good, vitro_code rc,
                       const vitro_error *err)
{
    if (!good && rc && rc != VITRO_CANCELLED)
        s->why[0] = '\0';
    return ended_with(s, what, rc, VITRO_OK, err) && good;
}

/* ---- client_streaming ----------------------------------------------------------------------- */

static vitro_code write_inputs(grpc_testing_test_service_streaming_input_call_writer *writer,
                               vitro_error *err)
{
    vitro_code rc = VITRO_OK;

    for (int i = 0; i < ROUNDS && !rc; i++) {
        Grpc__Testing__StreamingInputCallRequest request =
            GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
        Grpc__Testing__Payload payload = zeros((size_t)request_sizes[i]);
        request.payload = &payload;
        rc = grpc_testing_test_service_streaming_input_call_write(writer, &request, err);
    }
    return rc;
}

bool client_streaming(struct session *s)
{
    grpc_testing_test_service_streaming_input_call_writer writer;
    Grpc__Testing__StreamingInputCallResponse *response;
    int32_t sum;
    vitro_error err;
    vitro_code written, rc;

    if (grpc_testing_test_service_streaming_input_call(s->channel, &writer, NULL, &err))
        return failed_by(s, "StreamingInputCall", &err);
    written = write_inputs(&writer, &err); /* what ended the call is told at its end */
    rc = grpc_testing_test_service_streaming_input_call_finish(&writer, &response, &err);
    if (rc)
        return failed_by(s, "StreamingInputCall", &err);
    sum = response->aggregated_payload_size;
    grpc__testing__streaming_input_call_response__free_unpacked(response, NULL);
    if (written)
        return failed(s, "StreamingInputCall: a request could not be sent");
    return sum == SUM || failed(s, "StreamingInputCall: the sum is %d, not %d", sum, SUM);
}

/* ---- server_streaming ----------------------------------------------------------------------- */

static bool right(struct session *s, const char *what, output_response *response, int i)
{
    bool good;

    if (!response)
        return failed(s, "%s: response %d is missing", what, i);
    good = is_zeros(s, what, response->payload, (size_t)response_sizes[i]);
    grpc__testing__streaming_output_call_response__free_unpacked(response, NULL);
    return good;
}

static bool no_more(struct session *s, const char *what, output_response *response)
{
    if (!response)
        return true;
    grpc__testing__streaming_output_call_response__free_unpacked(response, NULL);
    return failed(s, "%s: one response too many", what);
}

static bool read_outputs(struct session *s,
                         grpc_testing_test_service_streaming_output_call_reader *reader)
{
    output_response *response;
    vitro_error err;

    for (int i = 0; i <= ROUNDS; i++) {
        if (grpc_testing_test_service_streaming_output_call_read(reader, &response, &err))
            return failed_by(s, "StreamingOutputCall", &err);
        if (i == ROUNDS)
            return no_more(s, "StreamingOutputCall", response);
        if (!right(s, "StreamingOutputCall", response, i))
            return false;
    }
    return false;
}

/* One request for all the responses. */
static void ask_for_all(output_request *request, Grpc__Testing__ResponseParameters *room,
                        Grpc__Testing__ResponseParameters **list)
{
    for (int i = 0; i < ROUNDS; i++) {
        grpc__testing__response_parameters__init(&room[i]);
        room[i].size = response_sizes[i];
        list[i] = &room[i];
    }
    request->n_response_parameters = ROUNDS;
    request->response_parameters = list;
}

bool server_streaming(struct session *s)
{
    grpc_testing_test_service_streaming_output_call_reader reader;
    output_request request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__ResponseParameters room[ROUNDS], *list[ROUNDS];
    vitro_error err;
    vitro_code rc;
    bool good;

    ask_for_all(&request, room, list);
    if (grpc_testing_test_service_streaming_output_call(s->channel, &request, &reader, NULL, &err))
        return failed_by(s, "StreamingOutputCall", &err);
    good = read_outputs(s, &reader);
    if (!good)
        vitro_call_abort(reader.call);
    rc = grpc_testing_test_service_streaming_output_call_close(&reader, NULL, &err);
    return ended_well(s, "StreamingOutputCall", good, rc, &err);
}

/* ---- ping_pong and empty_stream ------------------------------------------------------------- */

/* Ask for one response, and send so many bytes with that. */
static vitro_code ask(duplex_stream *stream, int i, vitro_error *err)
{
    output_request request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__ResponseParameters one = GRPC__TESTING__RESPONSE_PARAMETERS__INIT, *list = &one;
    Grpc__Testing__Payload payload = zeros((size_t)request_sizes[i]);

    one.size = response_sizes[i];
    request.n_response_parameters = 1;
    request.response_parameters = &list;
    request.payload = &payload;
    return grpc_testing_test_service_full_duplex_call_write(stream, &request, err);
}

static bool round_trip(struct session *s, duplex_stream *stream, int i)
{
    output_response *response;
    vitro_error err;

    if (ask(stream, i, &err))
        return failed_by(s, "FullDuplexCall", &err);
    if (grpc_testing_test_service_full_duplex_call_read(stream, &response, &err))
        return failed_by(s, "FullDuplexCall", &err);
    return right(s, "FullDuplexCall", response, i);
}

static bool end_of_stream(struct session *s, const char *what, duplex_stream *stream)
{
    output_response *response;
    vitro_error err;

    if (grpc_testing_test_service_full_duplex_call_read(stream, &response, &err))
        return failed_by(s, what, &err);
    return no_more(s, what, response);
}

static bool rounds(struct session *s, int n)
{
    duplex_stream stream;
    vitro_error err;
    vitro_code rc;
    bool good = true;

    if (grpc_testing_test_service_full_duplex_call(s->channel, &stream, NULL, &err))
        return failed_by(s, "FullDuplexCall", &err);
    for (int i = 0; i < n && good; i++)
        good = round_trip(s, &stream, i);
    good = good && !vitro_call_write_end(stream.call, NULL) &&
           end_of_stream(s, "FullDuplexCall", &stream);
    if (!good)
        vitro_call_abort(stream.call);
    rc = grpc_testing_test_service_full_duplex_call_close(&stream, NULL, &err);
    return ended_well(s, "FullDuplexCall", good, rc, &err);
}

bool ping_pong(struct session *s)
{
    return rounds(s, ROUNDS);
}

bool empty_stream(struct session *s)
{
    return rounds(s, 0);
}

/* ---- half_duplex: all requests first, then all responses ------------------------------------ */

static bool half_rounds(struct session *s, duplex_stream *stream)
{
    output_response *response;
    vitro_error err;

    for (int i = 0; i < ROUNDS; i++)
        if (ask(stream, i, &err))
            return failed_by(s, "HalfDuplexCall", &err);
    if (vitro_call_write_end(stream->call, &err))
        return failed_by(s, "HalfDuplexCall", &err);
    for (int i = 0; i < ROUNDS; i++) {
        if (grpc_testing_test_service_full_duplex_call_read(stream, &response, &err))
            return failed_by(s, "HalfDuplexCall", &err);
        if (!right(s, "HalfDuplexCall", response, i))
            return false;
    }
    return end_of_stream(s, "HalfDuplexCall", stream);
}

bool half_duplex(struct session *s)
{
    grpc_testing_test_service_half_duplex_call_stream half;
    duplex_stream stream; /* the messages are the same */
    vitro_error err;
    vitro_code rc;
    bool good;

    if (grpc_testing_test_service_half_duplex_call(s->channel, &half, NULL, &err))
        return failed_by(s, "HalfDuplexCall", &err);
    stream.call = half.call;
    good = half_rounds(s, &stream);
    if (!good)
        vitro_call_abort(stream.call);
    rc = grpc_testing_test_service_half_duplex_call_close(&half, NULL, &err);
    return ended_well(s, "HalfDuplexCall", good, rc, &err);
}
