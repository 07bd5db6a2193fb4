"""The HTTP client: one thread for a request, connections that are kept, and no way around what was
granted."""

from __future__ import annotations

import http.client
import ipaddress
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Code = tuple[str, Any]
"""A case of `wasi:http/types.error-code`, with its payload."""


class Refused(Exception):
    """What a request failed with."""

    def __init__(self, name: str, payload: Any = None) -> None:
        self.code: Code = (name, payload)
        super().__init__(name)


@dataclass
class Request:
    method: str = "GET"
    scheme: str = "https"
    authority: str = ""
    path: str = "/"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    has_body: bool = False
    connect_seconds: float = 60.0
    first_byte_seconds: float = 60.0
    between_bytes_seconds: float = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, bytes]]
    body: bytes


class Client:
    """Sends requests to the authorities that were granted. Safe to use from several threads."""

    def __init__(self, ca_file: str | None) -> None:
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(cafile=ca_file)
        self._granted: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], list[tuple[float, http.client.HTTPConnection]]] = {}

    def grant(self, authorities: list[str]) -> None:
        """What may be reached, as `host:port`; nothing else."""
        self._granted = frozenset(authority.lower() for authority in authorities)

    def proven(self, request: Request) -> tuple[str, int]:
        """The host and port of a request. Raises where they were not granted."""
        host, port = split(request.authority, 443 if request.scheme == "https" else 80)
        if f"{host}:{port}" not in self._granted and f"[{host}]:{port}" not in self._granted:
            raise Refused("HTTP_request_denied")
        return host, port

    def take(self, request: Request) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        host, port = self.proven(request)
        place = (request.scheme, request.authority)
        while True:
            with self._lock:
                kept = self._kept.get(place)
                since, connection = kept.pop() if kept else (0.0, None)
            if connection is None:
                return self._connect(request, host, port), False
            if time.monotonic() - since < _KEPT_SECONDS and not _is_readable(connection.sock):
                return connection, True
            connection.close()

    def keep(self, request: Request, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            kept = self._kept.setdefault((request.scheme, request.authority), [])
            if len(kept) < _KEPT_MAX:
                kept.append((time.monotonic(), connection))
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, {}
        for connections in kept.values():
            for _, connection in connections:
                connection.close()

    def _connect(self, request: Request, host: str, port: int) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, port)
        connection.auto_open = 0  # by itself it would connect anew, past what is proven here
        sock = _dialled(host, port, request.connect_seconds)
        try:
            if request.scheme == "https":
                sock = self._tls.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            sock.close()
            text = f"the certificate is not trusted: {error.verify_message}"
            raise Refused("TLS_alert_received", _alert(text)) from None
        except ssl.SSLError as error:
            sock.close()
            if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"):
                raise Refused("TLS_protocol_error") from None
            text = error.reason or "the handshake failed"
            raise Refused("TLS_alert_received", _alert(text)) from None
        except TimeoutError:
            sock.close()
            raise Refused("connection_timeout") from None
        except OSError as error:
            sock.close()
            raise Refused("internal_error", f"no connection: {_reason(error)}") from None
        connection.sock = sock
        return connection


class Exchange:
    """A request under way, and what came of it. `changed` is called after each change."""

    def __init__(self, client: Client, request: Request, changed: Callable[[], None]) -> None:
        self._client, self._request, self._changed = client, request, changed
        self._pieces: deque[bytes] = deque()
        self._queued = 0
        self._whole = not request.has_body
        self._given_up = False
        self._more = threading.Condition()
        self._connection: http.client.HTTPConnection | None = None
        self.outcome: Answer | Code | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="spillway-http", daemon=True).start()

    def room(self) -> int:
        """How many bytes of the body it takes now."""
        return max(0, QUEUED_BYTES_MAX - self._queued)

    def send(self, piece: bytes) -> None:
        with self._more:
            self._pieces.append(piece)
            self._queued += len(piece)
            self._more.notify()

    def end_body(self) -> None:
        with self._more:
            self._whole = True
            self._more.notify()

    def give_up(self) -> None:
        """Nobody waits for the answer: what is under way ends."""
        with self._more:
            self._given_up = True
            self._more.notify()
            connection = self._connection
        sock = None if connection is None or self.outcome is not None else connection.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _run(self) -> None:
        try:
            outcome: Answer | Code = self._exchanged()
        except Refused as refused:
            outcome = refused.code
        except Exception as error:  # whatever it is, the component waits for an outcome
            outcome = ("internal_error", f"{type(error).__name__} in the HTTP client")
        self.outcome = outcome
        self._changed()

    def _exchanged(self) -> Answer:
        request = self._request
        connection, used = self._client.take(request)
        with self._more:
            self._connection = connection
        ended = False
        try:
            answer, ended = self._over(connection, used)
        finally:
            with self._more:
                self._connection = None
            if not ended:
                connection.close()
        self._client.keep(request, connection)
        return answer

    def _over(self, connection: http.client.HTTPConnection, used: bool) -> tuple[Answer, bool]:
        """The answer, and whether the connection can be used again."""
        request, sent_whole = self._request, True
        try:
            connection.sock.settimeout(request.between_bytes_seconds)
            self._send_head(connection)
            sent_whole = self._send_body(connection)
        except TimeoutError:
            raise Refused("connection_write_timeout") from None
        except OSError:
            sent_whole = False  # the other side takes no more; it may have answered why
        try:
            connection.sock.settimeout(request.first_byte_seconds)
            response = connection.getresponse()
        except TimeoutError:
            raise Refused("HTTP_response_timeout") from None
        except (http.client.RemoteDisconnected, ConnectionError):
            if used:
                raise Refused("connection_terminated") from None
            raise Refused("internal_error", "the other side closed the connection") from None
        except http.client.HTTPException:
            raise Refused("HTTP_protocol_error") from None
        except OSError as error:
            raise Refused("internal_error", _reason(error)) from None
        try:
            connection.sock and connection.sock.settimeout(request.between_bytes_seconds)
            body = response.read(ANSWER_BYTES_MAX)
            rest = response.read(1) if len(body) == ANSWER_BYTES_MAX else b""
        except TimeoutError:
            raise Refused("connection_read_timeout") from None
        except (http.client.HTTPException, OSError):
            raise Refused("HTTP_response_incomplete") from None
        if rest:
            raise Refused("internal_error", "the answer is longer than any answer of S3")
        if response.length and request.method != "HEAD":
            raise Refused("HTTP_response_incomplete")
        headers = [(name, value.encode("latin-1")) for name, value in response.getheaders()]
        answer = Answer(response.status, headers, body)
        return answer, sent_whole and not response.will_close

    def _send_head(self, connection: http.client.HTTPConnection) -> None:
        request = self._request
        connection.putrequest(
            request.method, request.path, skip_host=True, skip_accept_encoding=True
        )
        names = {name.lower() for name, _ in request.headers}
        if "host" not in names:
            connection.putheader("host", request.authority)
        if not request.has_body and "content-length" not in names and request.method != "GET":
            connection.putheader("content-length", "0")
        chunked = request.has_body and "content-length" not in names
        if chunked:
            raise Refused("HTTP_request_length_required")
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders()

    def _send_body(self, connection: http.client.HTTPConnection) -> bool:
        """Whether all of it was sent."""
        while True:
            with self._more:
                while not self._pieces and not self._whole and not self._given_up:
                    self._more.wait()
                if self._given_up:
                    raise Refused("internal_error", "nobody waits for the answer")
                if not self._pieces:
                    return True
                piece = self._pieces.popleft()
            view = memoryview(piece)
            for begin in range(0, len(view), _FRAME_BYTES):
                connection.sock.sendall(view[begin : begin + _FRAME_BYTES])
            with self._more:
                self._queued -= len(piece)
            self._changed()


def split(authority: str, port: int) -> tuple[str, int]:
    """Host and port, in lower case."""
    host, colon, number = authority.lower().rpartition(":")
    if not colon or host.endswith(":") or number.endswith("]"):
        return authority.lower().strip("[]"), port
    return host.strip("[]"), int(number) if number.isascii() and number.isdigit() else -1


def _dialled(host: str, port: int, seconds: float) -> socket.socket:
    """A connection to the first address of the host that answers, but to no link-local one: there
    are the metadata services of clouds."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise Refused("destination_not_found") from None
        raise Refused("DNS_error", {"rcode": error.strerror, "info_code": None}) from None
    except UnicodeError:
        raise Refused("destination_not_found") from None
    refused: Refused = Refused("destination_not_found")
    until = time.monotonic() + seconds
    for family, kind, protocol, _, address in found:
        numbers = ipaddress.ip_address(str(address[0]).partition("%")[0])
        mapped = getattr(numbers, "ipv4_mapped", None)
        if (mapped or numbers).is_link_local:
            refused = Refused("destination_IP_prohibited")
            continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, until - time.monotonic()))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except TimeoutError:
            refused = Refused("connection_timeout")
        except ConnectionRefusedError:
            refused = Refused("connection_refused")
        except OSError as error:
            refused = Refused("internal_error", f"no connection: {_reason(error)}")
        sock.close()
    raise refused


def _is_readable(sock: socket.socket | None) -> bool:
    """Whether the other side has closed a kept connection, or said what nobody asked for."""
    if sock is None:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _alert(text: str) -> dict[str, Any]:
    return {"alert_id": None, "alert_message": text}


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


QUEUED_BYTES_MAX = 1 << 20
"""How much of a body waits in the host."""
ANSWER_BYTES_MAX = 16 << 20
_FRAME_BYTES = 64 << 10
_KEPT_MAX = 256
_KEPT_SECONDS = 15.0
"""S3 closes connections that idle for some more seconds than this."""
