"""Prices of many codes, thirty in one call (intstock-multprice)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from data_pipeline.exceptions import UnknownStockError
from data_pipeline.sources.kis.codes import kis_code
from data_pipeline.sources.kis.endpoints import MULTI_PRICE
from data_pipeline.sources.kis.parse import parse_quotes
from data_pipeline.sources.kis.parse_answer import Call
from data_pipeline.sources.kis.parse_chart import ChartRow
from data_pipeline.sources.kis.parse_fields import Row

SLOTS = 30


def batches(stock_codes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the codes in their order, thirty at a time."""
    for start in range(0, len(stock_codes), SLOTS):
        yield stock_codes[start : start + SLOTS]


def ask_quotes(call: Call, stock_codes: Sequence[str]) -> tuple[datetime, dict[str, Row]]:
    """Return the server's time and the row of each of up to thirty codes.

    Raises:
        UnknownStockError: One of them is unknown; the error names it, even when KIS refused the whole call.
        PayloadError: A row is about a code that was not asked for, or one came twice.
    """
    codes = list(dict.fromkeys(stock_codes))
    params: dict[str, str] = {}
    for slot, code in enumerate(codes, 1):
        # Only filled slots are sent: KIS rejects blank ones.
        params |= {f"FID_COND_MRKT_DIV_CODE_{slot}": "J", f"FID_INPUT_ISCD_{slot}": kis_code(code)}
    subject = codes[0] if len(codes) == 1 else f"{len(codes)} codes from {codes[0]} to {codes[-1]}"
    try:
        answer = call(MULTI_PRICE, params, subject)
    except UnknownStockError as error:
        if error.stock_code in codes:
            raise
        return _ask_halves(call, codes)
    return answer.at, parse_quotes(codes, answer)


def require_same_session(quote: Row, row: ChartRow) -> None:
    """Accept a quote as one of the session that a chart row names; only open and base price stay fixed all day.

    Raises:
        PayloadError: They differ: the server shows the quotes of another session than its clock says.
    """
    opened = quote.integer("inter2_oprc") if row.candle["volume"] else 0
    base = row.candle["close"] - row.row.signed("prdy_vrss")
    if opened != row.candle["open"] or abs(quote.integer("inter2_sdpr") - base) > max(1, base // 100):
        raise quote.error("inter2_oprc", f"or inter2_sdpr is not that of {row.day}: the quotes are of another session")


def _ask_halves(call: Call, codes: list[str]) -> tuple[datetime, dict[str, Row]]:
    """Ask again in two calls: KIS refused the call as a whole and did not say for which code."""
    middle = len(codes) // 2
    _, left = ask_quotes(call, codes[:middle])
    at, right = ask_quotes(call, codes[middle:])
    return at, {**left, **right}
