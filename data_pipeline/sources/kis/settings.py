"""Where and with which key KIS is called, read from the documented environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_pipeline.client.address import (
    ALLOWED_HOSTS,
    Address,
    allowed_hosts,
    require_address,
    require_destination,
    require_socket,
)
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import SETTINGS, given, require_known, text, value
from data_pipeline.settings.hidden import Hidden, hidden, hide_login
from data_pipeline.sources.kis.credentials import check_more_keys, more_keys, require_pair
from data_pipeline.sources.reads import cache_ttl, cache_url

REAL_URL = SETTINGS["KIS_API_BASE_URL_REAL"].default
VIRTUAL_URL = SETTINGS["KIS_API_BASE_URL_VIRTUAL"].default
MASTER_URL = SETTINGS["KIS_MASTER_BASE_URL"].default
OWN_HOSTS, _MASTER_HOSTS = (".koreainvestment.com",), (".dws.co.kr", ".koreainvestment.com")
SOCKET_HOST = "ops.koreainvestment.com"
SOCKET_URL = {False: f"ws://{SOCKET_HOST}:21000", True: f"ws://{SOCKET_HOST}:31000"}
"""Where the live stream is, by ``use_virtual``; KIS offers no TLS there. Source: KIS Developers, 실시간시세."""
QUOTA = {False: 18.0, True: 1.0}
"""Calls a second by ``use_virtual``. Source: KIS notice of 2026-04-20 on call limits."""

_SOURCE_NAMES = {"real": "kis", "virtual": "kis-virtual", "sandbox": "kis-sandbox", "replay": "replay"}
_REPLAY = "/replay"
"""How the address of a stored session ends that is played again."""


@dataclass(frozen=True)
class KisSettings:
    """Everything that a KIS client needs to know; its ``repr`` shows no secret.

    ``environment`` is what was declared, corrected by what the addresses say: when a host is not one of KIS's own, it
    becomes ``sandbox``, so that rows of an emulator are never taken for rows of the exchange.

    Raises:
        ConfigurationError: A value is missing or wrong; the message names the variable.
    """

    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)
    environment: str = "real"
    """real, virtual (모의투자) or sandbox."""
    base_url: str = ""
    """Scheme, host and port of the REST server; empty for the one of ``environment``."""
    master_url: str = ""
    """Where the stock master files are; empty for KIS's own, or ``base_url`` in a sandbox."""
    rate_limit: float | None = None
    """Calls a second of one app key, for all processes; None for the quota of the server (18 real, 1 virtual)."""
    rate_limit_per_minute: float | None = None
    """Calls in any 60 seconds of one app key, for all processes; None without such a limit."""
    ledger_rate_limit: float | None = None
    """Ledger calls a second of one app key, which KIS counts separately; None for ``rate_limit``."""
    queue_timeout: float = 30.0
    """Seconds that one call may wait for its slot."""
    breaker_threshold: int = 5
    """Failures in a row before calls are rejected."""
    breaker_timeout: float = 60.0
    """Seconds before a rejected server is tried again."""
    account_number: str | None = field(default=None, repr=False)
    """Only trading needs it; nothing here does."""
    use_virtual: bool | None = None
    """Whether the server offers only the virtual server's calls; None for ``environment == "virtual"``."""
    timeout: float = 30.0
    """Seconds before an unanswered request is given up."""
    cache_ttl: Mapping[str, float] = field(default_factory=dict)
    """Seconds that the interactive ``get_*`` calls may repeat an answer, by price, orderbook, chart, stock_info."""
    cache_url: str | None = field(default=None, repr=False)
    """Where those answers lie: ``memory`` or a Redis; None for the memory of this process."""
    coordination_url: str | None = field(default=None, repr=False)
    """Where processes share quota and token; None for the default."""
    more_keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further app keys with their secrets; work spreads over all keys, and their budgets add up."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts beside KIS's own and this machine to which the keys may go, each with or without its port."""

    websocket_url: str = ""
    """Where the live stream is; empty for KIS's own, or ``base_url`` in a sandbox."""
    websocket_limit: int = 41
    """Registrations that one app key takes there. Source: KIS notice of 2026-04-20."""

    def __post_init__(self) -> None:
        for name in ("app_key", "app_secret", "account_number", "cache_url", "coordination_url"):
            given = getattr(self, name)
            self._settle(name, given if given is None else Hidden(given))
        for name in ("base_url", "master_url", "websocket_url"):
            self._settle(name, hide_login(getattr(self, name)))
        self._settle("more_keys", tuple((Hidden(key), Hidden(secret)) for key, secret in self.more_keys))
        require_pair("", self.app_key, self.app_secret)
        if self.environment not in _SOURCE_NAMES:
            raise ConfigurationError(f"environment must be real, virtual or sandbox, not {self.environment!r}")
        self._settle("use_virtual", self.environment == "virtual" if self.use_virtual is None else self.use_virtual)
        self._settle_urls()
        if self.rate_limit is None:
            self._settle("rate_limit", QUOTA[bool(self.use_virtual)])
        if self.ledger_rate_limit is None:
            self._settle("ledger_rate_limit", self.rate_limit)
        check_more_keys(self.app_key, self.more_keys)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> KisSettings:
        """Return the settings that these environment variables describe; an empty one counts as not set.

        A comment after a value (``true  # true=virtual``) is dropped, as the documented ``.env`` has them.

        Raises:
            ConfigurationError: A value is missing or wrong, or a ``KIS_...`` variable is none; the message names the
                variable and never its secret.
        """
        environ = hidden(environ)
        require_known(environ)
        virtual = value(environ, "KIS_USE_VIRTUAL_SERVER")
        return cls(
            app_key=text(environ, "KIS_APP_KEY"),
            app_secret=text(environ, "KIS_APP_SECRET"),
            environment="virtual" if virtual else "real",
            base_url=_server(environ, virtual=virtual),
            master_url=given(environ, "KIS_MASTER_BASE_URL"),
            rate_limit=value(environ, "KIS_API_RATE_LIMIT"),
            rate_limit_per_minute=value(environ, "KIS_API_RATE_LIMIT_PER_MINUTE"),
            ledger_rate_limit=value(environ, "KIS_API_LEDGER_RATE_LIMIT"),
            queue_timeout=value(environ, "KIS_API_QUEUE_TIMEOUT"),
            breaker_threshold=value(environ, "KIS_API_CIRCUIT_BREAKER_THRESHOLD"),
            breaker_timeout=value(environ, "KIS_API_CIRCUIT_BREAKER_TIMEOUT"),
            account_number=text(environ, "KIS_ACCOUNT_NUMBER") or None,
            cache_ttl=cache_ttl(environ),
            cache_url=cache_url(environ) or None,
            coordination_url=text(environ, "COORDINATION_URL") or None,
            more_keys=more_keys(environ),
            allowed_hosts=allowed_hosts(text(environ, ALLOWED_HOSTS)),
            websocket_url=given(environ, "KIS_WEBSOCKET_URL"),
            websocket_limit=value(environ, "KIS_WEBSOCKET_LIMIT"),
        )

    @property
    def websocket(self) -> Address:
        """Where the live stream is, as it is connected to."""
        return require_socket(
            "KIS_WEBSOCKET_URL", self.websocket_url, (SOCKET_HOST,), SOCKET_URL[False], self.allowed_hosts
        )

    @property
    def key_pairs(self) -> tuple[tuple[str, str], ...]:
        """Every app key with its secret, the first one first."""
        return ((self.app_key, self.app_secret), *self.more_keys)

    @property
    def source_name(self) -> str:
        """What rows carry in ``source``: kis, kis-virtual, kis-sandbox or replay."""
        return _SOURCE_NAMES[self.environment]

    @property
    def is_sandbox(self) -> bool:
        """Whether the server is nobody's of KIS, so that all it tells is made up."""
        return self.environment in {"sandbox", "replay"}

    def _settle(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _settle_urls(self) -> None:
        if not self.base_url:
            if self.environment == "sandbox":
                raise ConfigurationError("a sandbox needs its server's address: set base_url (KIS_API_BASE_URL_REAL)")
            self._settle("base_url", VIRTUAL_URL if self.use_virtual else REAL_URL)
        variable = "KIS_API_BASE_URL_VIRTUAL" if self.use_virtual else "KIS_API_BASE_URL_REAL"
        server = require_destination(variable, self.base_url, OWN_HOSTS, REAL_URL, self.allowed_hosts)
        official = server.belongs_to(*OWN_HOSTS)
        if not self.master_url:
            self._settle("master_url", MASTER_URL if official else self.base_url)
        master = require_address("KIS_MASTER_BASE_URL", self.master_url, MASTER_URL, self.allowed_hosts)
        if official and server.host.startswith("openapivts") != self.use_virtual:
            raise ConfigurationError(f"KIS_USE_VIRTUAL_SERVER does not fit the server's address {self.base_url}")
        if not self.websocket_url:
            rest = self.base_url.partition("://")[2].rstrip("/")
            own = f"{'wss' if server.scheme == 'https' else 'ws'}://{rest}"
            self._settle("websocket_url", SOCKET_URL[bool(self.use_virtual)] if official else own)
        live = self.websocket.belongs_to(SOCKET_HOST)
        if live and self.websocket_url.rstrip("/") != SOCKET_URL[bool(self.use_virtual)]:
            raise ConfigurationError(
                f"KIS_WEBSOCKET_URL must be {SOCKET_URL[bool(self.use_virtual)]} on KIS's own host"
            )
        if not (official and live and master.belongs_to(*_MASTER_HOSTS)):
            replayed = self.base_url.rstrip("/").endswith(_REPLAY) and not official
            self._settle("environment", "replay" if replayed else "sandbox")


def _server(environ: Mapping[str, str], *, virtual: bool) -> str:
    """Return the chosen server's address; refuse one that was given for a server that nobody chose."""
    real, other = (given(environ, f"KIS_API_BASE_URL_{which}") for which in ("REAL", "VIRTUAL"))
    if virtual and real not in ("", REAL_URL) and not given(environ, "KIS_USE_VIRTUAL_SERVER") and not other:
        raise ConfigurationError(
            "KIS_API_BASE_URL_REAL is set, but KIS_USE_VIRTUAL_SERVER is not, and without it the virtual server is "
            "asked: set KIS_USE_VIRTUAL_SERVER=false to use that address, or true to leave it out"
        )
    return other if virtual else real
