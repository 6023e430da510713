// The official cases on grpc C++, one a run: status 0 is a pass, else the last line says why.
#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "common.h"

using namespace grpc::testing;
using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using Clock = std::chrono::steady_clock;

static const int request_sizes[] = { 27182, 8, 1828, 45904 };
static const int response_sizes[] = { 31415, 9, 2653, 58979 };
static const int rounds = 4, sum = 27182 + 8 + 1828 + 45904;
static const int large_request = 271828, large_response = 314159;

static std::map<std::string, std::string> flags;

// ---- what the cases share -----------------------------------------------------------------------

static void check(bool so, const std::string &what)
{
    if (!so)
        throw std::runtime_error(what);
}

static void ended(const Status &status, StatusCode code = StatusCode::OK)
{
    check(status.error_code() == code, "status " + std::to_string(status.error_code()) + ", not " +
                                           std::to_string(code) + ": " + status.error_message());
}

static void is_zeros(const Payload &payload, size_t size)
{
    check(payload.body() == std::string(size, '\0'), "a payload is not as it was asked for");
}

struct Context : ClientContext {
    explicit Context(bool compressing = false)
    {
        set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(50));
        if (compressing)
            set_compression_algorithm(GRPC_COMPRESS_GZIP);
    }
};

static std::shared_ptr<grpc::Channel> connect()
{
    // A counter keeps the library from sharing one connection between equal channels.
    static int count;
    auto credentials = grpc::InsecureChannelCredentials();
    grpc::SslCredentialsOptions options;
    grpc::ChannelArguments arguments;

    arguments.SetInt("vitro.channel", count++);
    if (flags["use_tls"] == "true") {
        options.pem_root_certs = read_file(flags["ca_file"]);
        credentials = grpc::SslCredentials(options);
        arguments.SetSslTargetNameOverride(flags["server_host_override"]);
    }
    return grpc::CreateCustomChannel(flags["server_host"] + ":" + flags["server_port"], credentials,
                                     arguments);
}

using Stub = TestService::Stub;

static SimpleRequest simple(int request_size, int response_size)
{
    SimpleRequest request;

    request.mutable_payload()->set_body(std::string(request_size, '\0'));
    request.set_response_size(response_size);
    return request;
}

static StreamingOutputCallRequest output(int i)
{
    StreamingOutputCallRequest request;

    request.mutable_payload()->set_body(std::string(request_sizes[i], '\0'));
    request.add_response_parameters()->set_size(response_sizes[i]);
    return request;
}

static void large(Stub &stub, int request_size = large_request, int response_size = large_response)
{
    Context context;
    SimpleResponse response;

    ended(stub.UnaryCall(&context, simple(request_size, response_size), &response));
    is_zeros(response.payload(), response_size);
}

// ---- one request, one response ------------------------------------------------------------------

static void empty_unary(Stub &stub)
{
    Context context;
    Empty response;

    ended(stub.EmptyCall(&context, {}, &response));
}

static void large_unary(Stub &stub)
{
    large(stub);
}

static void send_compressed(Stub &stub, bool said, bool done, StatusCode code)
{
    Context context(done);
    SimpleResponse response;
    SimpleRequest request = simple(large_request, large_response);

    request.mutable_expect_compressed()->set_value(said);
    ended(stub.UnaryCall(&context, request, &response), code);
    if (code == StatusCode::OK)
        is_zeros(response.payload(), large_response);
}

static void client_compressed_unary(Stub &stub)
{
    send_compressed(stub, true, false, StatusCode::INVALID_ARGUMENT);
    send_compressed(stub, true, true, StatusCode::OK);
    send_compressed(stub, false, false, StatusCode::OK);
}

static void server_compressed_unary(Stub &stub)
{
    for (bool compressed : { true, false }) {
        Context context;
        SimpleResponse response;
        SimpleRequest request = simple(large_request, large_response);

        request.mutable_response_compressed()->set_value(compressed);
        ended(stub.UnaryCall(&context, request, &response));
        is_zeros(response.payload(), large_response);
        check(came_compressed(context.c_call()) == compressed, "a response came otherwise");
    }
}

static void custom_metadata(Stub &stub)
{
    const std::string initial = "test_initial_metadata_value", trailing = "\xab\xab\xab";
    auto came_back = [&](ClientContext &context) {
        auto one = context.GetServerInitialMetadata().find(initial_key);
        auto two = context.GetServerTrailingMetadata().find(trailing_key);
        check(one != context.GetServerInitialMetadata().end() && one->second == initial,
              "the initial metadata did not come back");
        check(two != context.GetServerTrailingMetadata().end() && two->second == trailing,
              "the trailing metadata did not come back");
    };
    Context unary, duplex;
    SimpleResponse response;
    StreamingOutputCallResponse one;

    for (ClientContext *context : { &unary, &duplex }) {
        context->AddMetadata(initial_key, initial);
        context->AddMetadata(trailing_key, trailing);
    }
    ended(stub.UnaryCall(&unary, simple(1, 1), &response));
    came_back(unary);
    auto stream = stub.FullDuplexCall(&duplex);
    check(stream->Write(output(1)) && stream->WritesDone() && stream->Read(&one), "no response");
    is_zeros(one.payload(), 9);
    check(!stream->Read(&one), "one response too many");
    ended(stream->Finish());
    came_back(duplex);
}

static void unary_ends_with(Stub &stub, const std::string &text)
{
    Context context;
    SimpleRequest request;
    SimpleResponse response;

    request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
    request.mutable_response_status()->set_message(text);
    Status status = stub.UnaryCall(&context, request, &response);
    ended(status, StatusCode::UNKNOWN);
    check(status.error_message() == text, "another text: " + status.error_message());
}

static void status_code_and_message(Stub &stub)
{
    const std::string text = "test status message";
    Context context;
    StreamingOutputCallRequest request;

    unary_ends_with(stub, text);
    request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
    request.mutable_response_status()->set_message(text);
    auto stream = stub.FullDuplexCall(&context);
    stream->Write(request);
    stream->WritesDone();
    Status status = stream->Finish();
    ended(status, StatusCode::UNKNOWN);
    check(status.error_message() == text, "another text: " + status.error_message());
}

static void special_status_message(Stub &stub)
{
    unary_ends_with(stub, "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP "
                          "\U0001F608\t\n");
}

static void unimplemented_method(Stub &stub)
{
    Context context;
    Empty response;

    ended(stub.UnimplementedCall(&context, {}, &response), StatusCode::UNIMPLEMENTED);
}

static void unimplemented_service(Stub &)
{
    Context context;
    Empty response;

    ended(UnimplementedService::NewStub(connect())->UnimplementedCall(&context, {}, &response),
          StatusCode::UNIMPLEMENTED);
}

// ---- streams ------------------------------------------------------------------------------------

static void client_streaming(Stub &stub)
{
    Context context;
    StreamingInputCallResponse response;
    auto writer = stub.StreamingInputCall(&context, &response);

    for (int size : request_sizes) {
        StreamingInputCallRequest request;
        request.mutable_payload()->set_body(std::string(size, '\0'));
        check(writer->Write(request), "a request could not be sent");
    }
    writer->WritesDone();
    ended(writer->Finish());
    check(response.aggregated_payload_size() == sum, "another sum");
}

static void client_compressed_streaming(Stub &stub)
{
    StreamingInputCallResponse response;
    StreamingInputCallRequest request;
    Context probe, context(true);

    request.mutable_expect_compressed()->set_value(true);
    request.mutable_payload()->set_body(std::string(27182, '\0'));
    auto writer = stub.StreamingInputCall(&probe, &response);
    writer->Write(request);
    writer->WritesDone();
    ended(writer->Finish(), StatusCode::INVALID_ARGUMENT);

    writer = stub.StreamingInputCall(&context, &response);
    check(writer->Write(request), "the compressed request could not be sent");
    request.mutable_expect_compressed()->set_value(false);
    request.mutable_payload()->set_body(std::string(45904, '\0'));
    check(writer->Write(request, grpc::WriteOptions().set_no_compression()), "nor the other");
    writer->WritesDone();
    ended(writer->Finish());
    check(response.aggregated_payload_size() == 73086, "another sum");
}

static void server_streaming(Stub &stub)
{
    Context context;
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse response;

    for (int size : response_sizes)
        request.add_response_parameters()->set_size(size);
    auto reader = stub.StreamingOutputCall(&context, request);
    for (int size : response_sizes) {
        check(reader->Read(&response), "a response is missing");
        is_zeros(response.payload(), size);
    }
    check(!reader->Read(&response), "one response too many");
    ended(reader->Finish());
}

static void server_compressed_streaming(Stub &stub)
{
    Context context;
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse response;

    for (int size : { 31415, 92653 }) {
        ResponseParameters *one = request.add_response_parameters();
        one->set_size(size);
        one->mutable_compressed()->set_value(size == 31415);
    }
    auto reader = stub.StreamingOutputCall(&context, request);
    for (int size : { 31415, 92653 }) {
        check(reader->Read(&response), "a response is missing");
        is_zeros(response.payload(), size);
        check(came_compressed(context.c_call()) == (size == 31415), "a response came otherwise");
    }
    ended(reader->Finish());
}

static void ping_pong(Stub &stub)
{
    Context context;
    StreamingOutputCallResponse response;
    auto stream = stub.FullDuplexCall(&context);

    for (int i = 0; i < rounds; i++) {
        check(stream->Write(output(i)) && stream->Read(&response), "a response is missing");
        is_zeros(response.payload(), response_sizes[i]);
    }
    stream->WritesDone();
    check(!stream->Read(&response), "one response too many");
    ended(stream->Finish());
}

static void empty_stream(Stub &stub)
{
    Context context;
    StreamingOutputCallResponse response;
    auto stream = stub.FullDuplexCall(&context);

    stream->WritesDone();
    check(!stream->Read(&response), "a response");
    ended(stream->Finish());
}

static void half_duplex(Stub &stub)
{
    Context context;
    StreamingOutputCallResponse response;
    auto stream = stub.HalfDuplexCall(&context);

    for (int i = 0; i < rounds; i++)
        check(stream->Write(output(i)), "a request could not be sent");
    stream->WritesDone();
    for (int size : response_sizes) {
        check(stream->Read(&response), "a response is missing");
        is_zeros(response.payload(), size);
    }
    check(!stream->Read(&response), "one response too many");
    ended(stream->Finish());
}

// ---- calls that the client ends -----------------------------------------------------------------

static void pause(int ms)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

static void cancel_after_begin(Stub &stub)
{
    Context context;
    StreamingInputCallResponse response;

    empty_unary(stub); // the connection is there
    auto writer = stub.StreamingInputCall(&context, &response);
    pause(100); // the headers leave
    context.TryCancel();
    ended(writer->Finish(), StatusCode::CANCELLED);
}

static void cancel_after_first_response(Stub &stub)
{
    Context context;
    StreamingOutputCallResponse response;
    auto stream = stub.FullDuplexCall(&context);

    check(stream->Write(output(0)) && stream->Read(&response), "no response");
    is_zeros(response.payload(), response_sizes[0]);
    context.TryCancel();
    ended(stream->Finish(), StatusCode::CANCELLED);
}

static void timeout_on_sleeping_server(Stub &stub)
{
    Context context;
    StreamingOutputCallRequest request;

    empty_unary(stub);
    request.mutable_payload()->set_body(std::string(27182, '\0'));
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
    auto stream = stub.FullDuplexCall(&context);
    stream->Write(request);
    ended(stream->Finish(), StatusCode::DEADLINE_EXCEEDED);
}

// ---- soaks --------------------------------------------------------------------------------------

static int number(const std::string &name)
{
    return std::stoi(flags["soak_" + name]);
}

static void soak(Stub &stub, bool anew)
{
    auto end = Clock::now() + std::chrono::seconds(number("overall_timeout_seconds"));
    auto longest = std::chrono::milliseconds(number("per_iteration_max_acceptable_latency_ms"));
    int failures = 0;

    for (int i = 0; i < number("iterations"); i++) {
        auto begin = Clock::now();
        check(begin < end, std::to_string(i) + " iterations in time");
        auto own = anew ? TestService::NewStub(connect()) : nullptr;
        large(anew ? *own : stub, number("request_size"), number("response_size"));
        failures += Clock::now() - begin > longest;
    }
    check(failures <= number("max_failures"), std::to_string(failures) + " iterations failed");
}

static void rpc_soak(Stub &stub)
{
    soak(stub, false);
}

static void channel_soak(Stub &stub)
{
    soak(stub, true);
}

// ---- servers that misbehave ---------------------------------------------------------------------

static void goaway(Stub &stub)
{
    large(stub);
    pause(1000); // as the description says
    large(stub);
}

static void is_cut(Stub &stub)
{
    Context context;
    SimpleResponse response;

    ended(stub.UnaryCall(&context, simple(large_request, large_response), &response),
          StatusCode::INTERNAL);
}

static void max_streams(Stub &stub)
{
    std::vector<std::thread> threads;
    std::vector<std::string> why(10);

    large(stub);
    for (std::string &one : why)
        threads.emplace_back([&stub, &one] {
            try {
                large(stub);
            } catch (const std::exception &e) {
                one = e.what();
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    for (const std::string &one : why)
        check(one.empty(), one);
}

static const std::map<std::string, std::function<void(Stub &)>> cases = {
#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    CASE(empty_unary),
    CASE(large_unary),
    CASE(client_compressed_unary),
    CASE(server_compressed_unary),
    CASE(client_streaming),
    CASE(client_compressed_streaming),
    CASE(server_streaming),
    CASE(server_compressed_streaming),
    CASE(ping_pong),
    CASE(empty_stream),
    CASE(custom_metadata),
    CASE(status_code_and_message),
    CASE(special_status_message),
    CASE(unimplemented_method),
    CASE(unimplemented_service),
    CASE(cancel_after_begin),
    CASE(cancel_after_first_response),
    CASE(timeout_on_sleeping_server),
    CASE(half_duplex),
    CASE(rpc_soak),
    CASE(channel_soak),
    CASE(goaway),
    CASE(max_streams),
#undef CASE
    { "rst_after_header", is_cut },
    { "rst_during_data", is_cut },
    { "rst_after_data", is_cut },
    { "ping", large_unary },
    { "no_df_padding_sanity_test", large_unary },
};

int main(int argc, char **argv)
{
    flags = parse(argc, argv,
                  { { "use_tls", "false" },
                    { "soak_iterations", "10" },
                    { "soak_max_failures", "0" },
                    { "soak_per_iteration_max_acceptable_latency_ms", "1000" },
                    { "soak_overall_timeout_seconds", "10" },
                    { "soak_request_size", std::to_string(large_request) },
                    { "soak_response_size", std::to_string(large_response) } });
    try {
        cases.at(flags["test_case"])(*TestService::NewStub(connect()));
    } catch (const std::exception &e) {
        fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
