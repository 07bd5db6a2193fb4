"""The canonical ABI of the component model: how values lie in the memory of a component.

Only what this package needs: types with a layout, which are read from memory and stored there. See
https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
"""

from __future__ import annotations

import ctypes
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from wasmtime import Caller, Store
from wasmtime import Memory as WasmMemory


class Memory:
    """The memory of a component, and the function by which it gives some of it away."""

    def __init__(self, memory: WasmMemory, allocate: Callable[[int, int], int]) -> None:
        self._memory = memory
        self._allocate = allocate
        self._view: memoryview | None = None
        self.store: Store | Caller | None = None

    def forget(self) -> None:
        """The component was called: its memory may be larger, and elsewhere."""
        self._view = None

    def view(self) -> memoryview:
        """All of it, until the component is called again. Reading past its end raises."""
        view = self._view
        if view is None:
            assert self.store is not None, "memory is used while there is a store"
            size = self._memory.data_len(self.store)
            base = ctypes.addressof(self._memory.data_ptr(self.store).contents)
            view = memoryview((ctypes.c_ubyte * size).from_address(base)).cast("B")
            self._view = view
        return view

    def read(self, address: int, size: int) -> bytes:
        address &= 0xFFFFFFFF
        view = self.view()
        if address + size > len(view):
            raise IndexError("the component names memory that it does not have")
        return bytes(view[address : address + size])

    def place(self, data: bytes, align: int = 1) -> int:
        """The address of a copy of the data, which is the component's from now on."""
        address = self.room(len(data), align)
        self.view()[address : address + len(data)] = data
        return address

    def room(self, size: int, align: int) -> int:
        if size == 0:
            return align
        address = self._allocate(align, size) & 0xFFFFFFFF
        self.forget()
        if address + size > len(self.view()):
            raise IndexError("the component gives memory that it does not have")
        return address


class Type(ABC):
    """A type with its layout."""

    size: int
    align: int

    @abstractmethod
    def load(self, memory: Memory, address: int) -> Any: ...

    @abstractmethod
    def store(self, memory: Memory, address: int, value: Any) -> None: ...


class Number(Type):
    """A number of a format of `struct`."""

    def __init__(self, code: str) -> None:
        self._struct = struct.Struct("<" + code)
        self.size = self.align = self._struct.size

    def load(self, memory: Memory, address: int) -> Any:
        return self._struct.unpack_from(memory.view(), address)[0]

    def store(self, memory: Memory, address: int, value: Any) -> None:
        self._struct.pack_into(memory.view(), address, value)


class Text(Type):
    """A string, which is `bytes` of UTF-8 or a `str` when it is stored."""

    size, align = 8, 4

    def load(self, memory: Memory, address: int) -> str:
        begin, size = _PAIR.unpack_from(memory.view(), address)
        return memory.read(begin, size).decode(errors="replace")

    def store(self, memory: Memory, address: int, value: str | bytes) -> None:
        data = value.encode() if isinstance(value, str) else value
        begin = memory.place(data)
        _PAIR.pack_into(memory.view(), address, begin, len(data))


class Octets(Type):
    """A `list<u8>`."""

    size, align = 8, 4

    def load(self, memory: Memory, address: int) -> bytes:
        return memory.read(*_PAIR.unpack_from(memory.view(), address))

    def store(self, memory: Memory, address: int, value: bytes) -> None:
        begin = memory.place(value)
        _PAIR.pack_into(memory.view(), address, begin, len(value))


class Numbers(Type):
    """A `list<u32>`, which is stored from an `array`."""

    size, align = 8, 4

    def load(self, memory: Memory, address: int) -> list[int]:
        begin, count = _PAIR.unpack_from(memory.view(), address)
        return list(memory.view()[begin : begin + 4 * count].cast("I"))

    def store(self, memory: Memory, address: int, value: Sequence[int]) -> None:
        begin = memory.place(struct.pack(f"<{len(value)}I", *value), 4)
        _PAIR.pack_into(memory.view(), address, begin, len(value))


class List(Type):
    size, align = 8, 4

    def __init__(self, element: Type) -> None:
        self._element = element

    def load(self, memory: Memory, address: int) -> list[Any]:
        begin, count = _PAIR.unpack_from(memory.view(), address)
        step = self._element.size
        return [self._element.load(memory, begin + place * step) for place in range(count)]

    def store(self, memory: Memory, address: int, value: Sequence[Any]) -> None:
        begin = self.place(memory, value)
        _PAIR.pack_into(memory.view(), address, begin, len(value))

    def place(self, memory: Memory, value: Sequence[Any]) -> int:
        """The address of the elements."""
        step = self._element.size
        begin = memory.room(step * len(value), self._element.align)
        for place, element in enumerate(value):
            self._element.store(memory, begin + place * step, element)
        return begin


class Record(Type):
    """Fields by their names; a tuple where the names are numbers."""

    def __init__(self, **fields: Type) -> None:
        self._fields: list[tuple[str, Type, int]] = []
        end, self.align = 0, 1
        for name, field in fields.items():
            offset = _aligned(end, field.align)
            self._fields.append((name, field, offset))
            end, self.align = offset + field.size, max(self.align, field.align)
        self.size = _aligned(end, self.align)

    def load(self, memory: Memory, address: int) -> dict[str, Any]:
        return {
            name: field.load(memory, address + offset) for name, field, offset in self._fields
        }

    def store(self, memory: Memory, address: int, value: dict[str, Any]) -> None:
        for name, field, offset in self._fields:
            field.store(memory, address + offset, value[name])


class Pair(Record):
    """A tuple of two."""

    def __init__(self, one: Type, other: Type) -> None:
        super().__init__(one=one, other=other)

    def load(self, memory: Memory, address: int) -> Any:
        return tuple(super().load(memory, address).values())

    def store(self, memory: Memory, address: int, value: Any) -> None:
        super().store(memory, address, {"one": value[0], "other": value[1]})


class Variant(Type):
    """Cases by their names, each with a payload or `None`. Values are pairs of both."""

    def __init__(self, **cases: Type | None) -> None:
        self._cases = list(cases.items())
        self._places = {name: place for place, name in enumerate(cases)}
        payloads = [payload for payload in cases.values() if payload is not None]
        self.align = max((payload.align for payload in payloads), default=1)
        self._offset = _aligned(1, self.align)
        largest = max((payload.size for payload in payloads), default=0)
        self.size = _aligned(self._offset + largest, self.align)

    def load(self, memory: Memory, address: int) -> Any:
        name, payload = self._cases[memory.view()[address]]
        if payload is None:
            return name, None
        return name, payload.load(memory, address + self._offset)

    def store(self, memory: Memory, address: int, value: Any) -> None:
        name, held = value
        place = self._places[name]
        payload = self._cases[place][1]
        memory.view()[address] = place
        if payload is not None:
            payload.store(memory, address + self._offset, held)


class Option(Variant):
    """`None` or the payload. An option of an option is not told apart."""

    def __init__(self, payload: Type) -> None:
        super().__init__(none=None, some=payload)

    def load(self, memory: Memory, address: int) -> Any:
        return super().load(memory, address)[1]

    def store(self, memory: Memory, address: int, value: Any) -> None:
        super().store(memory, address, ("none", None) if value is None else ("some", value))


class Result(Variant):
    def __init__(self, ok: Type | None, err: Type | None) -> None:
        super().__init__(ok=ok, err=err)


class Enum(Variant):
    """A name."""

    def __init__(self, *names: str) -> None:
        super().__init__(**dict.fromkeys(names))

    def load(self, memory: Memory, address: int) -> Any:
        return super().load(memory, address)[0]

    def store(self, memory: Memory, address: int, value: Any) -> None:
        super().store(memory, address, (value, None))

    def number(self, name: str) -> int:
        return self._places[name]


class Bool(Number):
    def __init__(self) -> None:
        super().__init__("?")


def _aligned(offset: int, align: int) -> int:
    return (offset + align - 1) // align * align


_PAIR = struct.Struct("<II")

U8, U16, U32, U64, F64 = Number("B"), Number("H"), Number("I"), Number("Q"), Number("d")
BOOL, TEXT, OCTETS, NUMBERS = Bool(), Text(), Octets(), Numbers()
HANDLE = U32
