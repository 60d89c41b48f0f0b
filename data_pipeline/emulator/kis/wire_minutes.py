"""One-minute bars: ``inquire-time-itemchartprice`` (today) and ``inquire-time-dailychartprice`` (a year of days)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice

from data_pipeline.emulator.kis.errors import invalid_field, wrong_size
from data_pipeline.emulator.kis.quote import read_quote
from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, candle, change, envelope
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import MinuteBar
from data_pipeline.sources.evidence import played

TODAY_PAGE = 30
PAST_PAGE = 120
ONE_MINUTE = timedelta(minutes=1)
NO_FLAT_ROW = timedelta(minutes=played("kis")["last_flat_row_before_close_minutes"])
"""The last row that no trade needs stands so long before the close: at 15:28."""
ONE_YEAR = timedelta(days=365)
DAYS_BACK = 30
"""How many sessions one page may reach back at most; an instrument may be halted for all of them."""

Timed = tuple[datetime, dict[str, str]]
"""A minute and its row."""
DayRows = Callable[[MarketView, str, date, Moment], Iterator[Timed]]


def answer_today(view: MarketView, call: Call) -> Answer:
    """Return up to 30 bars of the quoted session ending at HOUR_1 or now, newest first.

    With FID_PW_DATA_INCU_YN Y the page is filled with bars of the session before; with N it stops at the open.
    """
    session = call.moment.session
    until = datetime.combine(session, _hour(call), SEOUL)
    return _answer(view, call, session, until, TODAY_PAGE, _live_rows)


def answer_past(view: MarketView, call: Call) -> Answer:
    """Return up to 120 bars ending at DATE_1 HOUR_1, newest first, over day edges with FID_PW_DATA_INCU_YN Y.

    Bars reach back one year; a day before that, or a closed day without Y, has none.
    """
    day = min(call.day("FID_INPUT_DATE_1"), call.moment.session)
    until = datetime.combine(call.day("FID_INPUT_DATE_1"), _hour(call), SEOUL)
    return _answer(view, call, day, until, PAST_PAGE, _day_rows)


def _answer(view: MarketView, call: Call, last: date, until: datetime, page: int, rows_of: DayRows) -> Answer:
    code = call.code()
    quote = read_quote(view, code, call.moment)
    bar = quote.bar
    head = {
        **change(bar, quote.limits),
        "stck_prdy_clpr": str(quote.base),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value),
        "hts_kor_isnm": quote.instrument.name,
        "stck_prpr": str(bar.close),
    }
    days = _sessions(view, call, last)
    rows = islice((row for day in days for row in rows_of(view, code, day, call.moment) if row[0] <= until), page)
    return envelope({"output1": head, "output2": [fields for _, fields in rows]})


def _sessions(view: MarketView, call: Call, day: date) -> list[date]:
    """Return the sessions that the page may draw on, newest first."""
    oldest = max(call.moment.session - ONE_YEAR, view.calendar.first_day, view.market.listed_on(call.code()))
    if call.query["FID_PW_DATA_INCU_YN"] != "Y":
        oldest = max(oldest, day)
    if day < oldest:
        return []
    return view.calendar.sessions(oldest, day)[: -DAYS_BACK - 1 : -1]


def _hour(call: Call) -> time:
    text = call.query["FID_INPUT_HOUR_1"]
    if text in ("", "000000"):
        # python-kis asks for the newest bars with 000000.
        return time(23, 59, 59)
    if len(text) != 6:
        raise wrong_size("FID_INPUT_HOUR_1")
    try:
        return time(int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise invalid_field("FID_INPUT_HOUR_1") from None


def _day_rows(view: MarketView, code: str, day: date, moment: Moment) -> Iterator[Timed]:
    """Yield the minutes of one session that traded, newest first, as far as it has run."""
    if day == moment.session:
        bars = view.market.minute_bars_so_far(code, moment.at)
    else:
        bars = view.minutes.get((code, day), lambda: view.market.minute_bars(code, day))
    total = sum(bar.trading_value for bar in bars)
    for bar in reversed(bars):
        yield bar.at, _row(bar, total)
        total -= bar.trading_value


def _live_rows(view: MarketView, code: str, day: date, moment: Moment) -> Iterator[Timed]:
    """Yield a session's minutes as the chart of today has them: every minute since the first trade has a row.

    The shares of the last minute that traded stand in the newest row until somebody trades again. Until then the minute
    itself reads flat, with no shares and the total from before it, and the rows after it carry the risen total.
    """
    if day != moment.session:
        yield from _day_rows(view, code, day, moment)
        return
    left = view.market.minute_bars_so_far(code, moment.at)
    total, closes = sum(bar.trading_value for bar in left), view.calendar.close_at(day)
    pending = left[-1] if left and left[-1].at < closes else None
    newest = at = closes if pending is None else min(moment.at, closes - NO_FLAT_ROW)
    while left:
        bar = left[-1]
        if at > bar.at:
            yield at, _flat(bar, at, bar.volume if pending and at == newest else 0, total)
        else:
            before = total - bar.trading_value
            yield at, _flat(bar, at, 0, before) if bar is pending else _row(bar, total)
            total = before
            left.pop()
        at -= NO_FLAT_ROW if at == closes else ONE_MINUTE


def _flat(last: MinuteBar, at: datetime, volume: int, total: int) -> dict[str, str]:
    """Return the row of a minute that shows no trade of its own, at the last price."""
    price = last.close
    return _row(MinuteBar(last.stock_code, at, price, price, price, price, volume, 0), total)


def _row(bar: MinuteBar, total: int) -> dict[str, str]:
    return {
        "stck_bsop_date": f"{bar.at:%Y%m%d}",
        "stck_cntg_hour": f"{bar.at:%H%M%S}",
        "stck_prpr": str(bar.close),
        **candle(bar),
        "cntg_vol": str(bar.volume),
        "acml_tr_pbmn": str(total),
    }


_EMPTY: dict[str, object] = {"output1": {}, "output2": []}
TODAY = Endpoint(
    "inquire-time-itemchartprice",
    "FHKST03010200",
    answer_today,
    (*SYMBOL, ("FID_INPUT_HOUR_1", 10), ("FID_PW_DATA_INCU_YN", 2), ("FID_ETC_CLS_CODE", 2)),
    slow=True,
    empty_outputs=_EMPTY,
)
PAST = Endpoint(
    "inquire-time-dailychartprice",
    "FHKST03010230",
    answer_past,
    (
        *SYMBOL,
        ("FID_INPUT_HOUR_1", 10),
        ("FID_INPUT_DATE_1", 10),
        ("FID_PW_DATA_INCU_YN", 2),
        ("FID_FAKE_TICK_INCU_YN", 2),
    ),
    virtual=False,
    slow=True,
    empty_outputs=_EMPTY,
)
