"""The values that a sink returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Union

from .errors import SpillwayError

Ending = Literal["complete", "abort", "suspend"]
"""How a sink ends: see `Sink.close`."""


@dataclass(frozen=True)
class Rejection:
    """An event that the sink will never be able to store. The caller still has it, and decides."""

    position: int
    reason: str


@dataclass(frozen=True)
class VisibleObject:
    """An object that became visible in the bucket."""

    key: str
    """The key that its events have."""
    object_key: str
    """Its own key in the store."""
    first: int
    """The position of its first event."""
    last: int
    """The position of its last event."""
    events: int
    bytes: int
    """Its size, as stored."""
    parts: int
    """How many parts it was uploaded in; 0 where it was put in one request."""


@dataclass(frozen=True)
class Failure:
    """Events that were accepted and could not be stored.

    They are the events with `key` and a position from `first` to `last`, both included, without
    those that were rejected.
    """

    key: str
    object_key: str
    begun: int
    """The position of the first event of the object that failed."""
    first: int
    last: int
    events: int
    cause: SpillwayError


@dataclass(frozen=True)
class Notice:
    """Something that an operator may want to read."""

    level: Literal["info", "warning"]
    message: str


@dataclass(frozen=True)
class Progress:
    """How far the sink has come. Lists hold what is new since the last call that returned one."""

    durable: int
    """Every event before this position is stored, or was reported. The caller may forget them."""
    visible: tuple[VisibleObject, ...]
    failed: tuple[Failure, ...]
    wants_checkpoint: bool
    """Sealed objects wait for a `commit`."""
    notices: tuple[Notice, ...]
    notices_dropped: int


@dataclass(frozen=True)
class Histogram:
    """How observations are spread."""

    buckets: tuple[tuple[float, int], ...]
    """Bounds, rising, each with the number of observations between it and the bound before."""
    beyond: int
    """How many observations were over the last bound."""
    sum: float


@dataclass(frozen=True)
class Metric:
    """One number that the sink keeps, with the names and units of Prometheus."""

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    value: Union[float, Histogram]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IncompleteUpload:
    """A multipart upload that was begun and not completed."""

    object_key: str
    id: str
    begun: int | None
    """When it was begun, in nanoseconds since 1970, where the store says so."""
    parts: int | None


@dataclass(frozen=True)
class SavedObject:
    """An object that a state knows and that is not visible yet."""

    key: str
    object_key: str
    id: str | None
    first: int
    last: int
    events: int
    bytes: int
    held_bytes: int
    """How many of its bytes lie in the state itself."""
    phase: Literal["open", "sealed", "committed", "failed"]


@dataclass(frozen=True)
class SavedState:
    """What the bytes of a checkpoint hold."""

    next_position: int
    """The position that the next write begins with."""
    configuration: Mapping[str, str]
    """What the state depends on."""
    objects: tuple[SavedObject, ...]
    to_abort: tuple[IncompleteUpload, ...]


@dataclass(frozen=True)
class Description:
    """What the component is."""

    name: str
    version: str
    configuration_schema: str
    """The JSON Schema (draft 2020-12) of the configuration."""
