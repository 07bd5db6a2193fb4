"""Writes once with what a user has who installs the wheel and nothing else.

    python alone.py SERVER FOLDER

`check` runs this in an environment of its own, without what the other tests need.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import spillway

TOOLS = {"pip", "setuptools", "wheel"}


def main(program: str, folder: str) -> None:
    installed = {each.metadata["Name"] for each in distributions()} - TOOLS
    assert installed == {"spillway", "wasmtime"}, f"there are {sorted(installed)}"
    with subprocess.Popen([program, folder, "test"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            config = {"bucket": "test", "endpoint": server.stdout.readline().strip()}
            credentials = spillway.Credentials("local", "local")
            with spillway.open(config, credentials=credentials) as sink:
                sink.write("key", "a line\n")
        finally:
            server.kill()
    assert (Path(folder) / "test" / "key").read_bytes() == b"a line\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
