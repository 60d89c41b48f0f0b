"""A backfill divided between whole market days of KRX and pages of KIS.

Facts: a market day of KRX costs a call for KOSPI, KOSDAQ and KONEX each, then for ETF and ETN, until every code is
found; a call of KIS brings 100 sessions of one code, or 30 codes of the session that quotes show.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.backfill.cost import said_today
from data_pipeline.backfill.division import as_ranges, clipped, divide, merged
from data_pipeline.backfill.requests import plan_spans
from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.market.origin import Offer, origin_of

pytestmark = pytest.mark.thorough

KRX, KIS = origin_of("krx").shape, origin_of("kis").shape
SESSIONS = [date(2020, 1, 1) + timedelta(days=number) for number in range(400)]
"""Sessions of an exchange that never closes: the planner only counts positions."""
BOARDS = ("KOSPI", "KOSDAQ", "KONEX")


def whole_market(first, last, size=2700):
    """The same gap of so many codes on all three boards, and the board of each."""
    codes = [f"{number:06}" for number in range(size)]
    gaps = {code: [(SESSIONS[first], SESSIONS[last])] for code in codes}
    return gaps, {code: BOARDS[number % 3] for number, code in enumerate(codes)}


def plan(gaps, markets, *, left=10_000, published=399, quoted=None, sessions=SESSIONS):
    """Positions and calls of KRX, and the requests of KIS."""
    offer = Offer("krx", sessions[published], left)
    division = divide(DAILY_BAR, gaps, sessions, offer, (KRX, KIS), markets, quoted)
    spans = plan_spans(DAILY_BAR, division.by_code, sessions, KIS, 50_000, quoted)
    return [sessions.index(day) for day in division.sessions], division.calls, sum(span.requests for span in spans)


def test_the_whole_market_of_a_year_comes_by_market_days():
    """250 sessions at three calls are 750; 2,700 codes at three pages would be 8,100."""
    assert plan(*whole_market(150, 399)) == ([*range(150, 400)], 750, 0)


def test_few_codes_of_a_long_range_come_code_by_code():
    """Three codes of 400 sessions are 12 pages, and 400 market days at least as many calls."""
    codes = ("000020", "005930", "000660")
    gaps = {code: [(SESSIONS[0], SESSIONS[399])] for code in codes}
    assert plan(gaps, dict.fromkeys(codes, "KOSPI")) == ([], 0, 12)


def test_one_session_of_thirty_codes():
    """All on KOSDAQ: KOSPI and KOSDAQ are asked, two calls, against thirty pages."""
    codes = [f"{number:06}" for number in range(30)]
    gaps = {code: [(SESSIONS[7], SESSIONS[7])] for code in codes}
    assert plan(gaps, dict.fromkeys(codes, "KOSDAQ")) == ([7], 2, 0)


def test_with_equal_cost_the_exchange_is_asked():
    """One code of KOSPI on one session is a call of either; the exchange's figures are final."""
    assert plan({"005930": [(SESSIONS[7], SESSIONS[7])]}, {"005930": "KOSPI"}) == ([7], 1, 0)
    assert plan({"247540": [(SESSIONS[7], SESSIONS[7])]}, {"247540": "KOSDAQ"}) == ([], 0, 1)


def test_what_many_lack_and_what_few_lack_are_divided():
    """400 codes lack the last five sessions, 15 calls; two of them lack all the 395 before as well, eight pages."""
    gaps, markets = whole_market(395, 399, 400)
    for code in ("000000", "000001"):
        gaps[code] = [(SESSIONS[0], SESSIONS[399])]
    assert plan(gaps, markets) == ([395, 396, 397, 398, 399], 15, 8)


def test_the_calls_of_today_bound_the_market_days():
    """300 calls are the newest hundred sessions; the 150 before them are two pages for each of 2,700 codes."""
    assert plan(*whole_market(150, 399), left=300) == ([*range(300, 400)], 300, 5400)


def test_market_days_that_save_no_page_are_not_taken():
    """Ten of 250 sessions leave 240, which are three pages a code as before: the thirty calls would be wasted."""
    assert plan(*whole_market(150, 399), left=30) == ([], 0, 8100)


def test_no_calls_left_leave_everything_to_the_other_source():
    """Nothing is asked of KRX on a spent day."""
    assert plan(*whole_market(399, 399), left=0) == ([], 0, 2700)


def test_a_session_that_is_not_published_comes_from_the_quotes():
    """The last of three sessions: six calls for two, and a proof with 90 times thirty quotes for the third."""
    gaps = whole_market(397, 399)
    assert plan(*gaps, published=398, quoted=SESSIONS[399]) == ([397, 398], 6, 91)


def test_sessions_before_2010_are_not_asked_of_the_exchange():
    """Its figures begin with the first session of 2010, and KONEX with July 2013: two calls a session."""
    sessions = [date(2009, 12, 29), date(2009, 12, 30), date(2010, 1, 4), date(2010, 1, 5)]
    gaps = {f"{number:06}": [(sessions[0], sessions[3])] for number in range(50)}
    gaps |= {f"1{number:05}": [(sessions[2], sessions[3])] for number in range(50)}
    boards = dict.fromkeys(gaps, "KOSDAQ")
    assert plan(gaps, boards, published=3, sessions=sessions) == ([2, 3], 4, 50)


@pytest.mark.parametrize(
    ("session", "markets", "calls"),
    [
        (date(2026, 9, 21), {"KOSPI"}, 1),
        (date(2026, 9, 21), {"KOSPI", "KONEX"}, 3),
        (date(2026, 9, 21), {"KOSPI", "ETF"}, 4),
        (date(2026, 9, 21), {"ETN"}, 5),
        (date(2026, 9, 21), {""}, 5),
        (date(2014, 11, 14), {"ETF"}, 4),
        (date(2013, 6, 28), {"ETF"}, 3),
        (date(2013, 6, 28), {"KONEX"}, 3),
        (date(2026, 9, 21), set(), 0),
    ],
)
def test_calls_of_a_market_day(session, markets, calls):
    """Boards are asked in order until every code is found; those that were not open yet cost nothing."""
    assert KRX.calls_of_day(session, markets) == calls


CELLS = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.sets(st.integers(0, 40), min_size=1, max_size=20), min_size=1, max_size=8
)


def as_cells(gaps):
    """Every code and position of gaps."""
    where = {session: position for position, session in enumerate(SESSIONS)}
    return [
        (code, position)
        for code, found in gaps.items()
        for first, last in found
        for position in range(where[first], where[last] + 1)
    ]


@settings(max_examples=200, deadline=None)
@given(cells=CELLS, left=st.integers(0, 60), published=st.integers(0, 40))
def test_every_cell_is_asked_for_once_and_never_dearer_than_by_code(cells, left, published):
    """Together the shares are the gaps, KRX's lies within its calls and its sessions, and the plan pays."""
    gaps = {code: [(SESSIONS[p], SESSIONS[p]) for p in sorted(found)] for code, found in cells.items()}
    markets = dict(zip("ABCDEFGH", BOARDS * 3, strict=False))
    division = divide(DAILY_BAR, gaps, SESSIONS, Offer("krx", SESSIONS[published], left), (KRX, KIS), markets)
    assert sorted(as_cells(division.by_day) + as_cells(division.by_code)) == sorted(as_cells(gaps))
    assert {SESSIONS[position] for _, position in as_cells(division.by_day)} == set(division.sessions)
    assert division.calls <= left
    assert all(day <= SESSIONS[published] for day in division.sessions)
    asked, alone = (
        sum(span.requests for span in plan_spans(DAILY_BAR, some, SESSIONS, KIS, 50_000))
        for some in (division.by_code, gaps)
    )
    assert division.calls + asked <= alone
    assert sorted(as_cells(merged((division.by_day, division.by_code), SESSIONS))) == sorted(as_cells(gaps))


def test_ranges():
    """Days as ranges of neighbours, and the parts of gaps that lie in them."""
    assert as_ranges([SESSIONS[3], SESSIONS[1], SESSIONS[2], SESSIONS[9]], SESSIONS) == [
        (SESSIONS[1], SESSIONS[3]),
        (SESSIONS[9], SESSIONS[9]),
    ]
    gaps = {"A": [(SESSIONS[0], SESSIONS[2]), (SESSIONS[8], SESSIONS[9])], "B": [(SESSIONS[5], SESSIONS[5])]}
    assert clipped(gaps, [(SESSIONS[2], SESSIONS[3]), (SESSIONS[9], SESSIONS[12])], SESSIONS) == {
        "A": [(SESSIONS[2], SESSIONS[2]), (SESSIONS[9], SESSIONS[9])]
    }


@pytest.mark.parametrize(
    ("calls", "left", "said"),
    [
        ([3, 3], 10, "4 of its calls of today stay"),
        ([3, 3, 3], 8, "2 sessions today, the other 1 from 00:00 in Seoul on: krx has 8 calls left today"),
        ([], 0, "0 of its calls of today stay"),
    ],
)
def test_what_is_left_for_tomorrow(calls, left, said):
    """The exchange alone: how many sessions today, and when to go on."""
    assert said_today(calls, Offer("krx", SESSIONS[0], left)) == said
