"""A hundred faults put into true rows one at a time, and a clean year in which nothing is wrong."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.datasets.findings import Context, Finding, Severity, why_doubtful
from data_pipeline.datasets.price_snapshot import PRICE_SNAPSHOT
from data_pipeline.exceptions import PayloadError
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.listed import Listed, Phase
from data_pipeline.market.records import CurrentPrice, DailyBar
from data_pipeline.market.rejections import collecting, keep_good
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.mock.market import SyntheticMarket

NOW = SyntheticMarket.REFERENCE_NOW
LAST = NOW.date()
OFF_THE_TICKS = ("tick", "005930", date(2026, 11, 19))
Rows = list[DailyBar]
Fault = Callable[[Rows, int, random.Random], list[Any]]


def _at(rows: Rows, place: int, *changed: DailyBar) -> list[Any]:
    return [*rows[:place], *changed, *rows[place + 1 :]]


def _with(**values: Callable[[DailyBar, random.Random], Any]) -> Fault:
    def fault(rows: Rows, place: int, chance: random.Random) -> list[Any]:
        bar = rows[place]
        return _at(rows, place, replace(bar, **{name: make(bar, chance) for name, make in values.items()}))

    return fault


def _raw(**values: Callable[[DailyBar, random.Random], Any]) -> Fault:
    """Change the values of a row that is no record yet; None takes a value away."""

    def fault(rows: Rows, place: int, chance: random.Random) -> list[Any]:
        fields = asdict(rows[place]) | {name: make(rows[place], chance) for name, make in values.items()}
        return [*rows[:place], {name: value for name, value in fields.items() if value is not None}, *rows[place + 1 :]]

    return fault


def _scaled(factor: int) -> Fault:
    names = ("open", "high", "low", "close", "change", "trading_value")
    return lambda rows, place, _: _at(
        rows, place, replace(rows[place], **{name: getattr(rows[place], name) * factor for name in names})
    )


def _echo(rows: Rows, place: int, _: random.Random) -> list[Any]:
    place = max(place, 1)
    return _at(rows, place, replace(rows[place - 1], session=rows[place].session))


def _twice(rows: Rows, place: int, _: random.Random) -> list[Any]:
    bar = rows[place]
    return _at(rows, place, bar, replace(bar, volume=bar.volume + 1))


FAULTS: dict[str, Fault] = {
    "another code": _with(stock_code=lambda *_: "000660"),
    "another day": _with(session=lambda bar, chance: bar.session - timedelta(days=chance.randint(40, 400))),
    "a day without trading": _with(session=lambda *_: date(2026, 11, 15)),
    "a future session": _with(session=lambda *_: date(2026, 11, 24)),
    "the day before echoed": _echo,
    "the same key twice": _twice,
    "volume 0 and prices": _with(volume=lambda *_: 0),
    "volume and no value": _with(trading_value=lambda *_: 0),
    "value in thousands": _with(trading_value=lambda bar, _: bar.trading_value // 1000),
    "volume in lots of a thousand": _with(volume=lambda bar, _: bar.volume * 1000),
    "high above the limit": _with(high=lambda bar, chance: bar.high * chance.randint(14, 30) // 10),
    "low below the limit": _with(low=lambda bar, chance: bar.low * chance.randint(1, 6) // 10),
    "no trade and a change": _with(
        open=lambda *_: 0, high=lambda *_: 0, low=lambda *_: 0, volume=lambda *_: 0, trading_value=lambda *_: 0,
        change=lambda bar, _: bar.close // 50,
    ),
    "a hundred times too dear": _scaled(100),
    "ten times too dear": _scaled(10),
    "high and low swapped": _raw(high=lambda bar, _: bar.low - 1, low=lambda bar, _: bar.high),
    "a negative volume": _raw(volume=lambda bar, _: -bar.volume),
    "a close of zero": _raw(close=lambda *_: 0),
    "a missing field": _raw(close=lambda *_: None),
    "a malformed code": _raw(stock_code=lambda *_: "5930"),
}  # fmt: skip


def seed_faults(market: SyntheticMarket, count: int = 100) -> tuple[int, list[str]]:
    """Put in faults of every kind in turn; return how many, and the names of those that were not caught."""
    chance = random.Random(20260914)
    codes = ["005930", "035420", "005380", "051910", "068270"]
    missed = []
    for number in range(count):
        name = list(FAULTS)[number % len(FAULTS)]
        code = codes[number // len(FAULTS) % len(codes)]
        rows = market.daily_bars(code, LAST - timedelta(days=28), LAST)
        place = chance.randrange(1, len(rows))
        sent = FAULTS[name](rows, place, chance)
        if not _is_caught(market, code, rows, sent):
            missed.append(f"{name}: {code} {rows[place]}")
    return count, missed


def _is_caught(market: SyntheticMarket, code: str, rows: Rows, sent: Sequence[Any]) -> bool:
    with collecting() as held:
        records = list(keep_good(_record, sent))
    asked = Asked([code], rows[0].session, LAST)
    verdict = judge(records, DAILY_BAR, asked, context(market, [code]), len(held.rows))
    true = set(rows)
    others = len(rows) - len([one for one in verdict.good if one in true])
    refused = len(held.rows) + len(verdict.errors)
    # The wrong row is out, and no more true rows than the one it took the place of.
    return refused > 0 and all(one in true for one in verdict.good) and (others <= 1 or bool(verdict.fatal))


def _record(row: Any) -> DailyBar:
    if isinstance(row, DailyBar):
        return row
    try:
        return DailyBar(**row)
    except (TypeError, ValueError) as error:
        wrong = PayloadError(str(error))
        wrong.payload = row
        raise wrong from None


def context(market: SyntheticMarket, codes: Sequence[str], now: datetime = NOW) -> Context:
    """Return what a warehouse would know about these codes."""
    return Context(market.calendar, now, instruments={code: _listed(market, code) for code in codes})


def _listed(market: SyntheticMarket, code: str) -> Listed:
    one = market.instrument(code, LAST)
    listed, left = market.listed_on(code), market.delisted_on(code)
    phases = []
    if one.listed_on is not None and listed < one.listed_on:  # it moved to its board on that day
        before = market.instrument(code, market.calendar.previous_session(one.listed_on)).market
        phases = [Phase(listed, before, False), Phase(one.listed_on, one.market, False, before)]
    return Listed(
        one.market, one.security_group, listed, left, one.listed_shares, liquidation=False, phases=tuple(phases)
    )


def quote_faults(market: SyntheticMarket) -> tuple[int, list[str]]:
    """Put faults into current prices; return how many, and those that were not caught."""
    bar = market.daily_bar("005930", LAST)
    if bar is None:
        raise RuntimeError("005930 is always listed")
    shares = market.listed_shares("005930", LAST)
    good = CurrentPrice(
        "005930", "x", bar.close, bar.change, round(100 * bar.change / (bar.close - bar.change), 2), bar.open, bar.high,
        bar.low, bar.volume, bar.trading_value, NOW.isoformat(), bar.close * shares,
    )  # fmt: skip
    faults = {
        "a change rate with the wrong sign": replace(good, change_rate=-good.change_rate),
        "a change rate a hundred times too small": replace(good, change_rate=good.change_rate / 100),
        "a market value in hundred millions": replace(good, market_cap=bar.close * shares // 10**8),
        "a time in the future": replace(good, timestamp=(NOW + timedelta(hours=1)).astimezone(SEOUL).isoformat()),
    }
    known = context(market, ["005930"])
    missed = [name for name, one in faults.items() if judge([one], PRICE_SNAPSHOT, Asked(), known).good]
    if judge([good], PRICE_SNAPSHOT, Asked(), known).good != [good]:
        missed.append("a right price was refused")
    return len(faults), missed


def false_alarms(market: SyntheticMarket) -> tuple[int, int, Counter[str]]:
    """Judge every bar of a clean year, code by code; return the cells that must exist, the bars, and what was found.

    That a base price moved on the day on which the shares did is a split, and no false alarm; nor is that the close of
    the session before the documented answer, which its change fixes at 69,580 won, lies off the ticks.
    """
    first = LAST - timedelta(days=365)
    cells, rows, alarms = 0, 0, Counter[str]()
    codes = sorted({one.stock_code for day in _quarters(market, first) for one in market.instruments(day)})
    sessions = market.calendar.sessions(first, LAST)
    for code in codes:
        bars = market.daily_bars(code, first, LAST)
        verdict = judge(bars, DAILY_BAR, Asked([code], first, LAST), context(market, [code]))
        listed, left = market.listed_on(code), market.delisted_on(code)
        cells += sum(listed <= one and (left is None or one < left) for one in sessions)
        rows += len(bars)
        found = [one for one in [*verdict.errors, *verdict.warnings] if not _is_true_alarm(market, one)]
        alarms.update(f"{one.check} ({one.severity.name.lower()})" for one in found)
        threes = zip(bars, bars[1:], bars[2:], strict=False)  # as they stand when the sessions come one by one
        alarms.update(f"{why} (doubted)" for three in threes if (why := why_doubtful(*three)))
    return cells, rows, alarms


def _is_true_alarm(market: SyntheticMarket, found: Finding) -> bool:
    if (found.check, found.record.stock_code, found.record.session) == OFF_THE_TICKS:
        return True
    if found.check != "base" or found.severity is not Severity.WARNING:
        return False
    code, session = found.record.stock_code, found.record.session
    before = market.calendar.previous_session(session)
    return market.listed_shares(code, session) != market.listed_shares(code, before)


def _quarters(market: SyntheticMarket, first: date) -> Iterator[date]:
    sessions = market.calendar.sessions(first, LAST)
    yield from (*sessions[::60], sessions[-1])
