"""Missing sessions grouped into requests.

Facts: KIS brings 100 daily bars, 120 minute bars or 30 quotes a call; an instrument has up to 381 minutes a session.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.backfill.requests import plan_spans
from data_pipeline.backfill.wish import Wish, checked_range
from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.market.origin import KRX_BEGINS, RequestShape, origin_of, shape_of
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Span
from data_pipeline.sources.krx.endpoints import FUND_BARS, STOCK_BARS
from tests.support.fewest_requests import fewest_daily_requests, fewest_minute_requests

pytestmark = pytest.mark.thorough

KIS = origin_of("kis").shape
SESSIONS = [date(2026, 1, 1) + timedelta(days=number) for number in range(400)]
"""Sessions of an exchange that never closes: the planner only counts positions."""


def gaps_of(cells):
    """The gaps of these cells, neighbouring sessions together."""
    found: dict[str, list[tuple[int, int]]] = {}
    for code, position in sorted(cells):
        runs = found.setdefault(code, [])
        if runs and runs[-1][1] == position - 1:
            runs[-1] = (runs[-1][0], position)
        else:
            runs.append((position, position))
    return {code: [(SESSIONS[start], SESSIONS[end]) for start, end in runs] for code, runs in found.items()}


def plan(cells, dataset="daily_bar", shape=KIS, most_rows=50_000, quoted=None):
    """The spans for these cells, in positions."""
    where = {session: position for position, session in enumerate(SESSIONS)}
    spans = plan_spans(
        DATASETS[dataset], gaps_of(cells), SESSIONS, shape, most_rows, None if quoted is None else SESSIONS[quoted]
    )
    return [(span.stock_codes, where[span.first], where[span.last], span.requests) for span in spans]


def test_a_chart_call_takes_what_lies_within_a_hundred_sessions():
    """99 apart is one call; 100 apart are two, and neither asks for what lies between."""
    assert plan({("A", 5), ("A", 104)}) == [(("A",), 5, 104, 1)]
    assert plan({("A", 5), ("A", 105)}) == [(("A",), 5, 5, 1), (("A",), 105, 105, 1)]


def test_a_long_gap_is_one_span_of_many_pages():
    """250 sessions and one 40 before them: the third page, which has room for 50 more, brings that one too."""
    assert plan({("A", position) for position in range(100, 350)} | {("A", 60)}) == [(("A",), 60, 349, 3)]


def test_issues_that_lack_the_same_sessions_share_a_span():
    """A day that is missing for two instruments is one transaction of two calls; a third one's day is its own."""
    assert plan({("A", 7), ("B", 7), ("C", 9)}) == [(("A", "B"), 7, 7, 2), (("C",), 9, 9, 1)]


def test_the_quoted_session_of_many_issues_comes_by_quotes():
    """Of 61 instruments without the quoted session, A lacks the one before it too and gets both in its chart call."""
    codes = [f"B{number:02}" for number in range(60)]
    spans = plan({("A", 398), ("A", 399)} | {(code, 399) for code in codes}, quoted=399)
    assert spans == [(tuple(codes), 399, 399, 3), (("A",), 398, 399, 1)]


def test_two_issues_are_not_worth_quotes():
    """A chart call each costs no more than the proof and the quotes."""
    assert [span[3] for span in plan({("A", 399), ("B", 399)}, quoted=399)] == [2]


def test_minutes_are_packed_over_neighbouring_sessions_only():
    """Three sessions in a row are 1,143 minutes, ten calls; one session apart from them is 381, four calls."""
    assert plan({("A", 1), ("A", 2), ("A", 3), ("A", 5)}, "minute_bar") == [(("A",), 1, 3, 10), (("A",), 5, 5, 4)]


def test_a_span_of_minutes_holds_no_more_rows_than_it_may():
    """Room for two sessions: five sessions in a row are three spans."""
    spans = plan({("A", position) for position in range(5)}, "minute_bar", most_rows=800)
    assert [span[1:3] for span in spans] == [(0, 1), (2, 3), (4, 4)]


def test_a_source_of_whole_days_is_asked_day_by_day():
    """Five calls a session, however many instruments lack it."""
    spans = plan({("A", 3), ("B", 3), ("B", 4)}, shape=origin_of("krx").shape)
    assert spans == [(("A", "B"), 3, 3, 5), (("B",), 4, 4, 5)]


def test_nothing_missing_costs_nothing():
    """No gap, no span."""
    assert plan(set()) == []


def test_a_source_without_the_dataset_says_so():
    """KRX publishes no minutes."""
    with pytest.raises(UnsupportedDatasetError, match="krx has no minute_bar"):
        shape_of("krx", "minute_bar")


def test_how_far_back_a_source_goes():
    """KRX begins in 2010, so a backfill of 2009 is refused before any call; KIS has every session of the calendar."""
    evening = datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL)
    with pytest.raises(UnsupportedDatasetError, match="krx begins on 2010-01-04 and has nothing for 2009-12-30"):
        checked_range(Wish("daily_bar", (), date(2009, 12, 30)), "krx", evening)
    assert origin_of("krx").shape.first_day == origin_of("krx-sandbox").shape.first_day == KRX_BEGINS
    for source in ("kis", "kis-virtual", "mock"):
        assert checked_range(Wish("daily_bar", (), date(2001, 1, 2)), source, evening)[0] == date(2001, 1, 2)


def test_the_calls_of_a_market_day_are_those_of_the_source():
    """Which boards and funds KRX is asked for, in which order, and from when on is told beforehand as it is done."""
    services = [(one.market, one.first) for one in (*STOCK_BARS, *FUND_BARS)]
    assert list(origin_of("krx").shape.market_services) == services


CELLS = st.sets(st.tuples(st.sampled_from("ABCDEFGH"), st.integers(0, 60)), max_size=80)


@settings(max_examples=300, deadline=None)
@given(cells=CELLS, page=st.integers(1, 25), quotes=st.integers(2, 5), rows=st.integers(1, 200))
def test_daily_spans_cover_every_cell_with_the_fewest_requests(cells, page, quotes, rows):
    """Every missing cell is in a span, and no plan needs fewer requests."""
    shape = RequestShape(daily_page=page, quotes_page=quotes)
    spans = plan(cells, shape=shape, quoted=60, most_rows=rows)
    held = {
        (code, position) for codes, first, last, _ in spans for code in codes for position in range(first, last + 1)
    }
    assert cells <= held
    assert sum(span[3] for span in spans) == fewest_daily_requests(cells, page, quotes, 60)


@settings(max_examples=200, deadline=None)
@given(cells=CELLS)
def test_minute_spans_hold_exactly_the_missing_cells(cells):
    """Nothing that is there is fetched again, and no plan needs fewer requests, but for one each 20 sessions."""
    spans = plan(cells, "minute_bar")
    held = [
        (code, position) for codes, first, last, _ in spans for code in codes for position in range(first, last + 1)
    ]
    assert sorted(held) == sorted(cells)
    long = sum(last - first == 19 for _, first, last, _ in spans)
    assert fewest_minute_requests(cells) <= sum(span[3] for span in spans) <= fewest_minute_requests(cells) + long


def test_a_long_range_of_minutes_is_cut_where_pages_are_full():
    """45 sessions are 20, 20 and 5: 64, 64 and 16 calls, one more than in one piece."""
    spans = plan({("A", position) for position in range(45)}, "minute_bar")
    assert [span[1:] for span in spans] == [(0, 19, 64), (20, 39, 64), (40, 44, 16)]
    assert fewest_minute_requests({("A", position) for position in range(45)}) == 143


def test_a_span_holds_no_more_answers_than_it_may():
    """A chart call counts as a hundred rows, however little of it is wanted: room for 300 is three calls."""
    spans = plan({(code, 7) for code in "ABCDEFG"}, most_rows=300)
    assert [span[0] for span in spans] == [("A", "B", "C"), ("D", "E", "F"), ("G",)]


def test_quotes_of_many_issues_are_cut_too_and_proved_once():
    """Room for two answers: 150 instruments are 60, 60 and 30; the first calls prove the session."""
    codes = [f"B{number:03}" for number in range(150)]
    spans = plan({(code, 399) for code in codes}, quoted=399, most_rows=200)
    assert [(len(span[0]), span[3]) for span in spans] == [(60, 3), (60, 2), (30, 1)]


def test_healing_a_thousand_cells_and_fifty_days_costs_the_minimum():
    """2,700 instruments, 250 sessions, of which 50 and a thousand cells at random are missing, the newest too."""
    dice = random.Random(7)
    codes = [f"{number:06}" for number in range(2700)]
    days = {399, *dice.sample(range(150, 399), 49)}
    cells = {(code, day) for day in days for code in codes}
    cells |= {(dice.choice(codes), dice.randrange(150, 400)) for _ in range(1000)}
    spans = plan_spans(DATASETS["daily_bar"], gaps_of(cells), SESSIONS, KIS, 50_000, SESSIONS[399])
    assert sum(span.requests for span in spans) <= 1.05 * fewest_daily_requests(cells, quoted=399)
    assert isinstance(spans[0], Span)
