"""A handler for the `logging` of Python: records become lines of objects."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, Union

from ._open import open
from ._sink import Sink
from .credentials import Source
from .errors import Closed, Interrupted, NotStored, SpillwayError, Trapped
from .types import Progress

Key = Union[str, Callable[[logging.LogRecord], str]]

DEFAULTS: Mapping[str, Any] = {
    "key_template": "{key}/{date:%Y/%m/%d}/{uuid}.ndjson",
    "content_type": "application/x-ndjson",
    "rotate": {"age_ms": 60_000, "bytes": 64 << 20},
}
"""Fields of the configuration that hold where the given one is silent. Each object has a name of
its own: one that had the name of the one before would replace it."""


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, exception, and `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            fields["exception"] = record.exc_text
        for name, value in record.__dict__.items():
            if name not in _STANDARD and name not in fields:
                fields[name] = value
        return json.dumps(fields, default=str, ensure_ascii=False)


class Handler(logging.Handler):
    """Stores records in S3.

    `emit` formats a record and puts it into a buffer; a thread of the handler writes them. So
    logging never waits for the store. Records that do not fit the buffer are dropped and counted.

    - `config`: the fields of `[sink.config]`; `DEFAULTS` fill in what it leaves out.
    - `key`: the key of the records, or a function that returns it.
    - `buffer_bytes_max`: how many bytes wait at most.
    - `write_seconds`: how long records wait before they are written.
    - `flush_seconds_max`: how long `flush` and `close` wait at most.

    `flush` waits until the records before it are in visible objects. `close`, which `logging` calls
    when the interpreter exits, does so and ends the sink. What goes wrong in the thread is told by
    `handleError`, as a traceback on standard error by default.

    Records of the handler's own threads are passed over, so that it never logs into itself.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        key: Key = "logs",
        *,
        level: int | str = logging.NOTSET,
        credentials: Source = None,
        buffer_bytes_max: int = 16 << 20,
        write_seconds: float = 1.0,
        flush_seconds_max: float = 30.0,
        **limits: Any,
    ) -> None:
        super().__init__(level)
        if config.get("commit") == "checkpointed":
            raise ValueError("commit: a handler has no place for checkpoints; leave it out")
        self.setFormatter(JsonFormatter())
        self._key = key if callable(key) else _always(key)
        self._flush_seconds_max = flush_seconds_max
        self._write_seconds = write_seconds
        self._process = os.getpid()
        self._buffer = _Buffer(buffer_bytes_max)
        sink = open({**DEFAULTS, **config}, credentials=credentials, **limits)
        self._own_threads = {sink._thread_id()}
        self._thread = threading.Thread(
            target=self._run, args=(sink,), name="spillway-logging", daemon=True
        )
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many records did not fit the buffer, or came after the sink had failed."""
        return self._buffer.dropped

    def handle(self, record: logging.LogRecord) -> bool:
        # Before the handler's lock is taken: `logging.shutdown` holds it while it waits for these
        # threads.
        if threading.get_ident() in self._own_threads:
            return False
        return bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._process != os.getpid():
                raise RuntimeError("the handler was made before a fork; make one in this process")
            line = self.format(record).encode(errors="backslashreplace")
            self._buffer.put(self._key(record), line)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        self._ask(False)

    def close(self) -> None:
        try:
            self._ask(True)
        finally:
            super().close()

    def _ask(self, end: bool) -> None:
        seconds = self._flush_seconds_max
        if self._process == os.getpid() and not self._buffer.ask(_Request(end), seconds):
            self._tell(TimeoutError(f"records are not stored after {seconds:g} s"))

    def _run(self, sink: Sink) -> None:
        self._own_threads.add(threading.get_ident())
        failure: BaseException | None = None
        told = 0
        try:
            while True:
                lines, request = self._buffer.take(self._write_seconds)
                self._write(sink, lines)
                dropped = self._buffer.dropped
                if dropped > told:
                    self._tell(OverflowError(f"{dropped - told:,} records did not fit the buffer"))
                    told = dropped
                if request is not None and request.end:
                    self._report(sink.close)
                    return
                self._report(sink.poll if request is None else sink.flush)
                if request is not None:
                    self._buffer.answer(request)
        except BaseException as error:
            failure = error
            self._tell(error)
        finally:
            self._buffer.end(failure)
            if not sink.closed:
                sink._release()

    def _write(self, sink: Sink, lines: list[tuple[str, bytes]]) -> None:
        for key, group in groupby(lines, key=lambda line: line[0]):
            events = [line for _, line in group]
            try:
                rejections = sink.write(key, events)
            except _FATAL:
                raise
            except (SpillwayError, TypeError, ValueError) as error:
                self._tell(error)
                continue
            if rejections:
                first = rejections[0].reason
                self._tell(ValueError(f"{len(rejections):,} records of {key!r} cannot be stored, "
                                      f"the first since {first}"))

    def _report(self, call: Callable[[], Progress]) -> None:
        try:
            progress = call()
        except _FATAL:
            raise
        except SpillwayError as error:
            self._tell(error)
            return
        if progress.failed:
            self._tell(NotStored(progress))

    def _tell(self, error: BaseException) -> None:
        """By `handleError`, which looks for the exception that is being handled."""
        record = logging.makeLogRecord({"name": "spillway", "msg": str(error), "levelno": 30})
        try:
            raise error
        except BaseException:
            self.handleError(record)


class _Request:
    """Somebody waits until all lines before this are stored, and the sink ended if `end`."""

    def __init__(self, end: bool) -> None:
        self.end = end


class _Buffer:
    """Lines that wait for the thread, and requests that wait for the lines."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._condition = threading.Condition()
        self._lines: list[tuple[str, bytes]] = []
        self._bytes = 0
        self._requests: list[_Request] = []
        self._ended = False
        self._failure: BaseException | None = None
        self.dropped = 0

    def put(self, key: str, line: bytes) -> None:
        with self._condition:
            if self._failure is not None:
                self.dropped += 1
                raise RuntimeError("the sink of the handler has failed") from self._failure
            if self._ended or self._bytes + len(line) > self._bytes_max:
                self.dropped += 1
                return
            self._lines.append((key, line))
            self._bytes += len(line)
            if self._bytes >= _WRITE_BYTES:
                self._condition.notify_all()

    def take(self, seconds: float) -> tuple[list[tuple[str, bytes]], _Request | None]:
        """All lines, once there are many, or some have waited, or somebody asks for something."""
        until = time.monotonic() + seconds
        with self._condition:
            while not self._requests and self._bytes < _WRITE_BYTES:
                left = until - time.monotonic()
                if left <= 0 or not self._condition.wait(left):
                    break
            lines, self._lines, self._bytes = self._lines, [], 0
            return lines, self._requests[0] if self._requests else None

    def ask(self, request: _Request, seconds: float) -> bool:
        """Whether the request was answered in time. After the end everything is."""
        with self._condition:
            if self._ended:
                return True
            self._requests.append(request)
            self._condition.notify_all()
            return self._condition.wait_for(
                lambda: self._ended or request not in self._requests, seconds
            )

    def answer(self, request: _Request) -> None:
        with self._condition:
            self._requests.remove(request)
            self._condition.notify_all()

    def end(self, failure: BaseException | None) -> None:
        with self._condition:
            self._ended, self._failure = True, failure
            self.dropped += len(self._lines)
            self._lines.clear()
            self._condition.notify_all()


def _always(key: str) -> Callable[[logging.LogRecord], str]:
    if not isinstance(key, str) or not key:
        raise ValueError(f"key: expected a str that is not empty, or a function, not {key!r}")
    return lambda record: key


_FATAL = (Trapped, Interrupted, Closed)
_WRITE_BYTES = 1 << 20
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
