"""Pages in columns: what they bring is what the long way brings, and whatever is unusual goes that way."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.records import DailyBar
from data_pipeline.market.rejections import collecting
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_chart import good_bars, parse_chart
from data_pipeline.sources.kis.plain_page import plain_bars
from tests.support.kis_answers import HEAD, ROW

AT = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))
FIRST, LAST = date(2026, 11, 16), date(2026, 11, 20)
FIELDS = [name for name in ROW if name not in ("flng_cls_code", "prtt_rate", "mod_yn", "revl_issu_reas")]
ODD = [
    *(
        "",
        "0",
        "-0",
        "007",
        "-1600",
        "1600",
        "69500",
        "71300",
        "1" * 18,
        "1" * 19,
        "-" + "1" * 19,
        "20261118",
        "20261131",
    ),
    *(
        " 100",
        "+100",
        "1_0",
        "1.0",
        "1e3",
        "1E3",
        "١٢",
        "1,2",
        "1,",
        "-",
        "--1",
        "2",
        "3",
        "4",
        "5",
        "9",
        "null",
        "[1]",
    ),
    *(None, 100, 1.5, True, ["1"], {"a": "1"}),
]
VALUES = st.one_of(st.sampled_from(ODD), st.text(max_size=3))


def page(*changes: dict[str, object]) -> list[dict[str, object]]:
    """Return three rows, newest first, the first of them with these changes."""
    rows = [dict[str, object](ROW) | {"stck_bsop_date": day} for day in ("20261119", "20261118", "20261117")]
    for row, change in zip(rows, changes, strict=False):
        row.update(change)
    return rows


def the_long_way(rows: object) -> tuple[list[DailyBar], int]:
    """Return the bars of a page row by row, and how many rows were set aside."""
    answer = Answer("KIS chart of 005930", {"output1": HEAD, "output2": rows}, AT)
    with collecting() as held:
        bars = list(good_bars("005930", parse_chart("005930", answer, FIRST, LAST)))
    return bars, len(held.rows)


@pytest.mark.thorough
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=2), max_size=3))
def test_columns_bring_what_the_long_way_brings(changes):
    """Whatever stands in a row: the same bars and nothing set aside, or no word."""
    found = plain_bars("005930", page(*changes), FIRST, LAST)
    assert found is None or (found, 0) == the_long_way(page(*changes))


@pytest.mark.parametrize("field", FIELDS)
def test_one_odd_value_is_never_read_otherwise(field):
    """Each odd value in each field, alone and in a day that did not trade: the same bars, or no word."""
    nothing = {"acml_vol": "0", "acml_tr_pbmn": "0", "prdy_vrss": "0", "prdy_vrss_sign": "3"}
    for value in ODD:
        both: tuple[dict[str, object], ...] = ({field: value}, {**nothing, field: value})
        for changes in both:
            found = plain_bars("005930", page(changes), FIRST, LAST)
            assert found is None or (found, 0) == the_long_way(page(changes)), value


def test_a_usual_page_is_read_in_columns():
    """Three traded days, by hand; a fall is written with its own minus beside sign code 5."""
    expected = [
        DailyBar("005930", date(2026, 11, day), 71000, 71300, 69400, 69500, 100, 7000000, -1600) for day in (19, 18, 17)
    ]
    assert plain_bars("005930", page(), FIRST, LAST) == expected


def test_a_day_without_a_trade_is_read_in_columns():
    """Open, high and low are 0, whether KIS repeats the close for drawing or not."""
    nothing = {"acml_vol": "0", "acml_tr_pbmn": "0", "prdy_vrss": "0", "prdy_vrss_sign": "3"}
    drawn = dict.fromkeys(("stck_oprc", "stck_hgpr", "stck_lwpr"), "69500")
    halted, *others = plain_bars("005930", page({**nothing, **drawn}), FIRST, LAST) or []
    assert (halted.open, halted.high, halted.low, halted.close, halted.volume) == (0, 0, 0, 69500, 0)
    assert [bar.volume for bar in others] == [100, 100]


@pytest.mark.parametrize("rows", [None, "", [], {}, [[]], ["a"], [{}], [*page(), {}], page()[::-1]], ids=str)
def test_other_shapes_go_the_long_way(rows):
    """No list, no rows, rows that are none, padding, the wrong order: the columns keep silent."""
    assert plain_bars("005930", rows, FIRST, LAST) is None


def test_days_that_were_not_asked_for_go_the_long_way():
    """The columns keep silent, and the long way sets the row aside."""
    assert plain_bars("005930", page(), date(2026, 11, 18), LAST) is None
    assert plain_bars("005930", page(), FIRST, date(2026, 11, 18)) is None
    with pytest.raises(PayloadError, match="not in"):
        parse_chart("005930", Answer("KIS", {"output1": HEAD, "output2": page()}, AT), date(2026, 11, 18), LAST)
