"""The examples run as they are, and so do those of the README."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Server
from test_quixstreams import MESSAGES
from test_quixstreams import broker as broker  # a fixture

import spillway

PACKAGE = Path(__file__).parents[1]
EXAMPLES = PACKAGE / "examples"
BLOCKS = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)


def environment(server: Server) -> dict[str, str]:
    return {
        **os.environ,
        "BUCKET": "test",
        "ENDPOINT": server.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def run(server: Server, folder: Path, *command: str | Path) -> str:
    ended = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=folder, env=environment(server), capture_output=True, text=True, timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_copy_lines(server: Server, tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text('{"a":1}\n{"a":2}\n')
    said = run(server, tmp_path, EXAMPLES / "copy_lines.py", "events.ndjson", "copied/events")
    assert said == "copied/events: 2 lines, 16 bytes\n"
    assert server.object("copied/events") == b'{"a":1}\n{"a":2}\n'


def test_exactly_once(server: Server, tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    command = (EXAMPLES / "exactly_once.py", "events.ndjson", "events.state")
    whole = "".join(f'{{"number":{number}}}\n' for number in range(25_000))
    events.write_text(whole[:200_000])
    first = run(server, tmp_path, *command)
    assert first == f"{whole[:200_000].count(chr(10))} lines are stored\n"
    assert run(server, tmp_path, *command) == first
    events.write_text(whole)
    assert run(server, tmp_path, *command) == "25000 lines are stored\n"
    names = sorted(
        (server.folder / "test").glob("events-*"), key=lambda f: int(f.name.rsplit("-", 1)[1])
    )
    assert "".join(name.read_text() for name in names) == whole
    for name in names:
        name.unlink()


def test_exactly_once_where_an_object_of_that_name_exists(
    server: Server, tmp_path: Path
) -> None:
    """Each run ends with one line until the object is gone, and then nothing is missing."""
    (tmp_path / "events.ndjson").write_text("new\n")
    existing = server.folder / "test" / "events-0"
    existing.write_text("old\n")
    command = (EXAMPLES / "exactly_once.py", "events.ndjson", "events.state")
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path, env=environment(server), capture_output=True, text=True, timeout=120,
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        assert re.fullmatch(
            r"exactly_once\.py: 1 event could not be stored; .*'events-0': .*"
            r"an object of that name exists.*\n",
            ended.stderr,
        )
        assert existing.read_text() == "old\n"
    existing.unlink()
    assert run(server, tmp_path, *command) == "1 lines are stored\n"
    assert existing.read_text() == "new\n"
    existing.unlink()


def test_log_to_s3(server: Server, tmp_path: Path) -> None:
    run(server, tmp_path, EXAMPLES / "log_to_s3.py")
    lines = b"".join(server.objects("my-service").values()).decode().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 2]


def test_kafka_to_s3(server: Server, tmp_path: Path, broker: str) -> None:
    program = (
        "import runpy, sys; sys.path.insert(0, sys.argv[1]); import pipeline\n"
        "pipeline.TopicAdmin.inspect_topics = pipeline.inspected\n"
        "runpy.run_path(sys.argv[2], run_name='__main__')\n"
    )
    kafka = {**environment(server), "KAFKA": broker, "TOPIC": "events"}
    example = EXAMPLES / "kafka_to_s3.py"
    command = [sys.executable, "-c", program, str(PACKAGE / "tests"), str(example)]
    state = tmp_path / "orders.state"
    with (tmp_path / "log").open("w") as log, subprocess.Popen(
        command, cwd=tmp_path, env=kafka, stdout=log, stderr=log
    ) as process:
        try:
            until = time.monotonic() + 90
            while not state.exists() or f": {MESSAGES}}}" not in header(state):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < until, header(state)
                time.sleep(0.1)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    assert process.returncode == 0, (tmp_path / "log").read_text()
    with spillway.StateFile(state) as file:
        saved = file.load()
    assert saved is not None and list(saved.source.values()) == [MESSAGES]
    events = spillway.inspect_state(saved.state).objects
    assert sum(each.events for each in events) == MESSAGES


def header(state: Path) -> str:
    return state.read_bytes().partition(b"\n")[0].decode() if state.exists() else "no state"


@pytest.mark.parametrize("block", BLOCKS, ids=[str(number) for number in range(len(BLOCKS))])
def test_readme(server: Server, prefix: str, tmp_path: Path, block: str) -> None:
    local = f'"bucket": "test", "endpoint": {server.endpoint!r}, "prefix": "{prefix}/"'
    program = re.sub(r'"bucket": "my-events"(,\s+"region": "eu-west-1")?', local, block)
    assert program != block
    (tmp_path / "events.ndjson").write_text('{"a":1}\n{"a":2}\n')
    run(server, tmp_path, "-c", program)


def test_what_the_readme_stores(server: Server) -> None:
    assert len(BLOCKS) == 4
    ten_lines, exactly_once = "test-readme-0-", "test-readme-1-"
    assert server.objects(ten_lines) == {
        "logs/api.ndjson": b'{"status":200}\n{"status":404}\n{"status":500}\n{"status":301}\n',
        "logs/web.ndjson": b'{"a":1}\n{"a":2}\n',
    }
    assert server.objects(exactly_once) == {"events-0": b'{"a":1}\n{"a":2}\n'}
