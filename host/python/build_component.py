"""The build hook: puts the component into the wheel and into the source distribution."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILE = "spillway_s3.wasm"


class ComponentHook(BuildHookInterface[Any]):
    """Takes the component from `SPILLWAY_COMPONENT`, from the source distribution, or builds it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel" and version == "editable":
            raise SystemExit("an editable installation has no component; install it without -e")
        folder = "src/spillway" if self.target_name == "sdist" else "spillway"
        build_data["force_include"][str(self._component())] = f"{folder}/{FILE}"

    def _component(self) -> Path:
        root = Path(self.root)
        named = os.environ.get("SPILLWAY_COMPONENT")
        if named:
            return _proven(Path(named).resolve(), f"SPILLWAY_COMPONENT={named}")
        packed = root / "src" / "spillway" / FILE
        if packed.is_file():
            return _proven(packed, str(packed))
        repository = root.parents[1] if len(root.parents) > 1 else root
        if not (repository / "host" / "cli" / "Cargo.toml").is_file():
            raise SystemExit(
                "the component is missing: this is neither a clone of the repository nor a whole "
                "source distribution. Set SPILLWAY_COMPONENT to the path of the component, as "
                "`spillway component -o FILE` writes it."
            )
        built = Path(tempfile.mkdtemp(prefix="spillway-")) / FILE
        command = ["cargo", "run", "--release", "--quiet", "--", "component", "-o", str(built)]
        try:
            ended = subprocess.run(command, cwd=repository)
        except OSError as error:
            raise SystemExit(
                f"the component could not be built: cargo could not be started ({error}). Install "
                "Rust, or set SPILLWAY_COMPONENT to the path of the component, as "
                "`spillway component -o FILE` writes it."
            ) from None
        if ended.returncode != 0:
            raise SystemExit(
                "the component could not be built: the errors of cargo stand above. Or set "
                "SPILLWAY_COMPONENT to the path of the component, as "
                "`spillway component -o FILE` writes it."
            )
        return _proven(built, str(built))


def _proven(path: Path, said: str) -> Path:
    try:
        with path.open("rb") as opened:
            begin = opened.read(len(COMPONENT_BEGIN))
    except OSError as error:
        raise SystemExit(f"{said}: the component cannot be read: {error.strerror}") from None
    if begin != COMPONENT_BEGIN:
        raise SystemExit(f"{said}: this file is no WebAssembly component")
    return path


COMPONENT_BEGIN = b"\0asm\x0d\0\1\0"
