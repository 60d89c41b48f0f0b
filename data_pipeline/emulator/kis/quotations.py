"""Which quotations the emulator serves, by path: every endpoint that a file ``wire_...`` of this folder makes."""

from __future__ import annotations

from data_pipeline.emulator import kis
from data_pipeline.emulator.exchange import WireError
from data_pipeline.emulator.found import found
from data_pipeline.emulator.kis import wire_multi
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import QUOTATIONS, Answer, Call, Endpoint, envelope

ENDPOINTS: dict[str, Endpoint] = {QUOTATIONS + one.name: one for one in found(kis, "wire_", Endpoint)}


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
