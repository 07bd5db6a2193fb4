"""A thread that does one thing after the other for a caller who can be interrupted meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """Something that the worker does, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work: Callable[[], T] | None = work
        self._done = threading.Event()
        self._returned: T | None = None
        self._raised: BaseException | None = None

    def wait(self, seconds: float) -> bool:
        """Whether it is done within so many seconds."""
        return self._done.wait(seconds)

    def result(self) -> T:
        """What it returned, or raised. Only once it is done."""
        if self._raised is not None:
            raise self._raised
        return self._returned  # type: ignore[return-value]

    def run(self) -> None:
        work, self._work = self._work, None
        try:
            assert work is not None
            self._returned = work()
        except BaseException as raised:  # the caller raises it again, in its own thread
            self._raised = raised
        finally:
            self._done.set()


class Worker:
    """The one thread in which a component runs.

    A call into the component holds its thread until the component returns, and no signal reaches
    Python meanwhile. So the component has a thread of its own, and the caller waits for it.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=_work, args=(self._jobs,), name=name, daemon=True
        )
        self._thread.start()

    def thread_id(self) -> int:
        ident = self._thread.ident
        assert ident is not None, "the thread was started"
        return ident

    def begin(self, job: Job[Any]) -> None:
        self._jobs.put(job)

    def end(self) -> None:
        """Lets the thread end after what it was given."""
        self._jobs.put(None)

    def cpu_seconds(self) -> float:
        """How long the thread has computed so far; always 0 where the system does not tell."""
        ident = self._thread.ident
        if ident is None or not _HAS_CLOCKS or not self._thread.is_alive():
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(ident))


def _work(jobs: queue.SimpleQueue[Job[Any] | None]) -> None:
    while (job := jobs.get()) is not None:
        job.run()
        del job  # what it returned is the caller's alone


_HAS_CLOCKS = hasattr(time, "pthread_getcpuclockid")
