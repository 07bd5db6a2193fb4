"""Where credentials come from, and that they are shown nowhere."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import CREDENTIALS, Server

import spillway
from spillway import credentials

Open = Callable[..., spillway.Sink]
SECRET = "wJalrXUtnFEMI"
TOKEN = "FwoGZXIvYXdzEBY"


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_of_the_environment(
    server: Server, prefix: str, open_sink: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with open_sink(credentials=None) as sink:
        sink.write("key", "x")
    assert server.object(f"{prefix}/key") == b"x\n"


@pytest.mark.parametrize("installed", ["boto3", "botocore"])
def test_of_a_profile(
    server: Server,
    prefix: str,
    open_sink: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: str,
) -> None:
    if installed == "botocore":
        monkeypatch.setitem(sys.modules, "boto3", None)
    assert credentials._session_maker().__module__ == f"{installed}.session"
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = local\naws_secret_access_key = local\n"
    )
    with open_sink(credentials=None) as sink:
        sink.write("key", "x")
    assert server.object(f"{prefix}/key") == b"x\n"


def test_of_a_session_that_renews_them() -> None:
    from botocore.credentials import RefreshableCredentials

    ends = datetime.now(timezone.utc) + timedelta(hours=1)
    metadata = {
        "access_key": "AKID", "secret_key": SECRET, "token": TOKEN, "expiry_time": ends.isoformat(),
    }

    class Session:
        def get_credentials(self) -> RefreshableCredentials:
            return RefreshableCredentials.create_from_metadata(
                metadata, refresh_using=lambda: metadata, method="test"
            )

    found = credentials.from_boto3(Session())(False)
    assert (found.access_key_id, found.secret_access_key, found.session_token) == (
        "AKID", SECRET, TOKEN,
    )
    assert found.expires_at == ends


def test_none_at_all(open_sink: Open) -> None:
    with open_sink(credentials=None) as sink:
        with pytest.raises(spillway.Denied) as raised:
            sink.check()
    text = str(raised.value)
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set" in text
    assert "boto3: no credentials found" in text


def test_half_of_them(open_sink: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    provider = credentials.from_environment()
    with pytest.raises(credentials.NotConfigured, match="AWS_SECRET_ACCESS_KEY is not set"):
        provider(False)


def test_a_provider_is_asked_for_fresh_ones(server: Server, prefix: str, open_sink: Open) -> None:
    asked: list[bool] = []

    def provider(fresh: bool) -> spillway.Credentials:
        asked.append(fresh)
        return CREDENTIALS

    with open_sink(credentials=provider) as sink:
        sink.write("key", "x")
    assert asked and asked[0] is False
    assert server.object(f"{prefix}/key") == b"x\n"


@pytest.mark.parametrize(
    "broken",
    [
        lambda fresh: 1 // 0,
        lambda fresh: None,
        lambda: CREDENTIALS,
        lambda fresh: spillway.Credentials(
            "id", SECRET, expires_at=datetime(2600, 1, 1, tzinfo=timezone.utc)
        ),
    ],
)
def test_what_a_provider_raises_is_raised_after_the_call(
    server: Server, prefix: str, open_sink: Open, broken: Callable[..., spillway.Credentials]
) -> None:
    """And neither the component nor the sink ends by it."""
    provider = broken

    def switched(*arguments: bool) -> spillway.Credentials:
        return provider(*arguments)

    with open_sink(credentials=switched, retry_time_max_ms=0) as sink:
        with pytest.raises(spillway.CredentialsError) as raised:
            sink.check()
        assert isinstance(raised.value.__cause__, (ZeroDivisionError, TypeError, ValueError))
        assert isinstance(raised.value.error, spillway.SpillwayError)
        assert raised.value.returned is None
        assert SECRET not in "".join(traceback.format_exception(raised.value))

        provider = lambda fresh: CREDENTIALS  # noqa: E731
        sink.check()
        sink.write("key", "x")
    assert server.object(f"{prefix}/key") == b"x\n"


@pytest.mark.parametrize("last", ["flush", "close", "finish", "block"])
def test_what_a_provider_raises_does_not_hide_lost_events(open_sink: Open, last: str) -> None:
    def provider(fresh: bool) -> spillway.Credentials:
        raise LookupError(SECRET)

    sink = open_sink(credentials=provider, retry_time_max_ms=0)
    with pytest.raises(spillway.NotStored, match="1 event could not be stored") as raised:
        if last == "block":
            with sink:
                sink.write("key", "x")
        else:
            sink.write("key", "x")
            if last == "finish":
                sink.finish(lambda state: None)
            else:
                getattr(sink, last)()
    assert "the provider raised LookupError" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert isinstance(raised.value.__cause__, LookupError)
    (failure,) = raised.value.progress.failed
    assert (failure.key, failure.first, failure.last, failure.events) == ("key", 0, 0, 1)
    assert sink.closed == (last in ("close", "block"))
    if not sink.closed:
        assert sink.flush().failed == ()  # reported once
        assert sink.close().durable == 1


def test_events_that_a_write_loses_are_raised_at_the_end(open_sink: Open) -> None:
    """Where a write raises what the provider raised, it has taken its events all the same."""
    fails = True

    def provider(fresh: bool) -> spillway.Credentials:
        if fails:
            raise LookupError
        return CREDENTIALS

    sink = open_sink(credentials=provider, retry_time_max_ms=0, part_bytes=5 << 20)
    with pytest.raises(spillway.CredentialsError, match="the call itself succeeded") as raised:
        sink.write("key", ["x" * (6 << 20), "y"])
    assert (raised.value.taken, raised.value.rejections) == (2, [])
    assert list(raised.value.rest) == []
    fails = False
    with pytest.raises(spillway.NotStored, match="2 events could not be stored"):
        sink.close()


def test_poll_raises_events_that_are_lost_together_with_what_a_provider_raises(
    open_sink: Open,
) -> None:
    def provider(fresh: bool) -> spillway.Credentials:
        raise LookupError

    fields = {"rotate": {"idle_ms": 500}, "key_template": "{first}", "retry_time_max_ms": 0}
    sink = open_sink(credentials=provider, **fields)
    sink.write("key", "x")
    with pytest.raises(spillway.NotStored) as raised:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert sink.poll().failed == ()
    assert isinstance(raised.value.__cause__, LookupError)
    assert sink.flush().durable == 1


def test_an_interrupt_in_a_provider_is_kept_out_as_well(open_sink: Open) -> None:
    def provider(fresh: bool) -> spillway.Credentials:
        raise SystemExit("from the provider")

    sink = open_sink(credentials=provider, retry_time_max_ms=0)
    with pytest.raises(spillway.CredentialsError) as raised:
        sink.check()
    assert isinstance(raised.value.__cause__, SystemExit)
    assert sink.poll().durable == 0


def test_a_provider_that_fails_is_asked_again(
    server: Server, prefix: str, open_sink: Open
) -> None:
    asked = 0

    def provider(fresh: bool) -> spillway.Credentials:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise credentials.Failed("not yet")
        return CREDENTIALS

    with open_sink(credentials=provider) as sink:
        sink.write("key", "x")
    assert asked >= 3
    assert server.object(f"{prefix}/key") == b"x\n"


def test_a_provider_cannot_call_its_sink(open_sink: Open) -> None:
    def provider(fresh: bool) -> spillway.Credentials:
        sink.poll()
        return CREDENTIALS

    sink = open_sink(credentials=provider, retry_time_max_ms=0)
    with pytest.raises(spillway.CredentialsError) as raised:
        sink.check()
    assert "cannot call the sink" in str(raised.value.__cause__)


def test_secrets_are_shown_nowhere(
    server: Server, prefix: str, open_sink: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = spillway.Credentials("AKID", SECRET, TOKEN)
    key = "c2VjcmV0LWN1c3RvbWVyLWtleQ=="
    shown = [repr(given), str(given)]
    with open_sink(credentials=given, retry_time_max_ms=0) as sink:
        shown += [repr(sink), repr(vars(sink))]
        with pytest.raises(spillway.Denied) as raised:
            sink.check()
        shown.append("".join(traceback.format_exception(raised.value)))
        sink.write("key", "x")
        with pytest.raises(spillway.NotStored) as lost:
            sink.flush()
        shown += ["".join(traceback.format_exception(lost.value)), repr(lost.value.progress)]
    with pytest.raises(spillway.Invalid, match="customer_key") as invalid:
        spillway.open({**server.config(prefix), "customer_key": key}, credentials=given)
    with pytest.raises(spillway.Invalid) as unserializable:
        spillway.open({**server.config(prefix), "customer_key": {key}}, credentials=given)
    for error in (invalid, unserializable):
        shown.append("".join(traceback.format_exception(error.value)))
    shown += [record.getMessage() for record in caplog.records]
    for text in shown:
        assert SECRET not in text and TOKEN not in text and key not in text
    with pytest.raises(ValueError, match="surrogate") as surrogate:
        spillway.Credentials("AKID", SECRET + "\ud800")
    assert SECRET not in "".join(traceback.format_exception(surrogate.value))
