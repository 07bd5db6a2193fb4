"""A component at work in a thread of its own: its calls, its limits, and its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._credentials import Import
from ._guest import Argument, Ended, Guest
from ._thread import Job, Worker
from .errors import Closed, Interrupted, SpillwayError, Trapped


@dataclass(frozen=True)
class Limits:
    """What a component may use."""

    memory_bytes_max: int
    compute_seconds_max: float


class Instance:
    """One instance of the component. It makes one call at a time."""

    def __init__(
        self, credentials: Import, limits: Limits, ca_file: str | None, cache: Path | None
    ) -> None:
        self._limits = limits
        self._process = os.getpid()
        self._worker = Worker("spillway")
        self._guest: Guest | None = None
        self._dead: SpillwayError | None = None
        self._unfinished: Job[Any] | None = None
        self._function = ""
        self._late: tuple[str, Any] | None = None
        memory = limits.memory_bytes_max
        try:
            self._guest = self._wait(lambda: Guest(credentials, ca_file, memory, cache))
        except Ended as ended:
            self._worker.end()
            raise self._trapped(ended) from None
        except BaseException:
            self._worker.end()
            raise

    def grant(self, authorities: list[str]) -> None:
        """What the component may reach, as `host:port`."""
        assert self._guest is not None, "an instance that was just made"
        self._guest.grant(authorities)

    def call(self, function: str, *arguments: Argument, within: float | None = None) -> Any:
        """What the function returns. Raises `Trapped` where it does not return, and ever after.

        Ends the component where the call does not end `within` so many seconds.
        """
        if self._process != os.getpid():
            raise RuntimeError("the sink was opened before a fork; open one in this process")
        if self._dead is not None:
            raise type(self._dead)(*self._dead.args)
        guest = self._guest
        if guest is None:
            raise Closed("the sink was closed")
        self._function = function
        try:
            return self._wait(lambda: guest.call(function, arguments), within)
        except Ended as ended:
            self._dead = self._trapped(ended, within)
            self._free()
            raise self._dead from None

    def settle(self, seconds: float) -> bool:
        """Whether a call that was interrupted ends within so many seconds; then others may come.

        Raises `Trapped` where the component ended in it.
        """
        job = self._unfinished
        if job is None:
            return True
        if not job.wait(seconds):
            return False
        self._unfinished = self._dead = None
        try:
            self._late = self._function, job.result()
        except Ended as ended:
            self._dead = self._trapped(ended)
            self._free()
            raise self._dead from None
        return True

    def take_late(self) -> tuple[str, Any] | None:
        """The function of an interrupted call that has ended, and what it returned; only once."""
        late, self._late = self._late, None
        return late

    def end(self) -> None:
        """Ends a call that is still under way, and frees what the instance holds."""
        if self._unfinished is not None and self._guest is not None:
            self._guest.interrupt()
        self._free()

    def thread_id(self) -> int:
        return self._worker.thread_id()

    def _free(self) -> None:
        # The last reference ends in the worker: no other thread may be in the store then.
        guest, self._guest = self._guest, None
        if guest is None:
            return
        if self._process != os.getpid():
            _of_parents.append(guest)
            return
        self._worker.begin(Job(guest.free))
        self._worker.end()

    def _wait(self, work: Callable[[], Any], within: float | None = None) -> Any:
        """Waits for the worker, and ends the component where it computes for too long."""
        limit = self._limits.compute_seconds_max
        until = None if within is None else time.monotonic() + within
        begun = self._worker.cpu_seconds()
        job = Job(work)
        try:
            self._worker.begin(job)
            while not job.wait(_WATCH_SECONDS):
                guest = self._guest
                late = until is not None and time.monotonic() > until
                if guest is not None and (late or self._worker.cpu_seconds() - begun > limit):
                    guest.interrupt()
        except BaseException as raised:
            self._unfinished = job
            self._dead = Interrupted(
                f"{type(raised).__name__} interrupted a call: only close may follow"
            )
            raise
        return job.result()

    def _trapped(self, ended: Ended, within: float | None = None) -> Trapped:
        cause = str(ended)
        if "interrupt" in cause and within is not None:
            return Trapped(f"the store did not answer within {within:g} s")
        if "interrupt" in cause:
            seconds = self._limits.compute_seconds_max
            return Trapped(
                f"the component computed for more than {seconds:g} s in one call: "
                "compute_seconds_max"
            )
        limit = self._limits.memory_bytes_max
        return Trapped(
            f"the component was ended: {cause} (a component that needs more memory than "
            f"memory_bytes_max, now {limit:,}, ends like this, too)"
        )


_of_parents: list[Guest] = []
"""What a fork copied. Its threads are not there, so it is never freed."""

_WATCH_SECONDS = 0.2
