"""The whole-market benchmark: its clock, its server and its minimum of requests, against figures worked out by hand."""

from __future__ import annotations

import threading

import pytest

from benchmarks._market_clock import VirtualClock
from benchmarks._market_jobs import JOBS
from benchmarks._market_server import MARKET_EVENING, CheapServer
from data_pipeline.coordination.file import FileStore
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource


def test_the_clock_moves_to_the_earliest_wake_up() -> None:
    """Two threads sleep 3 s twice and 2 s three times: both end at second 6, in the order of their wake-ups."""
    woken: list[tuple[str, float]] = []
    with VirtualClock(2) as clock:

        def sleeps(name: str, seconds: float, times: int) -> None:
            for _ in range(times):
                clock.sleep(seconds)
                woken.append((name, clock.monotonic() - 1000.0))

        threads = [threading.Thread(target=sleeps, args=args) for args in (("a", 3.0, 2), ("b", 2.0, 3))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert sorted(woken) == [("a", 3.0), ("a", 6.0), ("b", 2.0), ("b", 4.0), ("b", 6.0)]


def test_a_lonely_sleeper_is_woken_too() -> None:
    """When the other threads have nothing left to do, the clock moves all the same."""
    with VirtualClock(8) as clock:
        clock.sleep(3600.0)
        assert clock.monotonic() == 4600.0


@pytest.mark.parametrize(
    ("job", "codes", "requests"),
    [
        ("prices", 2700, 90),
        ("order-books", 2700, 2700),
        ("minutes-1-day", 2700, 10_800),
        ("minutes-20-days", 1, 64),
        ("daily-20-years", 2700, 135_000),
    ],
)
def test_the_minimum_of_requests(job: str, codes: int, requests: int) -> None:
    """Thirty prices, one book, 120 minutes of 381 or 7,620, and 100 days a call."""
    assert JOBS[job].minimum_requests(["005930"] * codes) == requests


@pytest.mark.thorough
@pytest.mark.parametrize("job", ["minutes-1-day", "minutes-20-days", "daily-20-years"])
def test_the_source_needs_the_minimum(job: str, tmp_path) -> None:
    """The real source over the cheap server gets every row of one code with no call too many."""
    one = JOBS[job]
    with VirtualClock(1) as clock:
        server = CheapServer(1000, MARKET_EVENING, clock.monotonic, clock.sleep)
        store = FileStore(tmp_path, clock=clock.monotonic, boot_id="virtual")
        settings = KisSettings("K" * 36, "S" * 180, environment="sandbox", base_url="http://127.0.0.1:9")
        with KISDataSource(settings, store, server, clock=server.market_time, sleep=clock.sleep) as source:
            ask = source.daily_bars if one.dataset == "daily_bar" else source.minute_bars
            rows = list(ask(["005930"], one.first, one.last))
    days = len(krx_calendar().sessions(one.first, one.last))
    assert len(rows) == days * (1 if one.dataset == "daily_bar" else 381)
    # Minutes need one more call at the very beginning, which tells the server's time.
    assert source.requests_sent == one.minimum_requests(["005930"]) + (one.dataset == "minute_bar")
    assert server.rejected == 0
