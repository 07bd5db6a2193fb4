"""What the component imports for credentials. It lets no exception of the provider through."""

from __future__ import annotations

from typing import Any

from .credentials import Credentials, Failed, NotConfigured, Provider, nanoseconds


class Import:
    """`spillway:s3/credentials.get`.

    An exception that goes through the component ends it. So this keeps what the provider raised
    until the call has come back.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._raised: BaseException | None = None

    def get(self, fresh: bool) -> tuple[str, Any]:
        """The result, as the contract has it."""
        try:
            found = self._provider(fresh)
            if not isinstance(found, Credentials):
                raise TypeError(
                    f"credentials: expected Credentials from the provider, "
                    f"not {type(found).__name__}"
                )
            return "ok", _record(found)
        except NotConfigured as error:
            return "err", ("not_configured", _sayable(str(error)))
        except Failed as error:
            return "err", ("failed", _sayable(str(error)))
        except BaseException as raised:
            self._raised = raised
            return "err", ("failed", f"the provider raised {type(raised).__name__}")

    def take_raised(self) -> BaseException | None:
        """What the provider raised since the last time that this was asked."""
        raised, self._raised = self._raised, None
        return raised


def _record(found: Credentials) -> dict[str, Any]:
    ends = None if found.expires_at is None else nanoseconds(found.expires_at)
    if ends is not None and not 0 <= ends < 1 << 64:
        raise ValueError("expires_at: expected a time between 1970 and 2554")
    return {
        "access_key_id": found.access_key_id,
        "secret_access_key": found.secret_access_key,
        "session_token": found.session_token,
        "expires_at": ends,
    }


def _sayable(text: str) -> str:
    return text.encode(errors="replace").decode()
