"""Where and with which key KRX is called, read from the documented environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_pipeline.client.address import ALLOWED_HOSTS, allowed_hosts, require_destination
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import SETTINGS, given, require_key_characters, require_known, text, value
from data_pipeline.settings.hidden import Hidden, hidden, hide_login
from data_pipeline.sources.reads import cache_ttl, cache_url

REAL_URL = SETTINGS["KRX_API_BASE_URL"].default
"""The production host, whatever its name suggests; the portal's own host does not answer calls."""
DAILY_LIMIT = int(SETTINGS["KRX_API_DAILY_LIMIT"].default)
"""Calls of one key from 00:00 to 24:00 in Seoul. Source: terms of use of the KRX Open API."""

_SOURCE_NAMES = {"real": "krx", "sandbox": "krx-sandbox"}
OWN_HOSTS = ("data-dbg.krx.co.kr",)


@dataclass(frozen=True)
class KrxSettings:
    """Everything that a KRX client needs to know; its ``repr`` shows no secret.

    ``environment`` is what was declared, corrected by the address: any host but KRX's own is a ``sandbox``, so that
    rows of an emulator are never taken for rows of the exchange.

    Raises:
        ConfigurationError: A value is missing or wrong; the message names the variable.
    """

    api_key: str = field(repr=False)
    """The key that the portal issued (인증키, header ``AUTH_KEY``)."""
    environment: str = "real"
    """real or sandbox."""
    base_url: str = ""
    """Scheme, host and port; empty for KRX's own."""
    daily_limit: int = DAILY_LIMIT
    """Calls a day in Seoul, for all processes; less than KRX allows leaves room for other programs."""
    timeout: float = 30.0
    """Seconds before an unanswered request is given up."""
    cache_ttl: Mapping[str, float] = field(default_factory=dict)
    """Seconds that ``get_stock_info`` may repeat an answer, under ``stock_info``; KRX has no other of the reads."""
    cache_url: str | None = field(default=None, repr=False)
    """Where those answers lie: ``memory`` or a Redis; None for the memory of this process."""
    coordination_url: str | None = field(default=None, repr=False)
    """Where processes share the day's count; None for the default."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts beside KRX's own and this machine to which the key may go, each with or without its port."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "api_key", Hidden(self.api_key))
        for name in ("cache_url", "coordination_url"):
            if (told := getattr(self, name)) is not None:
                object.__setattr__(self, name, Hidden(told))
        if not self.api_key:
            raise ConfigurationError(
                "KRX_API_KEY is not set (No API key provided): put the key of openapi.krx.co.kr into the environment "
                "or .env, or choose DATA_SOURCE_TYPE=mock"
            )
        require_key_characters("KRX_API_KEY", self.api_key)
        if self.environment not in _SOURCE_NAMES:
            raise ConfigurationError(f"environment must be real or sandbox, not {self.environment!r}")
        value({"KRX_API_DAILY_LIMIT": f"{self.daily_limit}"}, "KRX_API_DAILY_LIMIT")
        if not self.base_url and self.environment == "sandbox":
            raise ConfigurationError("a sandbox needs its server's address: set base_url (KRX_API_BASE_URL)")
        address = hide_login(self.base_url or REAL_URL)
        object.__setattr__(self, "base_url", address)
        server = require_destination("KRX_API_BASE_URL", address, OWN_HOSTS, REAL_URL, self.allowed_hosts)
        if not server.belongs_to(*OWN_HOSTS):
            object.__setattr__(self, "environment", "sandbox")
        elif self.environment == "sandbox":
            raise ConfigurationError("environment sandbox does not fit KRX's own address; set base_url or choose real")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> KrxSettings:
        """Return the settings that these environment variables describe; an empty one counts as not set.

        Raises:
            ConfigurationError: A value is missing or wrong, or a ``KRX_...`` variable is none; the message names the
                variable and never its secret.
        """
        environ = hidden(environ)
        require_known(environ)
        return cls(
            api_key=text(environ, "KRX_API_KEY"),
            base_url=given(environ, "KRX_API_BASE_URL"),
            daily_limit=value(environ, "KRX_API_DAILY_LIMIT"),
            cache_ttl=cache_ttl(environ),
            cache_url=cache_url(environ) or None,
            coordination_url=text(environ, "COORDINATION_URL") or None,
            allowed_hosts=allowed_hosts(text(environ, ALLOWED_HOSTS)),
        )

    @property
    def source_name(self) -> str:
        """What rows carry in ``source``: krx or krx-sandbox."""
        return _SOURCE_NAMES[self.environment]
