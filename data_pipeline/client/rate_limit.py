"""One budget of calls for every thread and process that shares a store."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from data_pipeline.client.adaptive import Budget, Learned, Quota
from data_pipeline.client.quota import MINUTE, SendLog, rebase
from data_pipeline.client.slot import BudgetSnapshot, Slot, queue_too_long, waiting
from data_pipeline.coordination.store import Store, number
from data_pipeline.exceptions import ConfigurationError, CoordinationError

logger = logging.getLogger(__name__)

_HIGHEST_RATE = 1000.0
_NOTICEABLE = 0.002
"""Seconds by which a send may leave later than recorded; the window's ``jitter`` allows for that little."""
_LONGEST_LEAD, _LEAD_DECAY = 1.0, 0.98
_LATE_TRIES = 20  # of a store that is too slow; a lead has reached its longest long before
_LOWER = (
    "The server takes about %.3g calls a second, although %s allows %g, as in the first days of a new key: "
    "calls keep to that, and more is tried from time to time"
)
_STRANGER = (
    "The server rejected a call although nothing was sent under this budget for more than a second before it: another "
    "program, or processes with another COORDINATION_URL, use the app key too, or the server also counts by the minute"
)
_QUIET = 1.0
"""Seconds, or two slots, for which nobody may have wanted a slot before one is spare: whoever calls again and again is
delayed once."""
_BACKWARDS = 1.0
"""Seconds by which the store's clock may seem to run backwards before its times count as those of another clock."""
_REMEMBERED = 1.0
"""Seconds for which what was last seen of the budget tells when its next slot comes."""


class TokenBucketRateLimiter:
    """A token bucket of capacity one whose slots are reserved ahead, in the order in which callers ask.

    With n = ceil(rate), no n + 1 sends lie within n / rate + ``jitter`` seconds: for a whole rate, never more than
    ``rate`` sends in any sliding second, whatever the bucket held before and however late a waiting process wakes up.
    A slot is a moment; a ring of the real times of the last n sends is checked again just before the send. A caller
    that hears of its own send late, because the store or itself stood still, does not send but asks for another moment.
    Slots reserved by a process that dies are lost and cost nobody else anything. What rejections teach is shared too,
    see :class:`~data_pipeline.client.adaptive.Learned`. A store that lost its memory makes everybody who knew it wait
    for one window.

    Args:
        store: Where the slots are shared.
        key: The budget's name, usually the hashed app key; limiters with one key share one budget.
        rate: Sends a second; 0.5 is one in two seconds.
        queue_timeout: Seconds that a caller is willing to wait for a slot. With 0 a slot is taken only when one is free
            now.
        sleep: Waits that many seconds.
        jitter: Seconds by which sends may draw closer on their way to the server; the window is longer by this much.
        per_minute: Sends in any 60 seconds; None for no such limit.
        variable: What ``rate`` is called where it is set, for messages.

    Raises:
        ConfigurationError: ``rate``, ``per_minute`` or ``queue_timeout`` cannot be used; names ``KIS_API_RATE_LIMIT``,
            ``KIS_API_RATE_LIMIT_PER_MINUTE`` or ``KIS_API_QUEUE_TIMEOUT``.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        rate: float,
        queue_timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
        jitter: float = 0.015,
        per_minute: float | None = None,
        variable: str = "KIS_API_RATE_LIMIT",
    ) -> None:
        self._store = store
        self._key = f"limiter-{key}"
        if per_minute is not None:
            per_minute = _checked("KIS_API_RATE_LIMIT_PER_MINUTE", per_minute, 1.0, _HIGHEST_RATE * 60)
        self._quota = Quota(_checked(variable, rate, 0.001, _HIGHEST_RATE), per_minute, jitter)
        self._variable = variable
        self._queue_timeout = _checked("KIS_API_QUEUE_TIMEOUT", queue_timeout, 0.0, 86_400.0)
        self._sleep = sleep
        self._name = uuid.uuid4().hex[:12]
        self._born = ""
        self._lead = 0.0
        self._trips: deque[float] = deque(maxlen=8)
        self.last_share = 0.0
        """Share of the configured quota that the last minute's sends took when this limiter recorded its newest one."""
        self._seen: tuple[float, float] | None = None  # when the state was last seen, and the next slot in it then

    def acquire(self) -> float:
        """Wait for a slot of the shared budget and record the send; the caller sends at once afterwards.

        Returns:
            The moment of the send on the store's clock, for :meth:`slow_down`.

        Raises:
            QueueTimeoutError: It would have to wait longer than the queue timeout; no slot was taken. ``retry_after``
                says when a slot comes free.
            CoordinationError: The shared state cannot be used; nothing may be sent.
        """
        return self.leave(self.reserve(send=True)).at

    def leave(self, slot: Slot) -> Slot:
        """Wait until a send of this slot is recorded for just now and return it; the caller sends at once.

        Called again after anything that may have taken time, it makes sure that the send still leaves as recorded.

        Raises:
            QueueTimeoutError: The slot became void, and the next one lies further ahead than the queue timeout.
            CoordinationError: The shared state cannot be used, or answers too slowly to tell when to send.
        """
        for tries in range(_LATE_TRIES):
            while not slot.sent:
                self._sleep(slot.wait)
                slot = self.try_send(slot)
            late = self.lateness(slot) > _NOTICEABLE
            # A send that is recorded a little ahead of its time can wait for a slow answer and still leave in time.
            if not late:
                if tries == 0:
                    self._lead = self._lead * _LEAD_DECAY if self._lead > _NOTICEABLE else 0.0
                return slot
            self._lead = min(max(2 * self._lead, 2 * _NOTICEABLE), _LONGEST_LEAD)
            slot = self.try_send(slot)
        raise CoordinationError(
            f"{self._store.location(self._key)} answers too slowly to tell when a call may be sent, so it is not sent"
        )

    def lateness(self, slot: Slot) -> float:
        """Return by how many seconds a send that is recorded would leave too late now, at most; negative if early."""
        return self._store.now() - slot.at

    def reserve(self, *, send: bool = False, spare: bool = False) -> Slot:
        """Take the next slot; most callers want :meth:`acquire`.

        Args:
            send: Whether a slot whose moment is now is used at once, as :meth:`try_send` would.
            spare: Whether a slot is taken only when it is free now and nobody else wanted one lately; see
                :mod:`data_pipeline.client.spare_time`.

        Raises:
            QueueTimeoutError: The slot lies further ahead than the queue timeout, or is not spare; it was not taken.
        """
        trips = self._new_trips()

        def take(state: dict[str, Any], now: float) -> Slot:
            budget = self._begin(state, now, trips)
            if spare:
                self._require_spare(state, budget, now)
            else:
                state["wanted_at"] = now
            slot = self._next(state, budget, now, now)
            return self._send(budget, now, slot) if send and slot.at <= now else slot

        return self._remembered(take)

    def try_send(self, slot: Slot) -> Slot:
        """Record a send now and return the slot as sent; else return the slot to wait for, and record nothing.

        A send that is recorded already, and did not leave, is taken back and recorded anew.

        Raises:
            QueueTimeoutError: The slot became void, and the next one lies further ahead than the queue timeout.
        """
        trips = self._new_trips()

        def use(state: dict[str, Any], now: float) -> Slot:
            budget = self._begin(state, now, trips)
            if slot.sent:
                budget.log.take_back(slot.at)
            if slot.epoch != self._number(state, "epoch") or slot.born != state["born"]:
                return self._next(state, budget, now, min(slot.asked_at, now))
            free_at = max(now if slot.sent else slot.at, budget.free_at(now))
            if free_at <= now:
                return self._send(budget, now, slot)
            if free_at - slot.asked_at > 2 * self._queue_timeout + 60.0 / self._quota.rate:
                # Only a process that slept far beyond its slot comes here.
                raise queue_too_long(free_at - now, self._queue_timeout)
            return waiting(slot, free_at, now)

        return self._remembered(use)

    def slow_down(self, sent_at: float | None = None) -> None:
        """Learn from a send that the server rejected as being over the quota.

        Args:
            sent_at: What :meth:`acquire` returned for it; None for now.
        """

        def learn(state: dict[str, Any], now: float) -> tuple[str, float | None, bool]:
            learned, log, _ = self._begin(state, now, [])
            step = learned.rejected(now if sent_at is None else sent_at, now, log)
            return step, learned.lower_rate_to_tell(now), learned.stranger_to_tell()

        step, rate, stranger = self._store.update(self._key, learn)
        self._seen = None
        logger.debug("The server rejected a call as one too many: %s", step or "nothing new")
        if rate is not None:
            logger.warning(_LOWER, rate, self._variable, self._quota.rate)
        if stranger:
            logger.warning(_STRANGER)

    def note_trip(self, seconds: float) -> None:
        """Note how long a call took, until its answer; shared with the next slot, at no cost of its own."""
        self._trips.append(round(seconds, 4))

    def about_ahead(self, now: float | None = None) -> float:
        """Return :meth:`ahead` as this limiter saw it last, at most a second ago; others may have taken slots since.

        Args:
            now: The present time on the store's clock; None asks for it.
        """
        seen, now = self._seen, self._store.now() if now is None else now
        if seen is None or not seen[0] <= now < seen[0] + _REMEMBERED:
            self._seen = seen = (now, now + self.ahead())
        return max(seen[1] - now, 0.0)

    def ahead(self) -> float:
        """Return the seconds until the next free slot, without taking it."""
        return self.snapshot().ahead

    def sends(self) -> int:
        """Return how many sends this budget has recorded since its state was made (this boot at the earliest)."""
        return self.snapshot().sends

    def snapshot(self) -> BudgetSnapshot:
        """Return the budget's present state without changing it."""
        state, now = self._store.read(self._key), self._store.now()
        learned, log, limits = budget = self._budget(state, now)
        free_at = max(self._number(state, "next_slot", now), budget.free_at(now), now)
        used = log.used(now) / self._a_minute
        sends = int(self._number(state, "sends"))
        return BudgetSnapshot(1.0 / limits.interval, free_at - now, sends, learned.told(now), used)

    def forget(self) -> None:
        """Forget what rejections taught: the configured quota is tried at once, and slots are spaced as for it."""
        self._store.update(self._key, lambda state, now: self._learned(state).forget(now))

    @property
    def _a_minute(self) -> float:
        """How many sends of a minute are all of the configured quota."""
        return min(self._quota.rate * MINUTE, self._quota.per_minute or math.inf)

    def _begin(self, state: dict[str, Any], now: float, trips: list[float]) -> Budget:
        seen = self._number(state, "seen_at", now)
        if now < seen - _BACKWARDS:
            rebase(state, now - seen, self._store.location(self._key))
        state["seen_at"] = now
        if "born" not in state:
            state.update(born=f"{self._name}@{now:.3f}", born_at=now)
            forgot = bool(self._born)
        else:
            forgot = bool(self._born) and state["born"] != self._born
        budget = self._budget(state, now)
        if forgot:
            # Nobody knows what was sent within the last window: the worst is assumed.
            state["next_slot"] = max(self._number(state, "next_slot", now), now + budget.limits.window)
            state["epoch"] = int(self._number(state, "epoch")) + 1
        budget.learned.see_trips(trips)
        return budget

    def _require_spare(self, state: dict[str, Any], budget: Budget, now: float) -> None:
        quiet = max(_QUIET, 2.0 / self._quota.rate)
        free_at = max(self._number(state, "next_slot", now), budget.free_at(now))
        free_at = max(free_at, self._number(state, "wanted_at", now - quiet) + quiet)
        if free_at > now:
            raise queue_too_long(free_at - now, 0.0)

    def _next(self, state: dict[str, Any], budget: Budget, now: float, asked_at: float) -> Slot:
        at = max(self._number(state, "next_slot", now), budget.free_at(now), now)
        if at - now > self._queue_timeout:
            raise queue_too_long(at - now, self._queue_timeout)
        state["next_slot"] = round(at + budget.learned.take_lone(budget.limits.interval), 6)
        return Slot(at, at - now, asked_at, int(self._number(state, "epoch")), str(state["born"]))

    def _send(self, budget: Budget, now: float, slot: Slot) -> Slot:
        at = round(now + self._lead, 6)
        budget.log.record(at, self._quota.ring)
        self.last_share = budget.log.used(now) / self._a_minute
        return Slot(at, 0.0, slot.asked_at, slot.epoch, slot.born, sent=True)

    def _new_trips(self) -> list[float]:
        trips = []
        while self._trips:
            trips.append(self._trips.popleft())
        return trips

    def _remembered(self, change: Callable[[dict[str, Any], float], Slot]) -> Slot:
        """Return the slot that a change of the shared state gives, and remember what was seen there."""

        def seen(state: dict[str, Any], now: float) -> tuple[Slot, float, float]:
            slot = change(state, now)
            return slot, now, self._number(state, "next_slot", now)

        slot, now, next_slot = self._store.update(self._key, seen)
        self._born, self._seen = slot.born, (now, next_slot)
        return slot

    def _learned(self, state: dict[str, Any]) -> Learned:
        return Learned(state, self._quota, self._store.location(self._key))

    def _budget(self, state: dict[str, Any], now: float) -> Budget:
        learned = self._learned(state)
        return Budget(learned, SendLog(state, self._store.location(self._key)), learned.limits(now))

    def _number(self, state: dict[str, Any], name: str, default: float = 0.0) -> float:
        return number(state, name, default, self._store.location(self._key))


def _checked(variable: str, value: Any, least: float, most: float) -> float:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
    if not usable:
        raise ConfigurationError(f"{variable} must be a number from {least:g} to {most:g}, not {value!r}")
    return float(value)
