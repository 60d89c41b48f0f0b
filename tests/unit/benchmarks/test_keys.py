"""What the benchmark of the keys loads: pages that a parser reads in columns, of instruments that a list may have."""

from __future__ import annotations

from benchmarks._keys_rows import days, listed, page, page_bars
from benchmarks._loading_bars import ANSWERED, LAST, codes_of
from data_pipeline.client.strict_json import quick_object
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_chart import require_head
from data_pipeline.sources.kis.plain_page import plain_bars


def test_a_page_holds_the_hundred_bars_of_its_code():
    """The answer for the third code, read as a load reads it, brings its bars of all sessions, newest first."""
    answer = quick_object(page(2))
    assert answer is not None
    require_head("000020", Answer("KIS", answer, ANSWERED))
    bars = plain_bars("000020", answer["output2"], days()[0], days()[-1])
    assert bars == page_bars(2)
    assert [bar.session for bar in bars or []] == days()[::-1]
    assert (len(days()), days()[-1]) == (100, LAST)


def test_every_code_is_listed_on_one_of_the_markets():
    """300 codes, all of them before the first session, and each market has some."""
    found = list(listed(300))
    assert [one.stock_code for one in found] == codes_of(300)
    assert {one.market for one in found} == {"KOSPI", "KOSDAQ", "KONEX"}
    assert all(one.listed_on is not None and one.listed_on < days()[0] for one in found)
