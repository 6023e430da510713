// TestService on grpc C++: says "listening on ...:PORT"; what it logs of calls is GRPC_TRACE's.
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "common.h"

using namespace grpc::testing;
using grpc::ServerContext;
using grpc::Status;
using Outputs = grpc::ServerReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest>;

static void echo_metadata(ServerContext *context)
{
    const auto &sent = context->client_metadata();
    auto text = [](grpc::string_ref s) { return std::string(s.begin(), s.end()); };

    if (auto found = sent.find(initial_key); found != sent.end())
        context->AddInitialMetadata(initial_key, text(found->second));
    if (auto found = sent.find(trailing_key); found != sent.end())
        context->AddTrailingMetadata(trailing_key, text(found->second));
}

template <class Request> static Status asked(const Request &request)
{
    const EchoStatus &status = request.response_status();

    return { static_cast<grpc::StatusCode>(status.code()), status.message() };
}

template <class Request> static bool is_refused(ServerContext *context, const Request &request)
{
    return request.expect_compressed().value() && !came_compressed(context->c_call());
}

static const Status refused(grpc::StatusCode::INVALID_ARGUMENT, "the request is not compressed");

// Write what a request asks for.
template <class Stream>
static void answer(const StreamingOutputCallRequest &request, Stream *stream)
{
    for (const ResponseParameters &one : request.response_parameters()) {
        StreamingOutputCallResponse response;
        grpc::WriteOptions options;

        std::this_thread::sleep_for(std::chrono::microseconds(one.interval_us()));
        response.mutable_payload()->set_body(std::string(one.size(), '\0'));
        if (!one.compressed().value())
            options.set_no_compression();
        stream->Write(response, options);
    }
}

class Service final : public TestService::Service
{
    Status EmptyCall(ServerContext *context, const Empty *, Empty *) override
    {
        echo_metadata(context);
        return Status::OK;
    }

    Status UnaryCall(ServerContext *context, const SimpleRequest *request,
                     SimpleResponse *response) override
    {
        echo_metadata(context);
        if (is_refused(context, *request))
            return refused;
        if (request->response_compressed().value())
            context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
        response->mutable_payload()->set_body(std::string(request->response_size(), '\0'));
        return asked(*request);
    }

    Status StreamingInputCall(ServerContext *context,
                              grpc::ServerReader<StreamingInputCallRequest> *reader,
                              StreamingInputCallResponse *response) override
    {
        StreamingInputCallRequest request;
        size_t sum = 0;

        echo_metadata(context);
        while (reader->Read(&request)) {
            if (is_refused(context, request))
                return refused;
            sum += request.payload().body().size();
        }
        response->set_aggregated_payload_size(static_cast<int>(sum));
        return Status::OK;
    }

    Status StreamingOutputCall(ServerContext *context, const StreamingOutputCallRequest *request,
                               grpc::ServerWriter<StreamingOutputCallResponse> *writer) override
    {
        echo_metadata(context);
        context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
        answer(*request, writer);
        return Status::OK;
    }

    Status FullDuplexCall(ServerContext *context, Outputs *stream) override
    {
        StreamingOutputCallRequest request;

        echo_metadata(context);
        while (stream->Read(&request)) {
            if (request.response_status().code())
                return asked(request);
            answer(request, stream);
        }
        return Status::OK;
    }

    Status HalfDuplexCall(ServerContext *context, Outputs *stream) override
    {
        std::vector<StreamingOutputCallRequest> requests;
        StreamingOutputCallRequest request;

        echo_metadata(context);
        while (stream->Read(&request))
            requests.push_back(request);
        for (const auto &one : requests)
            answer(one, stream);
        return Status::OK;
    }
};

int main(int argc, char **argv)
{
    auto flags = parse(argc, argv, { { "port", "0" }, { "use_tls", "false" } });
    auto credentials = grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions options;
    grpc::ServerBuilder builder;
    Service service;
    int port = 0;

    if (flags["use_tls"] == "true") {
        options.pem_key_cert_pairs.push_back(
            { read_file(flags["tls_key_file"]), read_file(flags["tls_cert_file"]) });
        credentials = grpc::SslServerCredentials(options);
    }
    builder.AddListeningPort("127.0.0.1:" + flags["port"], credentials, &port);
    builder.RegisterService(&service);
    auto server = builder.BuildAndStart();
    if (!server)
        return 3;
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);
    server->Wait();
}
