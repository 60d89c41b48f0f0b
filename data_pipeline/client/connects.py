"""When a live session may be opened: one budget of connects for all processes that share an app key."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Any

from data_pipeline.coordination.store import Store, number
from data_pipeline.exceptions import CoordinationError, LineStoppedError

log = logging.getLogger(__name__)

LASTING_S = 60.0
"""Seconds from which a session was no short one."""
FIRST_S, LONGEST_S = 10.0, 600.0
MOST_SHORT = 10
IN_USE_S = 60.0
_JITTER = 0.25


class Connects:
    """Spaces connects so that no vendor takes them for an endless loop, and stops after ten short sessions in a row.

    After a session under a minute the next attempt waits ten seconds, and twice as long after each further one, up to
    ten minutes, plus up to a quarter. An attempt that reached nobody waits as long and does not count among the ten.
    An attempt counts as a short session from its beginning on, so that a process that is killed changes nothing.

    Source: KIS's notice of 2026-02-24: who connects and closes again and again is blocked, key and address.

    Args:
        store: Where it is shared.
        name: The hashed app key.
        random: Draws the jitter, from 0 to 1.
    """

    def __init__(self, store: Store, name: str, draw: Callable[[], float] = random.random) -> None:
        self._store, self._key, self._draw = store, f"connects-{name}", draw
        self._noted = False

    def reserve(self) -> float:
        """Return 0 when a session may be opened now, which is noted; else for how many seconds it may not.

        Raises:
            LineStoppedError: Ten sessions in a row were short; see :meth:`resume`.
            CoordinationError: The store is away; nothing may be opened.
        """

        def take(state: dict[str, Any], now: float) -> float:
            wait = self._of(state, "next_at", now) - now
            # A time further ahead than any wait was written before the host restarted.
            if 0 < wait <= LONGEST_S * (1 + _JITTER):
                return wait
            if self._of(state, "short") >= MOST_SHORT:
                raise LineStoppedError(
                    f"{MOST_SHORT} live sessions in a row ended within a minute, and KIS blocks keys and addresses for "
                    "that, so nothing connects any more: read the log, mend the cause, then start with --resume"
                )
            short = self._of(state, "short") + 1
            state.update(short=short, next_at=now + self._delay(short))
            return 0.0

        self._noted = False
        return self._store.update(self._key, take)

    def lasted(self, seconds: float) -> None:
        """Say for how long a session has lasted; after a minute, which is noted once, the next attempt need not wait.

        It never raises: while the store is away the session counts as a short one, which is the safe side.
        """
        if seconds >= LASTING_S and not self._noted:
            self._noted = self._note(lambda state, _: state.clear())

    def ended(self, *, reached: bool = True, in_use: bool = False) -> None:
        """Note that the session ended, however long it lasted, or that none came about; it never raises, see above.

        Args:
            reached: Whether a server answered at all.
            in_use: Whether it said that another session holds the key.
        """

        def end(state: dict[str, Any], now: float) -> None:
            if not state:  # it lasted
                return
            far, used = self._of(state, "unreached"), self._of(state, "in_use")
            far, used = (0.0, used) if reached else (far + 1, used)
            used = used + 1 if in_use else 0.0
            short = self._of(state, "short") - (0.0 if reached else 1.0)
            wait = max(self._delay(short + far), self._delay(used, IN_USE_S) if used else 0.0)
            state.update(short=short, unreached=far, in_use=used, next_at=now + wait)

        self._note(end)

    def resume(self) -> None:
        """Begin anew, after somebody has looked why sessions ended."""
        self._store.update(self._key, lambda state, _: state.clear())

    def _note(self, change: Callable[[dict[str, Any], float], None]) -> bool:
        try:
            self._store.update(self._key, change)
        except CoordinationError as error:
            log.warning("%s", error)
            return False
        return True

    def _delay(self, times: float, first: float = FIRST_S) -> float:
        return float(min(LONGEST_S, first * 2.0 ** (max(times, 1.0) - 1)) * (1 + _JITTER * self._draw()))

    def _of(self, state: dict[str, Any], name: str, default: float = 0.0) -> float:
        return number(state, name, default, self._store.location(self._key))
