"""The store for many hosts: one value a key in Redis (or Valkey), changed by compare-and-set in a Lua script."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, ReadOnlyError, RedisError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from data_pipeline.coordination.envelope import MOST_BYTES, OldSeal, open_envelope, wrap
from data_pipeline.coordination.shared_clock import SharedClock
from data_pipeline.coordination.store import StoreAwayError, T, damaged, require_key
from data_pipeline.exceptions import ConfigurationError, CoordinationError

_PREFIX = "data-pipeline:"
_KEPT_SECONDS = 8 * 86_400
_SLOW_SECONDS = 0.25
"""An answer that took longer says too little about the time to move everybody's."""
_AWAY = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, TryAgainError)
"""What may pass while the caller waits: nobody answers, or another server is just taking over."""
_URL = "COORDINATION_URL must be redis://[:password@]host[:port][/db], or rediss:// for TLS"


class Script(NamedTuple):
    """A Lua script and the name by which the server knows it once it has seen it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """Return the script of this text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_EXCHANGE = Script.of("""
local told = redis.call('TIME')
local shift = redis.call('GET', KEYS[2]) or '0'
if not tonumber(shift) then return redis.error_reply('FOREIGN clock') end
if redis.call('STRLEN', KEYS[1]) > tonumber(ARGV[1]) then return redis.error_reply('FOREIGN size') end
local found = redis.call('GET', KEYS[1]) or ''
local stored = 0
if #ARGV > 1 and found == ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
  stored = 1
end
return {string.format('%d.%06d', told[1], told[2]), shift, found, stored}
""")
"""Returns the server's time, the shift of the shared time, the value as it was found, and whether the new value was
stored: it is when the old one is what the caller read."""
_SHIFT = Script.of("""
if (redis.call('GET', KEYS[1]) or '0') == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
""")
"""Changes the shift, unless somebody else was faster."""


@dataclass(frozen=True, slots=True)
class _Found:
    now: float
    value: bytes
    stored: bool


class RedisStore:
    """Shared state in Redis; it satisfies :class:`~data_pipeline.coordination.store.Store`.

    All hosts go by the server's clock. Should that be set to another time, whoever called within the last minute sees
    it by the monotonic clock of its own host and shifts the shared time back to where it was. Every state outlives a
    restart of a host, lasting or not; one that nobody changes for eight days is dropped by the server. States lie there
    in clear, so give the server a password; the one secret among them, the token, is sealed by whoever shares it.

    Args:
        url: ``redis://[:password@]host[:port][/db]`` or ``rediss://`` for TLS.
        fernet_key: One Fernet key, or several with commas as Airflow writes them, newest first; it opens what
            version 0.1 sealed and seals nothing.
        patience: Seconds after which a server that does not answer is an error.
        monotonic: Seconds on this host that never jump.

    Raises:
        ConfigurationError: The URL or the Fernet key cannot be used.
    """

    _place = "nowhere"
    """So that a traceback can show one whose address was refused."""

    def __init__(
        self,
        url: str,
        *,
        fernet_key: str | None = None,
        patience: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = _place(url)
        self._old_seal = OldSeal(fernet_key)
        self._patience = patience
        self._monotonic = monotonic
        self._clock = SharedClock(monotonic)
        # Each of the two tries of a call gets half the time.
        wait = patience / 2
        try:
            self._pool = redis.ConnectionPool.from_url(
                url, socket_timeout=wait, socket_connect_timeout=wait, retry=Retry(NoBackoff(), 0)
            )
        except (ValueError, RedisError):
            raise ConfigurationError(_URL) from None

    def __repr__(self) -> str:
        return f"RedisStore({self._place})"

    def now(self) -> float:
        """Return the shared time in seconds: the server's, without its jumps."""
        known = self._clock.estimate()
        return self._ask("now").now if known is None else known

    def location(self, key: str) -> str:
        """Return the server and the name under which it keeps the state."""
        return f"{self._place} {_PREFIX}{require_key(key)}"

    def update(self, key: str, change: Callable[[dict[str, Any], float], T], *, lasting: bool = False) -> T:  # noqa: ARG002
        """Change the state of ``key`` by a function and return what it returns; see the protocol."""
        found, began = self._ask(key), self._monotonic()
        while True:
            state = self._state(found.value, key)
            result = change(state, found.now)
            found = self._ask(key, found.value, wrap({}, state))
            if found.stored:
                return result
            if self._monotonic() - began > self._patience:
                raise StoreAwayError(f"{self.location(key)}: others changed it without a pause; try again later")

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """Return the state last written under ``key``; see the protocol."""
        return self._state(self._ask(key).value, key)

    def _state(self, value: bytes, key: str) -> dict[str, Any]:
        place = self.location(key)
        return self._old_seal.state(open_envelope(value, place), place) if value else {}

    def _ask(self, key: str, *old_and_new: bytes) -> _Found:
        names = [f"{_PREFIX}{require_key(key)}", f"{_PREFIX}clock"]
        write: tuple[Any, ...] = (*old_and_new, _KEPT_SECONDS) if old_and_new else ()
        began = self._monotonic()
        with _errors(self.location(key)):
            while True:
                asked_at, (told, shift, value, stored) = self._run(_EXCHANGE, names, MOST_BYTES, *write)
                now = float(told) + float(shift)
                wrong = self._clock.hear(asked_at, now)
                slow = self._monotonic() - asked_at > _SLOW_SECONDS
                if wrong and not slow:
                    self._run(_SHIFT, names[1:], shift, f"{float(shift) - wrong:.6f}")
                if slow and not stored:
                    write = ()  # a time that is wrong by nobody knows how much is good for no further try
                if write or not wrong:
                    return _Found(now - wrong, value, stored=bool(stored))
                if slow and self._monotonic() - began > self._patience:
                    raise RedisTimeoutError

    def _run(self, script: Script, names: list[str], *arguments: Any) -> tuple[float, Any]:
        """Return when a script was asked and what it answers; it is asked twice when the connection broke."""
        asked_at = self._monotonic()
        try:
            return asked_at, self._try(script, names, arguments)
        except (RedisConnectionError, RedisTimeoutError):
            asked_at = self._monotonic()
            return asked_at, self._try(script, names, arguments)

    def _try(self, script: Script, names: list[str], arguments: tuple[Any, ...]) -> Any:
        try:
            connection = self._pool.get_connection()
            try:
                return _answer(connection, script, names, arguments)
            finally:
                self._pool.release(connection)
        except BaseException as error:  # an interruption or a time limit of the task, too
            error.__traceback__ = None  # the client's frames hold the password
            raise


def _answer(connection: Any, script: Script, names: list[str], arguments: tuple[Any, ...]) -> Any:
    # The connection itself: through the client's many layers a question costs twice the CPU, forty times a second.
    try:
        connection.send_command("EVALSHA", script.sha, len(names), *names, *arguments)
        return connection.read_response()
    except NoScriptError:
        connection.send_command("EVAL", script.text, len(names), *names, *arguments)
        return connection.read_response()


@contextmanager
def _errors(place: str) -> Iterator[None]:
    outcome = None
    try:
        yield
    except RedisError as error:
        outcome = _typed(error, place)
    if outcome is not None:
        # Raised out here, it has no context: the client's own error may hold the command, and with it a token.
        raise outcome


def _typed(error: RedisError, place: str) -> CoordinationError:
    if "FOREIGN" in str(error) or "WRONGTYPE" in str(error):
        return damaged(place, "it is not a state of this package")
    away = isinstance(error, _AWAY) and not isinstance(error, AuthenticationError)
    return (StoreAwayError if away else CoordinationError)(
        f"The shared state {place} cannot be used ({type(error).__name__}), so no call is sent. Check that this Redis "
        "runs, has memory left and accepts the password in COORDINATION_URL"
    )


def _place(url: str) -> str:
    """Return the server's address without user and password."""
    if found := _without_login(url):
        return found
    raise ConfigurationError(_URL)


def _without_login(url: str) -> str:
    """Return the server's address without user and password; empty for an address of no server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and not parts.query and not parts.fragment
        port = parts.port or 6379
    except ValueError:
        return ""
    usable = usable and (parts.path.lstrip("/") or "0").isdecimal()
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path}" if usable else ""
