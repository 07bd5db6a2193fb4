"""From what a caller hands over to the runs of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Union

Events = Union[str, bytes, Iterable[Union[str, bytes]]]


@dataclass(frozen=True)
class Piece:
    """Events that cross in one call."""

    payload: bytes
    events: int
    ends: list[int] | None
    """Where each ends in the payload; `None` where each is a line of it."""
    utf8: bool
    rest: Callable[[], Events]
    """The events from the first of this piece on, as the caller may hand them over again."""

    def run(self, key: bytes, first: int, at: int | None) -> dict[str, Any]:
        """As the contract has it."""
        lines = self.ends is None
        return {
            "key": key,
            "first": first,
            "at": at,
            "payload": ("text" if self.utf8 else "bytes", self.payload),
            "boundaries": ("lines", self.events) if lines else ("at", self.ends),
            "framing": "newline" if lines else "bare",
        }


def pieces(events: Events, exact: bool) -> Iterator[Piece]:
    """The events in pieces of about `PIECE_BYTES`, or of one event where that is longer."""
    if not isinstance(exact, bool):
        raise TypeError(f"exact: expected a bool, not {type(exact).__name__}")
    if isinstance(events, (str, bytes)):
        return _listed(iter((events,)), True) if exact else _lines(events)
    if isinstance(events, (bytearray, memoryview)):
        raise TypeError(f"events: expected bytes, not {type(events).__name__}")
    if not isinstance(events, Iterable) or isinstance(events, dict):
        raise TypeError(
            f"events: expected str, bytes or an iterable of them, not {type(events).__name__}"
        )
    return _listed(iter(events), exact)


def _lines(text: str | bytes) -> Iterator[Piece]:
    """The lines of a text."""
    begin = 0
    while begin < len(text):
        end = _end_of_lines(text, begin, PIECE_BYTES)
        part = text[begin:end]
        payload = _encoded(part, "events") if isinstance(part, str) else part
        if not payload.endswith(b"\n"):
            payload += b"\n"
        _bound(len(payload), "events")
        utf8 = isinstance(part, str)
        yield Piece(payload, payload.count(b"\n"), None, utf8, _remainder(text, begin))
        begin = end


def _end_of_lines(text: str | bytes, begin: int, size: int) -> int:
    """The end of the last line that ends within `size`, else of the first: no line is cut."""
    if begin + size >= len(text):
        return len(text)
    if isinstance(text, str):
        end = text.rfind("\n", begin, begin + size) + 1
        return end or text.find("\n", begin + size) + 1 or len(text)
    end = text.rfind(b"\n", begin, begin + size) + 1
    return end or text.find(b"\n", begin + size) + 1 or len(text)


def _remainder(text: str | bytes, begin: int) -> Callable[[], str | bytes]:
    return lambda: text[begin:]


def _listed(items: Iterator[str | bytes], exact: bool) -> Iterator[Piece]:
    """The items of an iterable, each an event."""
    taken: list[str | bytes] = []
    events: list[bytes] = []
    size = 0
    for place, item in enumerate(items):
        event = _event(item, place)
        if not exact and event.endswith(b"\n"):
            event = event[:-1]
        _bound(len(event), f"events[{place}]")
        if events and (size + len(event) >= PIECE_BYTES or len(events) == PIECE_EVENTS):
            yield _piece(taken, events, chain((item,), items))
            taken, events, size = [], [], 0
        taken.append(item)
        events.append(event)
        size += len(event) + 1
    if events:
        yield _piece(taken, events, items)


def _piece(
    taken: list[str | bytes], events: list[bytes], items: Iterator[str | bytes]
) -> Piece:
    def rest() -> Events:
        return chain(taken, items)

    joined = b"\n".join(events) + b"\n"
    if joined.count(b"\n") == len(events):
        return Piece(joined, len(events), None, False, rest)
    ends, end = [], 0
    for event in events:
        end += len(event)
        ends.append(end)
    payload = b"".join(events)
    return Piece(payload, len(events), ends, False, rest)


def _event(item: object, place: int) -> bytes:
    if isinstance(item, str):
        return _encoded(item, f"events[{place}]")
    if isinstance(item, bytes):
        return item
    raise TypeError(f"events[{place}]: expected str or bytes, not {type(item).__name__}")


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: the character at {error.start} is a surrogate, which UTF-8 does not have"
        ) from None


def _bound(size: int, name: str) -> None:
    if size > EVENT_BYTES_MAX:
        raise ValueError(f"{name}: {size:,} bytes in one event; at most {EVENT_BYTES_MAX:,}")


PIECE_BYTES = 1 << 20
"""Events cross in pieces of this size: larger ones are no faster, and stay in memory longer."""
PIECE_EVENTS = 1 << 16
EVENT_BYTES_MAX = 1 << 30
