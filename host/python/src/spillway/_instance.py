"""A component at work: its calls, its limits, and its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from ctypes import byref
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime.component import Func, Linker

from . import _component, _values
from ._credentials import Import
from ._thread import Job, Worker
from .errors import Closed, Interrupted, SpillwayError, Trapped


class Limits:
    """What a component may use."""

    def __init__(self, memory_bytes_max: int, compute_seconds_max: float) -> None:
        self.memory_bytes_max = memory_bytes_max
        self.compute_seconds_max = compute_seconds_max


class Instance:
    """One instance of the component, in a thread of its own. It makes one call at a time."""

    def __init__(self, credentials: Import, limits: Limits, cache: Path | None) -> None:
        self._limits = limits
        self._credentials = credentials
        self._process = os.getpid()
        self._worker = Worker("spillway")
        self._guest: _Guest | None = None
        self._dead: SpillwayError | None = None
        self._unfinished: Job[Any] | None = None
        try:
            self._guest = self._wait(lambda: _Guest(credentials, limits, cache))
        except wasmtime.WasmtimeError as error:
            self._worker.end()
            raise self._trapped(str(error)) from None
        except BaseException:
            self._worker.end()
            raise

    def call(self, function: str, *arguments: _values.Fill) -> Any:
        """What the function returns, as `_values.read` has it.

        Raises `Trapped` where it does not return, and ever after.
        """
        if self._worker.is_current():
            raise RuntimeError("a credentials provider cannot call the sink that asks it")
        if self._process != os.getpid():
            raise RuntimeError("the sink was opened before a fork; open one in this process")
        if self._dead is not None:
            raise type(self._dead)(*self._dead.args) from self._dead.__cause__
        guest = self._guest
        if guest is None:
            raise Closed("the sink was closed")
        try:
            return self._wait(lambda: guest.call(function, arguments))
        except wasmtime.WasmtimeError as error:
            self._dead = self._trapped(str(error))
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
            job.result()
        except wasmtime.WasmtimeError as error:
            self._dead = self._trapped(str(error))
            self._free()
            raise self._dead from None
        return True

    def end(self) -> None:
        """Frees what the instance holds, once a call under way has ended."""
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
        self._worker.begin(guest.free)
        self._worker.end()

    def _wait(self, work: Callable[[], Any]) -> Any:
        """Waits for the worker, and ends the component where it computes for too long."""
        limit = self._limits.compute_seconds_max
        begun = self._worker.cpu_seconds()
        job = self._worker.begin(work)
        try:
            while not job.wait(_WATCH_SECONDS):
                guest = self._guest
                if guest is not None and self._worker.cpu_seconds() - begun > limit:
                    guest.interrupt()
        except BaseException as raised:
            self._unfinished = job
            self._dead = Interrupted(
                f"{type(raised).__name__} interrupted a call: only close may follow"
            )
            raise
        return job.result()

    def _trapped(self, text: str) -> Trapped:
        cause = text.strip().rsplit("\n", 1)[-1].strip()
        cause = cause.removeprefix("0:").removeprefix("1:").strip().removeprefix("wasm trap: ")
        if "interrupt" in cause:
            seconds = self._limits.compute_seconds_max
            return Trapped(f"the component computed for more than {seconds:g} s in one call: "
                           "compute_seconds_max")
        limit = self._limits.memory_bytes_max
        return Trapped(f"the component was ended: {cause} (a component that needs more memory "
                       f"than memory_bytes_max, now {limit:,}, ends like this, too)")


class _Guest:
    """The store, and what lives in it. All but `interrupt` is called by the worker alone."""

    def __init__(self, credentials: Import, limits: Limits, cache: Path | None) -> None:
        self._engine, component = _component.load(cache)
        self._store = wasmtime.Store(self._engine)
        self._store.set_limits(memory_size=limits.memory_bytes_max)
        self._store.set_wasi(wasmtime.WasiConfig())
        self._store.set_wasi_http()
        linker = Linker(self._engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        with linker.root() as root, root.add_instance(_CREDENTIALS) as instance:
            instance.add_func("get", credentials)
        self._store.set_epoch_deadline(1)
        self._instance = linker.instantiate(self._store, component)
        interface = self._instance.get_export_index(self._store, _SINK)
        if interface is None:
            raise wasmtime.WasmtimeError(f"the component does not export {_SINK}")
        self._interface = interface
        self._functions: dict[str, Func] = {}

    def call(self, name: str, fills: tuple[_values.Fill, ...]) -> Any:
        function = self._functions.get(name) or self._function(name)
        context = self._store._context()
        values = _values.arguments(fills)
        returned = _values.Value()
        self._store.set_epoch_deadline(1)
        try:
            error = ffi.wasmtime_component_func_call(
                byref(function._func), context, values, len(values), byref(returned), 1
            )
        finally:
            _values.release(values)
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
        try:
            return _values.read(returned)
        finally:
            _values.release([returned])

    def interrupt(self) -> None:
        """Ends the component as soon as it computes. While it waits, it does not compute."""
        self._engine.increment_epoch()

    def free(self) -> None:
        self._functions.clear()
        self._store.close()

    def _function(self, name: str) -> Func:
        index = self._instance.get_export_index(self._store, name, self._interface)
        function = None if index is None else self._instance.get_func(self._store, index)
        if function is None:
            raise wasmtime.WasmtimeError(f"the component does not export {name}")
        self._functions[name] = function
        return function


_of_parents: list[_Guest] = []
"""What a fork copied. Its threads are not there, so it is never freed."""

_SINK = "spillway:sink/sink@0.2.0"
_CREDENTIALS = "spillway:s3/credentials@0.2.0"
_WATCH_SECONDS = 0.2
