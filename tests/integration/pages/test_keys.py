"""What the morning page says of keys, and what it never says."""

import re
from datetime import datetime

from fastapi.testclient import TestClient

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.daily_quota import DailyQuota
from data_pipeline.coordination.file import FileStore
from data_pipeline.coordination.store import hashed
from data_pipeline.exceptions import CoordinationError
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.shared import read_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings
from tests.support.pages import WALL, Guard, pages, room_of

NOW = "2026-09-18T21:00"
KEY, SECRET, KRX_KEY = "PSKEY".ljust(36, "1"), "SECRET".ljust(180, "2"), "K" * 40
KIS = KisSettings.from_env({"KIS_APP_KEY": KEY, "KIS_APP_SECRET": SECRET, "KIS_USE_VIRTUAL_SERVER": "false"})
KRX = KrxSettings.from_env({"KRX_API_KEY": KRX_KEY, "KRX_API_DAILY_LIMIT": "1000"})


def clock():
    """The moment of the page."""
    return datetime.fromisoformat(NOW).replace(tzinfo=SEOUL)


def shown(stored, keys):
    """The page's HTML."""
    room = room_of(stored.url("reader"), NOW, keys)
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        html = browser.get("/").text
    room.readers.close()
    return html


def test_keys_are_shown_by_their_hash(stored, tmp_path):
    """Five failures opened the breaker; of 1,000 calls of KRX three are spent."""
    store = FileStore(tmp_path)
    breaker = CircuitBreaker(store, hashed(KIS.base_url), KIS.breaker_threshold, KIS.breaker_timeout)
    for _ in range(5):
        breaker.failure(breaker.before())
    quota = DailyQuota(store, f"krx-{hashed(KRX_KEY)}", 1000, clock)
    for _ in range(3):
        quota.take()
    html = shown(stored, lambda: read_keys(KIS, KRX, store, clock))
    text = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    assert "kis: the circuit breaker is OPEN after 5 failures in a row; calls pass again in" in text
    assert "Breaker kis open" in text
    assert "KRX calls left today 997 / 1,000" in text
    assert hashed(KEY)[:8] in html
    assert not any(secret in html for secret in (KEY, SECRET, KRX_KEY))


def test_a_store_that_is_away_is_said_in_its_place(stored):
    """The rest of the page stands."""

    def away():
        raise CoordinationError("redis does not answer")

    html = shown(stored, away)
    assert "redis does not answer" in html
    assert "2 of 10 cells are missing" in html
