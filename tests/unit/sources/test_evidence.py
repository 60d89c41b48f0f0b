"""The registers of evidence name what the parsers read, no more and no less, and say why it is believed.

What the parsers read is found by letting them read hand-written answers, never the emulator's.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import pytest

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.evidence import gathering
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.evidence import Belief, beliefs
from data_pipeline.sources.kis import parse, parse_chart
from data_pipeline.sources.kis.indices import parse_index_bars, parse_index_snapshot
from data_pipeline.sources.kis.investors import parse_flow
from data_pipeline.sources.kis.known_fields import KNOWN_FIELDS as OF_KIS
from data_pipeline.sources.kis.market_flows import parse_market_flow
from data_pipeline.sources.kis.minute_tally import MinuteTally, minute_bars
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.trades import parse_trades
from data_pipeline.sources.krx import parse as krx
from data_pipeline.sources.krx.known_fields import KNOWN_FIELDS as OF_KRX
from data_pipeline.sources.krx.parse_fields import Row
from tests.support.project import ROOT, SAMPLES, syntax

AT = datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL)
LISTS = {"intstock-multprice", "chk-holiday", "inquire-investor", "inquire-investor-daily-by-market"}
"""Calls whose one output is a list; a chart's second output is one, too."""


class Heard(dict):
    """One object of an answer, which remembers the names that it was asked for."""

    def __init__(self, fields: dict[str, str], output: str, heard: set[str]) -> None:
        super().__init__(fields)
        self.output, self.heard = output, heard

    def get(self, name: str, default: Any = None) -> Any:
        self.heard.add(f"{self.output}.{name}" if self.output else name)
        return super().get(name, default)


def kis_sample(name: str) -> Any:
    """Return a sample of KIS."""
    return json.loads((SAMPLES / "kis" / f"{name}.json").read_text(encoding="utf-8"))


def kis_answer(call: str, heard: set[str]) -> Answer:
    """Return the documented answer of a call; an index chart has a row of the session before, too."""
    body: dict[str, Any] = {}
    for output, fields in kis_sample(call)["outputs"].items():
        if call in LISTS or (output == "output2" and call.endswith(("chartprice", "daily", "itemconclusion"))):
            rows = (
                [fields, {**fields, "stck_bsop_date": "20220506", "bstp_nmix_prpr": "2611.00"}]
                if call.endswith("indexchartprice")
                else [fields]
            )
            body[output] = [Heard(row, output, heard) for row in rows]
        else:
            body[output] = Heard(fields, output, heard)
    return Answer(f"KIS {call} of the sample", body, AT)


def read_quotes(answer: Answer) -> None:
    """Read quotes as prices and as bars."""
    row = parse.parse_quotes(["005930"], answer)["005930"]
    parse.parse_quote_price("005930", AT, row)
    parse.parse_quote_bar("005930", AT.date(), row)


def read_days(answer: Answer) -> None:
    """Read a chart of days."""
    (row,) = parse_chart.parse_chart("000660", answer, date(2022, 5, 1), date(2022, 5, 31))
    parse_chart.daily_bar("000660", row)


def read_minutes(answer: Answer) -> None:
    """Read a chart of minutes; one row alone lacks its predecessor, which is told to whoever gathers evidence."""
    tally = MinuteTally("000660", krx_calendar())
    tally.hear(answer)
    with gathering():
        list(minute_bars(parse_chart.parse_minutes("000660", answer), tally))


def read_indices(answer: Answer) -> None:
    """Read a chart of a main index, and as one of a sector, which must have the sector's name."""
    days = [date(2022, 5, 6), date(2022, 5, 9)]
    list(parse_index_bars(answer, "0001", days))
    with suppress(DataPipelineError):
        list(parse_index_bars(answer, "0005", days))


KIS: dict[str, Callable[[Answer], object]] = {
    "inquire-price": lambda answer: parse.parse_price("000660", answer),
    "inquire-asking-price-exp-ccn": lambda answer: parse.parse_order_book("000660", answer),
    "intstock-multprice": read_quotes,
    "search-stock-info": lambda answer: parse.parse_stock_info("000660", answer),
    "chk-holiday": lambda answer: parse.parse_market_days(date(2022, 12, 27), answer),
    "inquire-daily-itemchartprice": read_days,
    "inquire-daily-indexchartprice": read_indices,
    "inquire-index-price": lambda answer: parse_index_snapshot(answer, "1001"),
    "investor-trade-by-stock-daily": lambda answer: [parse_flow("005930", row) for row in answer.rows("output2")],
    "inquire-investor": lambda answer: [parse_flow("005930", row) for row in answer.rows("output")],
    "inquire-investor-daily-by-market": lambda answer: parse_market_flow(answer, "KOSPI", AT.date()),
    "inquire-time-itemchartprice": read_minutes,
    "inquire-time-itemconclusion": lambda answer: parse_trades("005930", Venue.KRX, AT, answer),
    "inquire-time-dailychartprice": read_minutes,
}
KRX: dict[str, Callable[[list[Row]], object]] = {
    "stk_bydd_trd": lambda rows: list(krx.parse_daily_bars(rows, AT.date())),
    "stk_isu_base_info": lambda rows: list(krx.parse_instruments(rows, "KOSPI", AT.date())),
    "kospi_dd_trd": lambda rows: list(krx.parse_index_bars(rows, AT.date())),
}
KRX_ANSWERS = json.loads((SAMPLES / "krx" / "answers.json").read_text(encoding="utf-8"))


def registered(vendor: str, call: str) -> set[str]:
    """Return the fields of a call that the register names."""
    return {name for one in beliefs(vendor) if call in one.call.split(", ") for name in one.fields}


@pytest.mark.parametrize("call", KIS)
def test_the_register_has_the_fields_that_are_read_of_kis(call):
    """A field that is read and not registered, or the reverse, is named; the shell of an unknown code is read too."""
    heard: set[str] = set()
    answer = kis_answer(call, heard)
    KIS[call](answer)
    for output in answer.body.values():
        for row in output if isinstance(output, list) else [output]:
            row.clear()
    with suppress(DataPipelineError):
        KIS[call](answer)
    assert heard ^ registered("kis", call) == set()


@pytest.mark.parametrize("service", KRX)
def test_the_register_has_the_fields_that_are_read_of_krx(service):
    """A field that is read and not registered, or the reverse, is named."""
    heard: set[str] = set()
    KRX[service]([Row("KRX of the sample", Heard(row, "", heard)) for row in KRX_ANSWERS[service]["OutBlock_1"]])
    assert heard ^ registered("krx", service) == set()


def keys(value: Any) -> Iterator[str]:
    """Yield the keys of a document at any depth."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key
        yield from keys(inner)
    for inner in value if isinstance(value, list) else ():
        yield from keys(inner)


WORDS = {
    "kis": {*kis_sample("token"), *keys(list(kis_sample("errors").values())), "rt_cd"}.union(*OF_KIS.values())
    - {"status", "body"},
    "krx": set(keys(KRX_ANSWERS)).union(*OF_KRX.values()) - {*KRX, "refused"},
}  # fmt: skip
"""What the vendors call their fields."""
BEGINNINGS = {"askp", "bidp"}
"""Written for the names of ten levels, though a chart of days has fields of these names."""


@pytest.mark.thorough
@pytest.mark.parametrize("vendor", WORDS)
def test_no_file_of_a_vendor_names_another_field(vendor):
    """A field's name in the code, read by whatever path, is in the register."""
    paths = sorted((ROOT / "data_pipeline" / "sources" / vendor).glob("*.py"))
    written = {
        node.value
        for path in paths
        for node in syntax(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    known = {name.rsplit(".", 1)[-1] for one in beliefs(vendor) for name in one.fields}
    assert (written & WORDS[vendor]) - known - BEGINNINGS == set()
    assert len(written & WORDS[vendor]) > 15


@pytest.mark.parametrize("check", sorted({one.check for vendor in WORDS for one in beliefs(vendor) if one.check}))
def test_the_check_of_a_belief_exists(check):
    """Its name leads to something that can be called."""
    module, name = check.split(":")
    found: Any = importlib.import_module(f"data_pipeline.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)


def test_a_belief_without_a_ground_is_none():
    """Nobody has to take anything on trust."""
    with pytest.raises(ValueError, match="nothing says why"):
        Belief("inquire-price", "output", "stck_prpr", "won", {}, "")


def test_an_inference_needs_a_check():
    """What nobody documented or recorded must be found out when it is wrong."""
    with pytest.raises(ValueError, match="only inferred"):
        Belief("inquire-price", "output", "stck_prpr", "won", {"inferred": "prices are"}, "")
    assert Belief("x", "output", "bidp1..3 y", "won", {"inferred": "prices are"}, "a:b").fields == {
        "output.bidp1", "output.bidp2", "output.bidp3", "output.y",
    }  # fmt: skip
