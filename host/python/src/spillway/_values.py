"""Values of the component model, to and from the structures of wasmtime's C interface.

`wasmtime.component.Func` converts values one by one through the types of the function, which it
asks for anew in each call. A `list<u8>` then passes at 0.5 MB/s, and checkpoints and payloads that
are not UTF-8 are such lists. Here the numbers of a list are laid out by slices with a step, in C,
and values are read by the kinds that they carry.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Iterable, Sequence
from ctypes import byref
from typing import Any

from wasmtime import _ffi as ffi

Fill = Callable[[Any], None]
"""Writes a value into a `wasmtime_component_val_t`."""

Value = ffi.wasmtime_component_val_t


def text(utf8: bytes) -> Fill:
    """A `string`. The bytes must be UTF-8: nobody looks at them again."""

    def fill(value: Any) -> None:
        _name(value.of.string, utf8)
        value.kind = _STRING

    return fill


def enumeration(case: str) -> Fill:
    def fill(value: Any) -> None:
        _name(value.of.enumeration, case.encode())
        value.kind = _ENUM

    return fill


def u32(number: int) -> Fill:
    def fill(value: Any) -> None:
        value.of.u32 = number
        value.kind = _U32

    return fill


def u64(number: int) -> Fill:
    def fill(value: Any) -> None:
        value.of.u64 = number
        value.kind = _U64

    return fill


def octets(data: bytes) -> Fill:
    """A `list<u8>`."""

    def fill(value: Any) -> None:
        laid_out = _blank(len(data), _U8)
        laid_out[_OFFSET::_SIZE] = data
        _list(value, len(data), laid_out)

    return fill


def numbers(items: Sequence[int]) -> Fill:
    """A `list<u32>`."""

    def fill(value: Any) -> None:
        laid_out = _blank(len(items), _U32)
        raw = array("I", items).tobytes()
        for place in range(4):
            laid_out[_OFFSET + place :: _SIZE] = raw[place::4]
        _list(value, len(items), laid_out)

    return fill


def sequence(items: Sequence[Fill]) -> Fill:
    def fill(value: Any) -> None:
        raw = ffi.wasmtime_component_vallist_t()
        ffi.wasmtime_component_vallist_new_uninit(byref(raw), len(items))
        for place, item in enumerate(items):
            item(raw.data[place])
        value.of.list = raw
        value.kind = _LIST

    return fill


def record(*fields: tuple[str, Fill]) -> Fill:
    """A record: its fields in the order of the contract."""

    def fill(value: Any) -> None:
        raw = ffi.wasmtime_component_valrecord_t()
        ffi.wasmtime_component_valrecord_new_uninit(byref(raw), len(fields))
        for place, (name, item) in enumerate(fields):
            item(raw.data[place].val)
            _name(raw.data[place].name, name.encode())
        value.of.record = raw
        value.kind = _RECORD

    return fill


def case(name: str, payload: Fill) -> Fill:
    """A case of a variant."""

    def fill(value: Any) -> None:
        value.of.variant.val = _boxed(payload)
        _name(value.of.variant.discriminant, name.encode())
        value.kind = _VARIANT

    return fill


def option(payload: Fill | None) -> Fill:
    def fill(value: Any) -> None:
        value.of.option = None if payload is None else _boxed(payload)
        value.kind = _OPTION

    return fill


def borrowed(resource: Any) -> Fill:
    """A handle to a resource that stays the caller's."""

    def fill(value: Any) -> None:
        value.of.resource = ffi.wasmtime_component_resource_any_clone(resource)
        value.kind = _RESOURCE

    return fill


def read(value: Any) -> Any:
    """The value as Python has it; the structure stays as it is.

    Records are dicts, variants and results pairs of their case and payload, options `None` or the
    payload. A list of `u8` is `bytes`, an empty list of any kind is `[]`. A resource is a pointer
    of the caller's own.
    """
    return _READERS[value.kind](value.of)


def _list_of(of: Any) -> Any:
    size = of.list.size
    if size and of.list.data[0].kind == _U8:
        return ctypes.string_at(of.list.data, size * _SIZE)[_OFFSET::_SIZE]
    return [read(of.list.data[place]) for place in range(size)]


def _record_of(of: Any) -> dict[str, Any]:
    entries = (of.record.data[place] for place in range(of.record.size))
    return {_string(entry.name): read(entry.val) for entry in entries}


def _boxed_of(pointer: Any) -> Any:
    return read(pointer.contents) if pointer else None


def _result_of(of: Any) -> tuple[str, Any]:
    return ("ok" if of.result.is_ok else "err", _boxed_of(of.result.val))


def _string(raw: Any) -> str:
    return str(ctypes.string_at(raw.data, raw.size), "utf-8") if raw.size else ""


def _name(raw: Any, utf8: bytes) -> None:
    ffi.wasm_byte_vec_new(byref(raw), len(utf8), ctypes.cast(ctypes.c_char_p(utf8), _BYTES))


def _boxed(payload: Fill) -> Any:
    value = Value()
    payload(value)
    return ffi.wasmtime_component_val_new(byref(value))


def _blank(count: int, kind: int) -> bytearray:
    laid_out = bytearray(count * _SIZE)
    laid_out[_KIND::_SIZE] = bytes((kind,)) * count
    return laid_out


def _list(value: Any, count: int, laid_out: bytearray) -> None:
    raw = ffi.wasmtime_component_vallist_t()
    ffi.wasmtime_component_vallist_new_uninit(byref(raw), count)
    if count:
        source = (ctypes.c_char * len(laid_out)).from_buffer(laid_out)
        ctypes.memmove(raw.data, source, len(laid_out))
    value.of.list = raw
    value.kind = _LIST


def arguments(fills: Iterable[Fill]) -> Any:
    """An array of values for a call. `release` gives their memory back."""
    listed = list(fills)
    values = (Value * len(listed))()
    for value, fill in zip(values, listed):
        fill(value)
    return values


def release(values: Iterable[Any]) -> None:
    for value in values:
        ffi.wasmtime_component_val_delete(byref(value))


_BYTES = ctypes.POINTER(ctypes.c_uint8)
_SIZE = ctypes.sizeof(Value)
_KIND: int = Value.kind.offset
_OFFSET: int = Value.of.offset

_BOOL: int = ffi.WASMTIME_COMPONENT_BOOL.value
_U8: int = ffi.WASMTIME_COMPONENT_U8.value
_U32: int = ffi.WASMTIME_COMPONENT_U32.value
_U64: int = ffi.WASMTIME_COMPONENT_U64.value
_F64: int = ffi.WASMTIME_COMPONENT_F64.value
_STRING: int = ffi.WASMTIME_COMPONENT_STRING.value
_LIST: int = ffi.WASMTIME_COMPONENT_LIST.value
_RECORD: int = ffi.WASMTIME_COMPONENT_RECORD.value
_TUPLE: int = ffi.WASMTIME_COMPONENT_TUPLE.value
_VARIANT: int = ffi.WASMTIME_COMPONENT_VARIANT.value
_ENUM: int = ffi.WASMTIME_COMPONENT_ENUM.value
_OPTION: int = ffi.WASMTIME_COMPONENT_OPTION.value
_RESULT: int = ffi.WASMTIME_COMPONENT_RESULT.value
_RESOURCE: int = ffi.WASMTIME_COMPONENT_RESOURCE.value

_READERS: dict[int, Callable[[Any], Any]] = {
    _BOOL: lambda of: bool(of.boolean),
    _U8: lambda of: int(of.u8),
    _U32: lambda of: int(of.u32),
    _U64: lambda of: int(of.u64),
    _F64: lambda of: float(of.f64),
    _STRING: lambda of: _string(of.string),
    _LIST: _list_of,
    _RECORD: _record_of,
    _TUPLE: lambda of: tuple(read(of.tuple.data[place]) for place in range(of.tuple.size)),
    _VARIANT: lambda of: (_string(of.variant.discriminant), _boxed_of(of.variant.val)),
    _ENUM: lambda of: _string(of.enumeration),
    _OPTION: lambda of: _boxed_of(of.option),
    _RESULT: _result_of,
    _RESOURCE: lambda of: ffi.wasmtime_component_resource_any_clone(of.resource),
}
