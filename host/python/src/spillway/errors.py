"""What can go wrong, by the kinds of the contract and by what the caller must do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .types import Progress, Rejection


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration or a call."""

    field: str
    """The field, with dots between its levels; empty where it concerns the whole."""
    message: str
    """What was seen, and what is allowed."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class SpillwayError(Exception):
    """The base of all errors of this package but `TypeError` and `ValueError`.

    The attributes say what came of the `write` that failed. After any other call they are empty.
    """

    taken: int = 0
    """How many events of that `write` the sink has taken. They are not lost."""
    rejections: Sequence[Rejection] = ()
    """Those of them that it will never be able to store."""
    rest: str | bytes | Iterable[str | bytes] = ()
    """The events that it has not taken: write them again. An iterator can be read once."""


class Invalid(SpillwayError, ValueError):
    """The configuration or the call is wrong. Retrying cannot help."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)) or "the call is wrong")


class Denied(SpillwayError):
    """The store said no: credentials, permissions, a bucket that does not exist."""


class Unavailable(SpillwayError):
    """The store did not answer, and the sink's own retries are spent. Try later."""


class Busy(SpillwayError):
    """The sink can go on only after a commit: `checkpoint`, store it, `commit`, and call again."""


class Aborted(SpillwayError):
    """The sink was closed before the events were stored. Only as the cause of a `Failure`."""


class Closed(SpillwayError):
    """The sink was closed. Only `metrics` may be called. Open another one."""


class UnknownState(SpillwayError):
    """The state is of another configuration or version, or is damaged."""


class Conflict(SpillwayError):
    """The stored state is not the one that was expected: another writer has replaced it."""


class Unsupported(SpillwayError):
    """The component does not do what was asked."""


class NotStored(SpillwayError):
    """Events that were accepted could not be stored: `progress.failed` says which, and why.

    Where the credentials provider raised an exception meanwhile, that is the `__cause__`.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        failed = progress.failed
        events = sum(failure.events for failure in failed)
        first = failed[0]
        super().__init__(
            f"{events:,} {'event' if events == 1 else 'events'} could not be stored; the first "
            f"is at position {first.first}, for the object {first.object_key!r}: {first.cause}"
        )


class Trapped(SpillwayError):
    """The component was ended: it broke down, or reached a limit. No call can follow.

    What was not visible or in a committed checkpoint is not stored. Its uploads remain in the store
    as incomplete ones.
    """


class Interrupted(SpillwayError):
    """An exception, such as `KeyboardInterrupt`, ended the wait for an earlier call.

    What came of that call is not known. Only `close` may be called. It also reports what that call
    would have reported.
    """


class CredentialsError(SpillwayError):
    """The credentials provider raised an exception, which is the `__cause__`.

    Where the call itself succeeded, `returned` is what it returned. Where it failed as well,
    `error` is its error. The sink stays open, unless the call was a `close` that succeeded.

    It never hides events that could not be stored: then `NotStored` is raised in its place. Only
    after `close("abort")`, what was given up is in `returned.failed`.
    """

    def __init__(
        self, raised: BaseException, returned: object, error: SpillwayError | None
    ) -> None:
        self.returned = returned
        self.error = error
        ending = f"the call failed: {error}" if error else "the call itself succeeded"
        super().__init__(f"the credentials provider raised {type(raised).__name__}; {ending}")
