"""What the end of a `with` block ends."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

T = TypeVar("T", bound="Block")


class Block:
    """A context manager that is its own value."""

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_block(raised)

    def _end_block(self, raised: BaseException | None) -> None:
        """Ends it. `raised` is the exception that ends the block, if one does; it goes on."""
        raise NotImplementedError
