"""A lease in the shared state: what only one process on any host may do, for as long as it says that it lives."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from data_pipeline.coordination.store import Store
from data_pipeline.exceptions import CoordinationError

RENEW_S = 5.0
"""How often whoever holds a lease shows that it lives."""


class Lease:
    """Held by at most one process, however clocks differ: nobody compares times of two machines.

    Whoever holds it counts its signs of life up. Another process takes it over once it has watched one and the same
    sign for a whole ``seconds`` of its own time, in which the store answered every look. So while the store is away
    nobody takes it, and the holder keeps what it does. A holder that hears nothing from the store, good or bad, for
    ``seconds`` less ``margin`` (it was stopped, or an answer hung) no longer holds it.

    Args:
        store: Where it is kept.
        name: What it is for.
        monotonic: Seconds on this host that never jump.
        seconds: How long a holder may be silent.
        margin: How much earlier the holder itself lets go.
        empty: Seconds for which a state that nobody wrote is watched; longer than ``RENEW_S``, because the holder
            writes it anew when a store was emptied.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        seconds: float = 15.0,
        margin: float = 3.0,
        empty: float = 6.0,
    ) -> None:
        self._store, self._key = store, f"lease-{name}"
        self._monotonic = monotonic
        self._seconds, self._margin, self._empty = seconds, margin, empty
        self._me = uuid.uuid4().hex
        self._held = False
        self._heard = 0.0
        """When the last question was asked to which the store answered yes, or did not answer."""
        self._watched: tuple[object, object] | None = None
        self._since = 0.0

    @property
    def holds(self) -> bool:
        """Whether this process may go on; asks nobody."""
        return self._held and self._monotonic() < self._heard + self._seconds - self._margin

    def take(self) -> bool:
        """Try once to take the lease, and return whether this process holds it; to be called again until it does.

        Raises:
            CoordinationError: The store is away, so nobody takes it.
        """
        asked = self._monotonic()
        try:
            found = self._sign(self._store.read(self._key))
        except CoordinationError:
            self._watched = None
            raise
        if found != self._watched:
            self._watched, self._since = found, asked
        wait = 0.0 if found[0] == "" else self._empty if found[0] is None else self._seconds
        if asked - self._since < wait:
            return False
        self._held = self._store.update(self._key, lambda state, _: self._write(state, found))
        self._heard = asked
        return self._held

    def renew(self) -> None:
        """Show that this process lives; ``holds`` tells what came of it. It never raises."""
        self._held = self.holds
        if not self._held:
            return
        asked = self._monotonic()
        try:
            # A store that was emptied gets the lease anew from whoever holds it.
            kept = self._store.update(self._key, lambda state, _: self._write(state, (None, None)))
        except CoordinationError:
            kept = True  # nobody else can take it either
        self._held = kept and self.holds
        self._heard = asked

    def release(self) -> None:
        """Let the next one have it at once. What it protected must have ended. It never raises."""
        if not self._held:
            return
        self._held = False

        def leave(state: dict[str, Any], _: float) -> None:
            if state.get("holder") == self._me:
                state["holder"] = ""

        try:
            self._store.update(self._key, leave)
        except CoordinationError:
            return  # it ends by itself

    def _write(self, state: dict[str, Any], free: tuple[object, object]) -> bool:
        sign = self._sign(state)
        if sign != free and sign[0] != self._me:
            return False
        state.update(holder=self._me, sign=(sign[1] if isinstance(sign[1], int) else 0) + 1)
        return True

    @staticmethod
    def _sign(state: dict[str, Any]) -> tuple[object, object]:
        return state.get("holder"), state.get("sign")
