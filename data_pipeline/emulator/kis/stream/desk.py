"""What all sessions of the stream share: approval keys, who holds an app key, and whom the server has blocked."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from data_pipeline.emulator.kis.errors import auth_error
from data_pipeline.emulator.kis.stream.rules import StreamRules
from data_pipeline.emulator.log import key_hash

MINUTE = 60.0


@dataclass(slots=True)
class _Life:
    """What is remembered of an address."""

    short: int = 0
    """Short sessions in a row."""
    ended_at: float | None = None
    """When the last one ended that was short."""
    blocked_until: float = 0.0


@dataclass(slots=True)
class Counts:
    """What happened so far."""

    connects: int = 0
    banned: int = 0
    """Connects that were refused because of a ban, and keys that were blocked."""
    in_use: int = 0
    """Sessions that heard OPSP8996."""
    dropped: int = 0
    """Lines that the server dropped because of the client."""
    frames: int = 0
    records: int = 0
    registered: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    """Answers to commands, by code."""


class StreamDesk:
    """Keeps the rules of the stream among its sessions.

    Args:
        monotonic: Seconds of real time that only grow.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.rules = StreamRules()
        self.counts = Counts()
        self._approvals: dict[str, tuple[str, float]] = {}
        self._holders: dict[str, tuple[object, float | None]] = {}
        self._lives: dict[str, _Life] = {}
        self._changes: dict[str, deque[float]] = {}
        self._blocked_keys: dict[str, float] = {}

    def approve(self, app_key: str) -> str:
        """Return a new approval key of an app key; those before stay good.

        Raises:
            WireError: The key had one less than a second ago.
        """
        name, now = key_hash(app_key), self.monotonic()
        if any(one == name and now - issued < self.rules.approval_every for one, issued in self._approvals.values()):
            raise auth_error("EGW00133")
        approval = str(uuid.uuid4())
        self._approvals[approval] = (name, now)
        return approval

    def expire_approvals(self) -> int:
        """Let every approval key be over, and return how many there were."""
        self._approvals = {key: (name, -1e12) for key, (name, _) in self._approvals.items()}
        return len(self._approvals)

    def key_of(self, approval: str) -> tuple[str, bool]:
        """Return the hashed app key of an approval key, empty for one that nobody was given, and whether it is over."""
        name, issued = self._approvals.get(approval, ("", 0.0))
        return name, self.monotonic() - issued >= self.rules.approval_seconds

    def admits(self, address: str) -> bool:
        """Count a connect, and return whether the server lets it in."""
        now, life, rules = self.monotonic(), self._lives.setdefault(address, _Life()), self.rules
        self.counts.connects += 1
        soon = life.ended_at is not None and now - life.ended_at < rules.spacing
        often = bool(rules.most_short) and life.short >= rules.most_short
        if now < life.blocked_until or (rules.ban and (soon or often)):
            if now >= life.blocked_until:
                life.blocked_until = now + rules.ban
                life.short, life.ended_at = 0, None
            self.counts.banned += 1
            return False
        return True

    def takes(self, session: object, key: str) -> bool:
        """Return whether a session holds an app key from now on; False when another one does."""
        holder, until = self._holders.get(key, (None, None))
        if holder not in (None, session) and (until is None or self.monotonic() < until):
            self.counts.in_use += 1
            return False
        self._holders[key] = (session, None)
        return True

    def changed(self, key: str) -> bool:
        """Count a registration, or its end, of an app key; return whether the key stays unblocked."""
        now, rules = self.monotonic(), self.rules
        if now < self._blocked_keys.get(key, 0.0):
            return False
        changes = self._changes.setdefault(key, deque())
        changes.append(now)
        while changes[0] <= now - MINUTE:
            changes.popleft()
        if rules.most_changes and len(changes) > rules.most_changes:
            self._blocked_keys[key] = now + rules.ban
            self.counts.banned += 1
            return False
        return True

    def ended(self, session: object, address: str, began: float, *, properly: bool) -> None:
        """Note the end of a session; one without a close frame may hold its app key a while longer."""
        now, life = self.monotonic(), self._lives.setdefault(address, _Life())
        for key, (holder, _) in list(self._holders.items()):
            if holder is session:
                if properly or not self.rules.lingers:
                    del self._holders[key]
                else:
                    self._holders[key] = (session, now + self.rules.lingers)
        is_short = now - began < self.rules.short
        life.short = life.short + 1 if is_short else 0
        life.ended_at = now if is_short else None

    def forgive(self) -> None:
        """Forget every ban and what led to it, and every session that only lingers."""
        self._lives.clear()
        self._changes.clear()
        self._blocked_keys.clear()
        self._holders = {key: held for key, held in self._holders.items() if held[1] is None}
