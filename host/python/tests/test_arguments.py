"""A wrong argument is refused before it reaches the component, by its name, and ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from conftest import CREDENTIALS, Server

import spillway
from spillway import _runs

NAIVE = datetime(2026, 5, 1)
LONG_AGO = datetime(1969, 12, 31, tzinfo=timezone.utc)
FAR_AHEAD = datetime(2600, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def sink(open_sink: Callable[..., spillway.Sink]) -> Iterator[spillway.Sink]:
    with open_sink() as sink:
        sink.write("key", "0\n1\n2\n")
        yield sink
        # Whatever was refused: the sink lives, and stands where it stood.
        assert sink.position == 3
        assert sink.write("key", "3\n") == []
        assert sink.flush().durable == 4


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"key": ""}, ValueError, "key: expected at least one character"),
        ({"key": None}, TypeError, "key: expected a str, not NoneType"),
        ({"key": b"key"}, TypeError, "key: expected a str, not bytes"),
        ({"key": "a\ud800"}, ValueError, "key: the character at 1 is a surrogate"),
        ({"events": None}, TypeError, "events: expected str, bytes or an iterable"),
        ({"events": 7}, TypeError, "events: expected str, bytes or an iterable"),
        ({"events": {"a": 1}}, TypeError, "events: expected .* not dict"),
        ({"events": bytearray(b"x")}, TypeError, "events: expected bytes, not bytearray"),
        ({"events": memoryview(b"x")}, TypeError, "events: expected bytes, not memoryview"),
        ({"events": ["a", 7]}, TypeError, r"events\[1\]: expected str or bytes, not int"),
        ({"events": ["a", None]}, TypeError, r"events\[1\]: .* not NoneType"),
        ({"events": "ok\n\udcff"}, ValueError, "events: the character at 3 is a surrogate"),
        ({"events": ["ok", "\udcff"]}, ValueError, r"events\[1\]: the character at 0"),
        ({"first": -1}, ValueError, "first: expected 0 to 18446744073709551615, not -1"),
        ({"first": 1 << 64}, ValueError, "first: expected 0 to"),
        ({"first": 2}, ValueError, "first: 2 is before position 3"),
        ({"first": 3.0}, TypeError, "first: expected an int, not float"),
        ({"first": "3"}, TypeError, "first: expected an int, not str"),
        ({"first": True}, TypeError, "first: expected an int, not bool"),
        ({"at": -1}, ValueError, "at: expected 0 to"),
        ({"at": 1 << 64}, ValueError, "at: expected 0 to"),
        ({"at": 1.5}, TypeError, "at: expected nanoseconds since 1970, or a datetime, not float"),
        ({"at": NAIVE}, ValueError, "at: expected a datetime with a time zone"),
        ({"at": LONG_AGO}, ValueError, "at: expected a time between 1970 and 2554"),
        ({"at": FAR_AHEAD}, ValueError, "at: expected a time between 1970 and 2554"),
        ({"exact": 1}, TypeError, "exact: expected a bool, not int"),
    ],
)
def test_write(
    sink: spillway.Sink, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"key": "key", "events": "x\n", **given}
    with pytest.raises(error, match=message):
        sink.write(**arguments)


def test_an_event_beyond_the_bound(
    sink: spillway.Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_runs, "EVENT_BYTES_MAX", 100)
    with pytest.raises(ValueError, match=r"events\[0\]: 101 bytes in one event; at most 100"):
        sink.write("key", ["x" * 101])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda sink: sink.skip(-1), ValueError, "to: expected 0 to"),
        (lambda sink: sink.skip(2), ValueError, "to: 2 is before position 3"),
        (lambda sink: sink.skip(None), TypeError, "to: expected an int, not NoneType"),
        (lambda sink: sink.close("now"), ValueError, "how: expected one of 'complete', 'abort'"),
        (lambda sink: sink.close(None), ValueError, "how: expected one of"),
        (lambda sink: sink.abort_upload("", "id"), ValueError, "object_key: expected at least"),
        (lambda sink: sink.abort_upload("key", ""), ValueError, "id: expected at least"),
        (lambda sink: sink.abort_upload("key", 7), TypeError, "id: expected a str, not int"),
    ],
)
def test_other_calls(
    sink: spillway.Sink,
    call: Callable[[spillway.Sink], object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        call(sink)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"config": None}, TypeError, "config: expected a mapping or JSON as a str"),
        ({"config": b"{}"}, TypeError, "config: expected a mapping or JSON as a str, not bytes"),
        ({"config": {"bucket": {1}}}, spillway.Invalid, "not JSON: .* set"),
        ({"config": {"x": float("nan")}}, spillway.Invalid, "a number that JSON lacks"),
        ({"config": "[]"}, spillway.Invalid, "object"),
        ({"config": "{"}, spillway.Invalid, "."),
        ({"state": "text"}, TypeError, "state: expected bytes, not str"),
        ({"state": bytearray(b"x")}, TypeError, "state: expected bytes, not bytearray"),
        ({"credentials": "secret"}, TypeError, "credentials: expected Credentials, .* not str"),
        ({"credentials": ("a", "b")}, TypeError, "credentials: expected Credentials"),
        ({"memory_bytes_max": -1}, ValueError, "memory_bytes_max: expected 0 to"),
        ({"memory_bytes_max": 1 << 33}, ValueError, "memory_bytes_max: expected 0 to"),
        ({"memory_bytes_max": 1e9}, TypeError, "memory_bytes_max: expected an int, not float"),
        ({"compute_seconds_max": 0}, ValueError, "compute_seconds_max: expected .* above 0"),
        ({"compute_seconds_max": float("inf")}, ValueError, "compute_seconds_max: expected"),
        ({"compute_seconds_max": "1"}, TypeError, "compute_seconds_max: expected a number"),
        ({"cache": 7}, TypeError, "cache: expected a path or a bool, not int"),
    ],
)
def test_open(
    server: Server, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"config": server.config("x"), "credentials": CREDENTIALS, **given}
    with pytest.raises(error, match=message) as raised:
        spillway.open(**arguments)
    assert "secret" not in str(raised.value)


def test_all_problems_of_a_configuration_are_named() -> None:
    with pytest.raises(spillway.Invalid) as raised:
        spillway.open({"bukket": "my-events", "part_bytes": 1, "rotate": {"age": 1}})
    fields = [problem.field for problem in raised.value.problems]
    assert fields == ["bukket", "rotate.age", "bucket", "part_bytes"] or set(fields) == {
        "bukket", "rotate.age", "bucket", "part_bytes",
    }
    assert "did you mean `bucket`?" in str(raised.value)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("secret", ["", None, 7, b"bytes"])
def test_credentials(secret: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="secret_access_key: expected"):
        spillway.Credentials("id", secret)


def test_an_expiry_without_a_zone() -> None:
    with pytest.raises(ValueError, match="expires_at: expected a datetime with a time zone"):
        spillway.Credentials("id", "secret", expires_at=NAIVE)
