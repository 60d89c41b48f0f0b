"""What a budget learns from rejections: how close sends draw together on their way, and how much the server allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from data_pipeline.client.quota import MINUTE, SendLog, times
from data_pipeline.coordination.store import number

_MARGIN = 1.002
_MINUTE_MARGIN = 1.005
_FIRST_GUARD, _GUARD_STEP, _WIDEST_GUARD = 0.054, 0.003, 2.0
_STRAY = 2.0
"""While the window is longer by at most this many times the configured ``jitter``, a rejection after a long time
without any means that one call was held up somewhere, and a little more room is enough."""
_GUARD_HOLD, _GUARD_HALF_LIFE = 30.0, 300.0
_RATE_HOLD, _LONGEST_RATE_HOLD = 12.0, 20.0
_PROBE, _CLIMB, _CLIMB_SECONDS = 1.05, 1.1, 2.0
_MINUTE_HOLD, _LONGEST_MINUTE_HOLD = 120.0, 1800.0
_MINUTE_CLIMB_SECONDS = 10.0
_BURST_APART, _EVIDENCE_SECONDS, _AGREE = 5.0, 600.0, 0.2
"""Two times at which a longer window seemed full are evidence of a quota a minute when they lie this far apart, no
further than that, and differ by no more than this share in what the server took in the minute before."""
_LONGEST_PAUSE = 2
_TELL_AGAIN = 86_400.0
_LEARNED = (
    *("guard", "guard_at", "rate", "rate_at", "rate_hold", "minute", "minute_at", "minute_hold", "stage", "stage_at"),
    *("minute_seen", "minute_seen_at", "pauses", "lone", "told_rate", "trips"),
)
_CLEAN_SECONDS = 30.0
_LONE_SHARE = 0.5
_LOOK_BACK = 0.02
_CLOSE, _MEASURING = 1.0, 5.0
_TRIPS = 32
_LEAST_SHARE = 0.05
_TOLD_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Quota:
    """What one budget may send, as it was configured."""

    rate: float
    """Sends a second; 0.5 is one in two seconds."""
    per_minute: float | None = None
    """Sends in any 60 seconds; None without such a limit."""
    jitter: float = 0.015
    """Seconds by which sends may draw closer on their way to the server, before any rejection says otherwise."""

    @property
    def ring(self) -> int:
        """How many send times have to be remembered."""
        return math.ceil(self.rate)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds at one moment: at most ``count`` sends in ``window`` seconds, ``interval`` seconds apart."""

    count: int
    window: float
    interval: float
    per_minute: float


class Learned:
    """A view on a shared state that holds what was learned; changes go into the state at once.

    A rejection is attributed to the mildest cause that fits. First comes jitter: the window gets longer. When another
    one follows at once, all sends pause until the server's window is empty, and the next rejection then measures the
    quota: it is as many sends as the server took in that window. When the server took none, a longer window is full,
    and sends pause for longer and longer until one is taken. Once may be the echo of a single burst; when it happens
    again later and the server took about as many in the minute before, that is the quota a minute. All of this is
    forgotten slowly, by trying a little more after a while, so that a quota that rises again is found.

    Args:
        state: The shared state.
        quota: What was configured; nothing that is learned goes beyond it.
        location: Where the state lies, for messages.
    """

    def __init__(self, state: dict[str, Any], quota: Quota, location: str) -> None:
        self._state = state
        self._quota = quota
        self._location = location

    def limits(self, now: float) -> Limits:
        """Return what holds now."""
        rate = self.rate(now)
        # A rate of 9.9999 that should be 10 would otherwise be ten in 1.00001 seconds plus one in ten.
        count = max(math.ceil(rate - 1e-6), 1)
        window = count / rate + self.guard(now)
        per_minute = min(self.minute(now), self._quota.per_minute or math.inf)
        interval = max(window * _MARGIN / count, MINUTE * _MINUTE_MARGIN / per_minute)
        return Limits(count, window, interval, per_minute)

    def guard(self, now: float) -> float:
        """Return the seconds that the window is longer than the server's; what was learned shrinks slowly."""
        base = self._quota.jitter
        learned, age = self._number("guard", base), now - self._number("guard_at", now) - _GUARD_HOLD
        return base + max(learned - base, 0.0) * math.pow(0.5, max(age, 0.0) / _GUARD_HALF_LIFE)

    def rate(self, now: float) -> float:
        """Return the sends a second to try now; what was learned holds for a while, then more is tried."""
        learned = max(self._number("rate", self._quota.rate), self._quota.rate * _LEAST_SHARE)
        age = now - self._number("rate_at", now)
        return _climbed(learned, age - self._number("rate_hold", _RATE_HOLD), _CLIMB_SECONDS, self._quota.rate)

    def lower_rate_to_tell(self, now: float) -> float | None:
        """Return a rate noticeably below the configured one; once, until calls were rejected at the configured one."""
        rate = self.rate(now)
        if rate > _TOLD_SHARE * self._quota.rate or "told_rate" in self._state:
            return None
        self._state["told_rate"] = rate
        return rate

    def stranger_to_tell(self) -> bool:
        """Return whether a call was rejected that nothing sent under this budget explains; once a day."""
        return bool(self._state.pop("stranger", False))

    def minute(self, now: float) -> float:
        """Return the learned sends a minute; infinity when nothing limits them."""
        if "minute" not in self._state:
            return math.inf
        age = now - self._number("minute_at", now) - self._number("minute_hold", _MINUTE_HOLD)
        learned = _climbed(max(self._number("minute"), 1.0), age, _MINUTE_CLIMB_SECONDS, math.inf)
        return learned if learned < self._quota.rate * MINUTE else math.inf

    def told(self, now: float) -> str:
        """Return in words what holds the budget below the configured quota now; empty for nothing."""
        minute, rate, room = self.minute(now), self.rate(now), self.guard(now) - self._quota.jitter
        found = [f"{rate:.3g} a second"] if rate < self._quota.rate else []
        if minute < math.inf:
            held = self._number("minute_at", now) + self._number("minute_hold", _MINUTE_HOLD) - now
            found.append(f"{minute:.0f} a minute" + (f" for {held:.0f} s more" if held > 0 else ", growing"))
        if room >= _GUARD_STEP:
            found.append(f"{room * 1000:.0f} ms more room")
        return ", ".join(found)

    def forget(self, now: float) -> None:
        """Forget everything that was learned, and void the slots that were spaced by it."""
        for name in _LEARNED:
            self._state.pop(name, None)
        self._state["learned_at"] = now
        self._renumber(now)

    def take_lone(self, interval: float) -> float:
        """Return how long the next send waits after this one: longer when this one has to report first."""
        lone = self._state.pop("lone", False)
        return max(interval, _LONE_SHARE * self._second) if lone else interval

    def rejected(self, sent_at: float, now: float, log: SendLog) -> str:
        """Learn from the rejection of the send of that moment; return what changed, empty when nothing did.

        Rejections of sends that left before the last change say nothing new.
        """
        log.refuse(sent_at)
        if self.rate(now) >= self._quota.rate:
            self._state.pop("told_rate", None)
        before, self._state["rejected_at"] = self._number("rejected_at", self._number("born_at", now)), now
        if sent_at < self._number("learned_at", sent_at):
            return ""
        step = self._step(sent_at, now, log, clean=now - before > _CLEAN_SECONDS)
        self._state["learned_at"] = now
        return step

    def _step(self, sent_at: float, now: float, log: SendLog, *, clean: bool) -> str:
        minute, tried, known = self.minute(now), self.rate(now), self._number("rate", self._quota.rate)
        taken = log.accepted(sent_at - self._second - self.guard(now) - _LOOK_BACK, sent_at)
        if minute / MINUTE < 0.9 * tried and log.used(sent_at) >= 0.9 * min(minute, self._number("minute")):
            return self._lower_minute(log.used(sent_at), now)
        if known < tried < self._quota.rate:
            return self._lower_rate(max(min(taken, tried), 0.9 * known), now)
        stage, age = int(self._number("stage")), now - self._number("stage_at", now)
        if stage == 2 and age <= _MEASURING * self._second:
            return self._measure(taken, now, log)
        full = taken >= 0.7 * min(tried * self._second, self._quota.ring)
        if (stage == 1 and age <= _CLOSE * self._second) or not full:
            return self._pause(now)
        stray = clean and self.guard(now) <= _STRAY * self._quota.jitter
        return self._widen_to(self.guard(now) + _GUARD_STEP, now) if stray else self._widen(now)

    def _measure(self, taken: int, now: float, log: SendLog) -> str:
        tried = self.rate(now)
        if taken <= 0 and log.used(now) >= 2 * self._quota.ring:
            return self._longer_window_full(log, now)
        if taken <= 0:
            self._lower_rate(max(tried / 2, self._quota.rate * _LEAST_SHARE), now)
            return self._pause(now)
        if taken >= 0.85 * tried * self._second:
            return self._widen(now)
        return self._lower_rate(taken / self._second, now)

    def _longer_window_full(self, log: SendLog, now: float) -> str:
        used, seen = log.used(now), int(self._number("minute_seen"))
        at = self._number("minute_seen_at", now)
        echo = now - at < _BURST_APART or log.accepted(at, now) <= 0
        if seen and not echo and now - at <= _EVIDENCE_SECONDS and abs(used - seen) <= _AGREE * max(used, seen):
            return self._lower_minute(used, now)
        self._state["minute_seen_at"] = now
        if now - self._number("stranger_at", -_TELL_AGAIN) >= _TELL_AGAIN:
            self._state.update(stranger_at=now, stranger=True)
        if not seen or not echo:
            self._state["minute_seen"] = used
        return self._pause(now, min(2 * int(self._number("pauses", 1)), _LONGEST_PAUSE))

    def _widen(self, now: float) -> str:
        guard, seen = self.guard(now), self._spread()
        wider = max(guard * 1.5, _FIRST_GUARD) if seen is None else max(guard + _GUARD_STEP, seen)
        return self._widen_to(wider, now)

    def _widen_to(self, wider: float, now: float) -> str:
        wider = min(wider, _WIDEST_GUARD)
        self._state.update(guard=wider, guard_at=now, stage=1, stage_at=now)
        return f"the window is now {wider * 1000:.0f} ms longer than the server's"

    def _pause(self, now: float, windows: int = 1) -> str:
        until = now + 1.1 * windows * self.limits(now).window
        self._renumber(until)
        self._state.update(stage=2, stage_at=until, lone=True, pauses=windows)
        return "all sends pause until the server's window is empty"

    def _lower_rate(self, rate: float, now: float) -> str:
        known, hold = self._number("rate", self._quota.rate), self._number("rate_hold", 0.0)
        failed_probe = hold > 0 and 0.9 * known <= rate <= _CLIMB * known
        hold = min(hold * 1.5, _LONGEST_RATE_HOLD) if failed_probe else _RATE_HOLD
        self._state.update(rate=float(rate), rate_at=now, rate_hold=hold, stage=0)
        self._renumber(now)
        return f"{rate:g} sends a second are tried from now on"

    def _lower_minute(self, per_minute: int, now: float) -> str:
        hold, known = self._number("minute_hold", 0.0), self._number("minute", 1e9)
        # The count errs upwards by half a second's sends: what held before a vain try holds again, and else a bit less.
        within = known if self.minute(now) > known else 0.98 * known
        per_minute = min(per_minute, int(within))
        hold = min(hold * 2, _LONGEST_MINUTE_HOLD) if hold else _MINUTE_HOLD
        self._state.update(minute=float(max(per_minute, 1)), minute_at=now, minute_hold=hold, stage=0)
        self._renumber(now)
        return f"{per_minute} sends a minute are tried from now on"

    def _renumber(self, next_slot: float) -> None:
        """Void every reserved slot; whoever holds one has to take another."""
        self._state.update(next_slot=next_slot, epoch=int(self._number("epoch")) + 1)

    def _spread(self) -> float | None:
        """Return the seconds by which round trips differ, with some room; None when too few were seen."""
        trips = sorted(times(self._state, "trips", self._location))
        return (trips[int(0.9 * _TRIPS)] - trips[0]) * 1.2 if len(trips) >= _TRIPS else None

    def see_trips(self, trips: list[float]) -> None:
        """Keep the newest round trips, in seconds."""
        if trips:
            self._state["trips"] = [*times(self._state, "trips", self._location), *trips][-_TRIPS:]

    @property
    def _second(self) -> float:
        """The server's window: one second, or the time of one send when that is longer."""
        return max(1.0, 1.0 / self._quota.rate)

    def _number(self, name: str, default: float = 0.0) -> float:
        return number(self._state, name, default, self._location)


class Budget(NamedTuple):
    """A shared state as it is seen once for all that is asked of it in one look."""

    learned: Learned
    log: SendLog
    limits: Limits
    """What holds now; nothing that taking a slot or sending changes is in it."""

    def free_at(self, now: float) -> float:
        """Return when the sends that are recorded leave room for one more; minus infinity where they always do."""
        times, limits = self.log.times, self.limits
        ring = times[-limits.count] + limits.window if len(times) >= limits.count else -math.inf
        return ring if math.isinf(limits.per_minute) else max(ring, self.log.free_at(limits.per_minute, now))


def _climbed(learned: float, age: float, seconds: float, most: float) -> float:
    """Return what is tried ``age`` seconds after it may grow again: a little more at first, then ever more."""
    if age <= 0 or learned >= most:
        return min(learned, most)
    return min(learned * _PROBE * math.pow(_CLIMB, min(age / seconds - 1, 500.0) if age > seconds else 0.0), most)
