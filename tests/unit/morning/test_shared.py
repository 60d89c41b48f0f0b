"""How the keys stand, told without their secrets and without a call."""

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
from data_pipeline.morning.keys import Breaker, Keys
from data_pipeline.morning.shared import read_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings

KEY, SECRET = "PSKEY".ljust(36, "1"), "SECRET".ljust(180, "2")
KIS = KisSettings.from_env(
    {"KIS_APP_KEY": KEY, "KIS_APP_SECRET": SECRET, "KIS_USE_VIRTUAL_SERVER": "false", "KIS_API_RATE_LIMIT": "18"}
)
KRX = KrxSettings.from_env({"KRX_API_KEY": "KRXKEY".ljust(40, "4"), "KRX_API_DAILY_LIMIT": "10000"})
EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)


@pytest.fixture
def time():
    """The seconds that the store's clock and the wall clock show, to be moved by hand."""
    return [1_000_000.0]


@pytest.fixture
def store(tmp_path, time):
    """An empty store on that clock."""
    return FileStore(tmp_path, lambda: time[0])


def test_quota_token_breaker_and_calls_left_are_told(store, time):
    """54 calls of 18 a second x 60, a token of an hour for a day, five failures of KRX, 3 of its 10,000 calls."""
    limiter = TokenBucketRateLimiter(store, hashed(KEY), 18, sleep=lambda wait: time.__setitem__(0, time[0] + wait))
    for _ in range(54):
        limiter.acquire()
    issued = Token("secret-token-of-this-test", time[0] + 86_400 - 3600)
    TokenManager(store, TokenSeal(hashed(KEY), SECRET), lambda: issued, clock=lambda: time[0] - 3600).get()
    breaker = CircuitBreaker(store, hashed(KRX.base_url))
    for _ in range(5):
        breaker.failure(breaker.before())
    quota = DailyQuota(store, f"krx-{hashed(KRX.api_key)}", 10_000, lambda: EVENING)
    for _ in range(3):
        quota.take()

    keys = read_keys(KIS, KRX, store, lambda: EVENING, lambda: time[0])

    name = hashed(KEY)[:8]
    (budget,) = (one for one in keys.budgets if one.name == name)
    assert budget.used == pytest.approx(0.05)
    assert budget.sends == 54
    # Renewed five minutes before its end.
    (token,) = keys.tokens
    assert token.name == name
    assert (token.age, token.left) == pytest.approx((3600, 86_400 - 3600 - 300))
    assert keys.breakers[0] == Breaker("kis", "CLOSED", 0, 0)
    assert (keys.breakers[1].source, keys.breakers[1].state, keys.breakers[1].failures) == ("krx", "OPEN", 5)
    assert (keys.krx_calls_left, keys.krx_calls) == (9_997, 10_000)
    assert [word for word in (KEY, SECRET, hashed(KEY), "secret-token") if word in repr(keys)] == []


def test_without_keys_there_is_nothing_to_tell(store):
    """No figure of 0 stands for a key that is not there."""
    assert read_keys(None, None, store, lambda: EVENING) == Keys()
