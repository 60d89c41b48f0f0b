"""Investor flows of single instruments, thirty sessions a call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from types import MappingProxyType

from data_pipeline.exceptions import PayloadError, UnsupportedDatasetError
from data_pipeline.market.investor_records import KINDS, TOTALS, InvestorFlow, Traded
from data_pipeline.market.origin import RequestShape
from data_pipeline.market.rejections import keep_good
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import QUOTATIONS, Endpoint
from data_pipeline.sources.kis.parse_answer import Answer, Call
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.server_clock import ServerClock, require_final

PAGE = RequestShape.flows_page
PAST = Endpoint(
    f"{QUOTATIONS}/investor-trade-by-stock-daily", "FHPTJ04160001", virtual=False, page_size=PAGE,
    document="종목별 투자자매매동향(일별)",
)  # fmt: skip
NEWEST = Endpoint(
    f"{QUOTATIONS}/inquire-investor", "FHKST01010900", virtual=True, page_size=PAGE, document="주식현재가 투자자"
)
FIELDS = MappingProxyType({
    "individual": "prsn", "foreign": "frgn", "institution": "orgn", "securities": "scrt", "trust": "ivtr",
    "private_fund": "pe_fund", "bank": "bank", "insurance": "insu", "merchant_bank": "mrbn", "pension": "fund",
    "other_group": "etc_orgt", "other_corporation": "etc_corp",
})  # fmt: skip
"""What KIS's fields of each kind of investor begin with."""
_NET_IN_VOLUME = frozenset({"pe_fund", "etc_orgt", "etc_corp"})
"""Whose net shares KIS calls a volume, not a quantity."""
_WON = 1_000_000
"""Values of investors are in millions of won, unlike those of bars."""
_NOTHING: dict[str, str] = {}
_ROUNDED = 1
"""Bought, sold and net are rounded each for itself, so that their millions may differ by one."""


class Investors:
    """Asks for investor flows through single calls; safe among threads.

    Args:
        call: Sends one call.
        clock: The server's clock.
        calendar: The exchange's sessions.
        virtual: Whether it is the virtual server, which has the totals of the newest thirty sessions only.
    """

    def __init__(self, call: Call, clock: ServerClock, calendar: TradingCalendar, *, virtual: bool) -> None:
        self._call, self._clock, self._calendar, self._virtual = call, clock, calendar, virtual

    def flows(self, stock_code: str, first: date, last: date) -> Iterator[InvestorFlow]:
        """Yield the flows of one code from ``first`` to ``last``, both included, newest first.

        Raises:
            InvalidRequestError: The range holds a session that is not final yet.
            UnsupportedDatasetError: It begins before the newest thirty sessions, and it is the virtual server.
            PayloadError: An answer is out of order; or a row is wrong, and nobody collects such rows.
        """
        if not self._calendar.sessions(first, last):
            return
        if self._virtual:
            self._require_reach(first)
            answer = self._call(NEWEST, symbol(stock_code), stock_code)
            require_final(self._calendar, last, answer.at)
            rows = _within(answer, "output", first, last)
            yield from keep_good(partial(parse_flow, stock_code), rows, lambda _: stock_code, _day)
            return
        until = last
        while until >= first:
            params = {
                **symbol(stock_code),
                "FID_INPUT_DATE_1": f"{until:%Y%m%d}",
                "FID_ORG_ADJ_PRC": "",
                "FID_ETC_CLS_CODE": "1",
            }
            answer = self._call(PAST, params, stock_code)
            require_final(self._calendar, last, answer.at)
            days = [row.day("stck_bsop_date") for row in _filled(answer, "output2")]
            if not days:
                return
            rows = _within(answer, "output2", first, until)
            yield from keep_good(partial(parse_flow, stock_code), rows, lambda _: stock_code, _day)
            if days[-1] > until:
                raise PayloadError(f"{answer.where}: its rows end on {days[-1]}, after {until}, which was asked for")
            until = days[-1] - timedelta(days=1)

    def _require_reach(self, first: date) -> None:
        now = self._clock.now().date()
        oldest = self._calendar.sessions(now - timedelta(days=90), now)[-PAGE:]
        if first < oldest[0]:
            raise UnsupportedDatasetError(
                f"the virtual server has the investor flows of the newest {PAGE} sessions, "
                f"from {oldest[0]} on, and not those of {first}; use the real server"
            )


def parse_flow(stock_code: str, row: Row) -> InvestorFlow:
    """Return the flow of one row, of either call; only that of the past has the kinds and the volume of everybody.

    Raises:
        PayloadError: A figure is missing or malformed, net is not bought minus sold, or the figures contradict each
            other.
    """
    told = any(f"{FIELDS[kind]}_shnu_vol" in row.fields for kind in KINDS)  # where one is, none may be missing
    kinds = {kind: _traded(row, FIELDS[kind]) for kind in KINDS} if told else {}
    return row.make(
        InvestorFlow,
        stock_code=stock_code,
        session=_day(row),
        volume=row.integer("acml_vol") if kinds else None,
        **{kind: _traded(row, FIELDS[kind]) for kind in TOTALS},
        kinds=kinds,
    )


def _traded(row: Row, of: str) -> Traded:
    bought, sold = row.integer(f"{of}_shnu_vol"), row.integer(f"{of}_seln_vol")
    bought_value, sold_value = row.integer(f"{of}_shnu_tr_pbmn"), row.integer(f"{of}_seln_tr_pbmn")
    net_name = f"{of}_ntby_{'vol' if of in _NET_IN_VOLUME else 'qty'}"
    if row.integer(net_name) != bought - sold:
        raise row.error(net_name, f"is {row.integer(net_name)}, and {bought} were bought and {sold} sold")
    net_value = row.integer(f"{of}_ntby_tr_pbmn")
    if abs(net_value - (bought_value - sold_value)) > _ROUNDED:
        problem = f"is {net_value}, and {bought_value} were bought and {sold_value} sold"
        raise row.error(f"{of}_ntby_tr_pbmn", problem)
    return Traded(bought, sold, bought_value * _WON, sold_value * _WON)


def _within(answer: Answer, output: str, first: date, last: date) -> list[Row]:
    """Return the rows of a range, newest first; KIS leaves the figures of a session empty until it is over.

    Raises:
        PayloadError: The rows are not in order, a day comes twice, or two sessions with trades have the same figures.
    """
    rows, newer, before = [], date.max, _NOTHING
    for row in _filled(answer, output):
        day = row.day("stck_bsop_date")
        if day >= newer:
            raise row.error("stck_bsop_date", f"is {day}, not older than the row before")
        if (figures := _figures(row)) == before and any(value.strip("0") for value in figures.values()):
            raise row.error("stck_bsop_date", f"is {day}, with the figures of {newer}")
        newer, before = day, figures
        if first <= day <= last:
            rows.append(row)
    return rows


def _figures(row: Row) -> dict[str, str]:
    return {name: str(value) for name, value in row.fields.items() if name.endswith(("_vol", "_qty"))}


def _filled(answer: Answer, output: str) -> list[Row]:
    return [row for row in answer.rows(output) if row.optional("prsn_shnu_vol")]


def _day(row: Row) -> date:
    return row.day("stck_bsop_date")
