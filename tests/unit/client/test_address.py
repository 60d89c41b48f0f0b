"""Where credentials may go: an address is judged as it is sent, or refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.util import parse_url

from data_pipeline.client.address import require_address
from data_pipeline.client.session import HttpSession
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import ConfigurationError, DataPipelineError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from tests.support.addresses import KIS, KRX, OWN, REFUSED, TAKEN

LATER = datetime(2026, 12, 1, 12, 0, tzinfo=SEOUL)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket of this machine that waits for whoever comes; it is every request's proxy, too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield server


def kis(url: str, folder: Path) -> KISDataSource:
    """A source that would ask this address."""
    settings = KisSettings("the-app-key", "the-app-secret", base_url=url, timeout=0.2)
    return KISDataSource(settings, FileStore(folder), clock=lambda: LATER)


def krx(url: str, folder: Path) -> KRXDataSource:
    """A source that would ask this address."""
    settings = KrxSettings("the-api-key", base_url=url, timeout=0.2)
    return KRXDataSource(settings, FileStore(folder), clock=lambda: LATER)


@pytest.mark.parametrize("url", REFUSED)
def test_a_hostile_address_is_refused_in_one_sentence_that_does_not_repeat_it(url: str) -> None:
    """The message names the setting and what is wrong, and holds nothing of the address, least of all a password."""
    with pytest.raises(
        ConfigurationError, match=r"^KIS_API_BASE_URL_REAL must be an address like https://a: "
    ) as caught:
        require_address("KIS_API_BASE_URL_REAL", url, "https://a")
    assert "\n" not in str(caught.value)
    assert not any(part in str(caught.value) for part in ("evil", "pw", "openapi"))


@pytest.mark.parametrize(("url", "host"), TAKEN)
def test_an_accepted_address_is_judged_by_the_host_that_is_connected_to(url: str, host: str) -> None:
    """What we take for the host is what urllib3 connects to, once requests has prepared the call."""
    address = require_address("the address", url)
    sent = parse_url(str(requests.Request("GET", url.rstrip("/") + "/oauth2/tokenP").prepare().url))
    assert (address.scheme, address.host, address.port) == (sent.scheme, sent.host, sent.port)
    assert address.host == host


@pytest.mark.parametrize("url", [*REFUSED, *(url for url, _ in TAKEN), *OWN])
@pytest.mark.parametrize("setting", ["base_url", "master_url", "krx"])
def test_only_a_vendors_own_host_counts_as_its_own(setting: str, url: str) -> None:
    """Whatever the setting, rows say kis or krx only when the calls go to a host of the vendor's."""
    try:
        if setting == "krx":
            name = KrxSettings("the-api-key", base_url=url).source_name
        else:
            settings = KisSettings("the-app-key", "the-app-secret", use_virtual="vts" in url)
            changed: dict[str, Any] = {setting: url}
            name = replace(settings, **changed).source_name
    except ConfigurationError:
        host = "" if url in REFUSED else require_address("the address", url).host
        assert not (host == KRX if setting == "krx" else host.endswith(".koreainvestment.com"))
        return
    if not url:  # the default
        return
    assert url not in REFUSED
    sent = str(parse_url(str(requests.Request("GET", url).prepare().url)).host)
    own = sent == KRX if setting == "krx" else sent.endswith(".koreainvestment.com")
    assert name.endswith("-sandbox") != own


@pytest.mark.parametrize("url", [url for url in REFUSED if url])
@pytest.mark.parametrize("source", [kis, krx])
def test_nothing_leaves_for_a_hostile_address(listener: socket.socket, tmp_path: Path, source: Any, url: str) -> None:
    """Neither the address itself nor the proxy hears of it: not a connection, let alone a key."""
    with suppress(DataPipelineError), source(url, tmp_path) as made:
        list(made.index_bars(date(2026, 11, 20)))
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "end", ["\\.koreainvestment.com", "%2f.koreainvestment.com", "@evil.example", "\t.koreainvestment.com", "?", "#"]
)
def test_a_hostile_address_of_this_very_port_connects_to_nothing(
    listener: socket.socket, tmp_path: Path, end: str
) -> None:
    """The socket that the first half of the address names hears nothing."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}{end}"
    for make in (lambda: kis(url, tmp_path), lambda: krx(url, tmp_path), lambda: HttpSession(url)):
        with pytest.raises(ConfigurationError):
            make()
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_for_this_machine_goes_through_a_proxy(listener: socket.socket, host: str) -> None:
    """A proxy of the environment never gets credentials that are meant for this machine."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with HttpSession(f"http://{host}:{port}", 0.2) as session:
        for call in (
            lambda: session.get("/x", headers={"appkey": "k"}),
            lambda: session.download(f"http://{host}:{port}"),
        ):
            with pytest.raises(DataPipelineError):
                call()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_vendors_own_server_is_asked_through_the_proxy(listener: socket.socket) -> None:
    """The proxy hears where to, and of nothing else: the credentials travel in the tunnel's TLS."""
    with HttpSession(OWN[0], 0.2) as session, suppress(DataPipelineError):
        session.get("/x", headers={"appkey": "hidden-key"})
    peer, _ = listener.accept()
    with peer:
        heard = peer.recv(65_536)
    assert heard.startswith(f"CONNECT {KIS}:9443 HTTP/1".encode())
    assert b"hidden-key" not in heard


def test_the_table_is_long_enough() -> None:
    """Of hostile addresses there are more than sixty, each once."""
    assert len(set(REFUSED)) == len(REFUSED) > 60
