"""Daily bars out of columns: many at once, each as certain as one that is made alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import repeat
from operator import le, lt
from typing import Any

from data_pipeline.market.records import DailyBar, require_stock_code


def daily_bars(
    stock_code: str,
    sessions: Sequence[date],
    opens: Sequence[int],
    highs: Sequence[int],
    lows: Sequence[int],
    closes: Sequence[int],
    volumes: Sequence[int],
    values: Sequence[int],
    changes: Sequence[int],
) -> list[DailyBar]:
    """Return the bar of each place of the columns: what ``DailyBar`` makes of it, several times sooner.

    Where a row is not plainly right, ``DailyBar`` itself makes them all, so nothing is in here that it would refuse.

    Args:
        stock_code: Whose bars they are.
        sessions: Their days. All columns have the same length.
        opens: Won, as the other prices.
        highs: See ``opens``.
        lows: See ``opens``.
        closes: See ``opens``.
        volumes: Shares.
        values: Won traded.
        changes: Won, with their sign.

    Raises:
        ValueError: A bar contradicts itself, or the code is malformed; the first one is named.
    """
    require_stock_code(stock_code)
    columns = (sessions, opens, highs, lows, closes, volumes, values, changes)
    plain = (
        min(lows, default=1) > 0
        and min(volumes, default=0) >= 0
        and min(values, default=0) >= 0
        and all(map(le, lows, opens))
        and all(map(le, opens, highs))
        and all(map(le, lows, closes))
        and all(map(le, closes, highs))
        and all(map(lt, changes, closes))
    )
    if not plain or len(set(map(len, columns))) > 1:
        return [DailyBar(stock_code, *row) for row in zip(*columns, strict=True)]
    bars: list[Any] = [*map(object.__new__, repeat(_Unchecked, len(sessions)))]
    for bar, session, opened, high, low, close, volume, value, change in zip(bars, *columns, strict=True):
        bar.stock_code, bar.session, bar.change = stock_code, session, change
        bar.open, bar.high, bar.low, bar.close = opened, high, low, close
        bar.volume, bar.trading_value = volume, value
        bar.__class__ = DailyBar
    return bars


class _Unchecked:
    """What will be a bar, in the very layout of one, so that it can become one where it lies."""

    __slots__ = DailyBar.__slots__
