"""What the live service asks of any vendor: app keys, and the sessions that they open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from data_pipeline.market.stream_records import Subscription
from data_pipeline.sources.registrations import Registrations


class LiveSession(Protocol):
    """An open session; one thread uses it, and any may call :meth:`cut`."""

    registrations: Registrations
    """What is registered, and how much can be."""
    heard_at: float
    """When anything came last, a heartbeat too, in seconds that never jump."""
    mistrusted: bool
    """Whether no registration was ever answered, so that the approval key may be the one at fault."""

    def want(self, wanted: Sequence[Subscription]) -> None:
        """Say what is to be registered from now on, most important first.

        Raises:
            UnsupportedDatasetError: The vendor does not have one of them; nothing was sent.
        """

    def listen(self, seconds: float) -> Sequence[object]:
        """Wait so long for something to come, and return the records of what came, in its order.

        Raises:
            ConnectionFailedError: The line is down; another session can help.
            AuthenticationError: The approval key is refused; a new one may help.
            KeyInUseError: Another session holds the app key; no new approval key helps.
        """
        ...

    def cut(self) -> None:
        """End the line at once, from whichever thread."""

    def close(self) -> None:
        """End the line as the protocol wants it."""


class VendorKey(Protocol):
    """An app key of a vendor."""

    name: str
    """What processes share of it, which reveals nothing."""
    fingerprint: str
    """What tells it from others in logs, which reveals nothing."""
    limit: int
    """How many registrations it takes, as far as is known."""

    def prepare(self) -> None:
        """Have at hand what a session is opened with.

        Raises:
            CoordinationError: The shared state is away; trying again can help.
            TransientError: Nothing was had; trying again later can help.
            PermanentError: The vendor refuses the app key.
        """

    def renew(self) -> bool:
        """Forget what the last session was opened with, so that :meth:`prepare` asks for another; it never raises.

        Returns:
            Whether it is forgotten: once, and again only after :meth:`trust`.
        """
        ...

    def trust(self) -> None:
        """Say that what a session was opened with was taken; to be told as often as one likes."""

    def open(self, limit: int) -> LiveSession:
        """Return a session over a new line, with nothing registered and room for so many registrations.

        Raises:
            UnreachedError: Nobody answered at all; trying again later can help.
            TransientError: No session came about; trying again later can help.
        """
        ...
