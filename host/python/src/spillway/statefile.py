"""A file that keeps the state of a sink together with the position in its source."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ._block import Block

try:
    import fcntl
except ImportError:  # not a Unix: two processes are not kept apart
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Saved:
    """What was stored last."""

    state: bytes
    """The bytes of `Sink.checkpoint`."""
    source: Any
    """Where the source goes on, as it was given to `store`."""


class StateFile(Block):
    """Stores both at once or neither, also where the process or the machine stops meanwhile.

    A second process that opens the same file gets `BlockingIOError`. Use it as a context manager,
    or call `close`. The file has mode 0600: it holds events that the store does not have yet.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock: IO[bytes] | None = Path(f"{self._path}.lock").open("ab")
        if fcntl is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise BlockingIOError(f"{self._path}: another process uses this file") from None

    def load(self) -> Saved | None:
        """What was stored last; `None` where nothing was. Raises `ValueError` for another file."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        header, _, state = data.partition(b"\n")
        try:
            fields = json.loads(header)
            whole = fields["format"] == _FORMAT and fields["digest"] == _digest(
                state, fields["source"]
            )
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise ValueError(f"{self._path}: not a state file, of another version, or damaged")
        return Saved(state, fields["source"])

    def store(self, state: bytes, source: Any) -> None:
        """Replaces what is stored. `source` is anything that JSON can hold.

        When this returns, it is safe to call `Sink.commit`.
        """
        if self._lock is None:
            raise ValueError(f"{self._path}: the file was closed")
        fields = {"format": _FORMAT, "digest": _digest(state, source), "source": source}
        header = json.dumps(fields, allow_nan=False).encode()
        written = Path(f"{self._path}.tmp")
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(header + b"\n")
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, self._path)
        _sync_folder(self._path.parent)

    def remove(self) -> None:
        """Forgets what is stored: after `Sink.finish`, where the source will not go on."""
        self._path.unlink(missing_ok=True)
        _sync_folder(self._path.parent)

    def close(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _end_block(self, raised: BaseException | None) -> None:
        self.close()


def _digest(state: bytes, source: Any) -> str:
    digest = hashlib.sha256(json.dumps(source, allow_nan=False, sort_keys=True).encode())
    digest.update(state)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """A name is only safe once its folder is."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_FORMAT = "spillway-python-1"
