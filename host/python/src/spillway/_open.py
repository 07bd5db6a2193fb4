"""How a sink is opened, and what can be asked without one."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import _answers, _checked, _component, _guest
from ._credentials import Import
from ._instance import Instance, Limits
from ._sink import Sink, told
from .credentials import Source
from .types import Description, SavedState

MEMORY_BYTES_MAX = 4 << 30
COMPUTE_SECONDS_MAX = 60.0


def open(
    config: Mapping[str, Any] | str,
    *,
    state: bytes | None = None,
    credentials: Source = None,
    memory_bytes_max: int = MEMORY_BYTES_MAX,
    compute_seconds_max: float = COMPUTE_SECONDS_MAX,
    ca_file: str | Path | None = None,
    cache: str | Path | bool = True,
) -> Sink:
    """Opens a sink, and makes no request unless there is `state`.

    - `config`: the fields of `[sink.config]`, or their JSON.
    - `state`: what an earlier `checkpoint` returned. The sink goes on from there.
    - `credentials`: credentials, or a function that returns them; without them, those of the
      environment or of `boto3`.
    - `memory_bytes_max`: how much memory the component may have.
    - `compute_seconds_max`: how long one call may compute, in seconds of processor time. Waiting
      for the store does not count.
    - `ca_file`: a PEM file of certificates to trust beside the system's.
    - `cache`: the folder that keeps the compiled component; `True` for one in the user's folder for
      caches, `False` for none.

    Raises `Invalid` with all that is wrong with the configuration, and `UnknownState`.
    """
    json, checkpointed = _checked.config(config)
    if state is not None:
        _checked.octets("state", state)
    limits = Limits(
        _checked.integer("memory_bytes_max", memory_bytes_max, 0, MEMORY_BYTES_MAX),
        _checked.seconds("compute_seconds_max", compute_seconds_max),
    )
    asks = Import(_checked.provider(credentials))
    instance = Instance(asks, limits, _ca_file(ca_file), _cache(cache))
    try:
        instance.grant(_answers.ok(instance.call("egress", _guest.text(json))))
        # Asked before the state is resumed: `open` may already make requests.
        position = 0 if state is None else _inspect(instance, state).next_position
        resumed = _guest.optional(state)
        told(
            lambda: _answers.ok(instance.call("[static]sink.open", _guest.text(json), resumed)),
            asks,
        )
        return Sink(instance, asks, position, checkpointed)
    except BaseException:
        instance.end()
        raise


def describe() -> Description:
    """What the component is, with the JSON Schema of its configuration."""
    with _unconfigured() as instance:
        return _answers.description(instance.call("describe"))


def egress(config: Mapping[str, Any] | str) -> list[str]:
    """The authorities (`host:port`) that a sink of this configuration talks to."""
    json, _ = _checked.config(config)
    with _unconfigured() as instance:
        authorities: list[str] = _answers.ok(instance.call("egress", _guest.text(json)))
        return authorities


def inspect_state(state: bytes) -> SavedState:
    """What the bytes of a checkpoint hold. Raises `UnknownState` where they are no such bytes."""
    _checked.octets("state", state)
    with _unconfigured() as instance:
        return _inspect(instance, state)


def _inspect(instance: Instance, state: bytes) -> SavedState:
    return _answers.saved_state(_answers.ok(instance.call("inspect-state", _guest.octets(state))))


@contextmanager
def _unconfigured() -> Iterator[Instance]:
    """An instance for the functions that need no configuration and make no request."""
    limits = Limits(MEMORY_BYTES_MAX, COMPUTE_SECONDS_MAX)
    instance = Instance(Import(_checked.provider(None)), limits, None, _cache(True))
    try:
        yield instance
    finally:
        instance.end()


def _ca_file(given: str | Path | None) -> str | None:
    """A file that can be read as certificates. Raises `ValueError` for another one."""
    if given is None:
        return None
    if not isinstance(given, (str, Path)):
        raise TypeError(f"ca_file: expected a path or None, not {type(given).__name__}")
    try:
        ssl.create_default_context(cafile=str(given))
    except OSError as error:  # `ssl.SSLError` is one, and shows no byte of the file
        reason = "no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"ca_file: {str(given)!r}: {reason}") from None
    return str(given)


def _cache(given: str | Path | bool) -> Path | None:
    if isinstance(given, bool):
        return _component.default_cache() if given else None
    if not isinstance(given, (str, Path)):
        raise TypeError(f"cache: expected a path or a bool, not {type(given).__name__}")
    return Path(given)
