"""A moment of a shared budget, how the budget stands, and the error of a queue that is too long."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data_pipeline.exceptions import QueueTimeoutError


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment of the shared budget that belongs to one caller."""

    at: float
    """When it may send, on the store's clock; when it did send, once ``sent``."""
    wait: float
    """Seconds until then, from the time the slot was given."""
    asked_at: float
    epoch: int
    """How often all slots had been voided when this one was given."""
    born: str
    """Which state gave it; another one means that the store lost its memory."""
    sent: bool = False
    """Whether the send is recorded; the caller sends at once, if it is not late."""


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """A budget's present state, for a person or a metric."""

    rate: float
    """Sends a second that are tried now; below the configured quota by a safety margin and by what was learned."""
    ahead: float
    """Seconds until the next free slot."""
    sends: int
    """Sends recorded since the state was made."""
    learned: str = ""
    """What rejections taught, in words; empty when nothing holds the budget below what is configured."""
    used: float = 0.0
    """Share of the configured quota that the sends of the last minute took: 1 is all of it."""


def waiting(slot: Slot, at: float, now: float) -> Slot:
    """Return the slot as one that has to be waited for until that moment."""
    return replace(slot, at=at, wait=at - now, sent=False)


def queue_too_long(wait: float, queue_timeout: float) -> QueueTimeoutError:
    """Return the error that says how far away the next slot is, in seconds, and when to come back."""
    error = QueueTimeoutError(
        f"The next free slot of the shared budget is {wait:.1f} s away and the queue timeout is {queue_timeout:g} s; "
        "fewer calls at once, or a larger KIS_API_QUEUE_TIMEOUT, would fit"
    )
    error.retry_after = wait
    return error
