"""The HTTP client: what it reaches, which connections it keeps, and what it says of bad answers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import wasmtime
from conftest import CREDENTIALS, Server

import spillway
from spillway import _component, _http

Open = Callable[..., spillway.Sink]
NO_RETRY = {"retry_time_max_ms": 0, "attempts_max": 1}


class Store(ThreadingHTTPServer):
    """Takes every object, and counts connections."""

    daemon_threads = True
    connections = 0
    objects: dict[str, bytes]

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().finish_request(request, client_address)


class Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store
    says_close = False

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.objects[self.path] = body
        self.send_response(200)
        self.send_header("etag", '"x"')
        self.send_header("x-amz-request-id", "1")
        self.send_header("content-length", "0")
        self.end_headers()
        if self.path.endswith("last"):
            self.close_connection = True  # without a word of it in the answer

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def store(tls: ssl.SSLContext | None = None) -> Iterator[tuple[Store, str]]:
    server = Store(("127.0.0.1", 0), Taker)
    server.objects = {}
    scheme = "http"
    if tls is not None:
        server.socket, scheme = tls.wrap_socket(server.socket, server_side=True), "https"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server, f"{scheme}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def put(endpoint: str, keys: list[str], **options: Any) -> None:
    config = {"bucket": "test", "endpoint": endpoint, **NO_RETRY, "attempts_max": 0}
    with spillway.open(config, credentials=CREDENTIALS, **options) as sink:
        for key in keys:
            sink.write(key, "x")
            sink.flush()


def test_connections_are_kept() -> None:
    with store() as (server, endpoint):
        put(endpoint, [f"{number}" for number in range(20)])
        assert len(server.objects) == 20
        assert server.connections == 1


def test_a_connection_that_the_store_has_closed_is_not_used_again() -> None:
    with store() as (server, endpoint):
        put(endpoint, ["a", "b-last", "c", "d-last", "e"])
        assert len(server.objects) == 5
        assert server.connections == 3


def test_tls(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    for name, certificates in (("mine.pem", authority), ("other.pem", stranger)):
        certificates.cert_pem.write_to_path(tmp_path / name)
    with store(tls) as (server, endpoint):
        put(endpoint, ["key"], ca_file=tmp_path / "mine.pem")
        assert server.objects == {"/test/key": b"x\n"}
        with pytest.raises(spillway.NotStored, match="certificate is not trusted") as raised:
            put(endpoint, ["key"], ca_file=str(tmp_path / "other.pem"))
        assert isinstance(raised.value.progress.failed[0].cause, spillway.SpillwayError)
        with pytest.raises(spillway.NotStored, match="closed the connection"):
            put(endpoint.replace("https", "http"), ["key"])
    with store() as (_, endpoint), pytest.raises(spillway.NotStored, match="TLS"):
        put(endpoint.replace("http", "https"), ["key"])
    for file, message in (("missing", "No such file"), ("empty", "no certificates")):
        (tmp_path / "empty").touch()
        with pytest.raises(ValueError, match=f"ca_file: .*{message}"):
            put(endpoint, [], ca_file=tmp_path / file)


def test_nothing_but_what_is_granted_is_reached(server: Server, open_sink: Open) -> None:
    with open_sink(**NO_RETRY) as sink:
        sink._instance.grant(["elsewhere:443"])
        with pytest.raises(spillway.SpillwayError, match="denied|not allowed|granted|refused"):
            sink.check()


@pytest.mark.parametrize(
    ("authority", "granted"),
    [
        ("s3.test", True), ("S3.test:443", True), ("s3.test:80", False), ("s3.test.evil", False),
        ("evil@s3.test", False), ("s3.test:443:1", False), ("s3.test:-1", False), ("", False),
        ("[::1]:9000", True), ("[::1]", False), ("::1", False),
    ],
)
def test_what_is_granted(authority: str, granted: bool) -> None:
    client = _http.Client(None)
    client.grant(["s3.test:443", "[::1]:9000"])
    request = _http.Request(authority=authority)
    if granted:
        client.proven(request)
    else:
        with pytest.raises(_http.Refused, match="HTTP_request_denied"):
            client.proven(request)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "fe80::1%lo", "::ffff:169.254.169.254"]
)
def test_names_of_link_local_addresses_are_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(_http.Refused, match="destination_IP_prohibited"):
        _http._dialled("metadata.test", 80, 5.0)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that says the same to everybody, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(ConnectionError):  # it may have heard enough
                    connection.recv(1 << 16)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", "before the answer was whole"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "whole"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (17 << 20), "longer than any answer of S3"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlogin", "S3"),
    ],
)
def test_bad_answers_are_told(answer: bytes, message: str) -> None:
    with answering(answer) as endpoint:
        config = {"bucket": "test", "endpoint": endpoint, **NO_RETRY}
        with spillway.open(config, credentials=CREDENTIALS) as sink:
            with pytest.raises(spillway.SpillwayError, match=message):
                sink.check()
            assert sink.poll().durable == 0


def test_a_store_that_does_not_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = {
            "bucket": "test",
            "endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "first_byte_timeout_ms": 50,
            **NO_RETRY,
        }
        with spillway.open(config, credentials=CREDENTIALS) as sink:
            with pytest.raises(spillway.Unavailable, match="first_byte_timeout_ms|no answer"):
                sink.check()


def test_every_import_of_the_component_is_there(open_sink: Open) -> None:
    """And what the component does not import, it cannot have."""
    _, module = _component.load(_component.default_cache())
    sink = open_sink()
    guest = sink._instance._guest
    assert guest is not None
    imported = {
        (each.module.partition("@")[0], str(each.name))
        for each in module.imports if not str(each.name).startswith("[resource-drop]")
    }
    assert imported == set(guest._later)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is compiled in no time."""
    monkeypatch.setattr(_component, "core_module", lambda wasm: wasmtime.wat2wasm("(module)"))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_cache_that_others_may_write_to_is_not_used(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    _component.load(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_the_cache(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    _component.load(folder)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600
    for damaged in (b"", whole[:-1], whole[:100] + b"\x00" + whole[101:], b"x" * len(whole)):
        file.write_bytes(damaged)
        _component.load(folder)
        assert file.read_bytes() == whole
    file.chmod(0o666)
    _component.load(folder)
    assert [each.stat().st_mode & 0o777 for each in folder.iterdir()] == [0o600]
    for number in range(20):
        (folder / f"{number}.compiled").touch()
    file.unlink()
    _component.load(folder)
    assert len(list(folder.iterdir())) == 8 and file.exists()
