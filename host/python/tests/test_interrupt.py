"""Ctrl-C, while the component waits for a store that does not answer."""

from __future__ import annotations

import _thread
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import spillway

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


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("interrupted", [spillway.Sink.flush, spillway.Sink.close])
def test_events_that_an_interrupted_call_loses_are_raised_by_close(
    open_sink: Callable[..., spillway.Sink],
    interrupted: Callable[[spillway.Sink], spillway.Progress],
    raises: bool,
) -> None:
    was_interrupted = threading.Event()

    def provider(fresh: bool) -> spillway.Credentials:
        if not was_interrupted.is_set():
            _thread.interrupt_main()
            assert was_interrupted.wait(60)
            if raises:
                raise LookupError
        return spillway.Credentials("local", "wrong")

    sink = open_sink(credentials=provider, retry_time_max_ms=0)
    sink.write("key", "x")
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(sink)
    finally:
        was_interrupted.set()
    with pytest.raises(spillway.NotStored, match="1 event could not be stored") as raised:
        sink.close()
    (failure,) = raised.value.progress.failed
    assert (failure.key, failure.first, failure.last) == ("key", 0, 0)
    assert isinstance(failure.cause, spillway.Unavailable if raises else spillway.Denied)
    assert isinstance(raised.value.__cause__, LookupError) or not raises
    assert sink.closed
