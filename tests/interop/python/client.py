"""The official cases on grpcio, one a run: status 0 is a pass, else the last line says why."""
import argparse
import sys
import threading
import time

import grpc
import testing

INITIAL = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
TRAILING = ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")
REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159
TIMEOUT = 50

Empty = testing.message("Empty")
SimpleRequest = testing.message("SimpleRequest")
InputRequest = testing.message("StreamingInputCallRequest")
OutputRequest = testing.message("StreamingOutputCallRequest")

KINDS = {
    (False, False): "unary_unary",
    (True, False): "stream_unary",
    (False, True): "unary_stream",
    (True, True): "stream_stream",
}
STREAMS = {
    "StreamingInputCall": (True, False),
    "StreamingOutputCall": (False, True),
    "FullDuplexCall": (True, True),
    "HalfDuplexCall": (True, True),
}


class Stub:
    """Each method of a service as an attribute."""

    def __init__(self, channel, service="TestService"):
        for method in testing.methods(service):
            request, response = testing.types(method)
            kind = KINDS[STREAMS.get(method.name, (False, False))]
            setattr(self, method.name, getattr(channel, kind)(
                testing.path(method), request.SerializeToString, response.FromString))


def check(so, what):
    if not so:
        raise AssertionError(what)


def ends_with(code, call, text=None):
    """That a call fails so."""
    try:
        call()
    except grpc.RpcError as error:
        check(error.code() == code, f"{error.code()}: {error.details()}")
        check(text is None or error.details() == text, error.details())
        return
    raise AssertionError(f"OK, not {code}")


def large_request(request_size=LARGE_REQUEST, response_size=LARGE_RESPONSE):
    request = SimpleRequest(response_size=response_size)
    request.payload.body = bytes(request_size)
    return request


def is_zeros(response, size):
    check(response.payload.body == bytes(size), f"{len(response.payload.body)} bytes, not {size}")


def output_request(response_sizes, request_size=0):
    request = OutputRequest()
    request.payload.body = bytes(request_size)
    for size in response_sizes:
        request.response_parameters.add(size=size)
    return request


class Requests:
    """What a stream sends, as it is given."""

    def __init__(self):
        self.items, self.change = [], threading.Condition()

    def put(self, request):
        with self.change:
            self.items.append(request)
            self.change.notify()

    def end(self):
        self.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        with self.change:
            while not self.items:
                self.change.wait()
            request = self.items.pop(0)
        if request is None:
            raise StopIteration
        return request


# ---- one request, one response ------------------------------------------------------------------

def empty_unary(stub, flags):
    check(stub.EmptyCall(Empty(), timeout=TIMEOUT) == Empty(), "the response is not empty")


def large_unary(stub, flags):
    is_zeros(stub.UnaryCall(large_request(), timeout=TIMEOUT), LARGE_RESPONSE)


def client_compressed_unary(stub, flags):
    request = large_request()
    request.expect_compressed.value = True
    ends_with(grpc.StatusCode.INVALID_ARGUMENT, lambda: stub.UnaryCall(request, timeout=TIMEOUT))
    is_zeros(stub.UnaryCall(request, timeout=TIMEOUT, compression=grpc.Compression.Gzip),
             LARGE_RESPONSE)
    request.expect_compressed.value = False
    is_zeros(stub.UnaryCall(request, timeout=TIMEOUT), LARGE_RESPONSE)


# How the responses came, the server's trace tells.
def server_compressed_unary(stub, flags):
    for compressed in (True, False):
        request = large_request()
        request.response_compressed.value = compressed
        is_zeros(stub.UnaryCall(request, timeout=TIMEOUT), LARGE_RESPONSE)


def custom_metadata(stub, flags):
    def came_back(call):
        check(INITIAL in tuple(call.initial_metadata()), "the initial metadata did not come back")
        check(TRAILING in tuple(call.trailing_metadata()), "the trailing did not come back")

    response, call = stub.UnaryCall.with_call(
        large_request(1, 1), timeout=TIMEOUT, metadata=(INITIAL, TRAILING))
    is_zeros(response, 1)
    came_back(call)
    call = stub.FullDuplexCall(
        iter([output_request((1,), 1)]), timeout=TIMEOUT, metadata=(INITIAL, TRAILING))
    is_zeros(next(call), 1)
    check(next(call, None) is None, "one response too many")
    came_back(call)


def ends_as_asked(stub, text, duplex):
    request = SimpleRequest()
    request.response_status.code, request.response_status.message = 2, text
    ends_with(grpc.StatusCode.UNKNOWN, lambda: stub.UnaryCall(request, timeout=TIMEOUT), text)
    if duplex:
        request = OutputRequest()
        request.response_status.code, request.response_status.message = 2, text
        call = stub.FullDuplexCall(iter([request]), timeout=TIMEOUT)
        ends_with(grpc.StatusCode.UNKNOWN, lambda: list(call), text)


def status_code_and_message(stub, flags):
    ends_as_asked(stub, "test status message", True)


def special_status_message(stub, flags):
    ends_as_asked(stub, "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP "
                        "\U0001F608\t\n", False)


def unimplemented_method(stub, flags):
    ends_with(grpc.StatusCode.UNIMPLEMENTED,
              lambda: stub.UnimplementedCall(Empty(), timeout=TIMEOUT))


def unimplemented_service(stub, flags):
    ends_with(grpc.StatusCode.UNIMPLEMENTED,
              lambda: Stub(flags.channel, "UnimplementedService").UnimplementedCall(
                  Empty(), timeout=TIMEOUT))


# ---- streams ------------------------------------------------------------------------------------

def client_streaming(stub, flags):
    def requests():
        for size in REQUEST_SIZES:
            request = InputRequest()
            request.payload.body = bytes(size)
            yield request

    response = stub.StreamingInputCall(requests(), timeout=TIMEOUT)
    check(response.aggregated_payload_size == sum(REQUEST_SIZES), "another sum")


def all_came(call, sizes):
    responses = list(call)
    check(len(responses) == len(sizes), f"{len(responses)} responses")
    for response, size in zip(responses, sizes):
        is_zeros(response, size)


def server_streaming(stub, flags):
    all_came(stub.StreamingOutputCall(output_request(RESPONSE_SIZES), timeout=TIMEOUT),
             RESPONSE_SIZES)


def server_compressed_streaming(stub, flags):
    request = OutputRequest()
    for size, compressed in ((31415, True), (92653, False)):
        asked = request.response_parameters.add(size=size)
        asked.compressed.value = compressed
    all_came(stub.StreamingOutputCall(request, timeout=TIMEOUT), (31415, 92653))


def ping_pong(stub, flags):
    requests = Requests()
    call = stub.FullDuplexCall(requests, timeout=TIMEOUT)
    for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.put(output_request((response_size,), request_size))
        is_zeros(next(call), response_size)
    requests.end()
    check(next(call, None) is None, "one response too many")


def empty_stream(stub, flags):
    check(not list(stub.FullDuplexCall(iter(()), timeout=TIMEOUT)), "a response")


def half_duplex(stub, flags):
    sizes = zip(REQUEST_SIZES, RESPONSE_SIZES)
    requests = [output_request((response,), request) for request, response in sizes]
    all_came(stub.HalfDuplexCall(iter(requests), timeout=TIMEOUT), RESPONSE_SIZES)


# ---- calls that the client ends -----------------------------------------------------------------

def is_cancelled(call):
    check(call.cancelled() and call.code() == grpc.StatusCode.CANCELLED, call.code())


def cancel_after_begin(stub, flags):
    empty_unary(stub, flags)  # the connection is there
    requests = Requests()
    call = stub.StreamingInputCall.future(requests, timeout=TIMEOUT)
    time.sleep(0.1)  # the headers leave
    call.cancel()
    requests.end()
    is_cancelled(call)


def cancel_after_first_response(stub, flags):
    requests = Requests()
    call = stub.FullDuplexCall(requests, timeout=TIMEOUT)
    requests.put(output_request((31415,), 27182))
    is_zeros(next(call), 31415)
    call.cancel()
    requests.end()
    is_cancelled(call)


def timeout_on_sleeping_server(stub, flags):
    empty_unary(stub, flags)
    requests = Requests()
    call = stub.FullDuplexCall(requests, timeout=0.001)
    requests.put(output_request((), 27182))
    ends_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(call))
    requests.end()


# ---- soaks --------------------------------------------------------------------------------------

def soak(flags, channel_of):
    end = time.monotonic() + flags.soak_overall_timeout_seconds
    failures = 0
    for number in range(flags.soak_iterations):
        begin = time.monotonic()
        check(begin < end, f"{number} of {flags.soak_iterations} iterations in time")
        with channel_of() as channel:
            request = large_request(flags.soak_request_size, flags.soak_response_size)
            is_zeros(Stub(channel).UnaryCall(request, timeout=TIMEOUT), flags.soak_response_size)
        ms = (time.monotonic() - begin) * 1000
        failures += ms > flags.soak_per_iteration_max_acceptable_latency_ms
    check(failures <= flags.soak_max_failures, f"{failures} iterations failed")


class Shared:
    """A channel that is not closed behind an iteration."""

    def __init__(self, channel):
        self.channel = channel

    def __enter__(self):
        return self.channel

    def __exit__(self, *why):
        pass


def rpc_soak(stub, flags):
    soak(flags, lambda: Shared(flags.channel))


def channel_soak(stub, flags):
    soak(flags, lambda: connect(flags))


# ---- servers that misbehave ---------------------------------------------------------------------

def goaway(stub, flags):
    large_unary(stub, flags)
    time.sleep(1)  # as the description says
    large_unary(stub, flags)


def is_cut(stub, flags):
    ends_with(grpc.StatusCode.INTERNAL, lambda: stub.UnaryCall(large_request(), timeout=TIMEOUT))


def max_streams(stub, flags):
    large_unary(stub, flags)
    calls = [stub.UnaryCall.future(large_request(), timeout=TIMEOUT) for _ in range(10)]
    for call in calls:
        is_zeros(call.result(), LARGE_RESPONSE)


CASES = {case.__name__: case for case in (
    empty_unary, large_unary, client_compressed_unary, server_compressed_unary, custom_metadata,
    status_code_and_message, special_status_message, unimplemented_method, unimplemented_service,
    client_streaming, server_streaming, server_compressed_streaming, ping_pong, empty_stream,
    half_duplex, cancel_after_begin, cancel_after_first_response, timeout_on_sleeping_server,
    rpc_soak, channel_soak, goaway, max_streams)}
CASES.update(dict.fromkeys(("ping", "data_frame_padding", "no_df_padding_sanity_test"), large_unary))
CASES.update(dict.fromkeys(("rst_after_header", "rst_during_data", "rst_after_data"), is_cut))


def connect(flags):
    target = f"{flags.server_host}:{flags.server_port}"
    if flags.use_tls != "true":
        return grpc.insecure_channel(target)
    with open(flags.ca_file, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    name = (("grpc.ssl_target_name_override", flags.server_host_override),)
    return grpc.secure_channel(target, credentials, name)


def main():
    parser = argparse.ArgumentParser()
    for name in ("server_host", "server_port", "test_case", "ca_file", "server_host_override"):
        parser.add_argument("--" + name)
    for name in ("use_tls", "use_test_ca"):
        parser.add_argument("--" + name, default="false")
    for name, value in (("iterations", 10), ("max_failures", 0), ("request_size", LARGE_REQUEST),
                        ("response_size", LARGE_RESPONSE), ("overall_timeout_seconds", 10),
                        ("per_iteration_max_acceptable_latency_ms", 1000)):
        parser.add_argument("--soak_" + name, type=int, default=value)
    flags = parser.parse_args()
    with connect(flags) as flags.channel:
        CASES[flags.test_case](Stub(flags.channel), flags)


try:
    main()
except grpc.RpcError as error:
    sys.exit(f"{error.code()}: {error.details()}")
except AssertionError as error:
    sys.exit(str(error))
