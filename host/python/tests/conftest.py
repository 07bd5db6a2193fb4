"""An S3 server for the tests, and what they share."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import spillway

REPOSITORY = Path(__file__).parents[3]
CREDENTIALS = spillway.Credentials("local", "local")
BUCKET = "test"


@dataclass
class Server:
    """An S3 server of the repository, which checks signatures and keeps objects as files."""

    endpoint: str
    folder: Path

    def config(self, prefix: str, **fields: Any) -> dict[str, Any]:
        return {"bucket": BUCKET, "endpoint": self.endpoint, "prefix": prefix + "/", **fields}

    def object(self, key: str) -> bytes:
        return (self.folder / BUCKET / key).read_bytes()

    def objects(self, prefix: str) -> dict[str, bytes]:
        """The objects below a prefix by their keys, in the order of the keys."""
        folder = self.folder / BUCKET / prefix
        found = sorted(file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): file.read_bytes() for file in found}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    named = os.environ.get("SPILLWAY_S3_SERVER")
    program = Path(named) if named else REPOSITORY / "target/release/examples/serve"
    if not program.is_file():
        pytest.fail(
            f"no S3 server at {program}; in the repository, run: "
            "cargo build --release --package spillway-local-s3 --example serve; "
            "or set SPILLWAY_S3_SERVER",
            pytrace=False,
        )
    folder = tmp_path_factory.mktemp("s3")
    with subprocess.Popen(
        [program, folder, BUCKET], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        try:
            assert endpoint.startswith("http://127.0.0.1:"), f"the server said {endpoint!r}"
            yield Server(endpoint, folder)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix of this test alone."""
    name: str = request.node.name
    return "".join(each if each.isalnum() else "-" for each in name)


@pytest.fixture
def open_sink(server: Server, prefix: str) -> Iterator[Callable[..., spillway.Sink]]:
    """Opens sinks on the server, under the prefix of the test; what is still open is aborted."""
    opened: list[spillway.Sink] = []

    def open_one(state: bytes | None = None, **fields: Any) -> spillway.Sink:
        options = {name: fields.pop(name) for name in OPTIONS if name in fields}
        if "config_memory_bytes_max" in fields:  # `open` has an option of the field's name
            fields["memory_bytes_max"] = fields.pop("config_memory_bytes_max")
        options.setdefault("credentials", CREDENTIALS)
        sink = spillway.open(server.config(prefix, **fields), state=state, **options)
        opened.append(sink)
        return sink

    yield open_one
    for sink in opened:
        if not sink.closed:
            try:
                sink.close("abort")
            except spillway.SpillwayError:
                sink._release()


@pytest.fixture(autouse=True)
def no_thread_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every sink ends its thread."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("spillway"):
            thread.join(timeout=20)
            assert not thread.is_alive(), f"{thread.name} is left by {request.node.name}"


OPTIONS = ("credentials", "memory_bytes_max", "compute_seconds_max", "cache")
