"""TestService on grpcio: says "listening on ...:PORT", and of each call that comes its path."""
import argparse
import time
from concurrent import futures

import grpc
import testing

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"

Empty = testing.message("Empty")
SimpleResponse = testing.message("SimpleResponse")
InputResponse = testing.message("StreamingInputCallResponse")
OutputResponse = testing.message("StreamingOutputCallResponse")


def echo_metadata(context):
    sent = dict(context.invocation_metadata())
    if INITIAL in sent:
        context.send_initial_metadata(((INITIAL, sent[INITIAL]),))
    if TRAILING in sent:
        context.set_trailing_metadata(((TRAILING, sent[TRAILING]),))


def end_as_asked(request, context):
    """Whether the request asks for a status."""
    asked = request.response_status
    if asked.code == 0:
        return False
    context.set_code(next(code for code in grpc.StatusCode if code.value[0] == asked.code))
    context.set_details(asked.message)
    return True


def payload(message, size):
    message.payload.body = bytes(size)
    return message


def empty_call(request, context):
    echo_metadata(context)
    return Empty()


def unary_call(request, context):
    if request.response_compressed.value:
        context.set_compression(grpc.Compression.Gzip)
    echo_metadata(context)
    if end_as_asked(request, context):
        return SimpleResponse()
    return payload(SimpleResponse(), request.response_size)


def streaming_input_call(requests, context):
    echo_metadata(context)
    return InputResponse(
        aggregated_payload_size=sum(len(request.payload.body) for request in requests))


def outputs(request, context):
    for asked in request.response_parameters:
        time.sleep(asked.interval_us / 1e6)
        if not asked.compressed.value:
            context.disable_next_message_compression()
        yield payload(OutputResponse(), asked.size)


def streaming_output_call(request, context):
    if any(asked.compressed.value for asked in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    echo_metadata(context)
    yield from outputs(request, context)


def full_duplex_call(requests, context):
    echo_metadata(context)
    for request in requests:
        if end_as_asked(request, context):
            return
        yield from outputs(request, context)


def half_duplex_call(requests, context):
    echo_metadata(context)
    for request in list(requests):
        yield from outputs(request, context)


HANDLERS = {
    "EmptyCall": (grpc.unary_unary_rpc_method_handler, empty_call),
    "UnaryCall": (grpc.unary_unary_rpc_method_handler, unary_call),
    "StreamingInputCall": (grpc.stream_unary_rpc_method_handler, streaming_input_call),
    "StreamingOutputCall": (grpc.unary_stream_rpc_method_handler, streaming_output_call),
    "FullDuplexCall": (grpc.stream_stream_rpc_method_handler, full_duplex_call),
    "HalfDuplexCall": (grpc.stream_stream_rpc_method_handler, half_duplex_call),
}


class TestService(grpc.GenericRpcHandler):
    """Is asked for the handler of each call, also of those that nobody has."""

    def __init__(self):
        self.handlers = {}
        for method in testing.methods("TestService"):
            if method.name in HANDLERS:
                make, handler = HANDLERS[method.name]
                request, response = testing.types(method)
                self.handlers[testing.path(method)] = make(
                    handler, request.FromString, response.SerializeToString)

    def service(self, details):
        print("path", details.method, flush=True)
        return self.handlers.get(details.method)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    parser.add_argument("--use_tls", default="false")
    parser.add_argument("--tls_cert_file")
    parser.add_argument("--tls_key_file")
    flags = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(20), (TestService(),))
    address = f"127.0.0.1:{flags.port}"
    if flags.use_tls == "true":
        with open(flags.tls_key_file, "rb") as key, open(flags.tls_cert_file, "rb") as certificate:
            pair = (key.read(), certificate.read())
        port = server.add_secure_port(address, grpc.ssl_server_credentials((pair,)))
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


main()
