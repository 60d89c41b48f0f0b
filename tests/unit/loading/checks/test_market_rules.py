"""Rules of the market that look like errors: trades outside of regular hours, first days, moves between boards."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.datasets.findings import Context
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.listed import Listed, Phase
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

CODE = "900001"
FRI, MON = date(2026, 11, 20), date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 20, 30, tzinfo=SEOUL)
LATE = DailyBar(CODE, FRI, 0, 0, 0, 9100, 57, 518_700, 0)
"""As reported: 57 shares for 518,700 won, and no open, high and low."""
STOCK = Listed("KOSDAQ", listed_on=date(2010, 1, 4))


def found(*bars, issue=STOCK, before=None):
    """Judge bars of one code; return the names of errors and of warnings."""
    known = {CODE: issue} if issue else {}
    context = Context(krx_calendar(), NOW, instruments=known, stored=[before] if before else [])
    judged = judge(bars, DAILY_BAR, Asked([CODE], bars[0].session, bars[-1].session), context)
    return [one.check for one in judged.errors], [one.check for one in judged.warnings]


def one_price(session, close, change=0, volume=10):
    """A bar that traded at one price."""
    return DailyBar(CODE, session, close, close, close, close, volume, volume * close, change)


def test_a_day_traded_outside_of_regular_hours_alone():
    """518,700 won for 57 shares are 9,100 each, the close: nothing is wrong with that."""
    assert found(LATE) == ([], [])


@pytest.mark.parametrize(("value", "errors"), [(363_090, []), (362_976, ["value"]), (675_000, ["value"])])
def test_a_value_after_hours_lies_near_the_close(value, errors):
    """30 % below 9,100 is 6,370 a share and a won of rounding; 6,368 is too little, and 11,842 too much."""
    assert found(replace(LATE, trading_value=value)) == (errors, [])


def test_a_close_after_hours_obeys_the_limits():
    """A close of 9,100 on a base of 6,990 is above its limit, 9,087."""
    assert found(replace(LATE, change=2110))[0] == ["limit"]


def test_many_shares_after_hours_alone_are_counted():
    """A thousand shares are loaded with a warning: the source may have left out the prices."""
    assert found(replace(LATE, volume=1000, trading_value=9_100_000)) == ([], ["volume"])


@pytest.mark.parametrize(("late", "refused"), [(26, True), (25, False), (19, False)])
def test_a_market_without_prices_is_refused(late, refused):
    """26 of 50 traded bars have no open, high and low; half of them, or fewer than twenty, are not too many."""
    bars = [replace(LATE, stock_code=f"{number:06d}") for number in range(late)]
    bars += [replace(one_price(FRI, 9100), stock_code=f"{number:06d}") for number in range(late, 50)]
    fatal = judge(bars, DAILY_BAR, Asked(), Context(krx_calendar(), NOW)).fatal
    assert [one.problem for one in fatal] == (
        ["26 of 50 traded bars of 2026-11-20 have no open, high and low"] if refused else []
    )


@pytest.mark.parametrize(
    ("board", "volume", "change", "judged"),
    [
        ("KONEX", 1, 0, ([], [])),
        ("KONEX", 1000, 0, (["stale"], [])),
        ("KONEX", 1, 100, (["stale"], [])),
        ("KOSDAQ", 1, 0, ([], ["stale"])),
    ],
)
def test_a_thin_day_of_konex_may_repeat_the_day_before(board, volume, change, judged):
    """One share at the same price on two days is how KONEX trades; a thousand shares, or a change twice, are not."""
    bars = [one_price(session, 9100, change, volume) for session in (FRI, MON)]
    assert found(bars[1], before=bars[0], issue=replace(STOCK, market=board)) == judged


def of_first_day(session, base=10_000, high=39_000):
    """A bar that opened at its base and closed at 39,000, or where it is told."""
    return DailyBar(CODE, session, base, high, base, high, 10, 10 * base, high - base)


@pytest.mark.parametrize(
    ("session", "board", "high", "judged"),
    [
        (date(2023, 6, 26), "KOSDAQ", 40_000, ([], [])),
        (date(2023, 6, 26), "KOSDAQ", 40_050, (["limit"], [])),
        (date(2023, 6, 26), "KONEX", 11_500, ([], [])),
        (date(2023, 6, 26), "KONEX", 11_510, ([], ["limit"])),
        (date(2023, 6, 23), "KOSDAQ", 13_000, ([], [])),
        (date(2023, 6, 23), "KOSDAQ", 13_010, ([], ["limit"])),
        (date(2023, 6, 23), "KOSDAQ", 40_050, (["limit"], [])),
    ],
)
def test_first_days_count_from_the_offer_since_26_june_2023(session, board, high, judged):
    """To 400 % of it on KOSPI and KOSDAQ; before, and on KONEX, from the opening price with the ordinary limits."""
    assert found(of_first_day(session, high=high), issue=Listed(board, listed_on=session)) == judged


def test_a_first_day_of_an_issue_that_traded_before_is_doubted():
    """A list tells of the new board alone: beyond the ordinary limits on an unchanged base, its bar is a warning."""
    listed = Listed("KOSPI", listed_on=MON)
    assert found(of_first_day(MON, high=12_000), issue=listed, before=one_price(FRI, 10_000)) == ([], [])
    assert found(of_first_day(MON), issue=listed, before=one_price(FRI, 10_000)) == ([], ["limit"])


MOVED = date(2026, 9, 4)
BEFORE = date(2026, 9, 3)


def moved(left, board):
    """An instrument that came from another board on 4 September 2026."""
    phases = (Phase(date(2026, 9, 1), left, None), Phase(MOVED, board, None, left))
    return Listed(left, listed_on=date(2020, 1, 6), liquidation=None, phases=phases)


@pytest.mark.parametrize(
    "before", [one_price(BEFORE, 4300), DailyBar(CODE, BEFORE, 0, 0, 0, 4300, 0, 0, 0)], ids=["traded", "halted"]
)
def test_a_move_from_konex_with_an_offer(before):
    """The offer price of 8,000 is the base after a close of 4,300, and 16,500 is within 60 to 400 % of it."""
    bar = DailyBar(CODE, MOVED, 16_000, 16_500, 13_000, 14_000, 100_000, 1_450_000_000, 6000)
    assert found(before, bar, issue=moved("KONEX", "KOSDAQ")) == ([], [])
    dear = replace(bar, high=32_050)
    assert found(before, dear, issue=moved("KONEX", "KOSDAQ")) == (["limit"], [])


def test_a_move_from_kosdaq_to_kospi_is_an_ordinary_day():
    """The base is the close before and the limits are 30 % of it: 13,000 is legal, 13,010 is not."""
    issue = replace(moved("KOSDAQ", "KOSPI"), liquidation=False)
    issue = replace(issue, phases=tuple(phase._replace(liquidation=False) for phase in issue.phases))
    before = one_price(BEFORE, 10_000)
    assert found(before, of_first_day(MOVED, high=13_000), issue=issue) == ([], [])
    assert found(before, of_first_day(MOVED, high=13_010), issue=issue) == (["limit"], [])


def test_limits_are_those_of_the_board_of_the_session():
    """15 % on KONEX until the move and 30 % after it, in one window."""
    bars = [one_price(BEFORE, 10_000), one_price(MOVED, 10_000, volume=20)]
    bars.append(one_price(date(2026, 9, 7), 12_000, 2000))
    assert found(*bars, issue=moved("KONEX", "KOSDAQ")) == ([], [])


def test_liquidation_begins_within_a_window():
    """The instrument was no such case on Friday; from Monday on it has no limits."""
    phases = (Phase(FRI, "KOSDAQ", liquidation=False), Phase(MON, "KOSDAQ", liquidation=True))
    issue = replace(STOCK, phases=phases)
    fallen = DailyBar(CODE, MON, 3000, 3000, 2000, 2550, 10, 25_500, -6550)
    halted = DailyBar(CODE, FRI, 0, 0, 0, 9100, 0, 0, 0)
    assert found(halted, fallen, issue=issue) == ([], [])
    assert found(halted, fallen, issue=replace(issue, phases=phases[:1])) == (["limit"], [])


def test_liquidation_that_no_list_tells_of_is_counted():
    """The exchange's lists do not tell: a fall by 72 % may be liquidation trading, so it is loaded with a warning."""
    fallen = DailyBar(CODE, MON, 3000, 3000, 2000, 2550, 10, 25_500, -6550)
    silent = replace(STOCK, liquidation=None)
    assert found(fallen, issue=silent) == ([], ["limit"])
    assert found(fallen, issue=replace(silent, last_seen=date(2027, 1, 22))) == ([], ["limit"])


def test_what_is_listed_much_later_was_in_no_liquidation():
    """A list of 61 days later still has the issue: its last sessions had not come, and the fall breaks the limits."""
    fallen = DailyBar(CODE, MON, 3000, 3000, 2000, 2550, 10, 25_500, -6550)
    assert found(fallen, issue=replace(STOCK, liquidation=None, last_seen=date(2027, 1, 23))) == (["limit"], [])


@pytest.mark.parametrize("group", ["SR", "SW"])
def test_subscription_rights_have_no_limits(group):
    """A right that trebled in a day, off the ticks of stocks, is as it should be."""
    bar = DailyBar(CODE, MON, 1001, 3003, 1001, 3003, 10, 20_020, 2002)
    assert found(bar, issue=replace(STOCK, security_group=group)) == ([], [])


SPLIT_OFF = DailyBar(CODE, MON, 18_400, 23_900, 17_000, 20_000, 10, 200_000, 10_800)
"""Back after a spin-off (인적분할): evaluated at 9,200, opened at 200 % of it in an auction, and 30 % above that.

Source: KRX, Trading of newly listed stocks (global.krx.co.kr, GLB0602020202T4): the auction of a re-listing finds the
base price at 50 to 200 % of the evaluated price; the ordinary limits hold from there.
"""


def test_an_issue_that_goes_on_after_a_spin_off_is_loaded():
    """Suspended at 80,000 and back on a base of 9,200: two warnings tell of base and limits, nothing is refused."""
    halted = DailyBar(CODE, FRI, 0, 0, 0, 80_000, 0, 0, 0)
    assert found(SPLIT_OFF, before=halted) == ([], ["limit", "base"])


@pytest.mark.parametrize(("low", "judged"), [(6_000, ([], [])), (5_990, ([], ["limit"])), (3_500, ([], ["limit"])),
                                             (3_490, (["limit"], []))])  # fmt: skip
def test_a_new_issue_of_a_spin_off_may_open_at_half_and_fall(low, judged):
    """Half of 10,000 is 5,000, and 30 % below that 3,500; no list tells it from an offer, whose floor is 6,000."""
    bar = DailyBar(CODE, MON, low, low, low, low, 10, 10 * low, low - 10_000)
    assert found(bar, issue=Listed("KOSPI", listed_on=MON)) == judged


def test_the_survivor_of_a_merger_trades_on_as_before():
    """New shares are issued to the other company's holders: the base stays the close, and 30 % of 10,000 is legal."""
    before = one_price(FRI, 10_000)
    assert found(one_price(MON, 13_000, 3000, volume=20), before=before) == ([], [])
    assert found(one_price(MON, 13_010, 3010, volume=20), before=before) == (["limit"], [])
