"""One access token for all processes: issued by one of them, read by the others, renewed before it expires."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.coordination.store import Store, damaged, number
from data_pipeline.exceptions import (
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    ConnectionFailedError,
    QueueTimeoutError,
    TokenUnavailableError,
)
from data_pipeline.settings.hidden import Hidden

logger = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS = 0.05
_TELL_AGAIN = 86_400.0
_STRANGER = (
    "The server issued an access token for this app key within the last minute, and to nobody who shares this state: "
    "another program, or processes with another COORDINATION_URL, use the key too"
)
_EARLY_SHARE = 0.1
_REFUSAL_SPACINGS = 2
"""How long a refused secret is not tried again, in spacings: the turn after its own belongs to another process."""
_NOT_ASKED = (CircuitOpenError, ConfigurationError, ConnectionFailedError, QueueTimeoutError)
"""Errors after which the server has issued nothing, so that asking again need not wait a minute."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as its issuer gave it."""

    value: str = field(repr=False)
    expires_at: float
    """Seconds since 1970 (UTC) from which the server refuses it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", Hidden(self.value))
        if not self.value or not math.isfinite(self.expires_at):
            raise ValueError("a token needs a value and a time at which it expires")


@dataclass(frozen=True, slots=True)
class TokenSnapshot:
    """How the shared token stands, for a metric; it says nothing of the token itself."""

    age: float
    """Seconds since it was issued, by the wall clock."""
    left: float
    """Seconds until it is renewed, by the wall clock; negative when that is due."""


@dataclass(frozen=True, slots=True)
class _Usable:
    """A token with two deadlines, so that neither a jump of the wall clock nor a restart of the host is misleading."""

    value: str = field(repr=False)
    refresh_at: float
    """By the wall clock, which survives a restart."""
    stale_at: float
    """By the store's clock, which does not jump."""


class TokenManager:
    """Gives the token that all threads and processes share, and lets exactly one of them ask for a new one.

    Only the token itself is sealed, with a key derived from the app secret. Whose turn it is, when the server was last
    asked and which secret it refused are readable for everybody, so that processes that cannot open each other's token
    together still ask no more often than one alone may. A token that this secret does not open is replaced only by a
    newly issued one.

    A token is renewed ``early`` seconds before it expires, or when a tenth of its life is left if that is shorter.
    Whoever finds none takes a lease in the store and asks; the others wait. A holder that dies is replaced once its
    lease has ended, and nobody asks twice within ``spacing``. A wall clock that jumps costs at worst a renewal.

    Args:
        store: Where the token is shared, as a lasting state.
        seal: The name of the app key, under which managers share one token, and what only its secret opens.
        issue: Asks the server for a token; called by one caller at a time, outside any lock. It raises
            :class:`TokenUnavailableError` when the server issued one to somebody else within the minute.
        clock: Seconds since 1970 (UTC).
        sleep: Waits that many seconds.
        early: Seconds before its expiry at which a token is renewed.
        patience: Seconds to wait for a token at most.
        lease: Seconds that issuing a token may take; longer than the HTTP timeout.
        spacing: Seconds between two requests for a token; KIS allows one a minute (EGW00133).
    """

    def __init__(
        self,
        store: Store,
        seal: TokenSeal,
        issue: Callable[[], Token],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        *,
        early: float = 300.0,
        patience: float = 65.0,
        lease: float = 45.0,
        spacing: float = 60.0,
    ) -> None:
        self._store = store
        # Version 0.1 sealed the whole state under ``token-...``; what still runs of it is left alone there.
        self._key = f"access-token-{seal.name}"
        self._seal = seal
        self._issue = issue
        self._clock = clock
        self._sleep = sleep
        self._early = early
        self._patience = patience
        self._lease = lease
        self._spacing = spacing
        self._known: _Usable | None = None

    def get(self) -> str:
        """Return a token that the server accepts, as far as can be known without asking it; its ``repr`` hides it.

        Raises:
            TokenUnavailableError: None came within ``patience``; ``retry_after`` says when to ask again.
            AuthenticationError: The server refused this secret less than twice ``spacing`` seconds ago.
            CoordinationError: The store cannot be used.
            DataPipelineError: Whatever ``issue`` raised, when it was this caller's turn to ask.
        """
        known = self._known
        if known is not None and self._is_fresh(known):
            return known.value
        deadline = self._store.now() + self._patience
        while True:
            shared = self._store.read(self._key, lasting=True)
            known = self._usable(shared)
            if known is not None:
                self._known = known
                return known.value
            self._wait_or_ask(shared, deadline)

    def invalidate(self, value: str) -> None:
        """Drop the token that the server refused; a newer one is kept, whoever got it.

        Args:
            value: The token that was sent with the refused call.
        """
        known = self._known
        if known is not None and known.value == value:
            self._known = None

        def drop(shared: dict[str, Any], _: float) -> None:
            if self._opened(shared) == value:
                del shared["token"]

        self._store.update(self._key, drop, lasting=True)

    def snapshot(self) -> TokenSnapshot | None:
        """Return how the shared token stands; None when there is none, or version 0.1 of this package kept it.

        Raises:
            CoordinationError: The store cannot be used; trying again can help.
        """
        shared, now = self._store.read(self._key, lasting=True), self._clock()
        if "token" not in shared or "issued_at" not in shared:
            return None
        return TokenSnapshot(now - self._number(shared, "issued_at"), self._number(shared, "refresh_at") - now)

    def _wait_or_ask(self, shared: dict[str, Any], deadline: float) -> None:
        now = self._store.now()
        self._raise_if_refused(shared, now)
        wait = self._turn_at(shared, now) - now
        if wait <= 0:
            turn = uuid.uuid4().hex
            if self._take(turn):
                self._ask(turn)
            return
        # With a holder at work the token may come at any moment; without one, nothing comes before the next turn.
        earliest = _LOOK_AGAIN_SECONDS if self._is_held(shared, now) else wait
        if now + earliest > deadline:
            raise _unavailable(wait)
        self._sleep(min(wait, _LOOK_AGAIN_SECONDS))

    def _take(self, turn: str) -> bool:
        """Return whether this caller may ask; a token or another holder may have come meanwhile."""

        def take(shared: dict[str, Any], now: float) -> bool:
            if shared.get("holder") == turn:  # taken before, but the answer was lost
                return True
            if self._usable(shared) is not None or self._turn_at(shared, now) > now:
                return False
            shared.update(holder=turn, until=now + self._lease, asked_at=now)
            return True

        return self._store.update(self._key, take, lasting=True)

    def _ask(self, turn: str) -> None:
        try:
            token = self._issue()
        except _NOT_ASKED:
            self._end_turn(turn, asked=False)
            raise
        except TokenUnavailableError:
            # Somebody outside this store got the minute's token: the next turn comes a minute from now.
            self._end_turn(turn)
            self._tell_of_stranger()
        except AuthenticationError:
            self._end_turn(turn, refused=True)
            raise
        except BaseException:
            self._end_turn(turn)
            raise
        else:
            self._keep(token, turn)

    def _keep(self, token: Token, turn: str) -> None:
        life = token.expires_at - self._clock()
        if life <= 0:
            self._end_turn(turn)
            raise TokenUnavailableError("The server issued a token that has expired already; check this host's clock")
        early = min(self._early, life * _EARLY_SHARE)
        # The holder's own lease may have ended meanwhile; a token is welcome all the same.
        self._end_turn(
            turn,
            token=self._seal.close(token.value),
            issued_at=self._clock(),
            refresh_at=token.expires_at - early,
            stale_at=self._store.now() + life - early,
        )

    def _tell_of_stranger(self) -> None:
        def note(shared: dict[str, Any], now: float) -> bool:
            known = now - _TELL_AGAIN < self._number(shared, "stranger_at", -math.inf) <= now
            if not known:
                shared["stranger_at"] = now
            return not known

        if self._store.update(self._key, note, lasting=True):
            logger.warning(_STRANGER)

    def _end_turn(self, turn: str, *, refused: bool = False, asked: bool = True, **changes: Any) -> None:
        def end(shared: dict[str, Any], now: float) -> None:
            if shared.get("holder") == turn:
                shared.pop("holder")
                shared.pop("until", None)
            elif "token" not in changes and not refused:
                return
            shared.update(changes)
            if asked:
                # Not when the turn was taken: the store or the request may have stood still since.
                shared["asked_at"] = now
            else:
                shared.pop("asked_at", None)
            refusals = self._refusals(shared, now)
            refusals.pop(self._seal.fingerprint, None)
            if refused:
                refusals[self._seal.fingerprint] = now + _REFUSAL_SPACINGS * self._spacing
            shared["refused"] = refusals

        self._store.update(self._key, end, lasting=True)

    def _usable(self, shared: dict[str, Any]) -> _Usable | None:
        value = self._opened(shared)
        if value is None:
            return None
        known = _Usable(value, self._number(shared, "refresh_at"), self._number(shared, "stale_at"))
        return known if self._is_fresh(known) else None

    def _opened(self, shared: dict[str, Any]) -> str | None:
        """Return the stored token; None if there is none or another secret sealed it."""
        sealed = shared.get("token")
        if sealed is None:
            return None
        if not isinstance(sealed, str):
            raise damaged(self._store.location(self._key), "token is not text")
        return self._seal.open(sealed)

    def _is_fresh(self, known: _Usable) -> bool:
        return self._clock() < known.refresh_at and self._store.now() < known.stale_at

    def _turn_at(self, shared: dict[str, Any], now: float) -> float:
        asked_at = self._number(shared, "asked_at", -math.inf)
        # A time that lies ahead was written before the host restarted.
        spaced = asked_at + self._spacing if asked_at <= now else now
        return max(spaced, self._number(shared, "until")) if self._is_held(shared, now) else spaced

    def _is_held(self, shared: dict[str, Any], now: float) -> bool:
        return bool(shared.get("holder")) and now < self._number(shared, "until") <= now + self._lease

    def _raise_if_refused(self, shared: dict[str, Any], now: float) -> None:
        until = self._refusals(shared, now).get(self._seal.fingerprint)
        if until is not None:
            raise AuthenticationError(
                "The server refused to issue an access token a moment ago. Check the app key and the app secret; "
                f"a corrected secret is tried at once, this one again in {until - now:.0f} s"
            )

    def _refusals(self, shared: dict[str, Any], now: float) -> dict[str, float]:
        """Return until when which secrets are not tried again, by their fingerprints."""
        found = shared.get("refused", {})
        if not isinstance(found, dict):
            raise damaged(self._store.location(self._key), "refused is not an object")
        untils = {name: self._number(found, name) for name in found}
        # One that lies further ahead was written before the host restarted.
        return {name: at for name, at in untils.items() if 0 < at - now <= _REFUSAL_SPACINGS * self._spacing}

    def _number(self, shared: dict[str, Any], name: str, default: float = 0.0) -> float:
        return number(shared, name, default, self._store.location(self._key)) if name in shared else default


def _unavailable(wait: float) -> TokenUnavailableError:
    error = TokenUnavailableError(
        f"No access token yet: one is issued a minute, and the next may be asked for in {wait:.0f} s"
    )
    error.retry_after = wait
    return error
