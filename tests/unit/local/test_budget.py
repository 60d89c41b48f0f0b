"""The shared budget as a person sees it."""

from datetime import datetime
from pathlib import Path

from rich.console import Console

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.coordination.file import FileStore
from data_pipeline.coordination.store import hashed
from data_pipeline.local.budget import budget_table
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource

KEY, SECRET = "PSKEY".ljust(36, "1"), "SECRET".ljust(180, "2")
EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
ENVIRON = {"KIS_APP_KEY": KEY, "KIS_APP_SECRET": SECRET, "KIS_USE_VIRTUAL_SERVER": "false"}


def printed(store, **options) -> str:
    """The table as text."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(budget_table(ENVIRON, store, **options))
    return capture.get()


def test_the_budget_names_its_key_by_a_hash_and_counts_its_calls(tmp_path: Path) -> None:
    """Three calls were sent with the key, and none for the ledger; neither key nor secret is shown."""
    store = FileStore(tmp_path)
    limiter = TokenBucketRateLimiter(store, hashed(KEY), 1000)
    for _ in range(3):
        limiter.acquire()
    text = printed(store)
    lines = {line.split("│")[1].strip(): line.split("│")[4].strip() for line in text.splitlines() if "│" in line}
    assert lines == {hashed(KEY)[:8]: "3", f"{hashed(KEY)[:8]} ledger": "0"}
    assert "Circuit breaker CLOSED: 0 failures in a row" in " ".join(text.split())
    assert KEY not in text
    assert SECRET not in text


def test_without_a_key_it_is_the_budget_of_the_emulators_key(tmp_path: Path) -> None:
    """`run` and `up` load with it, and nobody has to set anything to see how far it is spent."""
    table = budget_table({"DATA_PIPELINE_HOME": str(tmp_path)}, FileStore(tmp_path))
    assert (table.title, table.row_count) == ("kis-sandbox", 2)


def test_an_open_breaker_says_when_calls_pass_again(tmp_path: Path) -> None:
    """Five failures in a row opened it for sixty seconds."""
    now = 100.0
    store = FileStore(tmp_path, lambda: now)
    breaker = CircuitBreaker(store, hashed(KisSettings.from_env(ENVIRON).base_url))
    for _ in range(5):
        breaker.failure(breaker.before())
    now += 10
    assert "Circuit breaker OPEN: 5 failures in a row, calls pass again in 50 s" in " ".join(printed(store).split())
    with KISDataSource(KisSettings.from_env(ENVIRON), store, clock=lambda: EVENING) as source:
        gauges = source.gauges()
    assert (gauges["breaker.state"], gauges["breaker.failures"], gauges["budget.sends"]) == (2.0, 5.0, 0.0)


def test_what_was_learned_is_shown_and_can_be_forgotten(tmp_path: Path) -> None:
    """A limit of 54 a minute stands there with the seconds for which it holds, until somebody forgets it."""
    now = 1000.0
    store = FileStore(tmp_path, lambda: now)
    learned = {"minute": 54.0, "minute_at": 990.0, "minute_hold": 120.0}
    store.update(f"limiter-{hashed(KEY)}", lambda state, _: state.update(learned))
    assert "54 a minute for 110 s more" in " ".join(printed(store).split())
    assert "a minute" not in printed(store, forget=True)
    assert TokenBucketRateLimiter(store, hashed(KEY), 18).snapshot().rate > 17


def test_the_gauge_of_the_rate_leaves_out_what_is_counted_apart(tmp_path: Path) -> None:
    """A key of 18 calls a second never shows more: 18 of the window's 1 s + 15 ms, with 0.2 % to spare, are 17.70."""
    store = FileStore(tmp_path)
    with KISDataSource(KisSettings.from_env(ENVIRON), store, clock=lambda: EVENING) as source:
        (key,) = source.client.key_names
        TokenBucketRateLimiter(store, key, 18).acquire()
        TokenBucketRateLimiter(store, f"{key}-ledger", 18).acquire()
        gauges = source.gauges()
    assert (round(gauges["budget.rate"], 2), gauges["budget.sends"]) == (17.70, 1.0)
