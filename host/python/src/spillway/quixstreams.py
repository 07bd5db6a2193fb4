"""A sink for Quix Streams: the messages of Kafka topics become lines of objects.

Needs the package `quixstreams`: `pip install './host/python[quixstreams]'` in a clone
of the repository.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from quixstreams.sinks.base import BaseSink

from ._block import Block
from ._open import open
from ._sink import Sink
from .credentials import Source
from .errors import Busy, NotStored
from .statefile import StateFile
from .types import Rejection

_log = logging.getLogger("spillway")


DEFAULTS: Mapping[str, Any] = {
    "commit": "checkpointed",
    "key_template": "{key}/{date:%Y/%m/%d}/{uuid}.ndjson",
    "content_type": "application/x-ndjson",
    "max_open_objects": 16,
    "rotate": {"age_ms": 60_000, "bytes": 64 << 20},
}
"""Fields of the configuration that hold where the given one is silent."""


class Message(NamedTuple):
    """A message as the dataframe hands it to a sink."""

    value: Any
    key: Any
    timestamp: datetime
    headers: Any
    topic: str
    partition: int
    offset: int


def by_partition(message: Message) -> str:
    """The key of events: one per topic and partition."""
    return f"{message.topic}/{message.partition}"


def as_json(message: Message) -> str | bytes:
    """A text and bytes as they are, any other value as one line of JSON."""
    if isinstance(message.value, (str, bytes)):
        return message.value
    return json.dumps(message.value, ensure_ascii=False)


def stop(rejection: Rejection) -> None:
    """Ends the application where a message can never be stored."""
    raise ValueError(f"a message cannot be stored: {rejection.reason}")


class S3Sink(Block, BaseSink):
    """Stores messages in S3, each exactly once where the state file lives on.

    When the application commits a checkpoint, the state of the sink and the offsets go into the
    state file, then objects that have ended become visible, and then the offsets go to Kafka. After
    a crash between the two, Kafka hands out messages again that the state file knows: they are
    passed over.

    So the state file must outlive the process, and the partitions must come back to it: one process
    for each state file, whose partitions do not move. Where they move to another process, messages
    since the last commit to Kafka may be stored twice; none is lost.

    - `config`: the fields of `[sink.config]`; `DEFAULTS` fill in what it leaves out.
    - `state_file`: where the state is kept. Its folder must exist.
    - `key`: the key of the events of a message; all messages of a key form objects together.
    - `serialize`: the event of a message.
    - `on_rejected`: what happens where a message can never be stored; by default the application
      ends with a `ValueError`.

    Use it as a context manager around `Application.run`, or call `close` after it.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        state_file: str | Path,
        *,
        key: Callable[[Message], str] = by_partition,
        serialize: Callable[[Message], str | bytes] = as_json,
        on_rejected: Callable[[Rejection], None] = stop,
        credentials: Source = None,
        **limits: Any,
    ) -> None:
        super().__init__()
        if config.get("commit", "checkpointed") != "checkpointed":
            raise ValueError("commit: this sink needs 'checkpointed'; leave the field out")
        self._config = {**DEFAULTS, **config}
        self._key, self._serialize, self._on_rejected = key, serialize, on_rejected
        self._credentials, self._limits = credentials, limits
        self._file = StateFile(state_file)
        self._sink: Sink | None = None
        self._next: dict[str, int] = {}
        self._taken: dict[str, int] = {}
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._passed_over: set[str] = set()

    def setup(self) -> None:
        """Opens the sink, and goes on from the state file."""
        saved = self._file.load()
        if saved is not None:
            self._taken = dict(saved.source)
            self._next = dict(saved.source)
        state = None if saved is None else saved.state
        self._sink = open(
            self._config, state=state, credentials=self._credentials, **self._limits
        )

    def add(
        self,
        value: Any,
        key: Any,
        timestamp: int,
        headers: Any,
        topic: str,
        partition: int,
        offset: int,
    ) -> None:
        place = f"{topic}/{partition}"
        if offset < self._next.get(place, 0):
            self._tell_passed_over(place, offset)
            return
        moment = _EPOCH + timedelta(milliseconds=timestamp)
        message = Message(value, key, moment, headers, topic, partition, offset)
        event = self._serialize(message)
        self._waiting.append(_Waiting(self._key(message), event, place, offset + 1))
        self._next[place] = offset + 1
        self._waiting_bytes += len(event)
        if self._waiting_bytes >= _WRITE_BYTES:
            self._write()

    def flush(self) -> None:
        """Stores a checkpoint: the application calls this before it commits offsets to Kafka."""
        self._write()
        self._checkpoint()
        progress = self._open().poll()
        if progress.failed:
            raise NotStored(progress)

    def complete(self) -> None:
        """Ends all objects and makes them visible. More messages may follow."""
        self.flush()
        sink = self._open()
        while sink.flush().wants_checkpoint:
            self._checkpoint()

    def close(self) -> None:
        """Suspends the sink: open objects are continued by the next process.

        Raises `NotStored` where messages could not be stored, and no call has said so.
        """
        sink, self._sink = self._sink, None
        try:
            if sink is not None and not sink.closed:
                sink.close("suspend")
        finally:
            self._file.close()

    def _end_block(self, raised: BaseException | None) -> None:
        try:
            self.close()
        except NotStored as lost:
            if raised is None:
                raise
            _log.warning("the sink did not end in order: %s", lost)

    def _write(self) -> None:
        """Hands over what waits, run by run of one key."""
        sink = self._open()
        for key, group in groupby(self._waiting, key=lambda each: each.key):
            left = list(group)
            while left:
                try:
                    rejections = sink.write(key, [each.event for each in left], exact=True)
                except Busy as busy:
                    self._took(left[: busy.taken])
                    self._reject(busy.rejections)
                    left = left[busy.taken :]
                    self._checkpoint()
                    continue
                self._took(left)
                self._reject(rejections)
                left = []
        self._waiting.clear()
        self._waiting_bytes = 0

    def _took(self, events: list[_Waiting]) -> None:
        for each in events:
            self._taken[each.place] = each.after

    def _reject(self, rejections: Sequence[Rejection]) -> None:
        for rejection in rejections:
            self._on_rejected(rejection)

    def _checkpoint(self) -> None:
        sink = self._open()
        self._file.store(sink.checkpoint(), self._taken)
        sink.commit()

    def _open(self) -> Sink:
        if self._sink is None:
            raise RuntimeError("the sink is not open: `Application.run` calls `setup`")
        return self._sink

    def _tell_passed_over(self, place: str, offset: int) -> None:
        if place not in self._passed_over:
            self._passed_over.add(place)
            _log.warning(
                "messages of %s from offset %d on are passed over, since the state file has "
                "everything before offset %d",
                place, offset, self._next[place],
            )


class _Waiting(NamedTuple):
    """An event that the sink does not have yet, and the offset that is next once it has."""

    key: str
    event: str | bytes
    place: str
    after: int


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_WRITE_BYTES = 1 << 20
