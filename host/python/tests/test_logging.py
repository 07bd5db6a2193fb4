"""The handler for `logging`."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import CREDENTIALS, Server

import spillway
import spillway.logging

Make = Callable[..., spillway.logging.Handler]


class Heard(spillway.logging.Handler):
    """Keeps what `handleError` is told."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.errors: list[BaseException] = []
        super().__init__(*arguments, **options)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        self.errors.append(error)


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> Iterator[logging.Logger]:
    logger = logging.getLogger(f"test.{request.node.name}")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def stored(server: Server, prefix: str) -> list[dict[str, Any]]:
    """The records of all objects, which sort by time."""
    data = b"".join(server.objects(prefix).values())
    return [json.loads(line) for line in data.splitlines()]


def test_records_become_lines(server: Server, prefix: str, logger: logging.Logger) -> None:
    handler = Heard(server.config(prefix), "app", credentials=CREDENTIALS)
    logger.addHandler(handler)
    logger.info("one %d", 1, extra={"request": "r-1"})
    try:
        1 // 0
    except ZeroDivisionError:
        logger.exception("two\nlines")
    handler.flush()
    one, two = stored(server, prefix)
    assert one["message"] == "one 1" and one["level"] == "INFO" and one["request"] == "r-1"
    assert one["logger"] == logger.name and one["time"].endswith("Z")
    assert two["message"] == "two\nlines" and "ZeroDivisionError" in two["exception"]
    logger.warning("three")
    logger.removeHandler(handler)
    handler.close()
    handler.close()
    assert [record["message"] for record in stored(server, prefix)][2:] == ["three"]
    names = list(server.objects(prefix))
    assert len(names) == 2 and all(name.startswith("app/20") for name in names)
    assert handler.errors == [] and handler.dropped == 0


def test_many_threads_and_keys(server: Server, prefix: str, logger: logging.Logger) -> None:
    handler = Heard(
        server.config(prefix, max_open_objects=4),
        lambda record: str(record.levelname).lower(),
        credentials=CREDENTIALS,
        write_seconds=0.01,
    )
    logger.addHandler(handler)

    def log(number: int) -> None:
        for place in range(500):
            logger.log(logging.INFO if place % 2 else logging.ERROR, "%d %d", number, place)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.close()
    found = sorted(record["message"] for record in stored(server, prefix))
    assert found == sorted(f"{number} {place}" for number in range(8) for place in range(500))
    assert {name.split("/")[0] for name in server.objects(prefix)} == {"info", "error"}
    assert handler.errors == []


def test_it_never_logs_into_itself(server: Server, prefix: str, logger: logging.Logger) -> None:
    """The provider logs, in a thread of the handler, while `logging` holds the handler's lock."""
    asked = 0

    def provider(fresh: bool) -> spillway.Credentials:
        nonlocal asked
        asked += 1
        logger.info("credentials are asked for")
        return CREDENTIALS

    handler = Heard(server.config(prefix), credentials=provider, flush_seconds_max=20)
    logger.addHandler(handler)
    logging.getLogger("spillway").addHandler(handler)
    try:
        logger.info("from outside")
        handler.acquire()
        try:
            handler.flush()
        finally:
            handler.release()
    finally:
        logging.getLogger("spillway").removeHandler(handler)
    assert asked > 0
    assert [record["message"] for record in stored(server, prefix)] == ["from outside"]
    assert handler.errors == []


def test_a_full_buffer_drops_and_tells(
    server: Server, prefix: str, logger: logging.Logger
) -> None:
    handler = Heard(
        server.config(prefix), credentials=CREDENTIALS, buffer_bytes_max=300, write_seconds=60
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    for _ in range(10):
        logger.info("x" * 100)
    assert handler.dropped == 7
    handler.flush()
    (told,) = handler.errors
    assert isinstance(told, OverflowError) and "7 records" in str(told)
    assert b"".join(server.objects(prefix).values()) == (b"x" * 100 + b"\n") * 3


def test_what_cannot_be_stored_is_told(
    server: Server, prefix: str, logger: logging.Logger
) -> None:
    handler = Heard(
        server.config(prefix, retry_time_max_ms=0),
        lambda record: "../out" if record.levelno >= logging.ERROR else "app",
        credentials=spillway.Credentials("local", "wrong"),
        write_seconds=0.01,
    )
    logger.addHandler(handler)
    logger.error("behind the prefix")
    logger.info("denied")
    handler.flush()
    rejected, denied = handler.errors
    assert isinstance(rejected, ValueError) and "1 records of '../out'" in str(rejected)
    assert isinstance(denied, spillway.NotStored)
    assert denied.progress.failed[0].events == 1
    handler.close()
    assert server.objects(prefix) == {}


def test_a_sink_that_fails_is_told_with_every_record(
    server: Server, prefix: str, logger: logging.Logger
) -> None:
    handler = Heard(
        server.config(prefix), credentials=CREDENTIALS, write_seconds=0.01,
        memory_bytes_max=8 << 20, buffer_bytes_max=1 << 30,
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.info("x" * (64 << 20))
    handler.flush()
    assert isinstance(handler.errors[0], spillway.Trapped)
    logger.info("afterwards")
    assert "has failed" in str(handler.errors[-1])
    handler.close()


def test_errors_of_formatting_are_told(server: Server, prefix: str) -> None:
    handler = Heard(server.config(prefix), credentials=CREDENTIALS)
    handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    handler.close()
    assert [type(error) for error in handler.errors] == [TypeError]


@pytest.mark.parametrize(
    ("fields", "key", "message"),
    [
        ({"commit": "checkpointed"}, "logs", "no place for checkpoints"),
        ({"rotat": {}}, "logs", "rotat"),
        ({}, "", "key: expected a str"),
    ],
)
def test_a_wrong_configuration(
    server: Server, prefix: str, fields: dict[str, Any], key: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spillway.logging.Handler(server.config(prefix, **fields), key, credentials=CREDENTIALS)


AT_EXIT = """
import logging, spillway, spillway.logging
handler = spillway.logging.Handler({config!r}, credentials=spillway.Credentials("local", "local"))
logging.basicConfig(level=logging.INFO, handlers=[handler])
for number in range(1000):
    logging.info("%d", number)
"""


def test_the_end_of_the_program_stores_what_was_logged(server: Server, prefix: str) -> None:
    program = AT_EXIT.format(config=server.config(prefix))
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert [record["message"] for record in stored(server, prefix)] == [
        str(number) for number in range(1000)
    ]
