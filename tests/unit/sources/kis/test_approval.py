"""The approval key: one for all processes, asked for as seldom as possible, and shown to nobody."""

from __future__ import annotations

import json

import pytest

from data_pipeline.client.session import HttpSession
from data_pipeline.coordination.store import hashed
from data_pipeline.exceptions import AuthenticationError, ConfigurationError, PayloadError, TransientError
from data_pipeline.sources.kis.approval import approval_keys
from data_pipeline.sources.kis.live import LiveKey
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.stream.session import Session
from tests.support.kis_answers import APP_KEY, APP_SECRET, gateway

FIRST, SECOND = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
BASE = "https://openapi.koreainvestment.com:9443"


@pytest.fixture
def make(kis, store, fake_time):
    """Make the managers of several processes that share a store."""
    kis.answer("Approval", {"approval_key": FIRST}, {"approval_key": SECOND})

    def make():
        http = HttpSession(BASE, adapter=kis)
        wall = lambda: fake_time.at.timestamp()  # noqa: E731
        return approval_keys(hashed(APP_KEY), (APP_KEY, APP_SECRET), http, store, fake_time.sleep, wall)

    return make


def asked(kis):
    """How many approval keys were asked for."""
    return len(kis.queries("Approval"))


def test_one_key_is_asked_for_and_every_process_has_it(make, kis):
    """The second process finds what the first one was given."""
    assert make().get() == FIRST
    assert make().get() == FIRST
    assert asked(kis) == 1


def test_it_is_used_for_twelve_hours_at_most(make, kis, fake_time):
    """KIS honours it for a day, and an expired one is met with silence."""
    keys = make()
    keys.get()
    fake_time.sleep(11.8 * 3600)
    assert keys.get() == FIRST
    fake_time.sleep(0.3 * 3600)
    assert keys.get() == SECOND
    assert asked(kis) == 2


def test_a_refused_one_is_dropped_and_a_newer_one_stays(make, kis):
    """Two processes that both were refused cost one new key."""
    one, other = make(), make()
    one.get()
    other.get()
    one.invalidate(FIRST)
    assert one.get() == SECOND
    other.invalidate(FIRST)
    assert other.get() == SECOND
    assert asked(kis) == 2


def test_it_is_stored_sealed(make, tmp_path):
    """Whoever reads the shared state learns nothing of it."""
    make().get()
    assert not any(FIRST in file.read_text("utf-8") for file in tmp_path.rglob("*.json"))


def test_key_and_secret_go_out_under_their_own_names(make, kis):
    """The body calls the secret ``secretkey``; any other name fails."""
    bodies = []
    send = kis.send
    kis.send = lambda request, *more, **rest: bodies.append(json.loads(request.body)) or send(request, *more, **rest)
    make().get()
    assert bodies == [{"grant_type": "client_credentials", "appkey": APP_KEY, "secretkey": APP_SECRET}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (gateway("EGW00103", 403), AuthenticationError),
        (gateway("EGW00316"), TransientError),
        ({"approval_key": ""}, PayloadError),
        ({"approval_key": "a b"}, PayloadError),
        ({}, PayloadError),
    ],
)
def test_what_is_no_key_is_an_error_without_a_secret(make, kis, answer, error):
    """A refusal says why, and repeats neither key nor secret."""
    kis.answer("Approval", answer)
    with pytest.raises(error) as caught:
        make().get()
    assert APP_SECRET not in str(caught.value)
    assert APP_KEY not in str(caught.value)


class Opened:
    """Notes which lines were opened."""

    def __init__(self):
        self.lines = []

    def __call__(self, address, url, monotonic):
        self.lines.append((address.host, address.port, url))
        return self


@pytest.mark.parametrize(
    ("virtual", "line"),
    [
        (False, ("ops.koreainvestment.com", 21000, "ws://ops.koreainvestment.com:21000/tryitout")),
        (True, ("ops.koreainvestment.com", 31000, "ws://ops.koreainvestment.com:31000/tryitout")),
    ],
)
def test_a_line_is_opened_to_the_servers_own_socket_with_the_approval_key_alone(
    make, kis, store, fake_time, virtual, line
):
    """The app key and its secret never travel without TLS; the key of the line shows nothing in its text."""
    settings = KisSettings(APP_KEY, APP_SECRET, environment="virtual" if virtual else "real")
    opened = Opened()
    make()
    pair = (APP_KEY, APP_SECRET)
    http = HttpSession(BASE, adapter=kis)
    key = LiveKey(settings, pair, store, http, fake_time.now, fake_time.monotonic, open_line=opened)
    key.prepare()
    session = key.open(41)
    assert isinstance(session, Session)
    assert opened.lines == [line]
    assert session.approval_key == FIRST
    assert not any(secret in f"{key!r} {session!r}" for secret in (APP_KEY, APP_SECRET, FIRST))


def test_a_refused_one_is_forgotten_once_until_something_is_registered(make, kis, store, fake_time):
    """Another new one would be refused as well."""
    make()
    http = HttpSession(BASE, adapter=kis)
    settings = KisSettings(APP_KEY, APP_SECRET)
    key = LiveKey(settings, (APP_KEY, APP_SECRET), store, http, fake_time.now, open_line=Opened())
    key.prepare()
    assert [key.renew(), key.renew()] == [True, False]
    fake_time.sleep(10)
    key.prepare()
    assert key.open(41).approval_key == SECOND
    assert not key.renew()
    key.trust()
    assert key.renew()


def test_a_sandbox_streams_from_where_it_is_asked():
    """An emulator's address serves both, unless another is named; rows of another stream are never KIS's own."""
    emulator = KisSettings(APP_KEY, APP_SECRET, base_url="http://127.0.0.1:8000", use_virtual=False)
    assert (emulator.websocket_url, emulator.websocket.is_loopback) == ("ws://127.0.0.1:8000", True)
    named = KisSettings(APP_KEY, APP_SECRET, base_url="http://127.0.0.1:8000", websocket_url="ws://127.0.0.1:9")
    assert named.websocket.port == 9
    assert KisSettings(APP_KEY, APP_SECRET).source_name == "kis"
    assert KisSettings(APP_KEY, APP_SECRET, websocket_url="ws://127.0.0.1:9").source_name == "kis-sandbox"


@pytest.mark.parametrize(
    "url", ["ws://ops.koreainvestment.com:31000", "wss://ops.koreainvestment.com:21000", "ws://a.b"]
)
def test_the_real_server_streams_from_its_own_port(url):
    """The socket of the other server, or another host, is a mistake that is named before anything is sent."""
    with pytest.raises(ConfigurationError, match="KIS_WEBSOCKET_URL"):
        KisSettings(APP_KEY, APP_SECRET, websocket_url=url)
