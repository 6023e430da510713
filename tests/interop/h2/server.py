"""The servers of gRPC's HTTP/2 interop tests that misbehave, or are only unusual, on Python's h2
(grpc/doc/negative-http2-interop-test-descriptions.md).

It says "listening on ...:PORT". At its end it says what the client did not do, with status 1. What
the client does against HTTP/2 itself, more streams at once than it may for one, h2 refuses.
"""
import argparse
import asyncio
import signal
import ssl
import sys

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

PATH = "/grpc.testing.TestService/UnaryCall"
PAD = 255

# Of each case: what it does with a response.
CASES = {
    "goaway": {"leaves": True},
    "rst_after_header": {"resets_after": 0},
    "rst_during_data": {"resets_after": 0.5},
    "rst_after_data": {"resets_after": 1},
    "ping": {"pings": True},
    "max_streams": {"one_at_a_time": True},
    "data_frame_padding": {"piece": 5, "pad": PAD},
    "no_df_padding_sanity_test": {"piece": 5},
}


def field(number, value):
    """A length-delimited field of protobuf."""
    head, left = bytes([number << 3 | 2]), len(value)
    while left > 127:
        head, left = head + bytes([left & 127 | 128]), left >> 7
    return head + bytes([left]) + value


def response():
    """A SimpleResponse whose payload is 314159 zeros, length-prefixed."""
    message = field(1, field(2, bytes(314159)))
    return b"\0" + len(message).to_bytes(4, "big") + message


class Server:
    """What all connections of a case share, and have seen."""

    def __init__(self, case):
        self.does = CASES[case]
        self.message = response()
        self.resets = "resets_after" in self.does
        if self.resets:
            self.message = self.message[:int(len(self.message) * self.does["resets_after"])]
        self.connections = self.requests = self.answered = 0
        self.wrong = None

    def verdict(self):
        if self.wrong:
            return self.wrong
        if not self.requests:
            return "no request of UnaryCall came whole"
        if self.answered < self.requests:
            return "a response could not be sent to its end"
        if self.does.get("leaves") and self.connections < 2:
            return "no new connection was made after GOAWAY"
        return None


class Response:
    """One stream's, as far as it is sent."""

    def __init__(self):
        self.begun = False
        self.sent = 0


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server = server
        self.does = server.does
        self.http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        if self.does.get("one_at_a_time"):
            one = {SettingCodes.MAX_CONCURRENT_STREAMS: 1}
            self.http2.local_settings = Settings(client=False, initial_values=one)
        self.asked = {}  # streams whose request is not whole yet
        self.responses = {}
        self.pings = self.acks = 0
        self.counted = self.left = False

    def connection_made(self, transport):
        self.transport = transport
        self.http2.initiate_connection()
        self.write()

    def write(self):
        self.transport.write(self.http2.data_to_send())

    def data_received(self, data):
        if self.left:  # its client asks again elsewhere
            return
        try:
            for event in self.http2.receive_data(data):
                self.take(event)
            self.answer()
        except ProtocolError as error:
            self.server.wrong = f"{type(error).__name__}: {error}"
            self.transport.close()
        self.write()

    def take(self, event):
        if isinstance(event, events.RequestReceived):
            self.asked[event.stream_id] = dict(event.headers)[":path"]
        elif isinstance(event, events.DataReceived):
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            self.begin(event.stream_id)
        elif isinstance(event, events.StreamReset):
            self.asked.pop(event.stream_id, None)
            self.responses.pop(event.stream_id, None)
        elif isinstance(event, events.PingAckReceived):
            self.acks += 1

    def begin(self, stream):
        if self.asked.pop(stream, None) == PATH:
            self.server.connections += not self.counted
            self.server.requests += 1
            self.counted = True
        self.responses[stream] = Response()

    def ping(self):
        if self.does.get("pings"):
            self.pings += 1
            self.http2.ping(self.pings.to_bytes(8, "big"))

    def answer(self):
        """All that is asked, as far as the windows go."""
        for stream, one in list(self.responses.items()):
            if not self.left and self.send(stream, one) and self.acks == self.pings:
                self.end(stream)

    def send(self, stream, one):
        """Whether all of it is sent."""
        if not one.begun:
            one.begun = True
            self.ping()
            self.http2.send_headers(
                stream, ((":status", "200"), ("content-type", "application/grpc")))
            self.ping()
        message, pad = self.server.message, self.does.get("pad")
        most = self.does.get("piece", self.http2.max_outbound_frame_size)
        while one.sent < len(message):
            piece = message[one.sent:one.sent + most]
            cost = len(piece) + (pad + 1 if pad else 0)
            if cost > self.http2.local_flow_control_window(stream):
                return False
            self.http2.send_data(stream, piece, pad_length=pad)
            self.ping()
            one.sent += len(piece)
        return True

    def end(self, stream):
        del self.responses[stream]
        self.server.answered += 1
        if self.server.resets:
            self.http2.reset_stream(stream, ErrorCodes.NO_ERROR)
            return
        self.http2.send_headers(stream, (("grpc-status", "0"),), end_stream=True)
        if self.does.get("leaves"):
            self.left = True
            self.http2.close_connection(ErrorCodes.NO_ERROR, last_stream_id=stream)


def tls(flags):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(flags.tls_cert_file, flags.tls_key_file)
    context.set_alpn_protocols(["h2"])
    return context


async def serve(server, flags):
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    listener = await loop.create_server(
        lambda: Connection(server), "127.0.0.1", flags.port,
        ssl=tls(flags) if flags.use_tls == "true" else None)
    print("listening on 127.0.0.1:%d" % listener.sockets[0].getsockname()[1], flush=True)
    await end.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--use_tls", default="false")
    parser.add_argument("--tls_cert_file")
    parser.add_argument("--tls_key_file")
    parser.add_argument("--bad_case", choices=CASES, required=True)
    flags = parser.parse_args()
    server = Server(flags.bad_case)
    asyncio.run(serve(server, flags))
    sys.exit(server.verdict())


main()
