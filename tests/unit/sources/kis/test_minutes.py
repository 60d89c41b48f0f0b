"""Minutes of finished sessions, walked back over day edges: which pages are asked for, and what is made of them.

Facts: 16 to 20 November 2026 are Monday to Friday and sessions; the 19th is the examination day, which trades from
10:00 to 16:30.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from data_pipeline.exceptions import IncompleteDataError, PayloadError
from data_pipeline.market.evidence import MinuteEvidence, gathering
from data_pipeline.market.records import PriceType
from tests.support.kis_answers import PRICE, minute, ok

MONDAY, TUESDAY, WEDNESDAY, FRIDAY = (date(2026, 11, day) for day in (16, 17, 18, 20))
TODAY, PAST = "inquire-time-itemchartprice", "inquire-time-dailychartprice"


def page(*rows: dict[str, str], traded: str = "14") -> dict[str, object]:
    """Return a minute chart of these rows."""
    return ok(output1={"hts_kor_isnm": "삼성전자", "acml_vol": traded}, output2=list(rows))


def down(day: date, newest: str, count: int, opened: str = "0900") -> list[dict[str, str]]:
    """Return so many minutes of one share and 100 won each, ending at a time, with the totals of a day since its open.

    The minutes before them did not trade when ``opened`` is the first of them.
    """
    end = datetime(2026, 1, 1, int(newest[:2]), int(newest[2:]))
    began = 60 * int(opened[:2]) + int(opened[2:])
    ats = [end - timedelta(minutes=back) for back in range(count)]
    return [
        minute(f"{at:%H%M%S}", "1", str(100 * (60 * at.hour + at.minute - began + 1)), day=f"{day:%Y%m%d}")
        for at in ats
    ]


def asked(kis) -> list[tuple[str, str, str]]:
    """Return day, time and whether earlier days were wanted, of each call for past minutes."""
    names = ("FID_INPUT_DATE_1", "FID_INPUT_HOUR_1", "FID_PW_DATA_INCU_YN")
    return [tuple(query[name] for name in names) for query in kis.queries(PAST)]


@pytest.fixture
def past(kis, make_source):
    """Answer with these pages, and return the bars of a range."""

    def ask(first: date, last: date, *pages: dict[str, object]):
        kis.answer("inquire-price", ok(output=PRICE))
        kis.answer(PAST, *pages)
        return list(make_source().minute_bars(["005930"], first, last))

    return ask


def test_a_page_filled_with_the_day_before_is_kept(kis, past):
    """Two days of 140 minutes come in three pages, not four, and the first bar of each day has its own value."""
    bars = past(
        TUESDAY, WEDNESDAY,
        page(*down(WEDNESDAY, "1119", 120)),
        page(*down(WEDNESDAY, "0919", 20), *down(TUESDAY, "1119", 100)),
        page(*down(TUESDAY, "0939", 40), *down(MONDAY, "1530", 80)),
    )  # fmt: skip
    assert len(bars) == 280
    assert {bar.trading_value for bar in bars} == {100}
    assert (bars[0].at.isoformat(), bars[-1].at.isoformat()) == (
        "2026-11-17T09:00:00+09:00", "2026-11-18T11:19:00+09:00",
    )  # fmt: skip
    assert asked(kis) == [("20261118", "200000", "Y"), ("20261118", "091900", "Y"), ("20261117", "093900", "Y")]


def test_a_page_that_ends_at_the_open_is_followed_by_the_session_before(kis, past):
    """The next page ends with the session before, whose last minute is wherever it is."""
    past(TUESDAY, WEDNESDAY, page(*down(WEDNESDAY, "1059", 120)), page(*down(TUESDAY, "1059", 120)))
    assert asked(kis) == [("20261118", "200000", "Y"), ("20261117", "200000", "Y")]


def test_a_late_open_is_not_relied_on(kis, past):
    """On 19 November 2026 trading is to begin at 10:00; a full page down to 10:00 does not end that session."""
    past(
        WEDNESDAY,
        date(2026, 11, 19),
        page(*down(date(2026, 11, 19), "1159", 120, "1000")),
        page(*down(WEDNESDAY, "0900", 1)),
    )
    assert asked(kis)[1] == ("20261119", "095900", "Y")


def test_a_server_that_does_not_fill_pages_is_asked_day_by_day(kis, past):
    """Short pages that stop at the open lose nothing: each session is asked for."""
    bars = past(
        MONDAY, WEDNESDAY,
        page(*down(WEDNESDAY, "0902", 3)), page(*down(TUESDAY, "0901", 2)), page(*down(MONDAY, "0900", 1)),
    )  # fmt: skip
    assert [bar.at.day for bar in bars] == [16, 17, 17, 18, 18, 18]
    assert [day for day, _, _ in asked(kis)] == ["20261118", "20261117", "20261116"]


def test_an_empty_session_does_not_end_the_walk(kis, past):
    """A halted day has no rows, or rows of empty objects; the day before it is asked for all the same."""
    bars = past(MONDAY, WEDNESDAY, page(*down(WEDNESDAY, "0900", 1)), page({}, {}), page(*down(MONDAY, "0900", 1)))
    assert [bar.at.day for bar in bars] == [16, 18]


def test_an_empty_page_covers_as_many_sessions_as_pages_were_seen_to(kis, past):
    """After a page over three sessions, an empty one has looked through three as well."""
    first = date(2026, 11, 11)
    past(first, FRIDAY - timedelta(days=2), page(
        *down(WEDNESDAY, "0900", 1), *down(TUESDAY, "0900", 1), *down(MONDAY, "0900", 1)), page(), page(),
    )  # fmt: skip
    assert [day for day, _, _ in asked(kis)] == ["20261118", "20261113"]


@pytest.mark.thorough
def test_twenty_sessions_cost_sixty_four_calls(kis, past):
    """7,620 bars in pages of 120, whatever the day edges; rows before the range are dropped."""
    days = [day for day in (date(2026, 10, 22) + timedelta(days=back) for back in range(28)) if day.weekday() < 5]
    before = down(date(2026, 10, 21), "1530", 100)
    rows = [
        row
        for day in days[::-1]
        for row in [minute("153000", "1", "38100", day=f"{day:%Y%m%d}"), *down(day, "1519", 380)]
    ] + before
    pages = [page(*rows[start : start + 120]) for start in range(0, len(rows), 120)]
    bars = past(days[0], days[-1], *pages)
    assert (len(days), len(bars), len(kis.queries(PAST))) == (20, 7620, 64)
    auction = [bar for bar in bars if bar.at.hour == 15 and bar.at.minute >= 20]
    assert {(bar.at.minute, bar.trading_value) for bar in auction} == {(30, 100)}


def test_the_session_that_has_closed_costs_pages_of_a_hundred_and_twenty(kis, past):
    """After the close today's minutes come from the larger pages."""
    assert len(past(FRIDAY, FRIDAY, page(*down(FRIDAY, "0902", 3)))) == 3
    assert not kis.queries(TODAY)


def test_the_running_session_comes_from_its_own_call(kis, make_source):
    """Until the close the call for today is used, and the sessions before it come from the other one."""
    kis.date = "Fri, 20 Nov 2026 06:29:59 GMT"
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, page(*down(FRIDAY, "0902", 3)))
    kis.answer(PAST, page(*down(date(2026, 11, 19), "1000", 1, "1000")))
    bars = list(make_source().minute_bars(["005930"], date(2026, 11, 19), FRIDAY))
    assert [bar.at.day for bar in bars] == [19, 20, 20]
    assert asked(kis) == [("20261119", "200000", "Y")]


def test_a_session_that_the_larger_pages_do_not_have_yet(kis, past):
    """When they begin with the day before, today comes from its own call and nothing is lost."""
    kis.answer(TODAY, page(*down(FRIDAY, "0901", 2)))
    bars = past(date(2026, 11, 19), FRIDAY, page(*down(date(2026, 11, 19), "1001", 2, "1000")))
    assert [bar.at.day for bar in bars] == [19, 19, 20, 20]


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (down(FRIDAY, "0900", 1), "stck_cntg_hour"),
        (down(date(2026, 11, 15), "0900", 1), "stck_bsop_date"),
        (down(WEDNESDAY, "0900", 1) * 2, "stck_cntg_hour"),
    ],
    ids=["later than asked", "a Sunday", "twice"],
)
def test_rows_that_cannot_be(past, rows, field):
    """A row after the time asked for, of a closed day, or twice, is refused."""
    with pytest.raises(PayloadError, match=field):
        past(WEDNESDAY, WEDNESDAY, page(*rows))


def test_charts_of_minutes_go_on_into_the_days_before(kis, make_source):
    """Four bars reach from the running session into the one before, with one call each."""
    kis.date = "Fri, 20 Nov 2026 03:00:00 GMT"
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, page(*down(FRIDAY, "0902", 3)))
    kis.answer(PAST, page(*down(date(2026, 11, 19), "1630", 5), *down(date(2026, 11, 19), "1619", 115)))
    kis.answer("kospi_code.mst.zip", _master())
    kis.answer("kosdaq_code.mst.zip", _master("KOSDAQ", "0001A0"))
    kis.answer("konex_code.mst.zip", _master("KONEX", "000009"))
    chart = make_source().get_chart_data("005930", PriceType.MINUTE_1, 4)
    assert [bar.date for bar in chart] == ["20261120090100", "20261120090000", "20261119163000", "20261119162900"]
    assert (len(kis.queries(TODAY)), len(kis.queries(PAST))) == (1, 1)


def _master(market: str = "KOSPI", code: str = "005930") -> bytes:
    from tests.support.kis_answers import line, zipped

    isin = {"005930": "KR7005930003", "0001A0": "KR70001A0001", "000009": "KR7000009001"}[code]
    return zipped(line(market, code, isin), f"{market.lower()}_code.mst")


def dear(at: str, price: str, volume: str, total: str) -> dict[str, str]:
    """Return a minute of Monday that traded at one price."""
    prices = dict.fromkeys(("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), price)
    return {**minute(at, volume, total, day="20261116"), **prices}


MORNING_LOST = [dear("110200", "20100", "105", "256922200"), dear("110100", "20050", "104", "254811700"),
                dear("110000", "20000", "103", "252726500")]  # fmt: skip
"""The oldest minute traded 2,060,000 won; its total is the morning's, whose minutes did not come."""


def test_the_oldest_minute_never_takes_the_running_total(kis, past):
    """Without its predecessor it is left out, and whoever loads is told that the session does not join from zero."""
    with gathering() as told:
        bars = past(MONDAY, MONDAY, page(*MORNING_LOST), page())
    assert [(bar.at.minute, bar.trading_value) for bar in bars] == [(1, 2085200), (2, 2110500)]
    assert [(one.session, one.volume, one.day_volume, one.reached_close) for one in told] == [
        (MONDAY, 209, None, False)
    ]  # fmt: skip
    assert told[0].problem == (
        "the minute of 11:00 has 103 shares at 20,000 to 20,000 won, and the total rose by 252,726,500 "
        "since the session began: minutes before it did not come"
    )


def test_a_hole_is_an_error_for_whoever_asks_directly(past):
    """Nobody gathers what the answers prove, so the caller gets an error and no bars with a hole."""
    with pytest.raises(IncompleteDataError, match="the total rose by 252,726,500 since the session began"):
        past(MONDAY, MONDAY, page(*MORNING_LOST))


@pytest.mark.parametrize(
    ("volume", "known", "settled"),
    [(100, (), True), (100, (100,), True), (100, (120,), True), (100, (99,), False), (99, (), False)],
    ids=["by the close", "all of the day", "after-hours beside", "more than the day", "some lost on the way"],
)
def test_minutes_down_from_the_close_are_whole(volume, known, settled):
    """A hundred shares from zero to the close: the day's volume may be more, never less."""
    one = MinuteEvidence("005930", MONDAY, 100, reached_close=True)
    assert (one.doubt(volume, known) == "") is settled


@pytest.mark.parametrize(
    ("volume", "head", "known", "settled"),
    [(100, 100, (), True), (100, None, (100,), True), (100, 120, (), False), (100, None, (), False),
     (0, 0, (), True), (0, None, (0,), True), (0, 0, (5,), False), (0, None, (), False)],
)  # fmt: skip
def test_minutes_that_end_before_the_close_need_the_days_volume(volume, head, known, settled):
    """Without a trade at the close the head or the daily bar has to say the same; none is only none of volume 0."""
    one = MinuteEvidence("005930", MONDAY, volume, day_volume=head)
    assert (one.doubt(volume, known) == "") is settled


THIN = [*down(FRIDAY, "1410", 2, "1409"), *down(WEDNESDAY, "1500", 1, "1500"), *down(TUESDAY, "1530", 1, "1530")]
"""Friday's last trade was at 14:10, Wednesday's at 15:00, without one in the closing auctions. Thursday had none."""


def told_of(kis, make_source, *pages):
    """What the answers of Friday evening prove about Tuesday to Friday."""
    kis.date = "Fri, 20 Nov 2026 11:30:00 GMT"
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(PAST, *pages)
    with gathering() as told:
        bars = list(make_source().minute_bars(["005930"], TUESDAY, FRIDAY))
    return bars, {one.session: one for one in told}


def test_a_second_answer_proves_that_nothing_traded_after_the_newest_minute(kis, make_source):
    """The day's volume holds the after-market too, so the answer from 15:30 on has to begin with the same minute."""
    bars, told = told_of(kis, make_source, page(*THIN, traded="40"), page(*THIN, traded="40"))
    assert len(bars) == 4
    assert asked(kis) == [("20261120", "200000", "Y"), ("20261120", "153000", "Y")]
    assert told[FRIDAY].doubt(2, [40]) == ""
    assert (
        told[FRIDAY].proof(2)
        == "its minutes join without a gap from the first one on to the last trade, by two answers"
    )


def test_a_newest_minute_inside_a_page_ends_its_session(kis, make_source):
    """The page runs on across the day's edge: no second answer is needed, and the day's volume is a bound alone."""
    _, told = told_of(kis, make_source, page(*THIN, traded="40"), page(*THIN, traded="40"))
    assert told[WEDNESDAY].doubt(1, [40]) == ""
    assert told[WEDNESDAY].doubt(1, [0]) == "the minutes hold 1 shares, and the whole day 0"
    assert told[TUESDAY].reached_close


@pytest.mark.parametrize(("again", "begins"), [
    ([minute("141500", "1", "300", day="20261120"), *THIN], "with that of 2026-11-20 14:15"),
    (THIN[1:], "with that of 2026-11-20 14:09"),
    ([], "with none"),
])  # fmt: skip
def test_an_answer_that_was_cut_at_its_newest_end_is_contradicted_by_the_second(kis, make_source, again, begins):
    """Whichever of the two was cut, the session stays missing and both ends are named."""
    _, told = told_of(kis, make_source, page(*THIN, traded="40"), page(*again, traded="40"))
    said = f"the minute of 14:10 is the newest of one answer, and another one begins {begins}"
    assert told[FRIDAY].doubt(2, [40]) == said


def test_no_second_answer_is_asked_for_where_the_days_volume_is_reached(kis, make_source):
    """Two shares in the head: nothing else can have traded."""
    _, told = told_of(kis, make_source, page(*THIN, traded="2"))
    assert asked(kis) == [("20261120", "200000", "Y")]
    assert told[FRIDAY].doubt(2, ()) == ""


def told_minutes(kis, make_source, rows, traded):
    """What the minutes of a Friday prove; each row is its time, its shares at 100 won, and the total."""
    kis.date = "Fri, 20 Nov 2026 11:30:00 GMT"
    kis.answer("inquire-price", ok(output=PRICE))
    made = [minute(at, str(shares), str(total), day="20261120") for at, shares, total in rows]
    kis.answer(PAST, page(*made, traded=traded), page())
    with gathering() as told:
        bars = list(make_source().minute_bars(["005930"], FRIDAY, FRIDAY))
    return len(bars), told[0]


def test_no_minute_is_missing_because_a_circuit_breaker_stopped_trading(kis, make_source):
    """From 10:15 to 10:44 nobody could trade, and the total of 10:45 is that of 10:14 and its own shares.

    Source: KRX, Circuit Breakers (global.krx.co.kr): all trading stops for 20 minutes, and an auction of 10 follows.
    """
    rows = [("153000", 5, 1_500), ("104500", 4, 1_000), ("101400", 6, 600)]
    count, told = told_minutes(kis, make_source, rows, "40")
    assert (count, told.problem, told.doubt(15, [40])) == (3, "", "")


def test_an_issue_of_auctions_alone_has_a_minute_every_half_hour(kis, make_source):
    """Liquidation trading and overheated issues trade by single prices every 30 minutes: three minutes are whole.

    Source: KRX, Liquidation trading (정리매매) and short-term overheating (단기과열): an auction every 30 minutes.
    """
    rows = [("153000", 5, 900), ("100000", 3, 400), ("093000", 1, 100)]
    count, told = told_minutes(kis, make_source, rows, "9")
    assert (count, told.doubt(9, [9])) == (3, "")
    assert told.proof(9).endswith("to the close")
