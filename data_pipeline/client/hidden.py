"""Text that is sent and never shown."""

from __future__ import annotations


class Hidden(str):
    """A secret: text in every way, but its ``repr``, which tracebacks with local variables print, does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"
