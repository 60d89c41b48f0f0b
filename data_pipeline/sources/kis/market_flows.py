"""Investor flows of whole boards, which the sums over instruments are held against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.investor_records import KINDS, TOTALS, MarketFlow
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis.endpoints import QUOTATIONS, Endpoint
from data_pipeline.sources.kis.investors import FIELDS
from data_pipeline.sources.kis.parse_answer import Answer, Call
from data_pipeline.sources.kis.server_clock import require_final

BY_MARKET = Endpoint(
    f"{QUOTATIONS}/inquire-investor-daily-by-market", "FHPTJ04040000", virtual=False, page_size=None,
    document="시장별 투자자매매동향(일별)",
)  # fmt: skip
BOARDS = {"KOSPI": ("0001", "KSP"), "KOSDAQ": ("1001", "KSQ")}
"""KIS's code of each board's index, and of the board."""
_WON = 1_000_000


def market_flows(call: Call, calendar: TradingCalendar, session: date) -> Iterator[MarketFlow]:
    """Yield the flows of each board on one session; KIS answers with hundreds of days, whichever are asked for.

    Raises:
        InvalidRequestError: The session is not final yet by the server's clock.
        PayloadError: The session has no row or several, or a figure is missing or malformed.
    """
    day = f"{session:%Y%m%d}"
    for board, (index, code) in BOARDS.items():
        params = {
            "FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": index, "FID_INPUT_DATE_1": day,
            "FID_INPUT_ISCD_1": code, "FID_INPUT_DATE_2": day, "FID_INPUT_ISCD_2": index,
        }  # fmt: skip
        answer = call(BY_MARKET, params, f"the flows of {board}")
        require_final(calendar, session, answer.at)
        yield parse_market_flow(answer, board, session)


def parse_market_flow(answer: Answer, board: str, session: date) -> MarketFlow:
    """Return the flow of a board on a session; only values are read, because no document gives the unit of shares.

    Raises:
        PayloadError: As :func:`market_flows`.
    """
    rows = [row for row in answer.rows("output") if row.day("stck_bsop_date") == session]
    if len(rows) != 1:
        raise PayloadError(f"{answer.where}: {session} has {len(rows)} rows, not one")
    net = {kind: rows[0].integer(f"{FIELDS[kind]}_ntby_tr_pbmn") * _WON for kind in (*TOTALS, *KINDS)}
    return MarketFlow(board, session, net)
