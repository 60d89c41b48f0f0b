"""The indices of a range of sessions: which code means which index, and in which units the chart counts."""

from __future__ import annotations

from datetime import date
from itertools import islice

import pytest

from data_pipeline.exceptions import InvalidRequestError, PayloadError
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.rejections import collecting
from data_pipeline.market.trading_calendar import krx_calendar
from tests.support.kis_answers import ok
from tests.support.sector_codes import SECTOR_CODES

CHART = "inquire-daily-indexchartprice"
DAY = date(2026, 11, 20)


def row(day, close):
    """Return a row of the documented chart with another day and close."""
    return {
        "stck_bsop_date": day, "bstp_nmix_prpr": close, "bstp_nmix_oprc": "2634.32", "bstp_nmix_hgpr": "2642.75",
        "bstp_nmix_lwpr": "2606.08", "acml_vol": "892653", "acml_tr_pbmn": "9289660", "mod_yn": "N",
    }  # fmt: skip


def chart(code, *rows, name="종합"):
    """Return a chart of the index with this code; a sector has its name."""
    name = SECTOR_CODES[code][1] if code in SECTOR_CODES else name
    return ok(output1={"bstp_cls_code": code, "hts_kor_isnm": name}, output2=list(rows))


ROWS = (row("20261120", "2610.81"), row("20261119", "2644.51"))
MAIN = ["0001", "1001", "2001", "3003"]
CODES = [*MAIN, *SECTOR_CODES]


def charts(*rows):
    """Return the chart of each index that is asked for, in turn, all with these rows."""
    return [chart(code, *rows) for code in CODES]


def test_1001_is_kosdaq(kis, make_source):
    """At KIS 0001 is KOSPI and 1001 is KOSDAQ, each asked under market U with the session before."""
    kis.answer(CHART, *charts(*ROWS))
    bars = list(make_source().index_bars(DAY, DAY))
    assert [bar.label for bar in bars][:4] == ["KOSPI 코스피", "KOSDAQ 코스닥", "KOSPI 코스피 200", "KOSDAQ 코스닥 150"]
    asked = kis.queries(CHART)
    assert [query["FID_INPUT_ISCD"] for query in asked] == CODES
    assert asked[0] == {
        "FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001", "FID_INPUT_DATE_1": "20261119",
        "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D",
    }  # fmt: skip


def test_thousands_of_shares_and_millions_of_won(kis, make_source):
    """Volume and value are whole shares and won, and the change is counted from the close before, with its sign."""
    kis.answer(CHART, *charts(*ROWS))
    assert next(iter(make_source().index_bars(DAY, DAY))) == IndexBar(
        "KOSPI", "코스피", DAY, 2634.32, 2642.75, 2606.08, 2610.81, -33.7, 892_653_000, 9_289_660_000_000, None
    )


def test_a_page_holds_forty_nine_sessions(kis, make_source):
    """Fifty rows are one call: 49 sessions and the close before them; the fiftieth session is another page."""
    days = [f"{day:%Y%m%d}" for day in krx_calendar().sessions(date(2026, 8, 1), DAY)][-51:]
    rows = [row(day, f"{2610 + number / 100:.2f}") for number, day in enumerate(reversed(days))]
    kis.answer(CHART, chart("0001", *rows[:50]), chart("0001", *rows[49:]), *charts(*rows)[1:])
    first = date.fromisoformat(days[1])
    bars = islice(make_source().index_bars(first, DAY), 50)
    assert [f"{bar.session:%Y%m%d}" for bar in bars] == days[:0:-1]
    spans = [(one["FID_INPUT_DATE_1"], one["FID_INPUT_DATE_2"]) for one in kis.queries(CHART)[:2]]
    assert spans == [(days[1], days[-1]), (days[0], days[1])]


def test_an_index_begins_with_its_first_session(kis, make_source):
    """KOSDAQ 150 exists since 2015-07-13: that session has no change, and no older one is asked for."""
    first, later = date(2015, 7, 10), date(2015, 7, 14)
    rows = [row(day, close) for day, close in (
        ("20150714", "1003.00"), ("20150713", "1000.00"), ("20150710", "990.00"), ("20150709", "980.00"))]  # fmt: skip
    rows = [{**one, "bstp_nmix_lwpr": "900.00"} for one in rows]
    kis.answer(CHART, *charts(*rows)[:3], chart("3003", *rows[:2]))  # and no sectors: their names are of 2024
    young = [bar for bar in make_source().index_bars(first, later) if bar.name == "코스닥 150"]
    assert [(bar.session.day, bar.change) for bar in young] == [(14, 3.0), (13, None)]
    assert kis.queries(CHART)[-1]["FID_INPUT_DATE_1"] == "20150713"


def test_another_index_is_refused(kis, make_source):
    """An answer that is about another code is no index of ours, whatever its name says."""
    kis.answer(CHART, chart("1001", *ROWS))
    with pytest.raises(PayloadError, match="is not 0001, the code of KOSPI"):
        list(make_source().index_bars(DAY, DAY))


def test_a_missing_day_is_an_error(kis, make_source):
    """Without the session before there is no change, and none is made up."""
    kis.answer(CHART, chart("0001", ROWS[0], {}))
    with pytest.raises(PayloadError, match="there is no row of 2026-11-19"):
        list(make_source().index_bars(DAY, DAY))


def test_a_day_that_comes_twice_is_an_error(kis, make_source):
    """Nobody can tell which of the two rows is right."""
    kis.answer(CHART, chart("0001", *ROWS, row("20261120", "2600.00")))
    with pytest.raises(PayloadError, match="is 2026-11-20 twice"):
        list(make_source().index_bars(DAY, DAY))


def test_a_repeated_row_is_an_error(kis, make_source):
    """The figures of the session before under a new date would make a change of nothing, and the next one wrong."""
    kis.answer(CHART, chart("0001", ROWS[0], ROWS[0] | {"stck_bsop_date": "20261119"}))
    with pytest.raises(PayloadError, match="the row of 2026-11-20 repeats that of 2026-11-19"):
        list(make_source().index_bars(DAY, DAY))


def test_a_malformed_row_is_set_aside(kis, make_source):
    """It alone is missing, and its session is known."""
    wrong = row("20261120", "x")
    kis.answer(CHART, chart("0001", wrong, ROWS[1]), *charts(*ROWS)[1:])
    with collecting() as held:
        assert len(list(make_source().index_bars(DAY, DAY))) == 44
    assert [(one.session, one.payload) for one in held.rows] == [(DAY, wrong)]


def test_a_day_without_a_session_is_empty(kis, make_source):
    """A Saturday is not asked for."""
    saturday = date(2026, 11, 21)
    assert list(make_source().index_bars(saturday, saturday)) == []
    assert kis.queries(CHART) == []


def test_a_running_session_is_refused(kis, make_source):
    """A session that has not ended by the server's clock is refused after the first call."""
    kis.answer(CHART, chart("0001", *ROWS))
    with pytest.raises(InvalidRequestError, match="not final"):
        list(make_source().index_bars(date(2026, 11, 23), date(2026, 11, 23)))
    assert len(kis.queries(CHART)) == 1
