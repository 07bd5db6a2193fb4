"""The interfaces of WASI that the component imports, and no others: clocks, random numbers,
polling, and requests over HTTP."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from ._abi import (
    HANDLE,
    OCTETS,
    TEXT,
    U8,
    U16,
    U32,
    U64,
    List,
    Memory,
    Option,
    Pair,
    Record,
    Result,
    Variant,
)
from ._http import Answer, Client, Exchange, Refused, Request


class Stopped(Exception):
    """The host ends the component while it waits."""


class Pollable:
    """Ready once `is_ready` says so, or once the monotonic clock says `due`."""

    def __init__(self, is_ready: Callable[[], bool], due: int | None = None) -> None:
        self.is_ready, self.due = is_ready, due


class Body:
    """A request's body, its stream, and the exchange that it belongs to once there is one."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None

    def is_over(self) -> bool:
        return self.exchange is None or self.exchange.outcome is not None

    def is_ready(self) -> bool:
        return self.is_over() or self.exchange is not None and self.exchange.room() > 0


class Outgoing:
    def __init__(self, request: Request) -> None:
        self.request, self.body = request, Body()


class Future:
    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.taken = exchange, False


class Stream:
    """An answer's body that is read."""

    def __init__(self, body: bytes) -> None:
        self.body, self.place = body, 0


class Wasi:
    """What a component has made by these interfaces, by its handles.

    The names of functions are those of the WIT files. Arguments come as the canonical ABI flattens
    them; a result that is no plain number goes to the address that is the last argument.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._memory: Memory | None = None
        self._things: dict[int, Any] = {}
        self._last_handle = 0
        self._changed = threading.Condition()
        self._stopped = False

    def stop(self) -> None:
        """Ends the component where it waits, or as soon as it does."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def close(self) -> None:
        for thing in self._things.values():
            _give_up(thing)
        self._client.close()

    def functions(self, memory: Memory) -> dict[tuple[str, str], Callable[..., Any]]:
        """By interface, without its version, and function."""
        self._memory = memory
        http, streams = "wasi:http/types", "wasi:io/streams"
        return {
            ("wasi:clocks/monotonic-clock", "now"): time.monotonic_ns,
            ("wasi:clocks/monotonic-clock", "subscribe-instant"): self._at,
            ("wasi:clocks/monotonic-clock", "subscribe-duration"): lambda duration: self._at(
                time.monotonic_ns() + (duration & _U64_MASK)
            ),
            ("wasi:clocks/wall-clock", "now"): self._now,
            ("wasi:random/random", "get-random-u64"): lambda: int.from_bytes(
                os.urandom(8), "little", signed=True
            ),
            ("wasi:io/poll", "poll"): self._poll,
            (http, "[static]fields.from-list"): self._fields,
            (http, "[method]fields.entries"): lambda fields, to: self._give(
                _ENTRIES, to, self._things[fields]
            ),
            (http, "[constructor]outgoing-request"): lambda fields: self._new(
                Outgoing(Request(headers=self._things.pop(fields)))
            ),
            (http, "[method]outgoing-request.set-method"): self._set_method,
            (http, "[method]outgoing-request.set-scheme"): self._set_scheme,
            (http, "[method]outgoing-request.set-authority"): self._set_text("authority"),
            (http, "[method]outgoing-request.set-path-with-query"): self._set_text("path"),
            (http, "[method]outgoing-request.body"): self._body,
            (http, "[method]outgoing-body.write"): lambda body, to: self._give(
                _HANDLE, to, ("ok", self._new(self._things[body]))
            ),
            (http, "[static]outgoing-body.finish"): self._finish,
            (http, "[constructor]request-options"): lambda: self._new({}),
            (http, "[method]request-options.set-connect-timeout"): self._set_time("connect"),
            (http, "[method]request-options.set-first-byte-timeout"): self._set_time("first_byte"),
            (http, "[method]request-options.set-between-bytes-timeout"): self._set_time(
                "between_bytes"
            ),
            ("wasi:http/outgoing-handler", "handle"): self._handle,
            (http, "[method]future-incoming-response.subscribe"): self._subscribe_future,
            (http, "[method]future-incoming-response.get"): self._get,
            (http, "[method]incoming-response.status"): lambda answer: self._things[answer].status,
            (http, "[method]incoming-response.headers"): lambda answer: self._new(
                self._things[answer].headers
            ),
            (http, "[method]incoming-response.consume"): lambda answer, to: self._give(
                _HANDLE, to, ("ok", self._new(Stream(self._things[answer].body)))
            ),
            (http, "[method]incoming-body.stream"): lambda body, to: self._give(
                _HANDLE, to, ("ok", self._new(self._things[body]))
            ),
            (http, "http-error-code"): lambda error, to: self._give(Option(U8), to, None),
            (streams, "[method]input-stream.read"): self._read,
            (streams, "[method]input-stream.subscribe"): lambda stream: self._new(
                Pollable(lambda: True)
            ),
            (streams, "[method]output-stream.check-write"): self._check_write,
            (streams, "[method]output-stream.write"): self._write,
            (streams, "[method]output-stream.subscribe"): lambda stream: self._new(
                Pollable(self._things[stream].is_ready)
            ),
        }

    def drop(self, handle: int) -> None:
        """Of any resource of these interfaces."""
        thing = self._things.pop(handle)
        if isinstance(thing, Future):
            _give_up(thing)

    def _new(self, thing: Any) -> int:
        self._last_handle += 1
        self._things[self._last_handle] = thing
        return self._last_handle

    def _give(self, kind: Any, to: int, value: Any) -> None:
        assert self._memory is not None, "functions were asked for"
        kind.store(self._memory, to & 0xFFFFFFFF, value)

    def _text(self, begin: int, size: int) -> str:
        assert self._memory is not None, "functions were asked for"
        return self._memory.read(begin, size).decode()

    def _tell_changed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _at(self, when: int) -> int:
        return self._new(Pollable(lambda: False, when & _U64_MASK))

    def _now(self, to: int) -> None:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        self._give(_DATETIME, to, {"seconds": seconds, "nanoseconds": nanoseconds})

    def _poll(self, begin: int, count: int, to: int) -> None:
        assert self._memory is not None, "functions were asked for"
        handles = memoryview(self._memory.read(begin, 4 * count)).cast("I")
        pollables = [self._things[handle] for handle in handles]
        with self._changed:
            while True:
                if self._stopped:
                    raise Stopped
                now = time.monotonic_ns()
                ready = [
                    place for place, pollable in enumerate(pollables)
                    if pollable.is_ready() or pollable.due is not None and pollable.due <= now
                ]
                if ready:
                    break
                dues = [pollable.due for pollable in pollables if pollable.due is not None]
                self._changed.wait(min((min(dues) - now) / 1e9, _WAIT_SECONDS) if dues else None)
        self._give(List(U32), to, ready)

    def _fields(self, begin: int, count: int, to: int) -> None:
        assert self._memory is not None, "functions were asked for"
        address, step = begin & 0xFFFFFFFF, _ENTRY.size
        entries = [_ENTRY.load(self._memory, address + place * step) for place in range(count)]
        self._give(_HANDLE_OR_HEADER_ERROR, to, ("ok", self._new(entries)))

    def _set_method(self, request: int, case: int, begin: int, size: int) -> int:
        self._things[request].request.method = (
            _METHODS[case] if case < len(_METHODS) else self._text(begin, size)
        )
        return 0

    def _set_scheme(self, request: int, given: int, case: int, begin: int, size: int) -> int:
        if not given or case > 1:
            return 1
        self._things[request].request.scheme = ("http", "https")[case]
        return 0

    def _set_text(self, name: str) -> Callable[[int, int, int, int], int]:
        def set_text(request: int, given: int, begin: int, size: int) -> int:
            if not given:
                return 1
            setattr(self._things[request].request, name, self._text(begin, size))
            return 0

        return set_text

    def _set_time(self, name: str) -> Callable[[int, int, int], int]:
        def set_time(options: int, given: int, nanoseconds: int) -> int:
            if given:
                self._things[options][f"{name}_seconds"] = (nanoseconds & _U64_MASK) / 1e9
            return 0

        return set_time

    def _body(self, request: int, to: int) -> None:
        outgoing = self._things[request]
        outgoing.request.has_body = True
        self._give(_HANDLE, to, ("ok", self._new(outgoing.body)))

    def _finish(self, body: int, has_trailers: int, trailers: int, to: int) -> None:
        exchange = self._things.pop(body).exchange
        if exchange is not None:
            exchange.end_body()
        self._give(_NOTHING_OR_CODE, to, ("ok", None))

    def _handle(self, request: int, has_options: int, options: int, to: int) -> None:
        outgoing = self._things.pop(request)
        for name, seconds in (self._things.pop(options) if has_options else {}).items():
            setattr(outgoing.request, name, seconds)
        try:
            self._client.proven(outgoing.request)
        except Refused as refused:
            self._give(_HANDLE_OR_CODE, to, ("err", _code(refused.code)))
            return
        exchange = Exchange(self._client, outgoing.request, self._tell_changed)
        outgoing.body.exchange = exchange
        exchange.start()
        self._give(_HANDLE_OR_CODE, to, ("ok", self._new(Future(exchange))))

    def _subscribe_future(self, handle: int) -> int:
        exchange = self._things[handle].exchange
        return self._new(Pollable(lambda: exchange.outcome is not None))

    def _get(self, handle: int, to: int) -> None:
        future = self._things[handle]
        outcome = future.exchange.outcome
        if outcome is None:
            self._give(_FUTURE, to, None)
        elif future.taken:
            self._give(_FUTURE, to, ("err", None))
        else:
            future.taken = True
            is_answer = isinstance(outcome, Answer)
            inner = ("ok", self._new(outcome)) if is_answer else ("err", _code(outcome))
            self._give(_FUTURE, to, ("ok", inner))

    def _read(self, handle: int, size: int, to: int) -> None:
        stream = self._things[handle]
        piece = stream.body[stream.place : stream.place + min(size & _U64_MASK, _READ_BYTES_MAX)]
        stream.place += len(piece)
        self._give(_READ, to, ("ok", piece) if piece else ("err", ("closed", None)))

    def _check_write(self, handle: int, to: int) -> None:
        body = self._things[handle]
        if body.is_over():
            self._give(_CHECK_WRITE, to, ("err", ("closed", None)))
        else:
            self._give(_CHECK_WRITE, to, ("ok", body.exchange.room()))

    def _write(self, handle: int, begin: int, size: int, to: int) -> None:
        assert self._memory is not None, "functions were asked for"
        body = self._things[handle]
        if body.is_over():
            self._give(_WRITTEN, to, ("err", ("closed", None)))
            return
        body.exchange.send(self._memory.read(begin, size))
        self._give(_WRITTEN, to, ("ok", None))


def _give_up(thing: Any) -> None:
    if isinstance(thing, Future):
        thing.exchange.give_up()


def _code(code: tuple[str, Any]) -> tuple[str, Any]:
    """The texts that an error holds may be longer than the component expects."""
    name, payload = code
    return name, payload[:1000] if isinstance(payload, str) else payload


_STREAM_ERROR = Variant(last_operation_failed=HANDLE, closed=None)
_ENTRY = Pair(TEXT, OCTETS)
_ENTRIES = List(_ENTRY)
_DATETIME = Record(seconds=U64, nanoseconds=U32)
_FIELD_SIZE = Record(field_name=Option(TEXT), field_size=Option(U32))
_ERROR_CODE = Variant(
    DNS_timeout=None,
    DNS_error=Record(rcode=Option(TEXT), info_code=Option(U16)),
    destination_not_found=None,
    destination_unavailable=None,
    destination_IP_prohibited=None,
    destination_IP_unroutable=None,
    connection_refused=None,
    connection_terminated=None,
    connection_timeout=None,
    connection_read_timeout=None,
    connection_write_timeout=None,
    connection_limit_reached=None,
    TLS_protocol_error=None,
    TLS_certificate_error=None,
    TLS_alert_received=Record(alert_id=Option(U8), alert_message=Option(TEXT)),
    HTTP_request_denied=None,
    HTTP_request_length_required=None,
    HTTP_request_body_size=Option(U64),
    HTTP_request_method_invalid=None,
    HTTP_request_URI_invalid=None,
    HTTP_request_URI_too_long=None,
    HTTP_request_header_section_size=Option(U32),
    HTTP_request_header_size=Option(_FIELD_SIZE),
    HTTP_request_trailer_section_size=Option(U32),
    HTTP_request_trailer_size=_FIELD_SIZE,
    HTTP_response_incomplete=None,
    HTTP_response_header_section_size=Option(U32),
    HTTP_response_header_size=_FIELD_SIZE,
    HTTP_response_body_size=Option(U64),
    HTTP_response_trailer_section_size=Option(U32),
    HTTP_response_trailer_size=_FIELD_SIZE,
    HTTP_response_transfer_coding=Option(TEXT),
    HTTP_response_content_coding=Option(TEXT),
    HTTP_response_timeout=None,
    HTTP_upgrade_failed=None,
    HTTP_protocol_error=None,
    loop_detected=None,
    configuration_error=None,
    internal_error=Option(TEXT),
)
_HANDLE = Result(HANDLE, None)
_HEADER_ERROR = Variant(invalid_syntax=None, forbidden=None, immutable=None)
_HANDLE_OR_HEADER_ERROR = Result(HANDLE, _HEADER_ERROR)
_HANDLE_OR_CODE = Result(HANDLE, _ERROR_CODE)
_NOTHING_OR_CODE = Result(None, _ERROR_CODE)
_FUTURE = Option(Result(Result(HANDLE, _ERROR_CODE), None))
_READ = Result(OCTETS, _STREAM_ERROR)
_CHECK_WRITE = Result(U64, _STREAM_ERROR)
_WRITTEN = Result(None, _STREAM_ERROR)

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_U64_MASK = (1 << 64) - 1
_WAIT_SECONDS = 3600.0
_READ_BYTES_MAX = 1 << 20
