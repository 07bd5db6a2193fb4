"""A sink that is open."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from . import _answers, _checked, _guest
from ._block import Block
from ._contract import ENDING
from ._credentials import Import
from ._instance import Instance
from ._runs import Events, pieces
from .errors import (
    Busy,
    Closed,
    CredentialsError,
    Interrupted,
    NotStored,
    SpillwayError,
    Trapped,
)
from .types import Ending, IncompleteUpload, Metric, Notice, Progress, Rejection

T = TypeVar("T")

_log = logging.getLogger("spillway")


class Sink(Block):
    """Takes events and stores them as objects. Made by `spillway.open`.

    As a context manager it is closed at the end: completed where the block ends normally. Where an
    exception ends the block, a sink with checkpoints is suspended, to be resumed from the last
    committed one, and another is aborted: what is not visible is given up.

    A sink may be used from several threads; its calls are made one at a time.
    """

    def __init__(
        self, instance: Instance, asks: Import, position: int, checkpointed: bool
    ) -> None:
        self._instance = instance
        self._asks = asks
        self._position = position
        self._checkpointed = checkpointed
        self._closed = False
        self._last_metrics: list[Metric] = []
        self._unreported: Progress | None = None
        self._lock = threading.RLock()
        self._calling = False

    @property
    def position(self) -> int:
        """The position after the last event taken or skipped: the next one begins there."""
        return self._position

    @property
    def closed(self) -> bool:
        return self._closed

    def write(
        self,
        key: str,
        events: Events,
        *,
        first: int | None = None,
        at: int | datetime | None = None,
        exact: bool = False,
    ) -> list[Rejection]:
        r"""Takes events of one key, and returns those that it will never be able to store.

        - `events`: a `str` or `bytes` of lines, each an event; or an iterable, each item an event,
          without the line feed at its end if it has one. So `"a\nb"` is two events, and
          `["a\nb"]` is one. (The package for Node takes a string as one event.)
        - `first`: the position of the first event; it follows the last one by default.
        - `at`: when the events happened, in nanoseconds since 1970 or as a `datetime`.
        - `exact`: each item, or the whole `str` or `bytes`, is an event as it is, line feeds
          included.

        Waits for the store while the sink is full. Raises `Busy` where only a commit makes room. An
        error's `taken` and `rest` say what was taken before it, and what was not. Events that could
        not be stored are reported by `poll`, `flush` and `close`.
        """
        utf8 = _checked.string("key", key)
        moment = _checked.moment("at", at)
        came_of_it: tuple[int, list[Rejection]] = 0, []

        def write() -> list[Rejection]:
            nonlocal came_of_it
            came_of_it = self._write(utf8, events, first, moment, exact)
            return came_of_it[1]

        try:
            return self._one_call(write)
        except CredentialsError as error:
            if error.error is None:
                error.taken, error.rejections = came_of_it
            raise

    def skip(self, to: int) -> None:
        """Says that no event before the position `to` is still to come."""

        def skip() -> None:
            position = _checked.position("to", to, self._position)
            self._ask("skip", _guest.position(position))
            self._position = position

        self._one_call(skip)

    def poll(self) -> Progress:
        """Moves on what is in flight or due, and reports. Does not wait for the network.

        Objects end by age and idleness only while calls are made: call this now and then. Events
        that could not be stored are in `failed`; this raises `NotStored` with them where the
        credentials provider raised an exception as well.
        """
        return self._report(lambda: self._progress("poll"))

    def flush(self) -> Progress:
        """Ends every open object, and waits until each is visible or waits for a commit.

        Raises `NotStored` where events could not be stored.
        """
        return _stored(self._report(lambda: self._progress("flush")))

    def checkpoint(self) -> bytes:
        """The state of the sink. Store it together with the position in the source, both or
        neither; then call `commit`. It holds no secret, and events that the store does not have.

        Raises `Unsupported` unless the configuration says `commit = "checkpointed"`.
        """
        return self._one_call(lambda: bytes(self._ask("checkpoint")))

    def commit(self) -> None:
        """The bytes of the last checkpoint are stored: what ended before it becomes visible."""
        self._one_call(lambda: self._ask("commit"))

    def check(self) -> None:
        """Looks whether the bucket can be reached and written, and leaves nothing behind."""
        self._one_call(lambda: self._ask("check"))

    def metrics(self) -> list[Metric]:
        """The sink's numbers, also after `close`."""
        if self._closed:
            return list(self._last_metrics)
        return self._one_call(self._metrics)

    def incomplete_uploads(self) -> list[IncompleteUpload]:
        """The incomplete uploads under the keys of this configuration, the oldest first, without
        those that this sink is using. Another writer may be at work on one."""
        return self._one_call(
            lambda: [_answers.upload(each) for each in self._ask("incomplete-uploads")]
        )

    def abort_upload(self, object_key: str, id: str) -> None:
        """Aborts one of them: it is gone afterwards."""
        arguments = [
            _guest.text(_checked.string("object_key", object_key)),
            _guest.text(_checked.string("id", id)),
        ]
        self._one_call(lambda: self._ask("abort-upload", *arguments))

    def finish(self, store: Callable[[bytes], object]) -> Progress:
        """Completes a sink with checkpoints: all that was written becomes visible.

        Calls `store` with the bytes of each checkpoint that this takes. When `store` returns, they
        must be stored safely, together with the position in the source. Returns the progress of all
        of it. Raises `NotStored`, and the sink stays open.
        """
        progress = self.flush()
        while progress.wants_checkpoint:
            store(self.checkpoint())
            self.commit()
            progress = _answers.joined(progress, self.flush())
        return _answers.joined(progress, self.close())

    def close(self, how: Ending = "complete") -> Progress:
        """Ends the sink. After it only `metrics` may be called.

        - `"complete"`: everything becomes visible. Raises `NotStored` where that failed: the sink
          is closed then. Raises `Busy` while objects wait for a commit: it is still open.
        - `"abort"`: gives up what is not visible, and reports it failed.
        - `"suspend"`: leaves what the last committed checkpoint knows, to be resumed from it. What
          it does not know is to be written again, and is not reported. Raises `NotStored` where
          events failed before and no call has reported them: the sink is closed then.
        """
        ending = _checked.ending(how)
        if ending == "abort":
            return self._one_call(lambda: self._close(ending))
        return _stored(self._report(lambda: self._close(ending)))

    def _end_block(self, raised: BaseException | None) -> None:
        if self._closed:
            return
        try:
            if raised is None:
                self._complete_at_exit()
            else:
                self._give_up_at_exit()
        finally:
            self._release()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(
                "a sink was not closed: what is not visible is not stored",
                ResourceWarning,
                source=self,
            )
            self._release()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<spillway.Sink, {state}, position {self._position}>"

    def _write(
        self, key: bytes, events: Events, first: int | None, at: int | None, exact: bool
    ) -> tuple[int, list[Rejection]]:
        """How many events were taken, and those of them that can never be stored."""
        position = self._position
        if first is not None:
            position = _checked.position("first", first, position)
        begun, rejections = position, list[Rejection]()
        for piece in pieces(events, exact):
            after = position + piece.events
            if after > _checked.U64_MAX:
                raise ValueError(f"first: {piece.events} events from {position} on pass 2^64 - 1")
            run = piece.run(key, position, at)
            try:
                returned = self._ask("write", _guest.batch([run]))
            except SpillwayError as error:
                error.taken, error.rejections = position - begun, rejections
                error.rest = piece.rest()
                raise
            self._position = position = after
            rejections += _answers.rejections(returned)
        return position - begun, rejections

    def _close(self, how: Ending, within: float | None = None) -> Progress:
        try:
            if not self._instance.settle(SETTLE_SECONDS):
                raise Interrupted(
                    "the call that was interrupted does not end; the sink was given up: what is "
                    "not visible or in a committed checkpoint is not stored"
                )
            late = self._instance.take_late()
            if late is not None:
                self._unreported = _answers.report(*late)
            ending = _guest.case(ENDING.number(how))
            progress = self._progress("close", ending, within=within)
            self._last_metrics = self._metrics()
        except Closed as closed:  # by a `close` that was interrupted
            self._release()
            if how != "abort" and self._unreported is not None and self._unreported.failed:
                raise NotStored(self._unreported) from closed
            raise
        except (Interrupted, Trapped):
            self._release()
            raise
        self._release()
        return progress

    def _complete_at_exit(self) -> None:
        try:
            self.close()
        except Busy:
            busy = Busy(
                "objects wait for a commit, and are left to be resumed from the last checkpoint; "
                "end the block with `finish` or `close('suspend')`"
            )
            try:
                self.close("suspend")
            except NotStored as failed:
                raise failed from busy
            raise busy from None

    def _give_up_at_exit(self) -> None:
        """The exception that ends the block counts; another one is only told."""
        how: Ending = "suspend" if self._checkpointed else "abort"
        try:
            progress = self._one_call(lambda: self._close(how, within=SETTLE_SECONDS))
            if how == "suspend":
                _stored(progress)
        except SpillwayError as error:
            _log.warning("the sink did not end in order: %s", error)

    def _thread_id(self) -> int:
        """The thread in which the credentials provider is called."""
        return self._instance.thread_id()

    def _release(self) -> None:
        self._closed = True
        self._instance.end()

    def _metrics(self) -> list[Metric]:
        return _answers.metrics(self._instance.call(_METHOD + "metrics"))

    def _progress(
        self, method: str, *arguments: _guest.Argument, within: float | None = None
    ) -> Progress:
        progress = _answers.progress(self._ask(method, *arguments, within=within))
        if self._unreported is not None:
            progress = _answers.joined(self._unreported, progress)
            self._unreported = None
        for notice in progress.notices:
            _tell(notice)
        return progress

    def _ask(
        self, method: str, *arguments: _guest.Argument, within: float | None = None
    ) -> Any:
        return _answers.ok(self._instance.call(_METHOD + method, *arguments, within=within))

    def _report(self, work: Callable[[], Progress]) -> Progress:
        """Like `_one_call`, but events that could not be stored come before a provider's error."""
        try:
            return self._one_call(work)
        except CredentialsError as error:
            if isinstance(error.returned, Progress) and error.returned.failed:
                raise NotStored(error.returned) from error.__cause__
            if isinstance(error.error, NotStored):
                raise error.error from error.__cause__
            raise

    def _one_call(self, work: Callable[[], T]) -> T:
        """Does `work` alone. What the credentials provider raised meanwhile is raised after it."""
        if threading.get_ident() == self._instance.thread_id():
            raise RuntimeError("a credentials provider cannot call the sink that asks it")
        with self._lock:
            if self._calling:
                raise RuntimeError("a call on this sink is under way in this thread")
            if self._closed:
                raise Closed("the sink was closed")
            self._calling = True
            try:
                return told(work, self._asks)
            finally:
                self._calling = False


def told(work: Callable[[], T], asks: Import) -> T:
    returned: T | None = None
    failed: SpillwayError | None = None
    try:
        returned = work()
    except SpillwayError as error:
        failed = error
    raised = asks.take_raised()
    if raised is not None:
        told = CredentialsError(raised, returned, failed)
        if failed is not None:
            told.taken, told.rejections, told.rest = failed.taken, failed.rejections, failed.rest
        raise told from raised
    if failed is not None:
        raise failed
    return returned  # type: ignore[return-value]


def _stored(progress: Progress) -> Progress:
    if progress.failed:
        raise NotStored(progress)
    return progress


def _tell(notice: Notice) -> None:
    _log.log(logging.WARNING if notice.level == "warning" else logging.INFO, "%s", notice.message)


SETTLE_SECONDS = 10.0
"""How long an end waits for a call that was interrupted, and, where an exception ends a block, for
the store."""

_METHOD = "[method]sink."
