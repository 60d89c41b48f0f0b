"""The checks of a window; every row is written by hand."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.datasets.findings import Context, Thresholds
from data_pipeline.datasets.minute_bar import MINUTE_BAR
from data_pipeline.datasets.price_snapshot import PRICE_SNAPSHOT
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.loading.checks.screen import read_thresholds
from data_pipeline.market.listed import Listed
from data_pipeline.market.records import CurrentPrice, DailyBar, MinuteBar
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

MON, TUE = date(2026, 9, 14), date(2026, 9, 15)
NOW = datetime(2026, 9, 15, 20, 30, tzinfo=SEOUL)
BEFORE = DailyBar("005930", MON, 70000, 71500, 69900, 71000, 1000, 70_500_000, 1400)
GOOD = DailyBar("005930", TUE, 71000, 72000, 70500, 71500, 2000, 142_500_000, 500)
IDLE = DailyBar("005930", TUE, 0, 0, 0, 71000, 0, 0, 0)
STOCK = Listed("KOSPI", listed_on=date(1975, 6, 11), listed_shares=1000)
PRICE = CurrentPrice(
    "005930", "x", 71500, 500, 0.70, 71000, 72000, 70500, 2000, 142_500_000, "2026-09-15T10:00:00+09:00", 71_500_000
)


def verdict(*records, issue=STOCK, before=BEFORE, after=(), dataset=DAILY_BAR, asked=None, set_aside=0, **limits):
    """Judge records of Tuesday after one stored bar of Monday, and before what is stored besides."""
    context = Context(
        krx_calendar(),
        NOW,
        Thresholds(**limits),
        {"005930": issue} if issue else {},
        [*([before] if before else []), *after],
    )
    return judge(records, dataset, asked or Asked(["005930"], TUE, TUE), context, set_aside)


def found(judged):
    """Names of errors and of warnings."""
    return [one.check for one in judged.errors], [one.check for one in judged.warnings]


def test_a_good_bar_passes_without_a_word():
    """Nothing is wrong with it, and it comes out as it went in."""
    judged = verdict(GOOD)
    assert (judged.good, judged.errors, judged.warnings, judged.fatal) == ([GOOD], [], [], [])


@pytest.mark.parametrize(
    ("bar", "check"),
    [
        (replace(GOOD, stock_code="000660"), "code"),
        (replace(GOOD, session=MON), "day"),
        (replace(GOOD, volume=0), "volume"),
        (replace(GOOD, trading_value=0), "value"),
        (replace(GOOD, trading_value=142_500), "value"),
        (replace(GOOD, volume=2_000_000), "value"),
        (replace(GOOD, high=92400), "limit"),
        (replace(GOOD, low=49600), "limit"),
        (replace(IDLE, close=70000, change=-1000), "volume"),
        (replace(BEFORE, session=TUE), "stale"),
        (DailyBar("005930", TUE, 7_100_000, 7_200_000, 7_050_000, 7_150_000, 2000, 14_250_000_000, 50_000), "base"),
        (DailyBar("005930", TUE, 710, 720, 705, 715, 2000, 1_425_000, 5), "base"),
    ],
)
def test_a_wrong_bar_is_an_error(bar, check):
    """It goes to quarantine under the name of the check, and nothing is loaded for it."""
    judged = verdict(bar)
    assert (found(judged)[0], judged.good) == ([check], [])


def test_limits_are_exact():
    """Thirty percent of the base 71,000 is 21,300: 92,300 and 49,700 are legal, one tick more is not."""
    assert found(verdict(replace(GOOD, high=92300, low=49700, trading_value=142_500_000))) == ([], [])


@pytest.mark.parametrize(
    ("issue", "high"),
    [
        (replace(STOCK, listed_on=TUE), 284_000),
        (replace(STOCK, liquidation=True), 284_000),
        (replace(STOCK, delisted_on=date(2026, 9, 30)), 284_000),
        (replace(STOCK, security_group="EF"), 113_600),
    ],
)
def test_exceptions_to_the_limits(issue, high):
    """A first day (to 400 %), liquidation trading, the days before a delisting, and a leveraged fund (60 %)."""
    assert found(verdict(replace(GOOD, high=high), issue=issue))[0] == []


def test_the_narrow_limits_of_konex():
    """15 % there: 81,700 is one tick too much over the base 71,000."""
    assert found(verdict(replace(GOOD, high=81_700), issue=replace(STOCK, market="KONEX")))[0] == ["limit"]


def of_2015(day, high):
    """A bar of 15 June 2015 or of the session before it, on a base of 10,000."""
    return DailyBar("005930", day, 10_000, high, 9_900, 10_500, 2000, 20_500_000, 500)


@pytest.mark.parametrize(
    ("day", "high", "errors"),
    [
        (date(2015, 6, 12), 11_500, []),
        (date(2015, 6, 12), 11_550, ["limit"]),
        (date(2015, 6, 15), 13_000, []),
        (date(2015, 6, 15), 13_010, ["limit"]),
    ],
)
def test_limits_were_half_as_wide_before_15_june_2015(day, high, errors):
    """15 % up to the Friday before, 30 % from that Monday on; one tick more is wrong on either."""
    judged = verdict(of_2015(day, high), before=None, asked=Asked(["005930"], day, day))
    assert found(judged)[0] == errors


def test_made_up_bars_live_by_the_rules_of_today():
    """The synthetic market moves up to 30 % on every session, and by today's ticks."""
    bar = of_2015(date(2015, 6, 12), 11_560)
    context = Context(krx_calendar(), NOW, instruments={"005930": STOCK}, dated_rules=False)
    assert found(judge([bar], DAILY_BAR, Asked(["005930"], bar.session, bar.session), context)) == ([], [])


@pytest.mark.parametrize(
    ("market", "close", "warnings"),
    [("KOSPI", 10_050, []), ("KOSPI", 10_010, ["tick"]), ("KOSDAQ", 150_100, []), ("KOSPI", 150_100, ["tick"])],
)
def test_ticks_are_those_of_the_session(market, close, warnings):
    """In 2005 a KOSPI price of ten thousand moved by 50, one of 150,000 by 500; on KOSDAQ by 100 at most."""
    day = date(2005, 3, 2)
    bar = DailyBar("005930", day, close, close, close, close, 10, 10 * close, 0)
    issue = replace(STOCK, market=market)
    assert found(verdict(bar, before=None, issue=issue, asked=Asked(["005930"], day, day))) == ([], warnings)


@pytest.mark.parametrize(
    ("shares", "market_cap", "found_there"),
    [
        (1_000, 71_500 * 1_999, ([], [])),
        (27_931_000, 71_500 * 27_931_470, ([], [])),
        (27_931, 71_500 * 27_931_470, (["market_cap"], [])),
        (250_000, 71_500 * 260_000, ([], ["market_cap"])),
        (250_500, 71_500 * 251_500, ([], [])),
    ],
)
def test_a_market_value_and_shares_in_thousands(shares, market_cap, found_there):
    """A list in thousands may lack up to 999 shares; taken for single shares it is wrong by a factor of a thousand."""
    price = replace(PRICE, market_cap=market_cap)
    assert found(verdict(price, issue=replace(STOCK, listed_shares=shares), dataset=PRICE_SNAPSHOT)) == found_there


@pytest.mark.parametrize(
    ("issue", "judged"),
    [
        (replace(STOCK, market="KONEX"), ([], [])),
        (replace(STOCK, security_group="EF"), ([], [])),
        (replace(STOCK, security_group="EN"), ([], [])),
        (None, ([], ["volume"])),
        (STOCK, (["volume"], [])),
    ],
)
def test_where_the_close_may_move_without_a_trade(issue, judged):
    """On KONEX and of funds it follows quotes; one that no list tells of may be a fund; a stock's never moves."""
    bar = replace(IDLE, close=70000, change=-1000)
    assert found(verdict(bar, issue=issue)) == judged


def test_limits_of_an_unknown_issue_are_a_warning():
    """It may be its first day, so the bar is loaded."""
    assert found(verdict(replace(GOOD, high=92400), issue=None)) == ([], ["limit"])


@pytest.mark.parametrize(
    ("bar", "check"),
    [
        (replace(GOOD, close=71560, change=560), "tick"),
        (replace(GOOD, trading_value=150_000_000), "value"),
        (DailyBar("005930", TUE, 35500, 36000, 35300, 35800, 2000, 71_300_000, 300), "base"),
    ],
)
def test_what_may_be_true_is_a_warning(bar, check):
    """An off-tick close, a mean outside the range (after-market), a halved base: loaded and counted."""
    judged = verdict(bar)
    assert (found(judged), judged.good) == (([], [check]), [bar])


def test_the_midpoint_of_a_book_is_a_price():
    """71,550 lies between 71,500 and 71,600: since 4 March 2025 trades may have it, and before none could."""
    assert found(verdict(replace(GOOD, close=71550, change=550))) == ([], [])
    before = DailyBar("005930", date(2025, 2, 28), 71_550, 71_550, 71_550, 71_550, 10, 715_500, 0)
    asked = Asked(["005930"], before.session, before.session)
    assert found(verdict(before, before=None, asked=asked)) == ([], ["tick"])


FOREIGN = DailyBar("005930", TUE, 68000, 69000, 67500, 68500, 2000, 136_500_000, 500)
"""Its base of 68,000 could be a corporate action after the close of 71,000."""
WEDNESDAY = DailyBar("005930", date(2026, 9, 16), 71500, 71600, 71000, 71200, 1000, 71_200_000, -300)
"""Its base is 71,500, the close of the true Tuesday."""


def test_a_row_that_fits_neither_neighbour_is_of_something_else():
    """After 71,000 a base of 68,000, and after its close of 68,500 one of 71,500: a base never rises after a trade."""
    judged = verdict(FOREIGN, after=[WEDNESDAY])
    assert (found(judged)[0], judged.good) == (["base"], [])
    assert "another instrument or session" in judged.errors[0].problem


@pytest.mark.parametrize("base", [68_500, 66_000], ids=["joined", "a second action"])
def test_an_action_is_no_foreign_row(base):
    """The next session joins it, or the base falls once more: both may be true."""
    following = replace(WEDNESDAY, open=base, high=base, low=base, close=base, change=0, trading_value=1000 * base)
    judged = verdict(FOREIGN, after=[following])
    assert (found(judged), judged.good) == (([], ["base"]), [FOREIGN])


def test_the_oldest_row_is_wrong_and_not_the_true_ones_after_it():
    """60,000, then a base of 69,600 that the next session joins: what is before is unknown, and yet it is the one."""
    oldest = DailyBar("005930", date(2026, 9, 11), 60000, 60500, 59500, 60000, 1000, 60_000_000, 100)
    judged = verdict(oldest, BEFORE, GOOD, before=None, asked=Asked(["005930"], oldest.session, TUE))
    assert (found(judged)[0], judged.good) == (["base"], [BEFORE, GOOD])
    assert judged.errors[0].record == oldest


def test_a_refused_bar_names_the_stored_one_that_alone_contradicts_it():
    """A base of 71,500 after a stored close of 60,000: either may be wrong, so both are asked for again."""
    edge = replace(BEFORE, open=60_000, high=60_000, low=60_000, close=60_000, change=100, trading_value=60_000_000)
    judged = verdict(GOOD, before=edge)
    assert (found(judged)[0], judged.contradicted) == (["base"], {("005930", MON)})


def test_a_bar_between_two_that_contradict_it_names_neither():
    """It is the wrong one; and what the window brought itself is no stored bar."""
    assert verdict(FOREIGN, after=[WEDNESDAY]).contradicted == set()
    edge = replace(BEFORE, open=60_000, high=60_000, low=60_000, close=60_000, change=100, trading_value=60_000_000)
    both = verdict(edge, GOOD, before=None, asked=Asked(["005930"], MON, TUE))
    assert (found(both)[0], both.contradicted) == (["base"], set())


def test_a_stored_bar_that_the_next_one_does_not_count_from_may_join_neither_side():
    """A base of 68,000 after a stored close of 71,000 is loaded; what the window brought itself is no stored bar."""
    assert verdict(FOREIGN).unjoined == {("005930", MON)}
    assert verdict(BEFORE, FOREIGN, before=None, asked=Asked(["005930"], MON, TUE)).unjoined == set()
    assert verdict(GOOD).unjoined == set()


def test_a_bar_between_two_stored_ones_may_join_neither_side():
    """Both its base and that of the stored session after it fell, as after two actions."""
    following = replace(
        WEDNESDAY, open=66_000, high=66_000, low=66_000, close=66_000, change=0, trading_value=66_000_000
    )
    assert verdict(FOREIGN, after=[following]).unjoined == {("005930", MON), ("005930", TUE)}


@pytest.mark.parametrize(
    ("minute", "errors"),
    [
        (MinuteBar("005930", NOW.replace(hour=10), 71000, 72000, 70500, 71500, 2000, 142_500_000), []),
        (MinuteBar("005930", NOW.replace(hour=10), 71000, 72100, 70500, 71500, 2000, 142_500_000), ["day_bar"]),
        (MinuteBar("005930", NOW.replace(hour=10), 71000, 72000, 70400, 71500, 2000, 142_500_000), ["day_bar"]),
        (MinuteBar("005930", NOW.replace(hour=10), 71000, 72000, 70500, 71500, 2001, 142_571_500), ["day_bar"]),
    ],
    ids=["within", "above", "below", "more shares"],
)
def test_a_minute_lies_within_its_day(minute, errors):
    """The stored bar of the day had 2,000 shares at 70,500 to 72,000."""
    assert found(verdict(minute, dataset=MINUTE_BAR, after=[GOOD]))[0] == errors


def test_a_day_without_a_trade_has_no_minute():
    """The stored bar says that nothing traded."""
    minute = MinuteBar("005930", NOW.replace(hour=10), 71000, 71000, 71000, 71000, 1, 71_000)
    assert found(verdict(minute, dataset=MINUTE_BAR, after=[IDLE]))[0] == ["day_bar"]


def test_rounding_of_an_off_tick_close_is_no_change_of_base():
    """71,050 is half a tick off; the next session counts from 71,100."""
    before = replace(BEFORE, close=71050, change=1450)
    assert found(verdict(replace(GOOD, change=400), before=before)) == ([], [])


def test_a_reverse_split_after_a_suspension():
    """A base ten times higher is possible when nothing traded before it."""
    before = DailyBar("005930", MON, 0, 0, 0, 7100, 0, 0, 0)
    assert found(verdict(GOOD, before=before)) == ([], ["base"])


def test_equal_copies_are_loaded_once():
    """The same row three times is one row and a warning each."""
    judged = verdict(GOOD, GOOD, GOOD)
    assert (judged.good, {one.check for one in judged.warnings}) == ([GOOD], {"duplicate"})


def test_copies_that_differ_are_all_refused():
    """Nobody can say which of them is right."""
    judged = verdict(GOOD, replace(GOOD, volume=2001))
    assert (judged.good, found(judged)[0]) == ([], ["duplicate", "duplicate"])


def test_a_wrong_bar_does_not_take_the_next_one_along():
    """The bar after a wrong one is not compared with it."""
    wrong = replace(BEFORE, open=1, high=1, low=1, close=1, change=0, trading_value=1000)
    judged = verdict(GOOD, wrong, before=replace(BEFORE, session=date(2026, 9, 11)), asked=Asked(["005930"], MON, TUE))
    assert judged.good == [GOOD]


def test_a_closed_day_and_the_future():
    """A row of a Saturday, of tomorrow, and of a minute that has not come."""
    asked = Asked()
    assert found(verdict(replace(GOOD, session=date(2026, 9, 12)), asked=asked))[0] == ["day"]
    assert found(verdict(replace(GOOD, session=date(2026, 9, 16)), asked=asked))[0] == ["future"]
    late = MinuteBar("005930", NOW.replace(second=0) + timedelta(minutes=6), 1, 1, 1, 1, 1, 1)
    assert found(verdict(late, dataset=MINUTE_BAR, asked=asked))[0] == ["future"]
    assert found(verdict(replace(late, at=late.at - timedelta(minutes=2)), dataset=MINUTE_BAR, asked=asked))[0] == []


@pytest.mark.parametrize(
    ("price", "check"),
    [
        (replace(PRICE, change_rate=-0.70), "rate"),
        (replace(PRICE, change_price=80000), "rate"),
        (replace(PRICE, market_cap=7_150_000_000), "market_cap"),
        (replace(PRICE, timestamp="2026-09-15T20:36:00+09:00"), "future"),
    ],
)
def test_a_wrong_price(price, check):
    """Its rate, its market value (a hundred times too high) and its time are worked out again."""
    assert found(verdict(PRICE, dataset=PRICE_SNAPSHOT)) == ([], [])
    assert found(verdict(price, dataset=PRICE_SNAPSHOT))[0] == [check]


def many(count, day=TUE, **values):
    """Bars of so many codes."""
    return [replace(GOOD, stock_code=f"{number:06d}", session=day, **values) for number in range(count)]


def test_a_window_with_too_many_errors_is_refused():
    """Ten of forty are more than a fifth; nine are not enough, ten of fifty are not more."""
    wrong = [replace(bar, volume=0) for bar in many(10)]
    asked = Asked()
    assert verdict(*wrong, *many(40)[10:], issue=None, asked=asked).fatal != []
    assert verdict(*wrong[1:], *many(40)[10:], issue=None, asked=asked).fatal == []
    assert verdict(*wrong, *many(50)[10:], issue=None, asked=asked).fatal == []
    assert verdict(*many(30), issue=None, asked=asked, set_aside=10).fatal != []


def test_a_window_of_nothing_but_errors_is_refused():
    """One row of one is enough then."""
    assert verdict(replace(GOOD, volume=0)).fatal[0].problem == "1 of 1 rows are wrong"


def test_half_a_market_is_refused():
    """50 of 100 expected bars did not come."""
    bars = many(100)
    asked = Asked((), TUE, TUE, {(bar.stock_code, TUE) for bar in bars})
    (refusal,) = verdict(*bars[:50], issue=None, asked=asked).fatal
    assert refusal.problem == "50 of 100 bars of 2026-09-15 did not come"
    assert verdict(*bars[:80], issue=None, asked=asked).fatal == []
    assert verdict(*bars[:79], issue=None, asked=asked).fatal != []


def test_a_whole_answer_of_yesterday_is_refused():
    """Thirty bars that repeat the session before them."""
    bars = [*many(30, MON), *many(30, TUE)]
    assert "repeat the one before" in verdict(*bars, issue=None, asked=Asked()).fatal[-1].problem


def test_suspended_issues_hide_no_stale_answer():
    """Thirty of thirty traded bars repeat the session before; as many suspended ones say nothing about that."""
    idle = [replace(IDLE, stock_code=f"1{number:05}", session=day) for number in range(31) for day in (MON, TUE)]
    bars = [*many(30, MON), *many(30, TUE), *idle]
    assert "30 of 30 bars of 2026-09-15 repeat" in verdict(*bars, issue=None, asked=Asked()).fatal[-1].problem


def test_thresholds_from_the_environment():
    """Named variables, whole numbers where rows are counted, defaults for the rest."""
    limits = read_thresholds({"CHECK_ERROR_SHARE": "0.5", "CHECK_ERROR_ROWS": " 3 ", "CHECK_BASE_RATIO": ""})
    assert (limits.error_share, limits.error_rows, limits.base_ratio) == (0.5, 3, 20.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CHECK_ERROR_SHARE", "1.5"),
        ("CHECK_ERROR_SHARE", "twenty"),
        ("CHECK_ERROR_ROWS", "2.5"),
        ("CHECK_STALE_VOLUME", "-1"),
        ("CHECK_BASE_RATIO", "0.5"),
        ("CHECK_RATE_POINTS", "nan"),
        ("CHECK_FUTURE_SECONDS", "inf"),
    ],
)
def test_a_threshold_that_cannot_be_used(name, text):
    """The error names the variable."""
    with pytest.raises(ConfigurationError, match=name):
        read_thresholds({name: text})
