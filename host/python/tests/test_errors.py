"""Errors by the kinds of the contract, and a component that is ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import pytest
from conftest import CREDENTIALS, Server

import spillway

Open = Callable[..., spillway.Sink]
NO_RETRY = {"retry_time_max_ms": 0, "attempts_max": 1}


def test_denied(open_sink: Open) -> None:
    with open_sink(credentials=spillway.Credentials("local", "wrong")) as sink:
        with pytest.raises(spillway.Denied, match="SignatureDoesNotMatch|signature"):
            sink.check()


def test_a_bucket_that_does_not_exist(server: Server) -> None:
    config = {"bucket": "nowhere", "endpoint": server.endpoint}
    with spillway.open(config, credentials=CREDENTIALS) as sink:
        with pytest.raises(spillway.Denied, match="NoSuchBucket|bucket"):
            sink.check()


def test_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        config = {"bucket": "test", "endpoint": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        with spillway.open({**config, **NO_RETRY}, credentials=CREDENTIALS) as sink:
            with pytest.raises(spillway.Unavailable):
                sink.check()


def test_what_is_not_stored_is_raised_at_the_end(open_sink: Open) -> None:
    wrong = spillway.Credentials("local", "wrong")
    with pytest.raises(spillway.NotStored, match="3 events could not be stored") as raised:
        with open_sink(credentials=wrong, **NO_RETRY) as sink:
            sink.write("key", "0\n1\n2\n")
    (failure,) = raised.value.progress.failed
    assert (failure.key, failure.first, failure.last, failure.events) == ("key", 0, 2, 3)
    assert isinstance(failure.cause, spillway.Denied)
    assert raised.value.progress.durable == 3
    assert sink.closed


def test_flush_raises_too_and_the_sink_goes_on(
    server: Server, prefix: str, open_sink: Open
) -> None:
    answers = [spillway.Credentials("local", "wrong"), CREDENTIALS]

    def provider(fresh: bool) -> spillway.Credentials:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    with open_sink(credentials=provider, **NO_RETRY) as sink:
        sink.write("bad", "0\n")
        with pytest.raises(spillway.NotStored) as raised:
            sink.flush()
        assert raised.value.progress.failed[0].key == "bad"
        assert sink.poll().failed == ()


def test_a_block_that_only_a_commit_can_end_does_not_hide_lost_events(open_sink: Open) -> None:
    answers = [spillway.Credentials("local", "wrong"), CREDENTIALS]
    large = "x" * (6 << 20)
    sink = open_sink(
        credentials=lambda fresh: answers[0], commit="checkpointed", part_bytes=5 << 20, **NO_RETRY
    )
    with pytest.raises(spillway.NotStored, match="1 event could not be stored") as raised:
        with sink:
            sink.write("bad", large)
            until = time.monotonic() + 60
            while "failed" not in phases(sink):
                assert time.monotonic() < until
            answers.pop(0)
            sink.write("good", "x")
    assert isinstance(raised.value.__cause__, spillway.Busy)
    assert [failure.key for failure in raised.value.progress.failed] == ["bad"]
    assert sink.closed


@pytest.mark.parametrize("ends", ["close", "exception"])
def test_a_sink_that_is_suspended_does_not_hide_lost_events(
    open_sink: Open, caplog: pytest.LogCaptureFixture, ends: str
) -> None:
    wrong = spillway.Credentials("local", "wrong")
    sink = open_sink(credentials=wrong, commit="checkpointed", part_bytes=5 << 20, **NO_RETRY)
    sink.write("bad", "x" * (6 << 20))
    until = time.monotonic() + 60
    while "failed" not in phases(sink):
        assert time.monotonic() < until
    said = "1 event could not be stored"
    if ends == "close":
        with pytest.raises(spillway.NotStored, match=said) as raised:
            sink.close("suspend")
        assert [failure.key for failure in raised.value.progress.failed] == ["bad"]
    else:  # which is what the caller hears of, and is not replaced
        with pytest.raises(LookupError), sink:
            raise LookupError
        assert said in caplog.text
    assert sink.closed


def phases(sink: spillway.Sink) -> list[str]:
    return [each.phase for each in spillway.inspect_state(sink.checkpoint()).objects]


def test_an_exception_aborts(server: Server, prefix: str, open_sink: Open) -> None:
    with pytest.raises(LookupError):
        with open_sink(part_bytes=5 << 20) as sink:
            sink.write("key", "x" * (6 << 20))
            raise LookupError
    assert sink.closed
    assert server.objects(prefix) == {}
    with open_sink() as again:
        assert again.incomplete_uploads() == []


def test_closed(open_sink: Open) -> None:
    sink = open_sink()
    sink.close()
    for call in (sink.poll, sink.flush, sink.check, sink.close, lambda: sink.write("k", "x")):
        with pytest.raises(spillway.Closed):
            call()
    assert sink.metrics()
    assert repr(sink) == "<spillway.Sink, closed, position 0>"


def test_unsupported(open_sink: Open) -> None:
    with open_sink() as sink:
        with pytest.raises(spillway.Unsupported, match="checkpointed"):
            sink.checkpoint()


@pytest.mark.parametrize("damage", [b"", b"no state", b"\xff" * 100_000])
def test_a_damaged_state(open_sink: Open, damage: bytes) -> None:
    with pytest.raises(spillway.UnknownState):
        open_sink(damage, commit="checkpointed")
    with pytest.raises(spillway.UnknownState):
        spillway.inspect_state(damage)


def test_a_state_of_another_configuration(open_sink: Open) -> None:
    with open_sink(commit="checkpointed") as sink:
        sink.write("key", "x")
        state = sink.checkpoint()
        sink.commit()
        sink.close("suspend")
    with pytest.raises(spillway.UnknownState, match="key_template"):
        open_sink(state, commit="checkpointed", key_template="other/{key}")


def test_too_little_memory_to_begin(open_sink: Open) -> None:
    with pytest.raises(spillway.Trapped, match="memory_bytes_max"):
        open_sink(memory_bytes_max=65536)


def test_a_trap_ends_the_sink_for_good(server: Server, prefix: str, open_sink: Open) -> None:
    with pytest.raises(spillway.Trapped, match="memory_bytes_max"):
        with open_sink(memory_bytes_max=8 << 20) as sink:
            with pytest.raises(spillway.Trapped, match="memory_bytes_max, now 8,388,608"):
                sink.write("key", "x" * (64 << 20))
            for call in (sink.poll, sink.metrics, lambda: sink.write("key", "x")):
                with pytest.raises(spillway.Trapped, match="memory_bytes_max"):
                    call()
    assert sink.closed
    assert server.objects(prefix) == {}


def test_a_call_that_computes_for_too_long(open_sink: Open) -> None:
    with pytest.raises(spillway.Trapped):
        with open_sink(compute_seconds_max=0.05, compression="gzip", compression_level=9) as sink:
            with pytest.raises(spillway.Trapped, match="more than 0.05 s .* compute_seconds_max"):
                for _ in range(100):
                    sink.write("key", os.urandom(3 << 20).hex(), exact=True)


def test_a_fork_cannot_use_the_sink(server: Server, open_sink: Open) -> None:
    with open_sink() as sink:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork, by 3.12
            child = os.fork()
        if child == 0:
            try:
                sink.write("key", "x")
            except RuntimeError as error:
                os._exit(0 if "before a fork" in str(error) else 2)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        sink.write("key", "x")


AT_EXIT = """
import sys, spillway
config = {{"bucket": "test", "endpoint": {endpoint!r}, "prefix": "at-exit/"}}
credentials = spillway.Credentials("local", "local")
sinks = [spillway.open(config, credentials=credentials) for _ in range(3)]
trapped = spillway.open(config, credentials=credentials, memory_bytes_max=8 << 20)
for sink in sinks:
    sink.write("key", "x")
try:
    trapped.write("key", "x" * (64 << 20))
except spillway.Trapped:
    pass
else:
    sys.exit("no trap")
sinks[0].close()
del sinks[1]
print("end")
"""


def test_the_interpreter_ends_in_order_with_sinks_open_closed_and_trapped(server: Server) -> None:
    program = AT_EXIT.format(endpoint=server.endpoint)
    ended = subprocess.run(
        [sys.executable, "-W", "default", "-c", program],
        capture_output=True, text=True, timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (0, "end\n"), ended.stderr
    assert "ResourceWarning: a sink was not closed" in ended.stderr
    assert "Traceback" not in ended.stderr
