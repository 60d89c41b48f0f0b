"""What every data source promises, whatever stands behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

import pytest

from data_pipeline.exceptions import InvalidRequestError, UnknownStockError, UnsupportedDatasetError
from data_pipeline.market.index_records import main_labels
from data_pipeline.market.investor_records import OTHERS
from data_pipeline.market.records import MARKETS, PriceType
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.indices import BASKETS, indices_of
from data_pipeline.sources.mock.market import SyntheticMarket

SESSION = date(2026, 11, 20)
WEEK = [date(2026, 11, day) for day in (16, 17, 18, 19, 20)]
CODES = ["005930", "000660", "0001A0", "247540"]
UNKNOWN = "999990"


@pytest.fixture(scope="module")
def issues(source):
    """Every instrument of the session that the source lists."""
    return list(source.instruments(SESSION))


@pytest.mark.thorough
def test_name_of_made_up_rows(source):
    """None of these sources poses as a real one."""
    assert source.name in {"mock", "kis-sandbox", "krx-sandbox"}


def test_current_price(source, live):
    """The documented example: name, price, change and volume of Samsung Electronics."""
    price = source.get_current_price("005930")
    assert (price.stock_code, price.stock_name) == ("005930", "Samsung Electronics")
    assert (price.current_price, price.change_price, price.change_rate) == (71000, 1420, 2.04)
    assert price.volume == 25_483_920
    assert price.timestamp == "2026-11-20T20:30:00+09:00"


def test_order_book(source, live):
    """Ten levels a side around the last price; no source knows the number of orders."""
    book = source.get_order_book("005930")
    assert (len(book.bid_levels), len(book.ask_levels)) == (10, 10)
    assert book.best_bid <= 71000 <= book.best_ask
    assert book.spread == book.best_ask - book.best_bid > 0
    assert {level.count for level in book.bid_levels + book.ask_levels} == {None}
    assert book.stock_name == "Samsung Electronics"


@pytest.mark.parametrize(("period", "newest"), [
    (PriceType.DAILY, "20261120"), (PriceType.WEEKLY, "20261120"), (PriceType.MONTHLY, "20261120"),
    (PriceType.MINUTE_1, "20261120153000"), (PriceType.MINUTE_5, "20261120153000"),
    (PriceType.MINUTE_30, "20261120153000"),
])  # fmt: skip
def test_chart(source, live, period, newest):
    """As many bars as asked for, newest first, the last one closing at the last price."""
    count = 13 if period.minutes == 30 else 40
    chart = source.get_chart_data("005930", period, count)
    dates = [bar.date for bar in chart]
    assert (len(chart), dates[0], chart[0].close_price) == (count, newest, 71000)
    assert dates == sorted(set(dates), reverse=True)


def test_chart_of_a_young_issue_is_short(source, live):
    """Fewer bars than asked for come only where the instrument is younger than that, ending on its first day."""
    listed = next(one for one in source.instruments(SESSION) if one.listed_on and one.listed_on > date(2026, 1, 1))
    chart = source.get_chart_data(listed.stock_code, PriceType.DAILY, 250)
    assert 0 < len(chart) < 250
    assert chart[-1].date == f"{listed.listed_on:%Y%m%d}"


def test_stock_info(source, kind):
    """What an instrument is; KRX names it in Korean, the virtual server's stock master counts shares in thousands."""
    info = source.get_stock_info("005930")
    name = "삼성전자" if kind == "krx" else "Samsung Electronics"
    assert (info.stock_code, info.stock_name, info.market) == ("005930", name, "KOSPI")
    assert (info.listed_shares, info.face_value) == (5_919_637_000 if kind == "kis-virtual" else 5_919_637_900, 100.0)


def test_instruments(issues, kind):
    """Every instrument of three markets once, in order of stock code, letter codes among them, and ETFs but at KRX."""
    codes = [one.stock_code for one in issues]
    assert codes == sorted(set(codes))
    assert len(codes) > 2500
    assert {one.market for one in issues} == set(MARKETS)
    assert {one.as_of for one in issues} == {SESSION}
    assert "0001A0" in codes
    assert any(one.security_group == "EF" for one in issues) is (kind != "krx")
    assert next(one for one in issues if one.stock_code == "005930").name == "삼성전자"


def test_daily_bars_of_one_session(source):
    """One bar for each code in the order given, halted instruments with open, high and low 0."""
    halted = [one.stock_code for one in SyntheticMarket().instruments(SESSION) if one.halted][:5]
    codes = [*CODES, *halted]
    bars = list(source.daily_bars(codes, SESSION, SESSION))
    assert [(bar.stock_code, bar.session) for bar in bars] == [(code, SESSION) for code in codes]
    assert halted
    assert all(bar.open == bar.high == bar.low == bar.volume == 0 < bar.close for bar in bars[len(CODES) :])
    assert (bars[0].close, bars[0].change, bars[0].volume) == (71000, 1420, 25_483_920)


def test_the_close_of_a_fund_without_a_trade(source):
    """A thin fund that did not trade and whose close moved: all but close and change are 0."""
    market = SyntheticMarket()
    funds = [one.stock_code for one in market.instruments(SESSION) if one.security_group == "EF"]
    quoted = [bar for bar in (market.daily_bar(code, SESSION) for code in funds) if bar and not bar.volume]
    assert quoted
    assert all(bar.change for bar in quoted)
    assert list(source.daily_bars([bar.stock_code for bar in quoted], SESSION, SESSION)) == quoted


def test_daily_bars_of_a_range(source):
    """Every session of the range once for each code; each change leads back to a base price near the close before."""
    bars = list(source.daily_bars(CODES, WEEK[0], date(2026, 11, 22)))
    assert [code for code, _ in groupby(bars, lambda bar: bar.stock_code)] == CODES
    for code in CODES:
        own = sorted((bar for bar in bars if bar.stock_code == code), key=lambda bar: bar.session)
        assert [bar.session for bar in own] == WEEK


@pytest.mark.parametrize(
    "kind", ["mock", "kis-real", "kis-virtual", pytest.param("krx", marks=pytest.mark.slow)], indirect=True,
    scope="module",
)  # fmt: skip
def test_long_history_has_every_session(source):
    """A range of several pages has no day missing and none twice at the pages' edges."""
    first = date(2026, 5, 21)
    sessions = [bar.session for bar in source.daily_bars(["005930"], first, SESSION)]
    assert len(sessions) == len(set(sessions)) > 120
    assert (min(sessions), max(sessions)) == (first, SESSION)
    ordered = sorted(sessions)
    assert max(later - earlier for earlier, later in pairwise(ordered)) <= timedelta(days=7)


def test_minute_bars_add_up_to_the_day(source, live):
    """Volumes and values of the minutes add up to the daily bar; no minute lies in the closing auction's ten."""
    (day,) = source.daily_bars(["005930"], SESSION, SESSION)
    minutes = list(source.minute_bars(["005930"], SESSION, SESSION))
    assert sum(bar.volume for bar in minutes) == day.volume
    assert sum(bar.trading_value for bar in minutes) == day.trading_value
    assert (minutes[0].open, minutes[-1].close) == (day.open, day.close)
    assert (max(bar.high for bar in minutes), min(bar.low for bar in minutes)) == (day.high, day.low)
    times = [f"{bar.at:%H%M}" for bar in minutes]
    assert (times[0], times[-1]) == ("0900", "1530")
    assert not [time for time in times if "1520" <= time < "1530"]
    assert times == sorted(set(times))


def test_past_minutes(source, live, kind):
    """A past session's minutes come as well, or the source says that it does not have them."""
    if kind == "kis-virtual":
        with pytest.raises(UnsupportedDatasetError):
            list(source.minute_bars(["005930"], WEEK[2], WEEK[2]))
        return
    (day,) = source.daily_bars(["005930"], WEEK[2], WEEK[2])
    minutes = list(source.minute_bars(["005930"], WEEK[2], WEEK[2]))
    assert sum(bar.volume for bar in minutes) == day.volume
    assert sum(bar.trading_value for bar in minutes) == day.trading_value
    assert {bar.at.date() for bar in minutes} == {WEEK[2]}


def test_price_snapshots(source, live, issues):
    """One price for each code in the order given, more than fit into one call."""
    codes = [one.stock_code for one in issues[:65]]
    prices = list(source.price_snapshots(codes))
    assert [price.stock_code for price in prices] == codes
    assert all(datetime.fromisoformat(price.timestamp).tzinfo for price in prices)


def test_order_books(source, live):
    """One book for each code in the order given."""
    assert [book.stock_code for book in source.order_books(CODES)] == CODES


def test_market_days(source, kind):
    """Consecutive days, sessions open and weekends closed; or the source says that it does not have them."""
    if kind in {"kis-virtual", "krx"}:
        with pytest.raises(UnsupportedDatasetError):
            source.market_days(SESSION)
        return
    days = list(source.market_days(SESSION))
    assert len(days) >= 20
    assert [one.day for one in days] == [SESSION + timedelta(days=offset) for offset in range(len(days))]
    assert [one.is_open for one in days[:4]] == [True, False, False, True]


def test_indices(source, kind):
    """Every source says the same of the main indices on each session of a range; KIS in thousands and millions."""
    bars = [bar for bar in source.index_bars(WEEK[0], date(2026, 11, 22)) if bar.label in main_labels(SESSION)]
    assert sorted((bar.label, bar.session) for bar in bars) == [
        (label, session) for label in sorted(main_labels(SESSION)) for session in WEEK
    ]
    market = indices_of(SyntheticMarket())
    of_kis = kind.startswith("kis")
    for bar in bars:
        basket = next(one for one in BASKETS if f"{one.family} {one.name}" == bar.label)
        members = market.members(basket, bar.session)
        volume, value = sum(one.bar.volume for one in members), sum(one.bar.trading_value for one in members)
        assert bar.volume == (volume // 1000 * 1000 if of_kis else volume)
        assert bar.trading_value == (value // 10**6 * 10**6 if of_kis else value)
    kospi = next(bar for bar in bars if (bar.name, bar.session) == ("코스피", SESSION))
    assert (kospi.close, kospi.close - (kospi.change or 0)) == (2600.0, pytest.approx(2567.2))


def test_indices_at_a_moment(source, live, kind):
    """The main indices as they stand, the same of every source that tells of the present; KIS in its units."""
    if kind in ("krx", "kis-virtual"):
        with pytest.raises(UnsupportedDatasetError, match=r"KIS's (real|virtual) server"):
            source.index_snapshots()
        return
    found = list(source.index_snapshots())
    assert [one.label for one in found] == ["KOSPI 코스피", "KOSDAQ 코스닥", "KOSPI 코스피 200", "KOSDAQ 코스닥 150"]
    assert {f"{one.observed_at:%Y-%m-%d %H:%M}" for one in found} == {"2026-11-20 20:30"}
    assert (found[0].level, found[0].level - found[0].change) == (2600.0, pytest.approx(2567.2))
    unit = 1000 if kind.startswith("kis") else 1
    assert found[0].volume > 0
    assert found[0].volume % unit == 0


def test_investor_flows(source, kind):
    """Every final session of each code: what the kinds bought adds up to the day's shares, in whole millions of won."""
    if kind == "krx":
        with pytest.raises(UnsupportedDatasetError, match="no investor flows"):
            source.investor_flows(CODES, *WEEK[:2])
        return
    flows = list(source.investor_flows(CODES[:2], WEEK[1], SESSION))
    assert sorted((flow.stock_code, flow.session) for flow in flows) == [
        (code, session) for code in sorted(CODES[:2]) for session in WEEK[1:]
    ]
    market = SyntheticMarket()
    for flow in flows:
        bar = market.daily_bar(flow.stock_code, flow.session)
        assert bar is not None
        assert {amount % 1_000_000 for amount in (*flow.foreign[2:], *flow.institution[2:])} == {0}
        if kind == "kis-virtual":
            assert (flow.volume, flow.kinds) == (None, {})
            continue
        others = [flow.kinds[name] for name in OTHERS]
        for side in (0, 1):
            assert sum(one[side] for one in (flow.individual, flow.foreign, flow.institution, *others)) == bar.volume


def test_investor_flows_of_the_past(source, kind):
    """Forty sessions come in two pages of thirty, or the source says that it reaches thirty sessions back."""
    if kind == "krx":
        pytest.skip("KRX has none")
    first = date(2026, 9, 21)
    if kind == "kis-virtual":
        with pytest.raises(UnsupportedDatasetError, match="newest 30 sessions"):
            list(source.investor_flows(["005930"], first, SESSION))
        return
    sessions = sorted(flow.session for flow in source.investor_flows(["005930"], first, SESSION))
    assert sessions == [bar.session for bar in SyntheticMarket().daily_bars("005930", first, SESSION)]
    assert len(sessions) > 30


@pytest.mark.parametrize("code", ["5930", "A005930", "00593a", "", "005930\n"])
def test_malformed_code(source, code):
    """A malformed code is a ValueError at once."""
    for ask in (
        lambda: source.get_current_price(code),
        lambda: source.get_order_book(code),
        lambda: source.get_stock_info(code),
        lambda: source.get_chart_data(code, PriceType.DAILY, 1),
        lambda: source.daily_bars([code], SESSION, SESSION),
        lambda: source.minute_bars([code], SESSION, SESSION),
        lambda: source.price_snapshots(["005930", code]),
        lambda: source.order_books([code]),
    ):
        with pytest.raises(InvalidRequestError):
            ask()


def test_unknown_code(source, kind):
    """A code that nobody has is an UnknownStockError that names it, never an empty result."""
    of_days = (
        lambda: source.get_stock_info(UNKNOWN),
        lambda: list(source.daily_bars(["005930", UNKNOWN], SESSION, SESSION)),
        lambda: list(source.daily_bars([UNKNOWN], WEEK[0], SESSION)),
    )
    of_the_present = (
        lambda: source.get_current_price(UNKNOWN),
        lambda: source.get_order_book(UNKNOWN),
        lambda: source.get_chart_data(UNKNOWN, PriceType.DAILY, 1),
        lambda: source.get_chart_data(UNKNOWN, PriceType.MINUTE_1, 1),
        lambda: list(source.minute_bars([UNKNOWN], SESSION, SESSION)),
        lambda: list(source.price_snapshots(["005930", UNKNOWN, "000660"])),
        lambda: list(source.order_books([UNKNOWN])),
    )
    for ask in of_days if kind == "krx" else of_days + of_the_present:
        with pytest.raises(UnknownStockError, match=UNKNOWN) as caught:
            ask()
        assert caught.value.stock_code == UNKNOWN


def test_reversed_range_and_no_count(source):
    """A reversed range and a count of nothing are refused."""
    with pytest.raises(InvalidRequestError):
        list(source.daily_bars(["005930"], SESSION, WEEK[0]))
    with pytest.raises(InvalidRequestError):
        list(source.minute_bars(["005930"], SESSION, WEEK[0]))
    with pytest.raises(InvalidRequestError):
        source.get_chart_data("005930", PriceType.DAILY, 0)


def test_session_that_is_not_over(source, kind):
    """A bar of a day that is not final is refused, not guessed."""
    with pytest.raises(InvalidRequestError):
        list(source.daily_bars(["005930"], SESSION, date(2026, 11, 23)))
    with pytest.raises(UnsupportedDatasetError if kind == "krx" else InvalidRequestError):
        list(source.minute_bars(["005930"], date(2026, 11, 23), date(2026, 11, 23)))


def test_nothing_asked(source, kind):
    """No codes, no rows."""
    assert list(source.daily_bars([], SESSION, SESSION)) == []
    if kind != "krx":
        assert list(source.price_snapshots([])) == []


def test_eight_threads(source, live):
    """A source may be used from eight threads at once and says the same to all of them."""
    with ThreadPoolExecutor(8) as pool:
        prices = list(pool.map(source.get_current_price, ["005930", "000660"] * 16))
    assert {price.stock_code: price.current_price for price in prices}["005930"] == 71000
    assert len(set(prices)) == 2


def test_single_trades_add_up_to_their_minutes(source, live):
    """Ten minutes of an issue that trades little: running volumes join, and each minute is the bar of those trades."""
    begin = datetime(2026, 11, 20, 10, 0, tzinfo=SEOUL)
    told = source.trades_between("0034J0", Venue.KRX, begin, begin + timedelta(minutes=10, seconds=-1))
    trades = told.trades
    assert len(trades) > 30
    assert all(one.cumulative_volume + two.volume == two.cumulative_volume for one, two in pairwise(trades))
    bars = {bar.at: bar for bar in source.minute_bars(["0034J0"], SESSION, SESSION) if begin <= bar.at}
    for at, some in groupby(trades, lambda one: one.traded_at.replace(second=0)):
        prices, shares = zip(*[(one.price, one.volume) for one in some], strict=True)
        bar, value = bars[at], sum(price * volume for price, volume in zip(prices, shares, strict=True))
        assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert (bar.volume, bar.trading_value) == (sum(shares), value)


def test_trades_of_another_day_are_refused(source, kind):
    """KIS tells single trades on their own day, KRX never; the synthetic market tells any."""
    begin = datetime(2026, 11, 19, 10, 0, tzinfo=SEOUL)
    if kind == "mock":
        assert source.trades_between("0034J0", Venue.KRX, begin, begin + timedelta(minutes=1)).whole
        return
    with pytest.raises(UnsupportedDatasetError):
        source.trades_between("0034J0", Venue.KRX, begin, begin + timedelta(minutes=1))
