"""The hosts that are measured: what each needs, and how it is told to store the lines of a file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
PYTHON = ROOT / "target/python-package/venv/bin/python"
NODE_MODULES = ROOT / "target/node/installed/node_modules"

# The store of a measurement proves no signature: any will do.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "measured", "AWS_SECRET_ACCESS_KEY": "measured"}


class Failed(Exception):
    """A program of a measurement did not do what it is for."""


@dataclass(frozen=True)
class Work:
    """What a host does in one measurement."""

    folder: Path
    """What `prepare` has made. Files of the measurement go there, too."""
    lines: Path
    """The file that is read. It is also standard input."""
    config: dict[str, str | int]
    """The `[sink.config]` of a flow."""

    def written(self, name: str, text: str) -> str:
        """Writes a file for the host, and returns its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def config_file(self, **more: str) -> str:
        """The configuration as a file of JSON."""
        return self.written("config.json", json.dumps({**self.config, **more}))


@dataclass(frozen=True)
class Host:
    """One way to run the component."""

    name: str
    """Its name on the command line."""
    title: str
    """Its name in tables."""
    needs: tuple[tuple[Path | str, str], ...]
    """Files, or programs by name, each with what brings it."""
    command: Callable[[Work], list[str]]
    version: Callable[[], str]
    """What runs the component, with its version."""


def missing(hosts: list[Host]) -> list[str]:
    """What is not there, and what brings it: a line for each."""
    needs = dict.fromkeys(need for host in hosts for need in host.needs)
    return [f"{_shown(needed)} is missing: {how}" for needed, how in needs if not _is_there(needed)]


def prepare(hosts: list[Host], folder: Path) -> None:
    """Makes what the hosts load: the component, and what is composed of it."""
    names = {host.name for host in hosts}
    if names & {"wasmtime", "composed"}:
        _component("s3", folder)
    if "node" in names:
        # Node looks for packages beside the program, not where it is started.
        shutil.copy(ROOT / "host/node/lines.mjs", folder)
        (folder / "node_modules").symlink_to(NODE_MODULES)
    if "composed" in names:
        for name in ("command", "env-credentials"):
            _component(name, folder)
        _plug(folder, "s3", "env-credentials", "sink")
        _plug(folder, "command", "sink", "store")


def _component(name: str, folder: Path) -> None:
    _said(str(RELEASE / "spillway"), "component", name, "-o", str(folder / f"{name}.wasm"))


def _plug(folder: Path, socket: str, plug: str, result: str) -> None:
    file = {name: str(folder / f"{name}.wasm") for name in (socket, plug, result)}
    _said("wac", "plug", file[socket], "--plug", file[plug], "-o", file[result])


def _run_flow(work: Work) -> list[str]:
    config = "\n".join(f"{name} = {json.dumps(value)}" for name, value in work.config.items())
    flow = f"""
[source]
type = "file"
path = {json.dumps(str(work.lines))}
codec = "raw"

[map]
fixed_key = "lines"

[sink.config]
{config}
"""
    return [str(RELEASE / "spillway"), "run", work.written("flow.toml", flow)]


def _run_embed(work: Work) -> list[str]:
    state = work.folder / "state"
    state.unlink(missing_ok=True)
    config = work.config_file(commit="checkpointed")
    return [str(RELEASE / "examples/embed"), config, str(work.lines), str(state)]


def _run_bare(work: Work) -> list[str]:
    component = str(work.folder / "s3.wasm")
    server = urlsplit(str(work.config["endpoint"])).netloc
    return [str(RELEASE / "examples/bare"), component, work.config_file(), server]


def _run_python(work: Work) -> list[str]:
    return [str(PYTHON), str(ROOT / "host/python/lines.py"), work.config_file()]


def _run_node(work: Work) -> list[str]:
    return ["node", str(work.folder / "lines.mjs"), work.config_file()]


def _run_composed(work: Work) -> list[str]:
    variables = [word for name in CREDENTIALS for word in ("--env", name)]
    arguments = ["--key", "lines", "--config", json.dumps(work.config)]
    store = str(work.folder / "store.wasm")
    return ["wasmtime", "run", "-S", "http", *variables, store, *arguments]


def _locked_wasmtime() -> str:
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    found = re.search(r'^name = "wasmtime"\nversion = "([^"]+)"', lock, re.MULTILINE)
    if found is None:
        raise Failed("Cargo.lock names no version of wasmtime")
    return f"wasmtime {found[1]}"


def _python_version() -> str:
    code = (
        "import importlib.metadata, platform;"
        "print(f'Python {platform.python_version()},', 'wasmtime',"
        " importlib.metadata.version('wasmtime'))"
    )
    return _said(str(PYTHON), "-c", code)


def _node_version() -> str:
    return "Node " + _said("node", "--version").removeprefix("v")


def _wasmtime_version() -> str:
    return " ".join(_said("wasmtime", "--version").split()[:2])


def _said(*command: str) -> str:
    """The output of a program that has to succeed."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout.strip()


def _is_there(needed: Path | str) -> bool:
    return needed.exists() if isinstance(needed, Path) else shutil.which(needed) is not None


def _shown(needed: Path | str) -> Path | str:
    if isinstance(needed, Path) and needed.is_relative_to(ROOT):
        return needed.relative_to(ROOT)
    return needed


_SPILLWAY = (RELEASE / "spillway", "run cargo build --release")
_EXAMPLES = "run cargo build --release --example embed --example bare"
_NODE = ("node", "install Node 20.10 or later")

HOSTS = [
    Host("command", "Command", (_SPILLWAY,), _run_flow, _locked_wasmtime),
    Host(
        "library",
        "Rust library",
        ((RELEASE / "examples/embed", _EXAMPLES),),
        _run_embed,
        _locked_wasmtime,
    ),
    Host(
        "wasmtime",
        "wasmtime",
        (_SPILLWAY, (RELEASE / "examples/bare", _EXAMPLES)),
        _run_bare,
        _locked_wasmtime,
    ),
    Host("python", "Python", ((PYTHON, "run host/python/check"),), _run_python, _python_version),
    Host(
        "node",
        "Node",
        (_NODE, (NODE_MODULES / "spillway", "run host/node/check")),
        _run_node,
        _node_version,
    ),
    Host(
        "composed",
        "Composed",
        (
            _SPILLWAY,
            ("wac", "run cargo install --locked wac-cli"),
            ("wasmtime", "run cargo install --locked wasmtime-cli"),
        ),
        _run_composed,
        _wasmtime_version,
    ),
]
