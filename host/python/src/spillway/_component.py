"""The component of this package, compiled for this machine, and where that is kept.

The file is a component as `spillway component -o` writes it. What is compiled is the core module in
it: wasmtime's Python binding converts a list of a component number by number, at half a megabyte a
second, and ends a component that returns one of a few megabytes, as a checkpoint may be. `_guest`
stands in for the rest of the component.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import os
import platform
import stat
import tempfile
from pathlib import Path

import wasmtime

FILE = "spillway_s3.wasm"
"""The component as `spillway component -o` writes it, beside this module."""


def load(cache: Path | None) -> tuple[wasmtime.Engine, wasmtime.Module]:
    """An engine of its own, whose epochs end no other sink, and the module in it.

    Compiling takes seconds, so the code is kept in the folder `cache`. A folder that others may
    write to, a damaged file, and code of another wasmtime are passed over.
    """
    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    wasm = importlib.resources.files(__package__).joinpath(FILE).read_bytes()
    folder = None if cache is None else _own_folder(cache)
    if folder is None:
        return engine, wasmtime.Module(engine, core_module(wasm))
    file = folder / _name(wasm)
    code = _read(file)
    if code is not None:
        try:
            return engine, wasmtime.Module.deserialize(engine, code)
        except wasmtime.WasmtimeError:
            pass  # of another processor or build of wasmtime
    module = wasmtime.Module(engine, core_module(wasm))
    _store(file, module.serialize())
    return engine, module


def core_module(component: bytes) -> bytes:
    """The largest core module of a component: the others only tie its imports together."""
    modules, place = [b""], len(_COMPONENT)
    if component[:place] != _COMPONENT:
        raise ValueError("the file is no component")
    while place < len(component):
        section = component[place]
        size, place = _number(component, place + 1)
        if section == _MODULE_SECTION:
            modules.append(component[place : place + size])
        place += size
    return max(modules, key=len)


def _number(data: bytes, place: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and the place behind it."""
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place


def default_cache() -> Path | None:
    """`spillway` in the user's folder for caches; `None` where there is no such folder."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named, "spillway")
    try:
        return Path.home() / ".cache" / "spillway"
    except RuntimeError:
        return None


def _name(wasm: bytes) -> str:
    made_for = f"{importlib.metadata.version('wasmtime')} {platform.machine()} {platform.system()}"
    return hashlib.sha256(wasm + made_for.encode()).hexdigest() + _SUFFIX


def _own_folder(folder: Path) -> Path | None:
    """The folder, made where it is missing, if nobody but this user may write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return None
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    return folder if mine and not found.st_mode & _WRITABLE_BY_OTHERS else None


def _read(file: Path) -> bytes | None:
    """The code in `file`, if it is this user's, and whole: damaged code could do anything."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
                return None
            if found.st_mode & _WRITABLE_BY_OTHERS:
                return None
            digest, code = opened.read(_DIGEST_BYTES), opened.read()
        if hashlib.sha256(code).digest() != digest:
            return None
        os.utime(file)
    except OSError:
        return None
    return code


def _store(file: Path, code: bytes | bytearray) -> None:
    """Keeps `code`, whole or not at all, and the newest files only. A full disk is no error."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
            try:
                written.write(hashlib.sha256(code).digest())
                written.write(code)
                written.close()
                os.replace(written.name, file)
            except BaseException:
                os.unlink(written.name)
                raise
        kept = sorted(
            file.parent.glob("*" + _SUFFIX), key=lambda f: f.stat().st_mtime, reverse=True
        )
        for old in kept[_FILES_MAX:]:
            old.unlink()
    except OSError:
        pass


_COMPONENT = b"\0asm\x0d\0\1\0"
_MODULE_SECTION = 1
_SUFFIX = ".compiled"
_FILES_MAX = 8
_DIGEST_BYTES = 32
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
