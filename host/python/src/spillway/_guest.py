"""The component in a store of its own: what it imports, its calls, and its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import wasmtime

from . import _component
from ._abi import Memory
from ._contract import BATCH, CREDENTIALS, RESULTS, SINK
from ._credentials import Import
from ._http import Client
from ._wasi import Stopped, Wasi

Argument = Callable[[Memory], tuple[int, ...]]
"""Places a value into the component's memory, and returns what the canonical ABI makes of it."""


class Ended(Exception):
    """The component was ended, or ended itself. The text says why."""


class Guest:
    """All but `interrupt` is called by one thread alone."""

    def __init__(
        self, credentials: Import, ca_file: str | None, memory_bytes_max: int, cache: Path | None
    ) -> None:
        client = Client(ca_file)
        self.grant = client.grant
        self._wasi = Wasi(client)
        self._raised: BaseException | None = None
        self._sink: int | None = None
        self._sinks: dict[int, int] = {}
        try:
            self._engine, module = _component.load(cache)
            self._store = wasmtime.Store(self._engine)
            self._store.set_limits(memory_size=memory_bytes_max)
            self._store.set_epoch_deadline(1)
            linker = wasmtime.Linker(self._engine)
            self._later: dict[tuple[str, str], Callable[..., Any]] = {}
            for imported in module.imports:
                self._link(linker, imported)
            instance = linker.instantiate(self._store, module)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise Ended(_cause(str(error))) from None
        exports = instance.exports(self._store)
        self._functions: dict[str, wasmtime.Func] = {
            name: function for name, function in exports.items()
            if isinstance(function, wasmtime.Func)
        }
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory), "the component exports its memory"
        self._memory = Memory(memory, self._allocate)
        self._memory.store = self._store
        self._later.update(self._wasi.functions(self._memory))
        self._later[_CREDENTIALS, "get"] = self._credentials_get(credentials)
        self._later[f"[export]{_without_version(SINK)}", "[resource-new]sink"] = self._new_sink

    def call(self, function: str, arguments: tuple[Argument, ...]) -> Any:
        """What a function of the sink returns. Raises `Ended` where it does not return."""
        name = f"{SINK}#{function}"
        self._store.set_epoch_deadline(1)
        self._raised = None
        try:
            flat: list[int] = []
            if function.startswith("[method]"):
                assert self._sink is not None, "the sink is open"
                flat.append(self._sink)
            for argument in arguments:
                flat.extend(argument(self._memory))
            address = self._functions[name](self._store, *flat) & 0xFFFFFFFF
            self._memory.forget()
            returned = RESULTS[function].load(self._memory, address)
            after = self._functions.get(f"cabi_post_{name}")
            if after is not None:
                after(self._store, _signed32(address))
        except BaseException as error:
            raise self._ended(error) from None
        finally:
            self._memory.forget()
        if function == "[static]sink.open" and returned[0] == "ok":
            self._sink = self._sinks[returned[1]]
        return returned

    def interrupt(self) -> None:
        """Ends the component, whether it computes or waits."""
        self._wasi.stop()
        self._engine.increment_epoch()

    def free(self) -> None:
        self._memory.forget()
        self._wasi.close()
        self._functions.clear()
        self._later.clear()
        self._store.close()

    def _ended(self, error: BaseException) -> Ended:
        raised = self._raised if self._raised is not None else error
        if isinstance(raised, Stopped):
            return Ended(_INTERRUPT)
        if isinstance(raised, (wasmtime.WasmtimeError, wasmtime.Trap)):
            return Ended(_cause(str(raised)))
        return Ended(f"{type(raised).__name__} between host and component: {raised}")

    def _link(self, linker: wasmtime.Linker, imported: Any) -> None:
        """Defines an import. What it does is known once there is memory."""
        interface, name = _without_version(imported.module), imported.name
        if name.startswith("[resource-drop]"):
            ours = interface.startswith("[export]")
            function: Callable[..., Any] = self._drop_sink if ours else self._wasi.drop
        else:
            def function(*arguments: int) -> Any:
                return self._later[interface, name](*arguments)

        def guarded(caller: wasmtime.Caller, *arguments: int) -> Any:
            # The binding keeps the last exception of a callback for all threads together.
            outside, self._memory.store = self._memory.store, caller
            self._memory.forget()
            try:
                return function(*arguments)
            except BaseException as raised:
                self._raised = raised
                raise Stopped from None
            finally:
                self._memory.store = outside
                self._memory.forget()

        linker.define(
            self._store,
            imported.module,
            name,
            wasmtime.Func(self._store, imported.type, guarded, access_caller=True),
        )

    def _allocate(self, align: int, size: int) -> int:
        store = self._memory.store
        assert store is not None, "memory is given during calls"
        address: int = self._functions["cabi_realloc"](store, 0, 0, align, size)
        return address

    def _credentials_get(self, credentials: Import) -> Callable[[int, int, int, int], None]:
        def get(begin: int, size: int, fresh: int, to: int) -> None:
            CREDENTIALS.store(self._memory, to & 0xFFFFFFFF, credentials.get(bool(fresh)))

        return get

    def _new_sink(self, representation: int) -> int:
        handle = len(self._sinks) + 1
        self._sinks[handle] = representation
        return handle

    def _drop_sink(self, handle: int) -> None:
        self._sinks.pop(handle)


def text(utf8: bytes) -> Argument:
    return octets(utf8)


def octets(data: bytes) -> Argument:
    return lambda memory: (_signed32(memory.place(data)), len(data))


def optional(data: bytes | None) -> Argument:
    if data is None:
        return lambda memory: (0, 0, 0)
    return lambda memory: (1, *octets(data)(memory))


def position(number: int) -> Argument:
    return lambda memory: (number - (1 << 64) if number >> 63 else number,)


def case(number: int) -> Argument:
    return lambda memory: (number,)


def batch(runs: list[dict[str, Any]]) -> Argument:
    return lambda memory: (_signed32(BATCH.place(memory, runs)), len(runs))


def _signed32(address: int) -> int:
    return address - (1 << 32) if address >> 31 else address


def _without_version(interface: str) -> str:
    return interface.partition("@")[0]


def _cause(text: str) -> str:
    """The cause of a trap, without the frames."""
    line = text.strip().rsplit("\n", 1)[-1].strip()
    return line.removeprefix("0:").removeprefix("1:").strip().removeprefix("wasm trap: ")


_CREDENTIALS = "spillway:s3/credentials"
_INTERRUPT = "interrupt"
