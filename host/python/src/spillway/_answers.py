"""From the values of the contract to the types of this package."""

from __future__ import annotations

from typing import Any

from .errors import (
    Aborted,
    Busy,
    Closed,
    Conflict,
    Denied,
    Invalid,
    Problem,
    SpillwayError,
    Unavailable,
    UnknownState,
    Unsupported,
)
from .types import (
    Description,
    Failure,
    Histogram,
    IncompleteUpload,
    Metric,
    Notice,
    Progress,
    Rejection,
    SavedObject,
    SavedState,
    VisibleObject,
)


def ok(result: tuple[str, Any]) -> Any:
    """What a call returned; raises what it failed with."""
    ending, value = result
    if ending == "err":
        raise error(value)
    return value


def error(value: tuple[str, Any]) -> SpillwayError:
    case, payload = value
    if case == "invalid":
        return Invalid(Problem(**problem) for problem in payload)
    if case in _TEXTS:
        return _TEXTS[case](payload)
    kind, text = _FIXED[case]
    return kind(text)


def progress(value: dict[str, Any]) -> Progress:
    return Progress(
        durable=value["durable"],
        visible=tuple(VisibleObject(**each) for each in value["visible"]),
        failed=tuple(_failure(each) for each in value["failed"]),
        wants_checkpoint=value["wants_checkpoint"],
        notices=tuple(Notice(**each) for each in value["notices"]),
        notices_dropped=value["notices_dropped"],
    )


def report(function: str, result: tuple[str, Any]) -> Progress | None:
    """The progress that a function returned; `None` where it failed, or returns another thing."""
    ending, value = result
    return progress(value) if ending == "ok" and function in _REPORTING else None


def joined(one: Progress, other: Progress) -> Progress:
    """What two calls reported, one after the other."""
    return Progress(
        durable=other.durable,
        visible=one.visible + other.visible,
        failed=one.failed + other.failed,
        wants_checkpoint=other.wants_checkpoint,
        notices=one.notices + other.notices,
        notices_dropped=one.notices_dropped + other.notices_dropped,
    )


def rejections(value: list[dict[str, Any]]) -> list[Rejection]:
    return [Rejection(**each) for each in value]


def metrics(value: list[dict[str, Any]]) -> list[Metric]:
    return [_metric(each) for each in value]


def upload(value: dict[str, Any]) -> IncompleteUpload:
    return IncompleteUpload(**value)


def saved_state(value: dict[str, Any]) -> SavedState:
    return SavedState(
        next_position=value["next_position"],
        configuration=dict(value["configuration"]),
        objects=tuple(SavedObject(**each) for each in value["objects"]),
        to_abort=tuple(upload(each) for each in value["to_abort"]),
    )


def description(value: dict[str, Any]) -> Description:
    return Description(**value)


def _failure(value: dict[str, Any]) -> Failure:
    return Failure(**{**value, "cause": error(value["cause"])})


def _metric(value: dict[str, Any]) -> Metric:
    kind, number = value["value"]
    if kind == "histogram":
        number = Histogram(tuple(number["buckets"]), number["beyond"], number["sum"])
    return Metric(value["name"], value["help"], kind, number, dict(value["labels"]))


_REPORTING = ("[method]sink.poll", "[method]sink.flush", "[method]sink.close")

_TEXTS: dict[str, type[SpillwayError]] = {
    "denied": Denied,
    "unavailable": Unavailable,
    "unknown_state": UnknownState,
    "conflict": Conflict,
    "unsupported": Unsupported,
}

_FIXED: dict[str, tuple[type[SpillwayError], str]] = {
    "busy": (Busy, "objects wait for a commit: checkpoint, store the bytes, commit, call again"),
    "aborted": (Aborted, "the sink was closed before the events were stored"),
    "closed": (Closed, "the sink was closed"),
}
