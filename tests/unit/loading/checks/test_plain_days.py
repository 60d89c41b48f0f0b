"""The sieve of daily bars: a window is judged with it as it is without it, and it lets ordinary bars pass."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.datasets.findings import Context, Thresholds
from data_pipeline.datasets.plain_days import sieved_days
from data_pipeline.datasets.row_checks import check_daily_bar
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.listed import Listed
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import krx_calendar

NOW = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))
ALONE = replace(DAILY_BAR, check=lambda *given: check_daily_bar(*given))
"""The same dataset with a check that no sieve belongs to."""
CODES = [f"{number:06d}" for number in range(0, 60, 10)]
LISTED = {
    "000000": Listed("KOSPI"),
    "000010": Listed("KONEX"),
    "000020": Listed("KOSPI", "EF"),
    "000030": Listed("KOSDAQ", "SR"),
    "000040": Listed("KOSDAQ", listed_on=date(2026, 9, 1), last_seen=NOW.date()),
}


def line(code: str, sessions: list[date], start: int = 50_000) -> list[DailyBar]:
    """Return ordinary bars, oldest first: each counts from the close before and rises or falls by 100 won."""
    bars, before = [], start
    for place, session in enumerate(sessions):
        close = before + (100 if place % 2 else -100)
        low, high = min(before, close) - 100, max(before, close) + 100
        volume = 1_000 + place
        bars.append(DailyBar(code, session, before, high, low, close, volume, volume * close, close - before))
        before = close
    return bars


def spoilt(bar: DailyBar, chance: random.Random) -> DailyBar:
    """Return a bar that is wrong, or only rare, in one of many ways."""
    close, volume = bar.close, bar.volume
    changes: list[dict[str, Any]] = [
        {"change": bar.change + chance.choice([1, 100, -5_000, 20_000, -400_000])},
        {"close": close + 1, "high": bar.high + 1},
        {"high": close * 12 // 10 // 100 * 100},
        {"low": close * 8 // 10 // 100 * 100},
        {"trading_value": chance.choice([0, volume * bar.high * 12 // 10, volume * bar.high * 2, volume])},
        {"open": 0, "high": 0, "low": 0, "volume": chance.choice([0, 5, 5_000]), "trading_value": 0},
        {"open": 0, "high": 0, "low": 0, "volume": 0, "trading_value": 0, "change": 0},
        {"session": bar.session + timedelta(days=chance.choice([1, 2, 3, 400]))},
        {"stock_code": "999999"},
        {"close": 10**13, "high": 10**13},
        {},
    ]  # fmt: skip
    return replace(bar, **chance.choice(changes))


def scaled(bar: DailyBar, up: int, down: int) -> DailyBar:
    """Return the bar of an instrument that costs so many times as much."""
    names = ("open", "high", "low", "close", "trading_value", "change")
    values: dict[str, Any] = {name: up * getattr(bar, name) // down for name in names}
    return replace(bar, **values)


def twist(own: list[list[DailyBar]], seed: int, chance: random.Random) -> None:
    """Make of some windows what seldom comes: echoes, sessions without prices, strange first and last bars."""
    if seed % 4 == 1:  # a session that repeats the one before, or has no prices
        for bars in own[: chance.randrange(2, 6)]:
            priceless: dict[str, Any] = {"open": 0, "high": 0, "low": 0}
            bars[7] = replace(bars[7], **priceless) if seed % 8 == 1 else replace(bars[6], session=bars[7].session)
    if seed % 4 == 2:  # the first or the last bar is of another instrument
        place = chance.choice([0, -1])
        own[0][place] = scaled(own[0][place], *chance.choice([(3, 1), (1, 2)]))
    if seed % 4 == 3:  # two flat sessions, the second of which repeats the first
        flat, price = own[1], own[1][5].close
        flat[6] = DailyBar(CODES[1], flat[6].session, price, price, price, price, 5_000, 5_000 * price, 0)
        flat[7] = replace(flat[6], session=flat[7].session)


def window(seed: int, last: date) -> tuple[list[DailyBar], Asked, Context]:
    """Return six codes of forty sessions and what is around them; some bars are spoilt, doubled, repeated or gone."""
    chance, calendar = random.Random(seed), krx_calendar()
    sessions = calendar.sessions(date(last.year - 1, 1, 2), last)[-42:]
    lines = [line(code, sessions, chance.choice([900, 1_990, 4_000, 50_000, 510_000])) for code in CODES]
    stored = [bar for bars in lines for bar in (bars[0], bars[-1]) if chance.random() < 0.7]
    own = [bars[1:-1] for bars in lines]
    twist(own, seed, chance)
    records = [bar for bars in own for bar in bars]
    for _ in range(chance.randrange(4)):
        place = chance.randrange(1, len(records))
        records[place] = spoilt(records[place], chance)
        if chance.random() < 0.3:
            records.append(records[chance.randrange(len(records))])
        if chance.random() < 0.3:
            records[place] = replace(records[place - 1], session=records[place].session)
        if chance.random() < 0.3:
            del records[chance.randrange(len(records))]
    chance.shuffle(records)
    expected = {(code, day) for code in CODES for day in sessions[1:-1]}
    asked = Asked(CODES, sessions[1], sessions[-2], expected)
    limits = Thresholds(stale_rows=2, missing_rows=2, error_rows=2)
    return records, asked, Context(calendar, NOW, limits, LISTED, stored, dated_rules=chance.random() < 0.8)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("last", [date(2026, 11, 20), date(2023, 2, 10), date(2010, 10, 20)], ids=str)
def test_the_verdict_is_the_same_with_the_sieve(seed, last):
    """Bars of three eras of price rules, of stocks, funds, KONEX, rights and a new listing: nothing differs."""
    records, asked, context = window(seed, last)
    assert judge(records, DAILY_BAR, asked, context) == judge(records, ALONE, asked, context)


def ordinary() -> tuple[list[DailyBar], Context]:
    """Return six codes of forty sessions without anything unusual."""
    sessions = krx_calendar().sessions(date(2026, 1, 2), NOW.date())[-40:]
    return [bar for code in CODES for bar in line(code, sessions)], Context(krx_calendar(), NOW, instruments=LISTED)


def test_ordinary_bars_pass():
    """240 bars, none of them doubtful; a halted one among them is, by its place."""
    records, context = ordinary()
    assert sieved_days(records, CODES, None, None, context) == ([], True)
    halted = replace(records[100], open=0, high=0, low=0, close=records[99].close, volume=0, trading_value=0, change=0)
    records[100] = halted
    assert sieved_days(records, CODES, None, None, context) == ([100, 101], True)


def test_a_bar_before_which_nothing_is_known_is_doubtful_when_the_next_one_contradicts_it():
    """The first bar at half its price: itself and the one that counts from the other half."""
    records, context = ordinary()
    records[0] = scaled(records[0], 1, 2)
    assert sieved_days(records, CODES, None, None, context) == ([0, 1], True)


def test_a_few_rows_have_no_sieve():
    """Below 200 rows each is looked at."""
    records, context = ordinary()
    assert sieved_days(records[:199], CODES, None, None, context) is None
