"""Measures how many megabytes a second the package writes to a local S3 server.

    python benchmark.py            # a table
    python benchmark.py --json     # the same as JSON

The server is `target/release/examples/serve` of the repository, or the program that
SPILLWAY_S3_SERVER names. It runs on the same machine, and shares its processors.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import spillway

MIB = 1 << 20
PLAIN = {"payload_signing": "unsigned", "checksum": "none"}
CHECKSUM = {"payload_signing": "unsigned", "checksum": "crc64nvme"}
SIGNED = {"payload_signing": "signed", "checksum": "crc64nvme"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--mib", type=int, default=256, help="MiB for each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts")
    arguments = parser.parse_args()
    with server() as endpoint:
        start = measured_start()
        rows = [
            {"events": events, "settings": settings, "mb_per_second": rate}
            for events, settings, rate in measured(endpoint, arguments.mib, arguments.rounds)
        ]
        calls = measured_calls(endpoint)
    result = {
        "python": platform.python_version(),
        "wasmtime": metadata.version("wasmtime"),
        "spillway": metadata.version("spillway"),
        "processors": os.cpu_count(),
        "start_seconds": start,
        "call_microseconds": calls,
        "throughput": rows,
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        print()
        return
    print(f"Python {result['python']}, wasmtime {result['wasmtime']}, "
          f"{result['processors']} processors")
    print(f"start: {start['cold']:.2f} s without a cache, {start['warm']:.3f} s with one")
    print(f"one call: write {calls['write']:.0f} µs, poll {calls['poll']:.0f} µs\n")
    print(f"{'events':<28}{'settings':<24}{'MB/s':>6}")
    for row in rows:
        print(f"{row['events']:<28}{row['settings']:<24}{row['mb_per_second']:>6.0f}")


def measured(endpoint: str, mib: int, rounds: int) -> Iterator[tuple[str, str, float]]:
    size = mib * MIB
    cases: list[tuple[str, str, dict[str, Any], Any]] = [
        ("1 MiB, text", "unsigned", PLAIN, text(size, MIB)),
        ("1 MiB, text", "unsigned, checksum", CHECKSUM, text(size, MIB)),
        ("1 MiB, text", "signed, checksum", SIGNED, text(size, MIB)),
        ("1 KiB, text", "unsigned", PLAIN, text(size, 1024)),
        ("256 B, text", "unsigned", PLAIN, text(size, 256)),
        ("100 B, text", "unsigned", PLAIN, text(size, 100)),
        ("1 MiB, bytes, not UTF-8", "unsigned", PLAIN, octets(size, MIB)),
        ("256 B, bytes, not UTF-8", "unsigned", PLAIN, octets(size, 256)),
        ("1 KiB, list of str", "unsigned", PLAIN, text(size, 1024).splitlines()),
        ("256 B, list of str", "unsigned", PLAIN, text(size, 256).splitlines()),
        ("256 B, list of bytes", "unsigned", PLAIN, octets(size, 256).splitlines()),
    ]
    for name, settings, fields, events in cases:
        rates = [size / seconds(endpoint, fields, events) / 1e6 for _ in range(rounds)]
        yield name, settings, statistics.median(rates)


def seconds(endpoint: str, fields: dict[str, Any], events: Any) -> float:
    config = {"bucket": "test", "endpoint": endpoint, **fields}
    with spillway.open(config, credentials=CREDENTIALS) as sink:
        begun = time.perf_counter()
        sink.write("benchmark", events)
        sink.flush()
        return time.perf_counter() - begun


def measured_start() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as cache:
        times = []
        for _ in range(4):
            begun = time.perf_counter()
            config = {"bucket": "test", "endpoint": "http://127.0.0.1:9"}
            spillway.open(config, credentials=CREDENTIALS, cache=cache).close()
            times.append(time.perf_counter() - begun)
    return {"cold": times[0], "warm": statistics.median(times[1:])}


def measured_calls(endpoint: str) -> dict[str, float]:
    config = {"bucket": "test", "endpoint": endpoint}
    with spillway.open(config, credentials=CREDENTIALS) as sink:
        writes = [timed(lambda: sink.write("calls", "a line\n")) for _ in range(2000)]
        polls = [timed(sink.poll) for _ in range(2000)]
    return {"write": statistics.median(writes) * 1e6, "poll": statistics.median(polls) * 1e6}


def timed(call: Any) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def text(size: int, line: int) -> str:
    return ("x" * (line - 1) + "\n") * (size // line)


def octets(size: int, line: int) -> bytes:
    return (b"\xff" * (line - 1) + b"\n") * (size // line)


@contextmanager
def server() -> Iterator[str]:
    repository = Path(__file__).parents[2]
    named = os.environ.get("SPILLWAY_S3_SERVER")
    program = Path(named) if named else repository / "target/release/examples/serve"
    if not program.is_file():
        sys.exit(
            f"no S3 server at {program}; in the repository, run: "
            "cargo build --release --package spillway-local-s3 --example serve"
        )
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen(
            [program, folder, "test"], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=10)


CREDENTIALS = spillway.Credentials("local", "local")

if __name__ == "__main__":
    main()
