"""gRPC through a real proxy with the library that people use: every kind of call, trailers, deadlines, and errors of the gateway.

usage: grpc_flows.py ADMIN_URL PROXY_PORT PROXY_TLS_PORT CERTIFICATE KEY

Starts origins of its own (plain and TLS) that echo bytes, configures the gateway, and ends with 0 if everything was as promised.
"""
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent import futures

import grpc

NAME = "shop.test"  # of the certificate
PATIENCE = 20  # seconds that nothing may exceed, on a busy machine too


def identity(message):
    return message


class Echo(grpc.GenericRpcHandler):
    """Methods are told apart by the last part of their path."""

    def __init__(self):
        self.cancelled = threading.Event()

    def service(self, details):
        name = details.method.rsplit("/", 1)[-1]
        kinds = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
            "Collect": grpc.stream_unary_rpc_method_handler(self.collect),
            "Spread": grpc.unary_stream_rpc_method_handler(self.spread),
            "Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "Endless": grpc.unary_stream_rpc_method_handler(self.endless),
        }
        return kinds.get(name)

    def unary(self, message, context):
        seen = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-seen", seen.get("x-sent", "-")), ("x-via", seen.get("via", "-"))))
        context.set_trailing_metadata((("x-trailer", "at the end"), ("x-bytes-bin", b"\x00\xff")))
        return message

    def fail(self, _message, context):
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 50 %")

    def slow(self, _message, context):
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(PATIENCE)
        return b""

    def collect(self, messages, _context):
        return b"".join(messages)

    def spread(self, message, _context):
        for number in range(int(message)):
            yield b"%d" % number

    def talk(self, messages, _context):
        for message in messages:
            yield message.upper()

    def endless(self, _message, context):
        context.add_callback(self.cancelled.set)
        while not self.cancelled.wait(0.01):
            yield b"x" * 1000


def origin(echo, certificate=None, key=None):
    server = grpc.server(futures.ThreadPoolExecutor(32), handlers=(echo,))
    if certificate:
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


class Admin:
    def __init__(self, url):
        self.url = url

    def post(self, path, **body):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def serve(self, name, protocol, port, protocols, retries=5):
        service = self.post("/services", name=name, protocol=protocol, host="127.0.0.1", port=port, retries=retries)
        self.post("/routes", name=name, protocols=protocols, paths=[f"/{name}."], strip_path=False,
                  service={"id": service["id"]})
        return service


class Calls:
    """Calls by name on a channel."""

    def __init__(self, channel, service):
        path = f"/{service}.Echo/"
        plain = (identity, identity)
        self.unary = channel.unary_unary(path + "Unary", *plain)
        self.fail = channel.unary_unary(path + "Fail", *plain)
        self.slow = channel.unary_unary(path + "Slow", *plain)
        self.collect = channel.stream_unary(path + "Collect", *plain)
        self.spread = channel.unary_stream(path + "Spread", *plain)
        self.talk = channel.stream_stream(path + "Talk", *plain)
        self.endless = channel.unary_stream(path + "Endless", *plain)


def refused(call, *arguments, **more):
    try:
        call(*arguments, timeout=PATIENCE, **more)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call went well")


def every_kind_of_call(calls):
    answer, call = calls.unary.with_call(b"hello", timeout=PATIENCE, metadata=(("x-sent", "told"),))
    head, trailers = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert answer == b"hello"
    assert head["x-seen"] == "told" and "kong" in head["x-via"] and head["via"].startswith("2 "), head
    assert trailers["x-trailer"] == "at the end" and trailers["x-bytes-bin"] == b"\x00\xff", trailers
    large = bytes(range(256)) * 12_000
    assert calls.unary(large, timeout=PATIENCE) == large
    assert calls.unary(b"", timeout=PATIENCE) == b""
    pieces = [b"a" * 1000] * 300
    assert calls.collect(iter(pieces), timeout=PATIENCE) == b"".join(pieces)
    assert [int(piece) for piece in calls.spread(b"500", timeout=PATIENCE)] == list(range(500))


def a_conversation_goes_back_and_forth(calls):
    told, heard = threading.Semaphore(0), []

    def sentences():
        for word in (b"one", b"two", b"three"):
            yield word
            assert told.acquire(timeout=PATIENCE), "no answer before the next sentence"

    for answer in calls.talk(sentences(), timeout=PATIENCE):
        heard.append(answer)
        told.release()
    assert heard == [b"ONE", b"TWO", b"THREE"], heard


def an_origins_error_comes_through(calls):
    error = refused(calls.fail, b"")
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error
    assert error.details() == "not today: 50 %", error.details()
    assert dict(error.trailing_metadata())["x-why"] == "because"


def a_deadline_ends_the_call_on_both_sides(calls, echo):
    echo.cancelled.clear()
    started = time.monotonic()
    try:
        calls.slow(b"", timeout=1)
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, error
    assert time.monotonic() - started < 10
    assert echo.cancelled.wait(PATIENCE), "the origin goes on working"


def a_call_that_is_cancelled_ends_at_the_origin(calls, echo):
    echo.cancelled.clear()
    stream = calls.endless(b"", timeout=PATIENCE)
    for _ in range(10):
        next(stream)
    stream.cancel()
    assert echo.cancelled.wait(PATIENCE), "the origin goes on sending"


def many_calls_share_connections(calls):
    with futures.ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda number: calls.unary(b"%d" % number, timeout=PATIENCE), range(400))
        assert [int(answer) for answer in answers] == list(range(400))


def the_gateways_errors_are_calls_outcomes(channel, admin):
    nowhere = channel.unary_unary("/nowhere.Echo/Unary", identity, identity)
    error = refused(nowhere, b"")
    assert error.code() is grpc.StatusCode.NOT_FOUND, error
    assert error.details() == "no Route matched with those values", error.details()

    admin.serve("secure", "grpc", 1, ["grpcs"])
    error = refused(channel.unary_unary("/secure.Echo/Unary", identity, identity), b"")
    assert error.code() is grpc.StatusCode.CANCELLED, error
    assert error.details() == "gRPC request matched gRPCs route", error.details()

    admin.serve("dead", "grpc", 1, ["grpc"], retries=0)
    error = refused(channel.unary_unary("/dead.Echo/Unary", identity, identity), b"")
    assert error.code() is grpc.StatusCode.INTERNAL, error

    locked = admin.post("/services", name="locked", protocol="grpc", host="127.0.0.1", port=1)
    route = admin.post("/routes", protocols=["grpc"], paths=["/locked."], strip_path=False,
                       service={"id": locked["id"]})
    admin.post("/plugins", name="key-auth", route={"id": route["id"]}, protocols=["grpc", "grpcs"])
    error = refused(channel.unary_unary("/locked.Echo/Unary", identity, identity), b"")
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED, error
    assert error.details() == "No API key found in request", error.details()


def requests_that_are_no_calls_are_told_so(port):
    for kind, status, message in (
        ("text/plain", 415, "Non-gRPC request matched gRPC route"),
        ("application/grpc", 426, "Please use HTTP2 protocol"),
    ):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/plain.Echo/Unary", b"", {"Content-Type": kind}, method="POST"
        )
        try:
            urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            assert error.code == status, error
            assert message in error.read().decode()
        else:
            raise AssertionError(f"{kind} was let in")


def main():
    admin, port, tls_port = Admin(sys.argv[1]), sys.argv[2], sys.argv[3]
    certificate, key = (open(name, "rb").read() for name in sys.argv[4:6])
    echo, secure_echo = Echo(), Echo()
    _server, plain_port = origin(echo)
    _secure_server, secure_port = origin(secure_echo, certificate, key)
    admin.serve("plain", "grpc", plain_port, ["grpc", "grpcs"])
    admin.serve("tls", "grpcs", secure_port, ["grpc", "grpcs"])
    admin.post("/certificates", cert=certificate.decode(), key=key.decode(), snis=["*"])

    unlimited = [("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", unlimited)
    credentials = grpc.ssl_channel_credentials(certificate)
    named = unlimited + [("grpc.ssl_target_name_override", NAME), ("grpc.default_authority", NAME)]
    secure = grpc.secure_channel(f"127.0.0.1:{tls_port}", credentials, named)
    for channel_used, service, heard in ((channel, "plain", echo), (secure, "tls", secure_echo)):
        calls = Calls(channel_used, service)
        every_kind_of_call(calls)
        a_conversation_goes_back_and_forth(calls)
        an_origins_error_comes_through(calls)
        a_deadline_ends_the_call_on_both_sides(calls, heard)
        a_call_that_is_cancelled_ends_at_the_origin(calls, heard)
        many_calls_share_connections(calls)
    the_gateways_errors_are_calls_outcomes(channel, admin)
    requests_that_are_no_calls_are_told_so(port)
    print("every call went as promised")


if __name__ == "__main__":
    main()
