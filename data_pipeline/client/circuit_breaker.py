"""A breaker that all processes share: while the server fails, calls are rejected without being sent."""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from data_pipeline.client.meter import BREAKER_OPENED, Meter
from data_pipeline.coordination.store import Store, number
from data_pipeline.exceptions import (
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    ConnectionFailedError,
    RateLimitedError,
    RequestRefusedError,
    RequestTimeoutError,
    ServerFailureError,
    UnknownStockError,
)

logger = logging.getLogger(__name__)

FAILURES = (ServerFailureError, RequestTimeoutError, ConnectionFailedError)
"""The errors that count: the server did not work."""
ANSWERS = (RateLimitedError, AuthenticationError, RequestRefusedError, UnknownStockError)
"""The errors that prove the server works; they count as success. Every other error says nothing about the server."""
_PROBE_RETRY_SECONDS = 1.0
_CLOCK_SECONDS = 1.0
"""How far the clocks of two sharing hosts may differ."""


class CircuitState(Enum):
    """What the breaker does with the next call."""

    CLOSED = "CLOSED"
    """Calls pass."""
    OPEN = "OPEN"
    """Calls are rejected until the cooldown has passed."""
    HALF_OPEN = "HALF_OPEN"
    """The cooldown has passed: one call, of all processes, is let through as a probe."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to send one call, to be given back with its outcome."""

    opened: int
    """How often the breaker had opened when the permit was given; outcomes of earlier permits are stale."""
    probe: str | None = None
    """The probe's own name; None for an ordinary call."""


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """The breaker's present state, for a person or a metric."""

    state: CircuitState
    failures: int
    """Consecutive failures counted so far."""
    retry_after: float
    """Seconds until calls may pass again; 0 unless OPEN."""
    probing: bool
    """A probe is on its way."""

    @property
    def level(self) -> int:
        """The state as a number for a metric: 0 closed, 1 half open, 2 open."""
        return (CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN).index(self.state)


class CircuitBreaker:
    """CLOSED until ``threshold`` consecutive failures, then OPEN for ``cooldown`` seconds, then HALF_OPEN.

    In HALF_OPEN one call of all threads and processes is sent as a probe: its success closes the breaker, its failure
    opens it again. A process that dies during its probe loses its turn when its lease ends. Only the errors in
    ``FAILURES`` count; a throttled call or a refusal proves that the server works and counts as success.

    Args:
        store: Where the state is shared.
        key: Usually the hashed app key; breakers with one key are one breaker.
        threshold: Consecutive failures after which calls are rejected.
        cooldown: Seconds for which they are.
        lease: Seconds after which a probe without a report is given up; longer than any call can take.
        meter: Hears when it opens; None for nobody.

    Raises:
        ConfigurationError: ``threshold`` or ``cooldown`` cannot be used; names
            ``KIS_API_CIRCUIT_BREAKER_THRESHOLD`` or ``KIS_API_CIRCUIT_BREAKER_TIMEOUT``.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        threshold: int = 5,
        cooldown: float = 60.0,
        lease: float = 90.0,
        *,
        meter: Meter | None = None,
    ) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, int) or threshold < 1:
            raise ConfigurationError(
                f"KIS_API_CIRCUIT_BREAKER_THRESHOLD must be a whole number of at least 1, not {threshold!r}"
            )
        if isinstance(cooldown, bool) or not isinstance(cooldown, (int, float)) or not 0 < cooldown < math.inf:
            raise ConfigurationError(f"KIS_API_CIRCUIT_BREAKER_TIMEOUT must be a number above 0, not {cooldown!r}")
        self._store = store
        self._key = f"breaker-{key}"
        self._threshold = threshold
        self._cooldown = cooldown
        self._lease = lease
        self._meter = meter or Meter()

    @property
    def state(self) -> CircuitState:
        """What the breaker does with the next call."""
        return self.snapshot().state

    def snapshot(self) -> BreakerSnapshot:
        """Return the present state without changing it."""
        shared, now = self._store.read(self._key), self._store.now()
        failures, wait = int(self._number(shared, "failures")), self._cooling(shared, now)
        if not shared.get("tripped"):
            return BreakerSnapshot(CircuitState.CLOSED, failures, 0.0, probing=False)
        if wait > 0:
            return BreakerSnapshot(CircuitState.OPEN, failures, wait, probing=False)
        return BreakerSnapshot(CircuitState.HALF_OPEN, failures, 0.0, self._probing(shared, now))

    def check(self) -> None:
        """Raise when a call would be rejected now; takes no permit, so it may be asked long before the send.

        Raises:
            CircuitOpenError: The breaker is open, or a probe is on its way. ``retry_after`` says when to try again.
        """
        now = self.snapshot()
        if now.state is CircuitState.OPEN:
            raise _rejected(now.retry_after)
        if now.probing:
            raise _rejected(_PROBE_RETRY_SECONDS)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Take a permit, run the block that sends one call, and report how it ended.

        Raises:
            CircuitOpenError: The call is rejected; the block is not run.
        """
        permit = self.before()
        try:
            yield
        except FAILURES:
            self.failure(permit)
            raise
        except ANSWERS:
            self.success(permit)
            raise
        except BaseException:
            self.release(permit)
            raise
        self.success(permit)

    def before(self) -> Permit:
        """Return the permit for one call, which is the probe when the cooldown has passed.

        Raises:
            CircuitOpenError: The breaker is open, or the probe belongs to somebody else.
        """
        shared = self._store.read(self._key)
        if not shared.get("tripped"):
            return Permit(self._opened(shared))
        probe = uuid.uuid4().hex

        def permit(shared: dict[str, Any], now: float) -> Permit:
            if not shared.get("tripped"):
                return Permit(self._opened(shared))
            if shared.get("probe") != probe:  # else it was taken before, but the answer was lost
                self._require_turn(shared, now)
                shared.update(probe=probe, probe_until=now + self._lease)
            return Permit(self._opened(shared), probe)

        return self._store.update(self._key, permit)

    def success(self, permit: Permit) -> None:
        """Report that the server works: this clears the count, and a probe closes the breaker."""
        if permit.probe is None and self._number(self._store.read(self._key), "failures") == 0:
            return

        def clear(shared: dict[str, Any], _: float) -> bool:
            if not self._is_current(shared, permit):
                return False
            opened = self._opened(shared)
            shared.clear()
            shared["opened"] = opened
            return permit.probe is not None

        if self._store.update(self._key, clear):
            logger.info("The server serves again: the circuit breaker is closed")

    def failure(self, permit: Permit) -> None:
        """Report that the server failed: the last of ``threshold`` in a row, or a probe, opens the breaker."""

        def count(shared: dict[str, Any], now: float) -> bool:
            if not self._is_current(shared, permit):
                return False
            shared["failures"] = int(self._number(shared, "failures")) + 1
            if permit.probe is None and shared["failures"] < self._threshold:
                return False
            open_until = now + self._cooldown
            shared.update(tripped=True, open_until=open_until, opened=self._opened(shared) + 1, probe="")
            return True

        if self._store.update(self._key, count):
            self._meter.tell(BREAKER_OPENED)
            logger.warning("The server fails: the circuit breaker is open for %g s", self._cooldown)

    def release(self, permit: Permit) -> None:
        """Give a permit back without an outcome; the next caller probes instead."""
        if permit.probe is None:
            return

        def give_back(shared: dict[str, Any], _: float) -> None:
            if self._is_current(shared, permit):
                shared["probe"] = ""

        self._store.update(self._key, give_back)

    def _require_turn(self, shared: dict[str, Any], now: float) -> None:
        wait = self._cooling(shared, now)
        if wait > 0:
            raise _rejected(wait)
        if self._probing(shared, now):
            raise _rejected(_PROBE_RETRY_SECONDS)

    def _cooling(self, shared: dict[str, Any], now: float) -> float:
        """Return the seconds left of the cooldown; a time further ahead came from a clock that was set back since."""
        wait = self._number(shared, "open_until") - now
        return wait if 0 < wait <= self._cooldown + _CLOCK_SECONDS else 0.0

    def _is_current(self, shared: dict[str, Any], permit: Permit) -> bool:
        if permit.probe is not None:
            return shared.get("probe") == permit.probe
        return not shared.get("tripped") and self._opened(shared) == permit.opened

    def _probing(self, shared: dict[str, Any], now: float) -> bool:
        return (
            bool(shared.get("probe"))
            and now < self._number(shared, "probe_until") <= now + self._lease + _CLOCK_SECONDS
        )

    def _opened(self, shared: dict[str, Any]) -> int:
        return int(self._number(shared, "opened"))

    def _number(self, shared: dict[str, Any], name: str) -> float:
        return number(shared, name, 0.0, self._store.location(self._key))


def _rejected(retry_after: float) -> CircuitOpenError:
    return CircuitOpenError(
        f"Circuit breaker OPEN: the server failed repeatedly; the call was not sent, try again in {retry_after:.0f} s",
        retry_after,
    )
