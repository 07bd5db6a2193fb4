"""The sink for Quix Streams, with the broker that librdkafka has for tests: real requests of Kafka
over real sockets, and a process that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from conftest import CREDENTIALS, Server

import spillway
from spillway.quixstreams import DEFAULTS, Message, S3Sink, as_json, by_partition

PIPELINE = Path(__file__).with_name("pipeline.py")
MESSAGES = 6_000
TEXT = '"{:08d} ' + "x" * 100 + '"'


@pytest.fixture
def broker() -> Iterator[str]:
    """A broker with the topic `events`, whose messages are numbered texts of JSON."""
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "linger.ms": 5})
    for number in range(MESSAGES):
        producer.produce("events", TEXT.format(number).encode(), key=b"key")
        producer.poll(0)
    assert producer.flush(30) == 0
    (address,) = producer.list_topics(timeout=10).brokers.values()
    yield f"{address.host}:{address.port}"
    del producer


def test_killed_and_started_again_each_message_is_stored_once(
    server: Server, prefix: str, broker: str, tmp_path: Path
) -> None:
    def command(count: int) -> list[str | Path]:
        state = tmp_path / "state"
        return [
            sys.executable, "-W", "ignore", PIPELINE, broker, server.endpoint, prefix,
            str(state), str(count),
        ]

    for place in (700, 3_333):
        with subprocess.Popen(command(MESSAGES), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if int(line) >= place:
                    break
            process.send_signal(signal.SIGKILL)
            process.stdout.read()
        assert process.returncode == -signal.SIGKILL
    ended = subprocess.run(command(0), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("done\n")
    objects = server.objects(prefix)
    assert len(objects) > MESSAGES // 700
    stored = Counter(line[1:9] for data in objects.values() for line in data.decode().splitlines())
    assert len(stored) == MESSAGES
    assert set(stored.values()) == {1}
    assert {name.split("/")[0] for name in objects} == {"events"}


def test_messages_that_kafka_hands_out_again_are_passed_over(
    server: Server, prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def add(sink: S3Sink, value: Any, offset: int) -> None:
        sink.add(value, "key", 1_777_593_600_000, [], "topic", 3, offset)

    config = server.config(prefix)
    with S3Sink(config, tmp_path / "state", credentials=CREDENTIALS) as sink:
        sink.setup()
        add(sink, {"number": 0}, 10)
        add(sink, "text", 12)
        sink.flush()
        add(sink, "not in a checkpoint", 13)
    with S3Sink(config, tmp_path / "state", credentials=CREDENTIALS) as sink:
        sink.setup()
        add(sink, {"number": 0}, 10)
        add(sink, "text", 12)
        add(sink, b"bytes\nwith two lines", 13)
        sink.complete()
    (data,) = server.objects(prefix).values()
    assert data == b'{"number": 0}\ntext\nbytes\nwith two lines\n'
    assert "topic/3 from offset 10 on are passed over" in caplog.text


def test_what_can_never_be_stored_ends_the_application(
    server: Server, prefix: str, tmp_path: Path
) -> None:
    rejected: list[spillway.Rejection] = []
    for on_rejected in ({}, {"on_rejected": rejected.append}):
        with S3Sink(
            server.config(prefix), tmp_path / "state", key=lambda message: "../out",
            credentials=CREDENTIALS, **on_rejected,  # type: ignore[arg-type]
        ) as sink:
            sink.setup()
            sink.add("value", None, 0, [], "topic", 0, 0)
            if on_rejected:
                sink.flush()
            else:
                with pytest.raises(ValueError, match="a message cannot be stored"):
                    sink.flush()
    assert [each.position for each in rejected] == [0]


def test_keys_and_events() -> None:
    moment = datetime(2026, 5, 1, tzinfo=timezone.utc)
    message = Message({"ä": 1}, b"key", moment, [], "topic", 7, 8)
    assert by_partition(message) == "topic/7"
    assert as_json(message) == '{"ä": 1}'
    assert "{uuid}" in DEFAULTS["key_template"]
    with pytest.raises(ValueError, match="commit: this sink needs 'checkpointed'"):
        S3Sink({"commit": "sealed"}, "state")
