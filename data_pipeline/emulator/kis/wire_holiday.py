"""``chk-holiday``: twenty-four calendar days and whether the market opens (국내휴장일조회, CTCA0903R)."""

from __future__ import annotations

from datetime import date, timedelta

from data_pipeline.emulator.kis.errors import invalid_field
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import Answer, Call, Endpoint, envelope
from data_pipeline.market.trading_calendar import TradingCalendar

DAYS = 24
KEY_WIDTH = 20
DONE = ("KIOK0500", "조회가 계속됩니다..다음버튼을 Click 하십시오.".ljust(80))


def answer(view: MarketView, call: Call) -> Answer:
    """Return 24 consecutive days from BASS_DT, fewer where the calendar ends; the keys are padded to 20."""
    first = call.day("BASS_DT")
    calendar = view.calendar
    if not calendar.first_day <= first <= calendar.last_day:
        raise invalid_field("BASS_DT")
    days = [first + timedelta(days=offset) for offset in range(DAYS)]
    days = [day for day in days if day <= calendar.last_day]
    outputs = {
        "ctx_area_nk": f"{days[-1]:%Y%m%d}".ljust(KEY_WIDTH),
        "ctx_area_fk": f"{first:%Y%m%d}".ljust(KEY_WIDTH),
        "output": [_row(calendar, day) for day in days],
    }
    return envelope(outputs, "M" if len(days) == DAYS else "D", DONE)


def _row(calendar: TradingCalendar, day: date) -> dict[str, str]:
    opens = "Y" if calendar.is_session(day) else "N"
    return {
        "bass_dt": f"{day:%Y%m%d}",
        "wday_dvsn_cd": f"{day.isoweekday() % 7 + 1:02d}",
        "bzdy_yn": "Y" if opens == "Y" or _banks_open(day) else "N",
        "tr_day_yn": "Y",
        "opnd_yn": opens,
        "sttl_day_yn": opens,
    }


def _banks_open(day: date) -> bool:
    """Only the exchange closes for the year's end: banks work on that weekday, as the documented answer shows."""
    return day.weekday() < 5 and (day.month, day.day) in ((12, 30), (12, 31))


ENDPOINT = Endpoint(
    "chk-holiday",
    "CTCA0903R",
    answer,
    (("BASS_DT", 8), ("CTX_AREA_NK", 20), ("CTX_AREA_FK", 20)),
    virtual=False,
    ledger=True,
)
