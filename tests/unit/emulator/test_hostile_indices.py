"""Lies about indices: whatever is told, what is loaded is true, as long as the session before is stored."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from data_pipeline.datasets.findings import Context
from data_pipeline.datasets.index_bar import INDEX_BAR
from data_pipeline.emulator.borrowed import borrowed_call
from data_pipeline.emulator.hostile import LIES, told
from data_pipeline.emulator.kis import wire_index
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import Call
from data_pipeline.emulator.krx.rows_index import SERVICES
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.index_records import IndexBar, main_labels
from data_pipeline.market.rejections import collecting
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.kis.indices import CODES, parse_index_bars
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.krx.parse import parse_index_bars as parse_krx
from data_pipeline.sources.krx.parse_fields import Row
from data_pipeline.sources.mock.indices import indices_of
from data_pipeline.sources.mock.market import SyntheticMarket

EVENING = datetime(2026, 11, 20, 20, 35, tzinfo=SEOUL)
DAYS = krx_calendar().sessions(date(2026, 11, 16), date(2026, 11, 20))
ABOUT_BODIES = [lie for lie in LIES if lie not in ("wrong_status", "web_page", "cut_letter", "wrong_action", "late")]
PATH = "/uapi/domestic-stock/v1/quotations/inquire-daily-indexchartprice"


@pytest.fixture(scope="module")
def market():
    """The synthetic market."""
    return SyntheticMarket()


def loaded(bars, held, stored, first, labels):
    """Return what of these bars would be loaded; nothing when the window is refused."""
    cells = [(label, day) for day in DAYS if day >= first for label in labels]
    context = Context(krx_calendar(), EVENING, stored=stored)
    found = judge(bars, INDEX_BAR, Asked((), first, DAYS[-1], cells), context, len(held.rows))
    return [] if found.fatal else found.good


def chart_bars(market, lie, seed, code):
    """Return the bars of the true chart after its oldest, and those that are loaded when a lie is told about it."""
    view = MarketView(market)
    query = {
        "FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": code, "FID_INPUT_DATE_1": f"{DAYS[0]:%Y%m%d}",
        "FID_INPUT_DATE_2": f"{DAYS[-1]:%Y%m%d}", "FID_PERIOD_DIV_CODE": "D",
    }  # fmt: skip
    call = Call(query, EVENING, view.moment(EVENING))
    true = wire_index.answer(view, call).body
    body = true
    if lie:
        other = borrowed_call(lie, view, call)
        body = told(lie, seed, PATH, query, true, wire_index.answer(view, other).body if other else None).body
    *right, oldest = parse_index_bars(Answer("KIS", json.loads(true), EVENING), code, DAYS)
    with collecting() as held:
        try:
            bars = [*parse_index_bars(Answer("KIS", json.loads(body), EVENING), code, DAYS)]
        except DataPipelineError:
            return right, []
    newer = [bar for bar in bars if bar.session > oldest.session]
    return right, loaded(newer, held, [oldest], DAYS[2], [CODES[code].label] if code in CODES else [])


OFFERED = [*CODES, "0013", "1031"]
"""The main indices, a sector in the middle, and the last of all codes."""


@pytest.mark.thorough
@pytest.mark.parametrize("code", OFFERED)
def test_the_truth_about_a_chart_is_loaded(market, code):
    """Without a lie every session after the stored one comes."""
    right, good = chart_bars(market, "", 0, code)
    assert good == right
    assert len(good) == 3


@pytest.mark.thorough
@pytest.mark.parametrize("lie", ABOUT_BODIES)
def test_no_lie_about_a_chart_is_loaded(market, lie):
    """Main indices and sectors, five seeds: each bar that is loaded is the true one."""
    for seed in range(5):
        for code in OFFERED:
            right, good = chart_bars(market, lie, seed, code)
            assert [bar for bar in good if bar not in right] == []


@pytest.mark.thorough
@pytest.mark.parametrize("lie", ABOUT_BODIES)
def test_no_lie_about_the_exchange_is_loaded(market, lie):
    """One of its families is lied about, five seeds: each bar that is loaded is the true one."""
    session, before = DAYS[-1], DAYS[-2]
    indices = indices_of(market)
    right = indices.bars(session)
    for seed in range(5):
        bars: list[IndexBar] = []
        with collecting() as held:
            for name, service in SERVICES.items():
                true, other = (
                    json.dumps({"OutBlock_1": service.rows(market, day, False)}).encode() for day in (session, before)
                )
                lied = name == "idx/kospi_dd_trd"
                reply = told(lie, seed, f"/svc/apis/{name}", {"BASDD": f"{session:%Y%m%d}"}, true, other)
                answer = json.loads(reply.body if lied else true)
                rows = [Row(f"KRX {name}", fields) for fields in answer["OutBlock_1"]]
                bars += parse_krx(rows, session)
        good = loaded(bars, held, indices.bars(before), session, main_labels(session))
        assert [bar for bar in good if bar not in right] == []
