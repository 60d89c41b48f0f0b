"""The indices of the synthetic market: market values of fixed baskets, in points."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from itertools import cycle, islice
from operator import attrgetter
from typing import NamedTuple

from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.market.index_records import MAIN_INDICES, IndexBar, IndexSnapshot
from data_pipeline.market.records import DailyBar
from data_pipeline.market.sector_indices import SECTOR_INDICES
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.universe import REFERENCE_SESSION


class Basket(NamedTuple):
    """One index: ``size`` members from ``start`` on, and its points at the end of the reference session.

    After the last stock of a family comes the first one.
    """

    family: str
    name: str
    start: int
    size: int
    points: float


_MEMBERS = 5
_STEPS = (900.0, 1500.0, 2600.0, 4400.0, 7400.0)
"""Neighbours are further apart than an index may move in a day, so that a row of another one is noticed."""
_SECTOR_POINTS = {("KOSPI", "전기·전자"): 21000.0, ("KOSPI", "제약"): 14000.0, ("KOSDAQ", "제약"): 9000.0}


def _sector(place: int, family: str, name: str) -> Basket:
    points = _SECTOR_POINTS.get((family, name), _STEPS[place % len(_STEPS)])
    return Basket(family, name, 2 + _MEMBERS * place, _MEMBERS, points)


BASKETS = (
    Basket("KRX", "KRX 300", 0, 10, 1500.0),
    Basket("KOSPI", "코스피", 0, 12, 2600.0),
    Basket("KOSPI", "코스피 200", 0, 8, 350.0),
    Basket("KOSDAQ", "코스닥", 0, 12, 800.0),
    Basket("KOSDAQ", "코스닥 150", 0, 8, 1300.0),
    *(_sector(place, one.family, one.name) for place, one in enumerate(SECTOR_INDICES)),
)
"""The synthetic indices: the main ones, one more, and every sector that a broker has."""
_BY_NAME = {(one.family, one.name): one for one in BASKETS}
MAIN_BASKETS = tuple(_BY_NAME[one.family, one.name] for one in MAIN_INDICES)
"""Those that every source has, in the order of ``MAIN_INDICES``."""
_OLD = date(2000, 1, 1)
_SINCE = {(one.family, one.name): one.since for one in MAIN_INDICES}


class Member(NamedTuple):
    """One instrument of a basket on one session."""

    shares: int
    bar: DailyBar


class SyntheticIndices:
    """Index bars in random access by session; a pure function of the market, kept while they are asked for again."""

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self._codes = lru_cache(maxsize=None)(self._codes_of)
        self.members = lru_cache(maxsize=4096)(self._members)
        """The members of a basket that a session lists."""
        self._unit = lru_cache(maxsize=None)(self._unit_of)

    def bars(self, session: date) -> list[IndexBar]:
        """Return the bar of every index that a session has, by family and name as they are declared."""
        return [self.bar(one, session) for one in BASKETS if session >= _since(one)]

    def bar(self, basket: Basket, session: date) -> IndexBar:
        """Return the bar of one index; its change is counted from the close of the session before."""
        members = self.members(basket, session)
        close = self._points(basket, session, lambda bar: bar.close)
        before = self._before(basket, session)
        return IndexBar(
            basket.family,
            basket.name,
            session,
            self._points(basket, session, lambda bar: bar.open or bar.close),
            self._points(basket, session, lambda bar: bar.high or bar.close),
            self._points(basket, session, lambda bar: bar.low or bar.close),
            close,
            None if before is None else round(close - before, 2),
            sum(one.bar.volume for one in members),
            sum(one.bar.trading_value for one in members),
            sum(one.bar.close * one.shares for one in members),
        )

    def snapshot(self, basket: Basket, at: datetime) -> IndexSnapshot:
        """Return an index as far as the quoted session has come at a moment; open, high and low are None before it."""
        session = self._market.calendar.quoted_session(at)
        now = [
            Member(one.shares, bar)
            for one in self.members(basket, session)
            if (bar := self._market.day_so_far(one.bar.stock_code, at)) is not None
        ]
        level, opened, high, low = (
            round(sum((price(one.bar) or one.bar.close) * one.shares for one in now) / self._unit(basket), 2)
            for price in (attrgetter("close"), attrgetter("open"), attrgetter("high"), attrgetter("low"))
        )
        has_traded = any(one.bar.open for one in now)
        before = self._before(basket, session)
        return IndexSnapshot(
            basket.family,
            basket.name,
            at,
            level,
            0.0 if before is None else round(level - before, 2),
            opened if has_traded else None,
            high if has_traded else None,
            low if has_traded else None,
            sum(one.bar.volume for one in now),
            sum(one.bar.trading_value for one in now),
        )

    def _before(self, basket: Basket, session: date) -> float | None:
        try:
            before = self._market.calendar.previous_session(session)
        except CalendarRangeError:
            return None
        return self._points(basket, before, lambda bar: bar.close) if before >= _since(basket) else None

    def _points(self, basket: Basket, session: date, price: Callable[[DailyBar], int]) -> float:
        return round(sum(price(one.bar) * one.shares for one in self.members(basket, session)) / self._unit(basket), 2)

    def _unit_of(self, basket: Basket) -> float:
        """Return how many won of market value make a point."""
        return sum(one.bar.close * one.shares for one in self.members(basket, REFERENCE_SESSION)) / basket.points

    def _members(self, basket: Basket, session: date) -> list[Member]:
        found = []
        codes = self._codes(basket.family)
        for code in islice(cycle(codes), basket.start % len(codes), basket.start % len(codes) + basket.size):
            bar = self._market.daily_bar(code, session)
            if bar is not None:
                found.append(Member(self._market.listed_shares(code, session), bar))
        return found

    def _codes_of(self, family: str) -> list[str]:
        """Return the old stocks of a family that stay, in order of code: a basket that nothing leaves."""
        market = self._market
        return [
            one.stock_code
            for one in market.instruments(REFERENCE_SESSION)
            if family in {one.market, "KRX"} and one.security_group == "ST"
            if market.listed_on(one.stock_code) < _OLD and market.delisted_on(one.stock_code) is None
        ]


def basket_of(family: str, name: str) -> Basket:
    """Return the basket of an index of this family and name."""
    return _BY_NAME[family, name]


@lru_cache(maxsize=4)
def indices_of(market: SyntheticMarket) -> SyntheticIndices:
    """Return the indices of a market."""
    return SyntheticIndices(market)


def _since(basket: Basket) -> date:
    return _SINCE.get((basket.family, basket.name), date.min)
