"""Exactly once: across a suspension, a full sink, and a process that is killed."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Server
from writer import line

import spillway

Open = Callable[..., spillway.Sink]
SMALL = {
    "commit": "checkpointed",
    "part_bytes": 5 << 20,
    "config_memory_bytes_max": 12 << 20,
    "rotate": {"bytes": 3 << 20},
    "key_template": "{key}-{first}",
}
WRITER = Path(__file__).with_name("writer.py")


def test_killed_at_any_time_each_line_is_stored_once(
    server: Server, prefix: str, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SPILLWAY_SEED", random.randrange(1 << 32)))
    print(f"SPILLWAY_SEED={seed}")
    chance = random.Random(seed)
    lines, kills = 250_000, 0
    command = [
        sys.executable, str(WRITER), server.endpoint, prefix, str(tmp_path / "state"), str(lines),
        "5000",
    ]
    for attempt in itertools.count():
        assert attempt < 60, "the writer makes no progress"
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            # Killed while it writes, checkpoints, commits or closes: some time after an answer.
            for answer in range(chance.randrange(1, 12)):
                said = process.stdout.readline().strip()
                if said in ("done", ""):
                    break
            if said != "done" and said:
                time.sleep(chance.random() * 0.05)
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.stdout.read()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert kills >= 3
    objects = server.objects(prefix)
    ordered = sorted(objects.items(), key=lambda item: int(item[0].rsplit("-", 1)[1]))
    assert len(ordered) > 5
    stored = b"".join(data for _, data in ordered)
    expected = "".join(f"{line(number)}\n" for number in range(lines)).encode()
    assert len(stored) == len(expected)
    assert stored == expected


def test_suspended_and_resumed(server: Server, prefix: str, open_sink: Open) -> None:
    payload = os.urandom(6 << 20).replace(b"\n", b"x")
    with open_sink(commit="checkpointed", part_bytes=5 << 20) as sink:
        sink.write("key", [payload, "text"])
        state = sink.checkpoint()
        sink.commit()
        sink.write("key", "is not in the checkpoint")
        sink.close("suspend")
    assert server.objects(prefix) == {}

    saved = spillway.inspect_state(state)
    assert saved.next_position == 2
    (held,) = saved.objects
    assert (held.key, held.object_key, held.phase) == ("key", f"{prefix}/key", "open")
    assert (held.first, held.last, held.events, held.bytes) == (0, 1, 2, len(payload) + 6)
    assert saved.configuration["bucket"] and saved.to_abort == ()

    with open_sink(state, commit="checkpointed", part_bytes=5 << 20) as sink:
        assert sink.position == 2
        sink.write("key", "after")
        progress = sink.finish(lambda state: None)
    assert progress.durable == 3 and len(progress.visible) == 1
    assert server.object(f"{prefix}/key") == payload + b"\ntext\nafter\n"


def test_a_full_sink_is_busy_and_loses_nothing(
    server: Server, prefix: str, open_sink: Open
) -> None:
    events = [os.urandom(700_000).hex() for _ in range(40)]
    busy = 0
    with open_sink(**SMALL) as sink:
        rest: object = iter(events)
        taken = 0
        while True:
            try:
                sink.write("key", rest)  # type: ignore[arg-type]
                break
            except spillway.Busy as error:
                busy += 1
                taken += error.taken
                assert sink.position == taken
                rest = error.rest
                sink.checkpoint()
                sink.commit()
        assert sink.position == len(events)
        sink.finish(lambda state: None)
    assert busy > 0
    objects = server.objects(prefix)
    ordered = sorted(objects, key=lambda key: int(key.rsplit("-", 1)[1]))
    assert b"".join(objects[key] for key in ordered) == "".join(f"{e}\n" for e in events).encode()


@pytest.mark.parametrize("kind", [str, bytes])
def test_the_rest_of_a_text(
    server: Server, prefix: str, open_sink: Open, kind: type[str] | type[bytes]
) -> None:
    lines = "".join(f"{number:06d} {'y' * 1000}\n" for number in range(40_000))
    text: str | bytes = lines if kind is str else lines.encode()
    with open_sink(**SMALL) as sink:
        with pytest.raises(spillway.Busy) as raised:
            sink.write("key", text)
        rest = raised.value.rest
        assert isinstance(rest, kind)
        cut = len(text) - len(rest)
        assert rest == text[cut:]
        assert raised.value.taken == sink.position == lines[:cut].count("\n") > 0
        sink.close("suspend")


def test_the_end_of_a_block_asks_for_the_commit(
    server: Server, prefix: str, open_sink: Open
) -> None:
    with pytest.raises(spillway.Busy, match="end the block with `finish`"):
        with open_sink(commit="checkpointed") as sink:
            sink.write("key", "x")
    assert sink.closed
    assert server.objects(prefix) == {}


def test_an_exception_suspends(server: Server, prefix: str, open_sink: Open) -> None:
    with pytest.raises(LookupError):
        with open_sink(commit="checkpointed") as sink:
            sink.write("key", "0")
            state = sink.checkpoint()
            sink.commit()
            sink.write("key", "given up")
            raise LookupError
    with open_sink(state, commit="checkpointed") as sink:
        sink.write("key", "1")
        sink.finish(lambda state: None)
    assert server.object(f"{prefix}/key") == b"0\n1\n"


def test_a_state_of_many_megabytes_crosses_whole(
    server: Server, prefix: str, open_sink: Open
) -> None:
    """The binding of wasmtime for components ends where a list is that long: see `_component`."""
    payload = os.urandom(9 << 20).replace(b"\n", b"x")
    fields = {"commit": "checkpointed", "part_bytes": 10 << 20}
    with open_sink(**fields) as sink:
        sink.write("key", [payload])
        state = sink.checkpoint()
        assert len(state) > len(payload)
        sink.close("suspend")
    with open_sink(state, **fields) as sink:
        sink.finish(lambda state: None)
    assert server.object(f"{prefix}/key") == payload + b"\n"


def test_the_file_of_states(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with spillway.StateFile(path) as file:
        assert file.load() is None
        file.store(b"one\ntwo", {"offset": 7})
        assert file.load() == spillway.Saved(b"one\ntwo", {"offset": 7})
        file.store(b"", [1, "x"])
        with pytest.raises(BlockingIOError, match="another process uses this file"):
            spillway.StateFile(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="the file was closed"):
        file.store(b"", 0)
    with spillway.StateFile(path) as file:
        assert file.load() == spillway.Saved(b"", [1, "x"])
        file.store(b"state", 0)
        whole = path.read_bytes()
        for damaged in (b"", b"x", whole + b"more", whole[:-1]):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match="not a state file"):
                file.load()
        file.remove()
        assert file.load() is None
