"""Which other answer a lie is made of: another page, another code, the session before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from data_pipeline.emulator.kis.index_codes import INDICES
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import Call
from data_pipeline.market.trading_calendar import SEOUL

_PAGE = timedelta(days=145)
"""About a hundred sessions."""
_PAGE_OF_FLOWS = timedelta(days=42)
"""About thirty sessions."""
_TWO_HOURS, _HALF_AN_HOUR = timedelta(hours=2), timedelta(minutes=30)


def borrowed_call(lie: str, view: MarketView, call: Call) -> Call | None:
    """Return the call whose answer a lie uses beside the true one; None when it needs none."""
    if lie in ("stale", "late") or (lie.startswith("other_day") and "FID_INPUT_ISCD" not in call.query):
        return replace(call, moment=view.session_before(call.moment))
    if lie == "shifted":
        return replace(call, query={**call.query, **_page_before(call)})
    if lie in ("other_code", "other_code_row") and "FID_INPUT_ISCD" in call.query:
        return replace(call, query={**call.query, "FID_INPUT_ISCD": _neighbour(view, call)})
    return None


def _page_before(call: Call) -> dict[str, str]:
    query = call.query
    if "FID_INPUT_DATE_2" in query:
        return {name: f"{call.day(name) - _PAGE:%Y%m%d}" for name in ("FID_INPUT_DATE_1", "FID_INPUT_DATE_2")}
    if "FID_INPUT_HOUR_1" not in query:
        of_flows = "FID_INPUT_DATE_1" in query
        return {"FID_INPUT_DATE_1": f"{call.day('FID_INPUT_DATE_1') - _PAGE_OF_FLOWS:%Y%m%d}"} if of_flows else {}
    day = call.day("FID_INPUT_DATE_1") if "FID_INPUT_DATE_1" in query else call.moment.session
    at = datetime.strptime(f"{day:%Y%m%d}{query['FID_INPUT_HOUR_1']}", "%Y%m%d%H%M%S").replace(tzinfo=SEOUL)
    at -= _TWO_HOURS if "FID_INPUT_DATE_1" in query else _HALF_AN_HOUR
    moved = {"FID_INPUT_HOUR_1": f"{at:%H%M%S}"}
    return moved | ({"FID_INPUT_DATE_1": f"{at:%Y%m%d}"} if "FID_INPUT_DATE_1" in query else {})


def _neighbour(view: MarketView, call: Call) -> str:
    """Return the next code on the list, of indices or of instruments; the first one after the last."""
    if call.query.get("FID_COND_MRKT_DIV_CODE") == "U":
        codes = [*INDICES]
    else:
        codes = [one.stock_code for one in view.market.instruments(call.moment.session)]
    return next((code for code in codes if code > call.code()), codes[0])
