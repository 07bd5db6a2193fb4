"""Where credentials come from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Credentials:
    """A set of credentials, as AWS hands them out. What is secret is in no `repr`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    """When they end, with a time zone; `None` where they do not. New ones are asked for before."""

    def __post_init__(self) -> None:
        for name in ("access_key_id", "secret_access_key"):
            _text(name, getattr(self, name))
        if self.session_token is not None:
            _text("session_token", self.session_token)
        if self.expires_at is not None:
            if not isinstance(self.expires_at, datetime):
                raise TypeError(
                    f"expires_at: expected a datetime, not {type(self.expires_at).__name__}"
                )
            if self.expires_at.tzinfo is None:
                raise ValueError("expires_at: expected a datetime with a time zone")


class NotConfigured(Exception):
    """A provider raises this where no credentials are set up. Asking again cannot help."""


class Failed(Exception):
    """A provider raises this where credentials are set up and could not be had. The sink asks
    again later."""


Provider = Callable[[bool], Credentials]
"""Returns credentials. The argument is `True` where the store called the last ones expired: then a
provider passes over what it has cached. It is called in a thread of the sink."""

Source = Union[Credentials, Provider, None]
"""What `spillway.open` takes: credentials, a provider, or `None` for `default`."""


def from_environment(environment: Mapping[str, str] | None = None) -> Provider:
    """`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where it is set, `AWS_SESSION_TOKEN`."""

    def provider(fresh: bool) -> Credentials:
        variables = os.environ if environment is None else environment
        found = {name: variables.get(name) or None for name in _VARIABLES}
        key, secret, token = (found[name] for name in _VARIABLES)
        if key is None or secret is None:
            missing = [name for name in _VARIABLES[:2] if found[name] is None]
            verb = "is" if len(missing) == 1 else "are"
            raise NotConfigured(f"environment: {' and '.join(missing)} {verb} not set")
        return Credentials(key, secret, token)

    return provider


def from_boto3(session: Any = None) -> Provider:
    """What a session of `boto3` or `botocore` finds: profiles, roles, containers, instances.

    Without a session it makes one. Raises `ImportError` where neither package is installed.
    """
    make = None if session is not None else _session_maker()
    lock = threading.Lock()

    def provider(fresh: bool) -> Credentials:
        nonlocal session
        with lock:
            if make is not None and (fresh or session is None):
                session = make()
            try:
                found = session.get_credentials()
                if found is None:
                    raise NotConfigured("boto3: no credentials found")
                expires = getattr(found, "_expiry_time", None)
                frozen = found.get_frozen_credentials()
                # Renewed by the call before, they may expire later.
                expires = getattr(found, "_expiry_time", expires)
            except Exception as error:
                if type(error).__module__.startswith(("botocore", "boto3")):
                    raise Failed(f"boto3: {type(error).__name__}") from error
                raise
        ends = expires if isinstance(expires, datetime) and expires.tzinfo else None
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None, ends)

    return provider


def default() -> Provider:
    """The environment, then `boto3` or `botocore` where one of them is installed."""
    environment = from_environment()
    boto3: Provider | None = None

    def provider(fresh: bool) -> Credentials:
        nonlocal boto3
        try:
            return environment(fresh)
        except NotConfigured as error:
            tried = str(error)
        if boto3 is None:
            try:
                boto3 = from_boto3()
            except ImportError:
                raise NotConfigured(f"{tried}; boto3: not installed") from None
        try:
            return boto3(fresh)
        except NotConfigured as error:
            raise NotConfigured(f"{tried}; {error}") from None

    return provider


def _session_maker() -> Callable[[], Any]:
    try:
        import boto3
    except ImportError:
        import botocore.session

        make: Callable[[], Any] = botocore.session.Session
        return make
    make = boto3.Session
    return make


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name}: expected at least one character")
    try:
        value.encode()
    except UnicodeEncodeError:
        # The text is a secret, and so is what the error holds of it.
        raise ValueError(f"{name}: has a surrogate, which UTF-8 does not have") from None


def nanoseconds(moment: datetime) -> int:
    """Since 1970, without a float between."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
