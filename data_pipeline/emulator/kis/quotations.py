"""Which quotations the emulator serves, by path."""

from __future__ import annotations

from data_pipeline.emulator.exchange import WireError
from data_pipeline.emulator.kis import (
    wire_book,
    wire_chart,
    wire_daily,
    wire_holiday,
    wire_index,
    wire_info,
    wire_minutes,
    wire_multi,
    wire_price,
)
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import QUOTATIONS, Answer, Call, Endpoint, envelope

_ALL = (
    wire_price.ENDPOINT,
    wire_book.ENDPOINT,
    wire_chart.ENDPOINT,
    wire_daily.ENDPOINT,
    wire_minutes.TODAY,
    wire_minutes.PAST,
    wire_multi.ENDPOINT,
    wire_info.STOCK,
    wire_info.PRODUCT,
    wire_holiday.ENDPOINT,
    wire_index.ENDPOINT,
)
ENDPOINTS: dict[str, Endpoint] = {QUOTATIONS + endpoint.name: endpoint for endpoint in _ALL}


def answer(endpoint: Endpoint, view: MarketView, call: Call, *, shells: bool) -> Answer:
    """Return the endpoint's answer.

    Args:
        endpoint: Which quotation.
        view: The market.
        call: The query and the moment.
        shells: Whether a code that is not listed gets an empty shell (rt_cd 0) in place of MCA05918.

    Raises:
        WireError: The server refuses the query or does not know the code.
    """
    if shells and endpoint is wire_multi.ENDPOINT:
        return wire_multi.answer_with_shells(view, call)
    try:
        return endpoint.answer(view, call)
    except WireError as error:
        if shells and error.code == "MCA05918":
            return envelope(endpoint.empty_outputs)
        raise
