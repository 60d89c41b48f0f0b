"""The figures of the shared state: what was spent, how old the token is, whether the vendor answers."""

from datetime import datetime

import pytest

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.daily_quota import DailyQuota
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.token import Token, TokenManager
from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.coordination.file import FileStore
from data_pipeline.coordination.store import hashed
from data_pipeline.market.clock import SEOUL
from data_pipeline.metrics.shared import kis_samples, krx_samples
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings

KEY, SECRET, SECOND = "PSKEY".ljust(36, "1"), "SECRET".ljust(180, "2"), "PSKEY".ljust(36, "3")
KIS = KisSettings.from_env(
    {
        "KIS_APP_KEY": KEY,
        "KIS_APP_SECRET": SECRET,
        "KIS_APP_KEY_2": SECOND,
        "KIS_APP_SECRET_2": SECRET,
        "KIS_USE_VIRTUAL_SERVER": "false",
        "KIS_API_RATE_LIMIT": "18",
    }
)
EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)


@pytest.fixture
def time():
    """The seconds that the store's clock and the wall clock show, to be moved by hand."""
    return [1_000_000.0]


@pytest.fixture
def store(tmp_path, time):
    """An empty store on that clock."""
    return FileStore(tmp_path, lambda: time[0])


def figures(store, time, label):
    """The figures that have this label, by name and its value."""
    found = kis_samples(KIS, store, lambda: EVENING, lambda: time[0])
    return {(one.name, one.labels[label]): one.value for one in found if label in one.labels}


def test_the_share_of_a_key_is_what_the_last_minute_took(store, time):
    """54 calls within the minute of a key of 18 a second are 54 of 1,080, five hundredths; the other key sent none."""
    limiter = TokenBucketRateLimiter(store, hashed(KEY), 18, sleep=lambda wait: time.__setitem__(0, time[0] + wait))
    for _ in range(54):
        limiter.acquire()
    found = figures(store, time, "budget")
    first, second = hashed(KEY)[:8], hashed(SECOND)[:8]
    assert found["budget_share", first] == pytest.approx(0.05)
    assert (found["budget_share", second], found["budget_share", f"{first} ledger"]) == (0, 0)
    assert (found["budget_sends_total", first], found["budget_sends_total", second]) == (54, 0)


def test_a_queue_shows_as_a_wait(store, time):
    """One call a second was sent at rate 18: the next slot is free within a tenth of a second, and not at once."""
    TokenBucketRateLimiter(store, hashed(KEY), 18).acquire()
    found = figures(store, time, "budget")
    assert 0 < found["budget_wait_seconds", hashed(KEY)[:8]] < 0.1
    assert found["budget_wait_seconds", hashed(SECOND)[:8]] == 0


def test_a_token_has_an_age_and_nothing_else_is_told_of_it(store, time):
    """Issued an hour ago for a day, renewed five minutes early: 82,500 s are left. The other key has none."""
    seal = TokenSeal(hashed(KEY), SECRET)
    issued = Token("secret-token-of-this-test", time[0] + 86_400)
    TokenManager(store, seal, lambda: issued, clock=lambda: time[0]).get()
    time[0] += 3600
    found = figures(store, time, "key")
    name = hashed(KEY)[:8]
    assert found == {("token_age_seconds", name): 3600, ("token_left_seconds", name): 82_500}


def test_no_figure_holds_a_secret(store, time):
    """Keys are named by eight digits of their hash."""
    text = repr(list(kis_samples(KIS, store, lambda: EVENING, lambda: time[0])))
    assert hashed(KEY)[:8] in text
    assert [word for word in (KEY, SECOND, SECRET, hashed(KEY)) if word in text] == []


def test_the_breaker_of_each_vendor_is_told(store, time):
    """Five failures in a row opened that of KRX, whose key has 10,000 - 3 calls left; that of KIS is closed."""
    settings = KrxSettings.from_env({"KRX_API_KEY": "KRXKEY".ljust(40, "4"), "KRX_API_DAILY_LIMIT": "10000"})
    breaker = CircuitBreaker(store, hashed(settings.base_url))
    for _ in range(5):
        breaker.failure(breaker.before())
    quota = DailyQuota(store, f"krx-{hashed(settings.api_key)}", 10_000, lambda: EVENING)
    for _ in range(3):
        quota.take()
    krx = {one.name: one.value for one in krx_samples(settings, store, lambda: EVENING)}
    assert krx == {"krx_calls_left": 9_997, "breaker_state": 2, "breaker_failures": 5}
    assert figures(store, time, "source")["breaker_state", "kis"] == 0
