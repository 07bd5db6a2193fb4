"""Arguments, proven before they reach the component: a wrong one would end it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from .credentials import Credentials, Provider, Source, default, nanoseconds
from .errors import Invalid, Problem
from .types import Ending

U64_MAX = (1 << 64) - 1


def config(given: Mapping[str, Any] | str) -> tuple[bytes, bool]:
    """The configuration as JSON, and whether it asks for checkpoints."""
    if isinstance(given, str):
        text = given
    elif isinstance(given, Mapping):
        try:
            text = json.dumps(dict(given), allow_nan=False)
        except (TypeError, ValueError) as error:
            # The error of `json` names types; it may also show a value, which may be secret.
            reason = str(error) if isinstance(error, TypeError) else "a number that JSON lacks"
            raise Invalid([Problem("", f"the configuration is not JSON: {reason}")]) from None
    else:
        raise TypeError(f"config: expected a mapping or JSON as a str, not {_kind(given)}")
    utf8 = string("config", text, empty=True)
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None  # the component says what is wrong with it
    return utf8, isinstance(parsed, dict) and parsed.get("commit") == "checkpointed"


def provider(given: Source) -> Provider:
    if given is None:
        return default()
    if isinstance(given, Credentials):
        return lambda fresh: given
    if callable(given):
        return given
    raise TypeError(
        f"credentials: expected Credentials, a function that returns them, or None, "
        f"not {_kind(given)}"
    )


def string(name: str, value: object, empty: bool = False) -> bytes:
    """A text as UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a str, not {_kind(value)}")
    if not value and not empty:
        raise ValueError(f"{name}: expected at least one character")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: the character at {error.start} is a surrogate, which UTF-8 does not have"
        ) from None


def octets(name: str, value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"{name}: expected bytes, not {_kind(value)}")
    return value


def position(name: str, value: object, least: int) -> int:
    """A position, which is not before `least`."""
    number = integer(name, value, 0, U64_MAX)
    if number < least:
        raise ValueError(f"{name}: {number} is before position {least}, where the last one ended")
    return number


def moment(name: str, value: object) -> int | None:
    """Nanoseconds since 1970."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        return integer(name, value, 0, U64_MAX, "nanoseconds since 1970, or a datetime")
    if value.tzinfo is None:
        raise ValueError(f"{name}: expected a datetime with a time zone")
    since = nanoseconds(value)
    if not 0 <= since <= U64_MAX:
        raise ValueError(f"{name}: expected a time between 1970 and 2554, not {value}")
    return since


def integer(name: str, value: object, least: int, most: int, what: str = "an int") -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected {what}, not {_kind(value)}")
    if not least <= value <= most:
        raise ValueError(f"{name}: expected {least} to {most}, not {value}")
    return value


def seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: expected a number of seconds, not {_kind(value)}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}: expected a number of seconds above 0, not {value}")
    return float(value)


def ending(value: object) -> Ending:
    for known in get_args(Ending):
        if value == known:
            return known  # type: ignore[no-any-return]
    expected = ", ".join(repr(each) for each in get_args(Ending))
    raise ValueError(f"how: expected one of {expected}, not {value!r}")


def _kind(value: object) -> str:
    return type(value).__name__
