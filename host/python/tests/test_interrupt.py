"""Ctrl-C, while the component waits for a store that does not answer."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

PROGRAM = """
import sys, spillway
from spillway import _sink
_sink.SETTLE_SECONDS = 0.2
config = {{"bucket": "test", "endpoint": "http://127.0.0.1:{port}", **{fields}}}
credentials = spillway.Credentials("local", "local")
with spillway.open(config, credentials=credentials) as sink:
    sink.write("key", "x")
    print("waits", flush=True)
    try:
        {call}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        for other in (sink.poll, sink.metrics, lambda: sink.write("key", "x")):
            try:
                other()
            except spillway.Interrupted:
                print("refused", flush=True)
        raise
"""

ONE_EACH = {"rotate": {"events": 1}, "key_template": "{first}"}


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("sink.check()", {}),
        ("sink.flush()", {}),
        ("while True: sink.write('key', 'x' * (1 << 20))", {"part_bytes": 5 << 20}),
        ("sink.flush()", {**ONE_EACH, "commit": "checkpointed"}),
    ],
    ids=["check", "flush", "write", "checkpointed"],
)
def test_an_interrupt_ends_the_wait(call: str, fields: dict[str, object]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        silent.settimeout(60)
        if "commit" in fields:
            call = "sink.checkpoint(); sink.commit(); " + call
        program = PROGRAM.format(port=silent.getsockname()[1], fields=fields, call=call)
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:
            try:
                assert process.stdout is not None and process.stderr is not None
                assert process.stdout.readline() == "waits\n"
                connection, _ = silent.accept()  # the component has sent something, and waits
                connection.recv(1)
                process.send_signal(signal.SIGINT)
                out, error = process.communicate(timeout=60)
            finally:
                process.kill()
            connection.close()
    refused = out.removeprefix("interrupted\n").splitlines()
    # Between two writes, an interrupt leaves the sink as it is.
    assert refused == ["refused"] * 3 or "write" in call and refused == []
    assert error.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
