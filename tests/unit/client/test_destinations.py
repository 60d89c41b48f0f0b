"""Where secrets may go: two hundred addresses, and who hears a key."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter

from data_pipeline.client.address import allowed_hosts, require_destination
from data_pipeline.client.session import HttpSession
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import ConfigurationError, DataPipelineError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from tests.support.addresses import KIS, KRX, OWN, REFUSED, TAKEN

NAMED = "emulator:8000,kis.example.org"
"""What ``KIS_ALLOWED_HOSTS`` says."""
SESSION = date(2026, 11, 20)
LATER = datetime(2026, 12, 1, 12, 0, tzinfo=SEOUL)
SECRETS = ("the-app-key", "the-app-secret", "the-api-key")
_FOREIGN = [
    "evil.example", "koreainvestment.com.evil.example", "evilkoreainvestment.com", "koreainvestment.co",
    "openapi-koreainvestment.com", "krx.co.kr.evil.example", "data-dbg.krx.co.kr.evil.example", "xdata-dbg.krx.co.kr",
    "data.krx.co.kr", "openapi.krx.co.kr", "krx.co.kr", "localhost.evil.example", "127.0.0.1.evil.example",
    "emulator.evil.example", "notemulator", "kis.example.org.evil.example", "xkis.example.org", "sub.kis.example.org",
    "192.168.0.7", "10.0.0.1", "172.17.0.1", "169.254.169.254", "0.0.0.0", "[::]", "[fe80::1]", "[::ffff:127.0.0.1]",
    "[2001:db8::1]", "128.0.0.1", "host.docker.internal", "postgres", "redis", "metadata.google.internal",
]  # fmt: skip
FOREIGN = [f"{scheme}://{host}{port}" for host in _FOREIGN for scheme in ("https", "http") for port in ("", ":9443")]
CLEAR = [f"http://{host}" for host in (KIS, f"{KIS}:9443", KRX, f"{KRX}:443", "openapivts.koreainvestment.com")]
OTHER_PORT = ["https://emulator", "http://emulator", "https://emulator:8001", "http://emulator:80"]
MEANT = [
    "http://emulator:8000", "https://emulator:8000", "HTTP://EMULATOR:8000", "http://kis.example.org",
    "https://kis.example.org:7", "http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000",
    "https://127.0.0.1:8000", "http://127.255.255.254",
]  # fmt: skip
EVERY = [
    url
    for url in dict.fromkeys([*REFUSED, *(url for url, _ in TAKEN), *FOREIGN, *CLEAR, *OTHER_PORT, *MEANT, *OWN])
    if url
]


class Listening(BaseAdapter):
    """Every server of the world: it notes who hears a secret, and says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        sent = " ".join(map(str, request.headers.values()))  # repr hides a secret; what is sent is its text
        text = f"{request.url} {sent} {request.body!r}"
        if any(secret in text for secret in SECRETS):
            parts = urlsplit(str(request.url))
            self.heard.append((parts.scheme, parts.netloc))
        raise requests.ConnectionError

    def close(self) -> None:
        """Nothing is open."""


def heard(folder: Path, url: str, named: str = NAMED) -> list[tuple[str, str]]:
    """Return who hears a secret when sources are told to ask this address."""
    world, allowed, store = Listening(), allowed_hosts(named), FileStore(folder)

    def ask_kis(virtual: bool) -> None:
        kis = KisSettings(SECRETS[0], SECRETS[1], base_url=url, use_virtual=virtual, allowed_hosts=allowed)
        KISDataSource(kis, store, world, clock=lambda: LATER, sleep=lambda _: None).get_order_book("005930")

    def ask_krx() -> None:
        krx = KrxSettings(SECRETS[2], base_url=url, allowed_hosts=allowed)
        list(KRXDataSource(krx, store, world, clock=lambda: LATER, sleep=lambda _: None).index_bars(SESSION, SESSION))

    for ask in (lambda: ask_kis(False), lambda: ask_kis(True), ask_krx):
        with suppress(DataPipelineError):
            ask()
    return world.heard


def may_hear(scheme: str, netloc: str) -> bool:
    """Whether a secret may go there, by the rule as it is written down."""
    host, _, port = netloc.lower().rpartition(":") if not netloc.endswith("]") else (netloc, "", "")
    host = host or port
    own = host == KRX or host.endswith(".koreainvestment.com")
    this_machine = host in {"localhost", "[::1]", "[0:0:0:0:0:0:0:1]"} or host.startswith("127.")
    return (own and scheme == "https") or this_machine or netloc.lower() == "emulator:8000" or host == "kis.example.org"


@pytest.mark.thorough
def test_of_two_hundred_addresses_none_receives_a_secret_wrongly(tmp_path: Path) -> None:
    """A key goes to its vendor over TLS, to this machine, or to a host that was named, and nowhere else."""
    assert len(EVERY) >= 200
    received = {url: heard(tmp_path, url) for url in EVERY}
    wrong = {url: found for url, found in received.items() if not all(may_hear(*one) for one in found)}
    assert wrong == {}
    assert all(received[url] for url in [*MEANT, *OWN])
    assert not any(received[url] for url in [*REFUSED, *FOREIGN, *CLEAR, *OTHER_PORT] if url)


def test_without_names_only_vendors_and_this_machine_hear_a_key(tmp_path: Path) -> None:
    """The names are empty unless somebody sets them."""
    assert [url for url in MEANT if heard(tmp_path, url, "")] == MEANT[5:]


@pytest.mark.parametrize(
    "name", ["http://emulator", "*", "*.example.org", "a/b", "user@host", "a b", "host:0", "host:x"]
)
def test_what_names_no_host_is_refused(name: str) -> None:
    """A star would name every host; the message shows how to write it and does not repeat it."""
    with pytest.raises(ConfigurationError, match="KIS_ALLOWED_HOSTS must name hosts"):
        allowed_hosts(f"emulator,{name}")


def test_the_variable_is_read_for_both_vendors() -> None:
    """One name serves KIS and KRX."""
    environ = {
        "KIS_APP_KEY": "k", "KIS_APP_SECRET": "s", "KRX_API_KEY": "x", "KIS_ALLOWED_HOSTS": "Emulator:8000",
        "KIS_API_BASE_URL_REAL": "http://emulator:8000", "KRX_API_BASE_URL": "http://emulator:8000/krx",
    }  # fmt: skip
    environ["KIS_USE_VIRTUAL_SERVER"] = "false"
    assert KisSettings.from_env(environ).source_name == "kis-sandbox"
    assert KrxSettings.from_env(environ).source_name == "krx-sandbox"


def test_a_refusal_says_what_to_do_and_repeats_no_address() -> None:
    """The address may hold a password."""
    with pytest.raises(ConfigurationError, match=r"^X leads to a host .*name it in KIS_ALLOWED_HOSTS") as caught:
        require_destination("X", "https://evil.example", (KRX,))
    assert "evil" not in str(caught.value)


def test_what_has_no_tls_goes_through_no_proxy(environment: Any) -> None:
    """A proxy would hear the key that goes to a named host in clear text."""
    environment(HTTP_PROXY="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="")
    for url in ("http://emulator:8000", "http://127.0.0.1:8000", "https://localhost:8000"):
        with HttpSession(url, allowed=("emulator:8000",)) as session:
            assert session.prepare("GET", "/x").settings["proxies"] == {}
