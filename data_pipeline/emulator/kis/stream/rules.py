"""What the emulated stream allows, and how patient it is; all of it can be changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from data_pipeline.exceptions import ConfigurationError

EXPIRED = ("silence", "refused")


@dataclass(frozen=True, slots=True)
class StreamRules:
    """The rules of the stream; seconds are real time."""

    limit: int = 41
    """Registrations of one session, over all feeds. Source: KIS notice of 2026-04-20; 3 were seen too."""
    lingers: float = 0.0
    """How long a session that ended without a close frame still holds its app key."""
    approval_seconds: float = 86_400.0
    """Life of an approval key; it is only looked at when something is registered."""
    approval_every: float = 0.0
    """The least time between two approval keys of one app key; 0 for none. KIS's notice of 2026-04-20 says one second,
    and clients that ask for one with each registration are told nothing of it."""
    expired: str = "silence"
    """What a registration with an expired approval key hears: ``silence``, or that it is ``refused`` (OPSP0011)."""
    heartbeat: tuple[float, float] = (11.0, 14.0)
    """Seconds without any text after which a heartbeat is sent; none while data flows."""
    unanswered: float = 100.0
    """Seconds that a heartbeat may stay unanswered before the line is dropped."""
    together: int = 6
    """Records of one code that a frame holds at most."""
    books_a_second: float = 10.0
    """Books of one code at most, in seconds of the market."""
    short: float = 60.0
    """A session that lived less is a short one."""
    spacing: float = 0.0
    """Seconds after a short session within which another connect counts as abuse, as 10; 0 for no ban of this kind."""
    most_short: int = 10
    """Short sessions in a row after which the next connect is refused; 0 for no ban of this kind."""
    most_changes: int = 120
    """Registrations and their ends within a minute after which the key is blocked; 0 for no ban of this kind."""
    ban: float = 600.0
    """How long an address or key stays blocked."""
    slow: float = 30.0
    """Seconds that a client may leave unread what was sent before the line is cut."""
    rate: float = 0.0
    """Trades a second over all registrations of a session, made up without end for load; 0 plays the market."""

    def __post_init__(self) -> None:
        low, high = self.heartbeat
        if self.expired not in EXPIRED:
            raise ConfigurationError(f"expired must be one of {', '.join(EXPIRED)}, not {self.expired!r}")
        numbers = [getattr(self, one.name) for one in fields(self) if one.name not in ("expired", "heartbeat")]
        if min(low, high - low, *numbers) < 0 or self.together < 1:
            raise ConfigurationError("a rule of the stream is below 0, or its heartbeat ends before it begins")
