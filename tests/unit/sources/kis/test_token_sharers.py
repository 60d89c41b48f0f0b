"""Sharers of one app key who are configured differently: whatever they do, KIS is asked for a token once a minute."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from cryptography.fernet import Fernet
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from requests.adapters import BaseAdapter

from data_pipeline.coordination.envelope import FORMAT
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import AuthenticationError, CircuitOpenError, RequestTimeoutError, TokenUnavailableError
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.settings import KisSettings
from tests.support.kis_answers import APP_KEY, APP_SECRET, FakeTime

pytestmark = pytest.mark.thorough

AIRFLOW, OTHER_AIRFLOW = (Fernet.generate_key().decode() for _ in range(2))
SHARERS = [
    (fernet, secret) for secret in (APP_SECRET, "an-older-secret") for fernet in (None, AIRFLOW, OTHER_AIRFLOW, AIRFLOW)
]
"""Fernet key and app secret of each; the last four hold a secret that KIS refuses."""
RIGHT = 4
KEY_NAME = "97137619a6eb4bc9"
"""The beginning of the SHA-256 of APP_KEY, by ``printf %s PSABCDEFGH-app-key | sha256sum``."""
MOMENT = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))


class IssuingKis(BaseAdapter):
    """KIS as it issues tokens: one a minute, the same one for six hours, none for a wrong secret."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__()
        self.time = time
        self.asked_at: list[float] = []
        self.too_soon = 0
        self.lose = False
        self.meanwhile: Callable[[], None] | None = None
        self._issued_at = self._answered_at = -1e9
        self._count = 0

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        if str(request.url).endswith("tokenP"):
            return self._answer(request, *self._token(json.loads(request.body or "")))
        held = request.headers["authorization"] == f"Bearer token-{self._count}"
        code = "MCA00000" if held and self._issued_at > 0 else "EGW00123"
        body: dict[str, Any] = {"rt_cd": "0" if code == "MCA00000" else "1", "msg_cd": code, "msg1": "", "output": {}}
        return self._answer(request, 200, body)

    def close(self) -> None:
        """Nothing is open."""

    def revoke(self) -> None:
        self._issued_at = -1e9

    def _token(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        now = self.time.monotonic()
        self.asked_at.append(now)
        run, self.meanwhile = self.meanwhile, None
        answer = self._issue(sent, now)
        if run:
            run()
        if self.lose:
            self.lose = False
            raise requests.ReadTimeout
        return answer

    def _issue(self, sent: dict[str, str], now: float) -> tuple[int, dict[str, Any]]:
        if sent["appsecret"] != APP_SECRET:
            return 403, {"error_code": "EGW00105", "error_description": "유효하지 않은 AppSecret"}
        if now - self._answered_at < 60:
            self.too_soon += 1
            return 403, {"error_code": "EGW00133", "error_description": "1분당 1회"}
        self._answered_at = now
        if now - self._issued_at >= 6 * 3600:
            self._issued_at, self._count = now, self._count + 1
        left = int(self._issued_at + 86_400 - now)
        return 200, {"access_token": f"token-{self._count}", "token_type": "Bearer", "expires_in": left}

    @staticmethod
    def _answer(request: requests.PreparedRequest, status: int, body: dict[str, Any]) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.raw = io.BytesIO(json.dumps(body).encode())
        return response


class Shop:
    """One folder of shared state, one clock, one server, and whoever shares them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time = FakeTime(MOMENT)
        self.kis = IssuingKis(self.time)
        self.clients: dict[int, KisClient] = {}

    def start(self, who: int) -> None:
        """Begin a new process of this sharer, which remembers nothing."""
        fernet, secret = SHARERS[who]
        store = FileStore(
            self.folder, clock=self.time.monotonic, fernet_key=fernet, sleep=self.time.sleep, boot_id="test"
        )
        chosen = KisSettings(APP_KEY, secret, rate_limit=1000.0)
        self.clients[who] = KisClient(chosen, store, self.kis, self.time.now, self.time.sleep)

    def call(self, who: int) -> None:
        """Ask for a price."""
        if who not in self.clients:
            self.start(who)
        self.clients[who].call(PRICE, {}, "005930")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A fresh one."""
    return Shop(tmp_path / "state")


class Sharers(RuleBasedStateMachine):
    """Sharers in any order, each with its own Fernet key and with the right secret or a wrong one."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="token-sharers-")
        self.shop = Shop(Path(self.folder))

    @rule(who=st.integers(0, 7))
    def restart(self, who: int) -> None:
        self.shop.start(who)

    @rule(who=st.integers(0, 7))
    def call(self, who: int) -> None:
        try:
            self.shop.call(who)
        except (TokenUnavailableError, CircuitOpenError, RequestTimeoutError):
            return
        except AuthenticationError as error:
            # Two revoked tokens in a row, its own and the shared one, are the end of a call for anybody.
            if who < RIGHT and "EGW00123" not in str(error):
                raise
            return
        assert who < RIGHT

    @rule(who=st.integers(0, 7), other=st.integers(0, 7))
    def call_while_another_asks(self, who: int, other: int) -> None:
        self.shop.kis.meanwhile = lambda: self.call(other)
        self.call(who)
        self.shop.kis.meanwhile = None

    @rule(seconds=st.sampled_from([0.5, 10.0, 59.0, 61.0, 4 * 3600.0, 86_400.0]))
    def pass_time(self, seconds: float) -> None:
        self.shop.time.sleep(seconds)

    @rule()
    def revoke(self) -> None:
        self.shop.kis.revoke()

    @rule()
    def lose_the_next_answer(self) -> None:
        self.shop.kis.lose = True

    @invariant()
    def asks_once_a_minute(self) -> None:
        asked = self.shop.kis.asked_at
        assert all(later - earlier >= 60 for earlier, later in pairwise(asked))
        assert self.shop.kis.too_soon == 0

    def teardown(self) -> None:
        self.shop.time.sleep(3600)
        self.shop.kis.lose = False
        for who in range(RIGHT):
            self.shop.start(who)
            self.shop.call(who)
        shutil.rmtree(self.folder)


def test_any_mix_of_sharers_asks_once_a_minute() -> None:
    """Whatever sharers do, two requests for a token are a minute apart, none is refused for haste, and all recover."""
    run_state_machine_as_test(Sharers, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))


def test_fernet_keys_split_nobody(shop: Shop) -> None:
    """Four sharers with two Fernet keys or none, each of which starts ten times, use one token of one request."""
    for _ in range(10):
        for who in range(RIGHT):
            shop.start(who)
            shop.call(who)
    assert (len(shop.kis.asked_at), max(shop.time.slept) < 1) == (1, True)


def test_a_wrong_secret_neither_opens_the_token_nor_takes_it_away(shop: Shop) -> None:
    """It is refused in a turn of its own; those with the right secret go on with theirs."""
    shop.call(0)
    shop.time.sleep(61)
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            shop.call(7)
    shop.start(2)
    shop.call(2)
    assert len(shop.kis.asked_at) == 2


def test_a_wrong_secret_locks_nobody_else_out(shop: Shop) -> None:
    """A refusal counts for the refused secret only; the right one has the next turn."""
    with pytest.raises(AuthenticationError):
        shop.call(5)
    began = shop.time.seconds
    shop.call(0)
    assert shop.time.seconds - began == pytest.approx(60, abs=0.1)
    assert len(shop.kis.asked_at) == 2


def test_what_lies_in_the_folder_holds_no_secret(shop: Shop) -> None:
    """Without any Fernet key the token is sealed all the same; neither key, secret nor token lies there in clear."""
    shop.call(0)
    lying = b"".join(path.read_bytes() for path in shop.folder.iterdir())
    assert b"asked_at" in lying
    assert not any(secret.encode() in lying for secret in ("token-1", APP_KEY, APP_SECRET))


@pytest.mark.parametrize("fernet", [None, AIRFLOW, OTHER_AIRFLOW], ids=["none", "same", "other"])
@pytest.mark.parametrize("sealed", [True, False])
def test_a_token_of_version_0_1_costs_one_issue(shop: Shop, fernet: str | None, *, sealed: bool) -> None:
    """State files as 0.1 wrote them, sealed with a Fernet key or not, are no error and cost at most one request."""
    state = {"value": "token-1", "asked_at": 900.0, "refresh_at": MOMENT.timestamp() + 80_000, "stale_at": 81_000.0}
    text = json.dumps(state)
    inside = {"sealed": Fernet(AIRFLOW).encrypt(text.encode()).decode()} if sealed else {"state": state}
    shop.folder.mkdir(mode=0o700)
    content = json.dumps({"format": FORMAT, "boot": "test", "host": "h", "at": 900.0, **inside})
    (shop.folder / f"token-{KEY_NAME}.json").write_text(content, encoding="ascii")
    for who in [index for index, (key, _) in enumerate(SHARERS[:RIGHT]) if key == fernet]:
        shop.call(who)
    assert len(shop.kis.asked_at) <= 1
