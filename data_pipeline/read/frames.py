"""The functions for users: pandas frames out of the warehouse."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd

from data_pipeline.read.forms import read_as
from data_pipeline.read.plans import (
    Codes,
    plan_coverage,
    plan_daily_bars,
    plan_index_bars,
    plan_instruments,
    plan_minute_bars,
    plan_rows,
    plan_trading_sessions,
)


def daily_bars(
    codes: Codes,
    first: date | str,
    last: date | str,
    adjusted: bool = True,
    as_of: datetime | str | None = None,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return daily bars, sorted by ``stock_code`` and ``session``, one row a session and code.

    Columns: ``stock_code`` (text), ``session`` (datetime64, midnight without a zone: a date in Seoul), ``open``,
    ``high``, ``low``, ``close``, ``volume``, ``trading_value``, ``change``, ``source`` (text: kis, krx, mock, ...).
    ``trading_value`` is won and int64. On a session without a trade (거래정지) open, high, low and volume are 0 and the
    previous close is kept, as in the warehouse. Where shares changed hands outside of regular hours alone, volume and
    value say so beside an open, high and low of 0; zeros stay zeros when prices are adjusted.

    Adjusted (수정주가): prices are float64 won of the instrument's newest session, ``volume`` is float64 in shares of
    it, both not rounded, and ``factor`` says what raw prices were multiplied by. Raw: int64, as they were traded.

    Args:
        codes: One stock code, several, or None for the whole market.
        first: First session, included; a date or text like 2026-09-21.
        last: Last session, included.
        adjusted: Whether later corporate actions are taken into account.
        as_of: Read the bars as this warehouse held them at that moment, which needs its zone. Factors then reflect only
            what those bars tell: no later split is in them.
        complete: Raise when a cell is neither stored nor known to be empty, that is: a session of the range, final by
            now (or by ``as_of``), on which an instrument was listed; also when a factor is not known because bars are
            missing. False takes what is there, and prices without a known factor are NaN.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Returns:
        With ``complete``, an empty frame only when no such cell lies in the range (a holiday, or an instrument that was
        not listed then).

    Raises:
        InvalidRequestError: An argument is malformed, the range is reversed, or ``as_of`` has no zone.
        UnknownStockError: The warehouse has never seen a code.
        IncompleteDataError: Something is missing; the message names it and what fills it.
        CalendarRangeError: The range leaves the years that the trading calendar covers.
        ConfigurationError: There is no warehouse, or it is not migrated.
        ConnectionFailedError, TransientError: Trying again can help.
    """
    return read_as(
        as_, plan_daily_bars(codes, first, last, adjusted=adjusted, as_of=as_of, complete=complete), connection
    )


def minute_bars(
    codes: Codes,
    first: date | str,
    last: date | str,
    minutes: int = 1,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return raw minute bars, sorted by ``stock_code`` and ``at``; spans without a trade have no row.

    Columns: ``stock_code`` (text), ``at`` (datetime64 in Asia/Seoul, the start of the bar), ``session`` (datetime64, a
    date in Seoul), ``open``, ``high``, ``low``, ``close`` (int64, won), ``volume`` (int64, shares), ``trading_value``
    (int64, won), ``source`` (text).

    Args:
        codes: One stock code, several, or None for the whole market.
        first: First session, included.
        last: Last session, included.
        minutes: 1, 5 or 30; longer bars are built from stored minutes (09:00, 09:05, ...).
        complete: Raise when a final session of the range was not fetched whole for an instrument listed on it. The
            running session is given as far as it is stored.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        InvalidRequestError: An argument is malformed, or the range is reversed.
        UnknownStockError, IncompleteDataError, CalendarRangeError, ConfigurationError, TransientError: As for
            :func:`daily_bars`.
    """
    return read_as(as_, plan_minute_bars(codes, first, last, minutes, complete=complete), connection)


def price_snapshots(
    codes: Codes,
    first: date | str,
    last: date | str,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return current prices (현재가) as they were seen, sorted by ``stock_code`` and ``observed_at``.

    Columns: ``stock_code`` (text), ``observed_at`` (datetime64 in Asia/Seoul), ``session`` (datetime64, a date in
    Seoul), ``stock_name`` (text), ``current_price``, ``change_price`` (int64, won), ``change_rate`` (float64, percent),
    ``open_price``, ``high_price``, ``low_price`` (int64, won; 0 before the first trade), ``volume`` (int64, shares so
    far), ``trading_value`` (int64, won so far), ``market_cap`` (Int64, won, NA where the source does not say),
    ``source`` (text).

    Args:
        codes: One stock code, several, or None for all.
        first: First session, included.
        last: Last session, included.
        complete: Raise when a final session has no snapshot of a named code listed on it, or with ``codes=None`` of any
            instrument. Nobody knows how many there should be.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        InvalidRequestError, UnknownStockError, IncompleteDataError, CalendarRangeError, ConfigurationError,
            TransientError: As for :func:`daily_bars`.
    """
    return frame("price_snapshot", codes, first, last, complete=complete, connection=connection, as_=as_)


def order_books(
    codes: Codes,
    first: date | str,
    last: date | str,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return order books (호가) as they were seen, sorted by ``stock_code`` and ``observed_at``.

    Columns: ``stock_code`` (text), ``observed_at`` (datetime64 in Asia/Seoul), ``session`` (datetime64, a date in
    Seoul), ``stock_name`` (text), ``bid_price_1``, ``bid_volume_1`` (the best bid) to ``bid_price_10``,
    ``bid_volume_10``, then the same of ``ask`` (Int64, won and shares, NA for a level that nobody stands at),
    ``total_bid_volume``, ``total_ask_volume`` (int64, shares at all prices), ``source`` (text).

    The arguments and errors are those of :func:`price_snapshots`.
    """
    return frame("order_book", codes, first, last, complete=complete, connection=connection, as_=as_)


def index_bars(
    first: date | str,
    last: date | str,
    names: Codes = None,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return daily bars of indices, sorted by ``family``, ``name`` and ``session``.

    Columns: ``family`` (text: KRX, KOSPI or KOSDAQ), ``name`` (text, Korean), ``session`` (datetime64, a date in
    Seoul), ``open``, ``high``, ``low``, ``close``, ``change`` (float64, points with two decimals; NaN where the
    exchange does not say), ``volume`` (Int64, shares), ``trading_value``, ``market_cap`` (Int64, won), ``source``
    (text). What comes from KIS is exact to a thousand shares and a million won, and has no market value.

    Args:
        first: First session, included.
        last: Last session, included.
        names: One index, several, or None for all: the Korean name, or family and name (``KOSPI 코스피``).
        complete: Raise when a final session lacks a bar of KOSPI, KOSDAQ, KOSPI 200 or KOSDAQ 150. Nobody knows of
            which other indices it should have one.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        InvalidRequestError: A day is malformed, the range is reversed, or no such index is stored.
        IncompleteDataError, CalendarRangeError, ConfigurationError, TransientError: As for :func:`daily_bars`.
    """
    return read_as(as_, plan_index_bars(first, last, names, complete=complete), connection)


def investor_flows(
    codes: Codes,
    first: date | str,
    last: date | str,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return who bought and who sold (투자자별 매매동향), sorted by ``stock_code`` and ``session``.

    Columns: ``stock_code`` (text), ``session`` (datetime64, a date in Seoul), ``volume`` (Int64, shares of everybody),
    then for each kind of investor ``..._bought_volume``, ``..._sold_volume``, ``..._net_volume`` (shares) and
    ``..._bought_value``, ``..._sold_value``, ``..._net_value`` (won, exact to a million). Kinds: ``individual``,
    ``foreign``, ``institution`` (int64), then ``securities``, ``trust``, ``private_fund``, ``bank``, ``insurance``,
    ``merchant_bank``, ``pension``, ``other_group``, ``other_corporation`` (Int64, NA from KIS's virtual server), and
    ``source`` (text).

    The arguments and errors are those of :func:`frame`.
    """
    return frame("investor_flow", codes, first, last, complete=complete, connection=connection, as_=as_)


def frame(
    dataset: str,
    codes: Codes,
    first: date | str,
    last: date | str,
    *,
    complete: bool = True,
    connection: Any = None,
    as_: str = "pandas",
) -> pd.DataFrame:
    """Return any dataset of sessions by its name, as it is stored, sorted by its key.

    Args:
        dataset: Its name, as ``daily_bar``; its columns and units are those of ``docs/reference/datasets.md``.
        codes: One stock code, several, or None for all; None for a dataset of the whole market.
        first: First session, included.
        last: Last session, included.
        complete: Raise when a cell is neither stored nor known to be empty; of what is seen at a moment, when a final
            session has nothing.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        ConfigurationError: There is no such dataset; or as for :func:`daily_bars`.
        InvalidRequestError: It has a function of its own; or as for :func:`daily_bars`.
        UnknownStockError, IncompleteDataError, CalendarRangeError, TransientError: As for :func:`daily_bars`.
    """
    return read_as(as_, plan_rows(dataset, codes, first, last, complete=complete), connection)


def instruments(on: date | str | None = None, *, connection: Any = None, as_: str = "pandas") -> pd.DataFrame:
    """Return instruments, sorted by ``stock_code``: all ever seen, or those listed on a day as they stood then.

    Columns: ``stock_code``, ``isin``, ``name``, ``market``, ``security_group`` (text), ``listed_on`` (datetime64, NaT
    when unknown), ``listed_shares`` (Int64), ``face_value`` (float64, won or the issuer's currency), ``halted``,
    ``managed``, ``liquidation`` (boolean, NA when unknown), ``preferred`` (bool), then ``as_of`` and ``delisted_on``
    (datetime64) or, on a day, ``valid_from`` (datetime64: since when the row is known to read so), ``source`` (text).

    Args:
        on: None for every instrument as it stood when last listed, including delisted ones. For a day, what was only
            known later is left out: there is no column ``delisted_on``.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        InvalidRequestError: The day is malformed.
        IncompleteDataError: No list of instruments is stored, or none as old as that day.
        ConfigurationError, TransientError: As for :func:`daily_bars`.
    """
    return read_as(as_, plan_instruments(on), connection)


def trading_sessions(
    first: date | str, last: date | str, *, connection: Any = None, as_: str = "pandas"
) -> pd.DataFrame:
    """Return the sessions of the exchange, oldest first; empty when the range holds none.

    Columns: ``session`` (datetime64, a date in Seoul), ``final_at`` (datetime64 in Asia/Seoul: when its figures stop
    moving), ``is_final`` (bool, by the warehouse's clock).

    Args:
        first: First day, included.
        last: Last day, included.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        InvalidRequestError: A day is malformed, or the range is reversed.
        CalendarRangeError: The range leaves the years that the trading calendar covers.
        ConfigurationError, TransientError: As for :func:`daily_bars`.
    """
    return read_as(as_, plan_trading_sessions(first, last), connection)


def coverage(
    first: date | str, last: date | str, dataset: str | None = None, *, connection: Any = None, as_: str = "pandas"
) -> pd.DataFrame:
    """Return what must be stored for each final session and what is, sorted by ``dataset`` and ``session``.

    Columns: ``dataset`` (text), ``session`` (datetime64, a date in Seoul), ``expected``,
    ``loaded``, ``known_empty``, ``missing`` (int64, cells). Sessions for which nothing is expected are absent.

    Args:
        first: First day, included.
        last: Last day, included.
        dataset: One that has cells, as daily_bar; None for all.
        connection: See :mod:`data_pipeline.read`.
        as_: pandas, arrow or polars; see there too.

    Raises:
        InvalidRequestError: A day or the dataset is malformed, or the range is reversed.
        ConfigurationError, TransientError: As for :func:`daily_bars`.
    """
    return read_as(as_, plan_coverage(first, last, dataset), connection)
