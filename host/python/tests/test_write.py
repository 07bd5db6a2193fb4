"""What is written is what is stored, byte for byte."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from conftest import Server

import spillway
from spillway import _runs

Open = Callable[..., spillway.Sink]


def test_100_mib_in_parts(server: Server, prefix: str, open_sink: Open) -> None:
    line = "".join(random.Random(1).choices("abcdefghij äöü€😀", k=200)) + "\n"
    text = line * (100 * (1 << 20) // len(line.encode()) + 1)
    with open_sink() as sink:
        assert sink.write("large", text) == []
        progress = sink.close()
    stored = server.object(f"{prefix}/large")
    assert len(stored) >= 100 << 20
    assert stored == text.encode()
    (visible,) = progress.visible
    assert (visible.first, visible.last) == (0, len(text) // len(line) - 1)
    assert visible.parts > 10 and visible.bytes == len(stored)
    assert progress.durable == sink.position == visible.events


@pytest.mark.parametrize(
    ("events", "stored", "count"),
    [
        ("one\ntwo\n", b"one\ntwo\n", 2),
        ("one\ntwo", b"one\ntwo\n", 2),
        ("\n\n", b"\n\n", 2),
        ("a\r\nb\r\n", b"a\r\nb\r\n", 2),
        (b"one\n\xff\n", b"one\n\xff\n", 2),
        (["one", "two\n", b"three", b"four\n"], b"one\ntwo\nthree\nfour\n", 4),
        (["two\nlines", ""], b"two\nlines\n\n", 2),
        (("one", "two"), b"one\ntwo\n", 2),
        ((text for text in ["ä", "😀"]), "ä\n😀\n".encode(), 2),
        ([b"\x00\xff", "text"], b"\x00\xff\ntext\n", 2),
    ],
)
def test_events(
    server: Server, prefix: str, open_sink: Open, events: _runs.Events, stored: bytes, count: int
) -> None:
    with open_sink() as sink:
        assert sink.write("key", events) == []
        assert sink.position == count
    assert server.object(f"{prefix}/key") == stored


@pytest.mark.parametrize("events", ["", b"", [], iter(())])
def test_nothing(server: Server, prefix: str, open_sink: Open, events: _runs.Events) -> None:
    with open_sink() as sink:
        assert sink.write("key", events) == []
        assert sink.position == 0
    assert server.objects(prefix) == {}


def test_exact_events_keep_their_line_feeds(
    server: Server, prefix: str, open_sink: Open
) -> None:
    blob = bytes(range(256)) + b"\n"
    with open_sink(framing="none") as sink:
        sink.write("key", blob, exact=True)
        sink.write("key", [b"\n", "a\nb\n"], exact=True)
        assert sink.position == 3
    assert server.object(f"{prefix}/key") == blob + b"\na\nb\n"


def test_pieces_cover_all_events_in_any_split(
    server: Server, prefix: str, open_sink: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of all lengths around the size of a piece, as one text, as bytes and as items."""
    seed = int(os.environ.get("SPILLWAY_SEED", random.randrange(1 << 32)))
    print(f"SPILLWAY_SEED={seed}")
    chance = random.Random(seed)
    monkeypatch.setattr(_runs, "PIECE_BYTES", 1000)
    monkeypatch.setattr(_runs, "PIECE_EVENTS", 50)
    # The text ends without a line feed, so an empty last line would be no line of it.
    lines = [_line(chance) for _ in range(3_000)] + [b"last"]
    joined = b"".join(line + b"\n" for line in lines)
    texts = [line.decode(errors="replace") for line in lines]
    with open_sink() as sink:
        sink.write("bytes", joined)
        sink.write("items", iter(lines))
        sink.write("text", "\n".join(texts))
        sink.write("exact", (line + b"\n" for line in lines), exact=True)
        assert sink.position == 4 * len(lines)
    assert server.object(f"{prefix}/bytes") == joined
    assert server.object(f"{prefix}/items") == joined
    assert server.object(f"{prefix}/text") == "".join(f"{text}\n" for text in texts).encode()
    assert server.object(f"{prefix}/exact") == joined.replace(b"\n", b"\n\n")


def _line(chance: random.Random) -> bytes:
    length = chance.choice((0, 1, 10, 99, 100, 101, 998, 999, 1000, 1001, 2500))
    line = bytearray(chance.choices(b"abc ", k=length))
    if length and chance.random() < 0.2:
        line[chance.randrange(length)] = chance.choice((0x00, 0x80, 0xC3, 0xFF))
    return bytes(line)


def test_positions_go_on_and_may_leave_gaps(
    server: Server, prefix: str, open_sink: Open
) -> None:
    with open_sink(key_template="{key}-{first}") as sink:
        sink.write("a", "0\n1\n")
        sink.write("b", "10\n", first=10)
        sink.write("a", "11\n")
        sink.skip(1 << 40)
        assert sink.position == 1 << 40
        sink.write("c", "last\n", first=(1 << 64) - 2)
        with pytest.raises(ValueError, match="pass 2\\^64 - 1"):
            sink.write("c", "one\ntoo many\n")
        assert sink.flush().durable == (1 << 64) - 1
    assert list(server.objects(prefix)) == ["a-0", "a-11", "b-10", f"c-{(1 << 64) - 2}"]


@pytest.mark.parametrize(
    "at", [1_777_593_600_000_000_000, datetime(2026, 5, 1, tzinfo=timezone.utc)]
)
def test_the_time_of_events(
    server: Server, prefix: str, open_sink: Open, at: int | datetime
) -> None:
    with open_sink(key_template="{date:%Y/%m/%d}/{key}") as sink:
        sink.write("key", "x", at=at)
    assert list(server.objects(prefix)) == ["2026/05/01/key"]


def test_rejections_are_returned_and_the_others_stored(
    server: Server, prefix: str, open_sink: Open
) -> None:
    with open_sink() as sink:
        sink.write("good", "0\n")
        rejected = sink.write("../out", ["one", "two"])
        sink.write("other", "3\n")
        assert sink.flush().durable == 4
    assert [rejection.position for rejection in rejected] == [1, 2]
    assert "`..`" in rejected[0].reason
    assert server.objects(prefix) == {"good": b"0\n", "other": b"3\n"}


def test_an_event_of_many_pieces(server: Server, prefix: str, open_sink: Open) -> None:
    long = "x" * (3 * _runs.PIECE_BYTES)
    with open_sink() as sink:
        sink.write("key", ["before", long, "after"])
        sink.write("key", f"before\n{long}\nafter\n")
        sink.write("key", [b"\xff" * (2 * _runs.PIECE_BYTES)])
    expected = f"before\n{long}\nafter\n".encode() * 2 + b"\xff" * (2 * _runs.PIECE_BYTES) + b"\n"
    assert server.object(f"{prefix}/key") == expected


def test_what_a_failing_iterable_raises_reaches_the_caller(
    server: Server, prefix: str, open_sink: Open
) -> None:
    def lines() -> Iterator[str]:
        yield "one"
        raise LookupError("the source broke")

    with open_sink() as sink:
        with pytest.raises(LookupError, match="the source broke"):
            sink.write("key", lines())
        assert sink.position == 0
        sink.write("key", "two")
    assert server.object(f"{prefix}/key") == b"two\n"


def test_progress_and_metrics(server: Server, prefix: str, open_sink: Open) -> None:
    with open_sink() as sink:
        sink.write("key", "x\ny\n")
        before = {metric.name: metric for metric in sink.metrics()}
        flushed = sink.flush()
        assert sink.poll().visible == ()
    after = {metric.name: metric for metric in sink.metrics()}
    assert before["spillway_events_total"].value == 2
    (visible,) = flushed.visible
    assert (visible.key, visible.object_key) == ("key", f"{prefix}/key")
    assert (visible.first, visible.last, visible.events, visible.bytes) == (0, 1, 2, 4)
    assert flushed.durable == 2 and not flushed.failed and not flushed.wants_checkpoint
    histograms = [each.value for each in after.values() if each.kind == "histogram"]
    assert histograms and all(isinstance(each, spillway.Histogram) for each in histograms)
    assert all(each.help for each in after.values())


def test_what_is_on_the_store_already(server: Server, prefix: str, open_sink: Open) -> None:
    """An upload that a sink left behind can be listed and aborted."""
    left = open_sink(commit="checkpointed", part_bytes=5 << 20)
    left.write("key", "x" * (6 << 20))
    left.checkpoint()
    left.commit()
    left.close("suspend")
    with open_sink() as sink:
        sink.check()
        (upload,) = sink.incomplete_uploads()
        assert upload.object_key == f"{prefix}/key" and upload.parts == 1
        assert upload.begun is not None and upload.begun > 1_700_000_000_000_000_000
        sink.abort_upload(upload.object_key, upload.id)
        assert sink.incomplete_uploads() == []


def test_what_needs_no_sink(server: Server) -> None:
    described = spillway.describe()
    assert described.name == "spillway-s3"
    assert '"bucket"' in described.configuration_schema
    authority = server.endpoint.removeprefix("http://")
    assert spillway.egress(server.config("x")) == [authority]
    assert spillway.egress({"bucket": "bkt", "region": "eu-west-1"}) == [
        "bkt.s3.eu-west-1.amazonaws.com:443"
    ]
    assert spillway.egress('{"bucket": "bkt", "endpoint": "http://127.0.0.1:9"}') == ["127.0.0.1:9"]


def test_several_threads_share_a_sink(server: Server, prefix: str, open_sink: Open) -> None:
    def write(thread: int) -> None:
        for number in range(100):
            assert sink.write("key", f"{thread} {number}\n") == []

    with open_sink() as sink:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        assert sink.position == 800
    lines = server.object(f"{prefix}/key").decode().splitlines()
    assert sorted(lines) == sorted(f"{thread} {n}" for thread in range(8) for n in range(100))
