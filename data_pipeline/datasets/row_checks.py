"""Checks of single rows: pure functions that yield what is wrong with a record, given what is known around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity, is_repeated, joins
from data_pipeline.market.listed import ROUNDED_TO, Listed
from data_pipeline.market.price_rules import first_day_from_offer, is_legal_price, is_tick_rounding, limit_percent
from data_pipeline.market.records import CurrentPrice, DailyBar, MinuteBar, OrderBook

WARNING, ERROR = Severity.WARNING, Severity.ERROR
FUNDS = frozenset({"EF", "EN"})
_LEVERAGE = 2
"""Leveraged funds may move twice the percentage of stocks (가격제한폭 60 %)."""
_FIRST_DAY = (60, 400)
"""Percent of the offer price within which a first day trades."""
_RELISTED = 35
"""Percent of the base below which no first day trades: one after a spin-off or a merger opens at 50 to 200 % of its
evaluated price, and falls by 30 % from there at most. No list tells it from an offer.

Source: KRX, Trading of newly listed stocks (global.krx.co.kr, GLB0602020202T4), re-listing.
"""
_WITHOUT_LIMITS = frozenset({"SR", "SW"})
"""Subscription rights and warrants (신주인수권증서, 신주인수권증권) have no price limits; their ticks are not checked.

Source: KRX, Daily Price Limits (global.krx.co.kr, GLB0602010201T5).
"""
_LAST_DAYS = timedelta(days=60)
"""Liquidation trading, at most 15 sessions, lies within so many days before the delisting."""


def check_bar(bar: DailyBar, before: DailyBar | None, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with a daily bar.

    Args:
        bar: Any daily bar.
        before: The bar of the session directly before it; None when unknown.
        context: What is known around the bar.
    """
    yield from _check_trade(bar, context)
    yield from _check_limit(bar, before, context)
    if before is not None:
        yield from _check_base(bar, before, context)
        yield from _check_stale(bar, before, context)
    prices = {bar.open, bar.high, bar.low, bar.close} if bar.open else {bar.close}
    yield from _check_ticks(bar, prices, context)


def check_price(price: CurrentPrice, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with a current price: its base price, its change rate or its market value."""
    base = price.current_price - price.change_price
    if base <= 0:
        yield Finding("rate", ERROR, f"change {price.change_price} leaves no base price", price)
        return
    rate = 100 * price.change_price / base
    if abs(rate - price.change_rate) > context.thresholds.rate_points:
        yield Finding("rate", ERROR, f"change rate {price.change_rate} % instead of {rate:.2f} %", price)
    instrument = context.instruments.get(price.stock_code)
    if instrument is not None and instrument.listed_shares and price.market_cap is not None:
        yield from check_market_cap(price, price.current_price, instrument.listed_shares, price.market_cap, context)


def _check_neighbours(bar: DailyBar, earlier: Earlier, context: Context) -> Iterator[Finding]:
    """Yield a finding if a bar joins neither the session before nor the one after, and one of the base prices rose.

    A corporate action moves the base price once, and down unless nothing traded before. A row of another instrument or
    day breaks the chain twice, and on one side upwards. When the bar before is unknown, the bar after has to be
    impossible beside it and to fit the one that follows.
    """
    before, after = earlier.get(bar), earlier.after(bar)
    if after is None or joins(bar, after):
        return
    if before is None:
        following = earlier.after(after)
        alone = _is_impossible(bar, after, context) and following is not None and joins(after, following)
    else:
        rises = _base(bar) > before.close or _base(after) > bar.close
        alone = rises and not joins(before, bar)
    if alone and not _on_first_day(bar, context):
        problem = f"close {bar.close} before base price {_base(after)} of {after.session}"
        since = f", and base price {_base(bar)} after close {before.close}" if before else ""
        yield Finding("base", ERROR, f"{problem}{since}: the row is of another instrument or session", bar)


def _base(bar: DailyBar) -> int:
    return bar.close - bar.change


def _is_impossible(before: DailyBar, bar: DailyBar, context: Context) -> bool:
    """Return whether no action moves the base price so: up after a trade, or down too far."""
    # Only after a suspension does a base price rise: by a reverse split or a reduction of capital.
    ratio = _base(bar) / before.close
    return before.volume > 0 and (ratio > 1.05 or ratio * context.thresholds.base_ratio < 1)


def _on_first_day(bar: DailyBar, context: Context) -> bool:
    instrument = _instrument(bar, context)
    return instrument is not None and _is_first_day(bar, instrument)


def check_market_cap(record: Any, close: int, shares: int, market_cap: int, context: Context) -> Iterator[Finding]:
    """Yield a finding if a market value is not close times shares.

    Sources round the value to a hundred million won (억), and the brokers' lists round the shares to thousands.
    """
    expected = close * shares
    rounding = 0 if shares % ROUNDED_TO else close * ROUNDED_TO
    distance = abs(market_cap - expected) - rounding
    if distance > max(100_000_000, expected // 1000):
        wrong = distance > context.thresholds.market_cap_share * expected
        problem = f"market value {market_cap} instead of {close} x {shares} shares"
        yield Finding("market_cap", ERROR if wrong else WARNING, problem, record)


def check_time(record: Any, at: datetime, context: Context) -> Iterator[Finding]:
    """Yield a finding if a time is in the future."""
    if at > context.now + timedelta(seconds=context.thresholds.future_seconds):
        yield Finding("future", ERROR, f"{at.isoformat()} lies in the future", record)


def check_session(record: Any, session: date, context: Context) -> Iterator[Finding]:
    """Yield a finding if a row is of a day without trading, or of a session that has not begun."""
    calendar = context.calendar
    if calendar.first_day <= session <= calendar.last_day and not calendar.is_session(session):
        yield Finding("day", ERROR, f"{session} is not a session of the exchange", record)
    elif calendar.first_day <= session <= calendar.last_day:
        yield from check_time(record, calendar.open_at(session), context)


def _check_trade(bar: DailyBar, context: Context) -> Iterator[Finding]:
    if not bar.volume:
        if bar.open or bar.trading_value:
            yield Finding("volume", ERROR, f"volume 0 with open {bar.open}, trading value {bar.trading_value}", bar)
        elif bar.change and not _follows_quotes(instrument := _instrument(bar, context)):
            # Lists of the exchange leave out funds, so an instrument that is on no list may be one.
            severity = WARNING if instrument is None else ERROR
            yield Finding("volume", severity, f"nothing traded and yet the price changed by {bar.change}", bar)
        return
    # What changed hands outside of regular hours alone has no low and high, but was sold near the close.
    low, high = (bar.low, bar.high) if bar.open else (bar.close, bar.close)
    mean = bar.trading_value / bar.volume
    if not low * 0.7 - 1 <= mean <= high * 1.3 + 1:
        yield Finding("value", ERROR, f"value / volume is {mean:.2f} with low {low}, high {high}", bar)
    elif bar.open and not low - 1 <= mean <= high + 1:
        # The after-market counts in volume and value, and perhaps not in high and low.
        yield Finding("value", WARNING, f"value / volume is {mean:.2f} with low {low}, high {high}", bar)
    if not bar.open and bar.volume >= context.thresholds.stale_volume:
        yield Finding("volume", WARNING, f"{bar.volume} shares traded, and none of them in regular hours", bar)


def _check_limit(bar: DailyBar, before: DailyBar | None, context: Context) -> Iterator[Finding]:
    base, instrument = bar.close - bar.change, _instrument(bar, context)
    lowest, highest = (bar.low, bar.high) if bar.open else (bar.close, bar.close)
    percent = limit_percent(instrument.market if instrument else "KOSPI", context.rules_of(bar.session))
    percent *= _LEVERAGE if _is_fund(instrument) else 1
    low, high = base - base * percent // 100, base + base * percent // 100
    if low <= lowest and highest <= high:
        return
    problem = f"prices {lowest} to {highest} break the limits {low} to {high} of base {base}"
    if instrument is not None and (_has_no_limits(instrument) or _ends_soon(bar, instrument)):
        return
    if instrument is not None and _is_first_day(bar, instrument):
        low, high = (base * part // 100 for part in _FIRST_DAY)
        if lowest < base * _RELISTED // 100 or highest > high:
            yield Finding("limit", ERROR, f"first day: {problem}", bar)
        elif lowest < low:
            yield Finding("limit", WARNING, f"first day, as after a spin-off: {problem}", bar)
        elif not _counts_from_offer(bar, before, instrument, context):
            yield Finding("limit", WARNING, f"first day, counted from its opening price: {problem}", bar)
        return
    moved = before is not None and base != before.close and not is_tick_rounding(before.close, base)
    unknown = instrument is None or _may_end(bar, instrument) or (instrument.listed_on is None and before is None)
    excused = unknown or moved
    yield Finding("limit", WARNING if excused else ERROR, problem, bar)


def _check_base(bar: DailyBar, before: DailyBar, context: Context) -> Iterator[Finding]:
    if not joins(before, bar) and not _on_first_day(bar, context):
        severity = ERROR if _is_impossible(before, bar, context) else WARNING
        yield Finding("base", severity, f"base price {_base(bar)} after close {before.close}", bar)


def _check_stale(bar: DailyBar, before: DailyBar, context: Context) -> Iterator[Finding]:
    if is_repeated(bar, before):
        sure = bar.change != 0 or bar.volume >= context.thresholds.stale_volume
        instrument = _instrument(bar, context)
        if not sure and instrument is not None and instrument.market == "KONEX":
            return  # a few shares at one price, day after day: 4 of 39,273 real bars, all of them there
        problem = f"the same prices, volume {bar.volume} and value as on {before.session}"
        yield Finding("stale", ERROR if sure else WARNING, problem, bar)


def _check_older(bar: DailyBar, context: Context) -> Iterator[Finding]:
    """Yield a finding if the provisional bar of the same session counts from the close of this one.

    Whatever trades after the close, both count from one base price. Where they do not, and one closes at what the other
    counts from, it is of the session before.
    """
    provisional = context.replaced.get((bar.stock_code, bar.session))
    if provisional is None or _base(provisional) == _base(bar):
        return
    if _base(provisional) == bar.close and provisional.close not in (bar.close, _base(bar)):
        problem = f"close {bar.close} is the base price of the brokers' bar: the row is of the session before"
        yield Finding("stale", ERROR, problem, bar)


def _check_ticks(bar: DailyBar, prices: set[int], context: Context) -> Iterator[Finding]:
    instrument = _instrument(bar, context)
    if instrument is None or instrument.security_group in _WITHOUT_LIMITS:
        return
    board = "ETF" if _is_fund(instrument) else instrument.market
    rules = context.rules_of(bar.session)
    off = sorted(price for price in prices if not is_legal_price(price, board, rules))
    if off:
        yield Finding("tick", WARNING, f"{', '.join(map(str, off))} off the ticks", bar)


def _instrument(bar: DailyBar, context: Context) -> Listed | None:
    stays = (one for one in context.stays.get(bar.stock_code, ()) if one.covers(bar.session))
    found = next(stays, context.instruments.get(bar.stock_code))
    return found and found.on(bar.session)


def _is_first_day(bar: DailyBar, instrument: Listed) -> bool:
    """Return whether a bar may count from an offer price: listed that day, or come from KONEX that day.

    A move from KOSDAQ to KOSPI is an ordinary day, whose base is the close before.
    """
    if instrument.left_board is not None:
        return instrument.left_board == "KONEX"
    return instrument.listed_on == bar.session


def _counts_from_offer(bar: DailyBar, before: DailyBar | None, instrument: Listed, context: Context) -> bool:
    """Return whether the limits of a first day surely hold; a base that is the close before may be an ordinary one."""
    goes_on = before is not None and instrument.left_board is None and bar.close - bar.change == before.close
    return not goes_on and first_day_from_offer(instrument.market, context.rules_of(bar.session))


def _has_no_limits(instrument: Listed) -> bool:
    return bool(instrument.liquidation) or instrument.security_group in _WITHOUT_LIMITS


def _is_fund(instrument: Listed | None) -> bool:
    return instrument is not None and instrument.security_group in FUNDS


def _follows_quotes(instrument: Listed | None) -> bool:
    """Return whether its close may change without a trade: on KONEX, and for funds, which are quoted all day."""
    return instrument is not None and (instrument.market == "KONEX" or instrument.security_group in FUNDS)


def _may_end(bar: DailyBar, instrument: Listed) -> bool:
    """Return whether it may be in liquidation trading, as no list tells and none of much later has it."""
    goes_on = instrument.last_seen is not None and instrument.last_seen > bar.session + _LAST_DAYS
    return instrument.liquidation is None and not goes_on


def _ends_soon(bar: DailyBar, instrument: Listed) -> bool:
    return instrument.delisted_on is not None and bar.session < instrument.delisted_on <= bar.session + _LAST_DAYS


def check_daily_bar(bar: DailyBar, earlier: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with a daily bar and its session."""
    yield from check_session(bar, bar.session, context)
    yield from _check_older(bar, context)
    yield from check_bar(bar, earlier.get(bar), context)
    yield from _check_neighbours(bar, earlier, context)


def check_minute_bar(bar: MinuteBar, earlier: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the time of a minute bar, and where the day's own bar contradicts it."""
    yield from check_session(bar, bar.at.date(), context)
    yield from check_time(bar, bar.at, context)
    day = earlier.of(bar.stock_code, bar.at.date())
    if day is not None and not (day.low <= bar.low and bar.high <= day.high and bar.volume <= day.volume):
        within = f"{day.volume:,} shares at {day.low:,} to {day.high:,} won" if day.volume else "no trade"
        yield Finding("day_bar", ERROR, f"{bar.volume:,} at {bar.low:,} to {bar.high:,}, but the day had {within}", bar)


def check_current_price(price: CurrentPrice, _: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with a current price and its time."""
    yield from check_time(price, price.observed_at, context)
    yield from check_price(price, context)


def check_order_book(book: OrderBook, _: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the time of a book."""
    yield from check_time(book, book.observed_at, context)
