"""The source over hand-written answers: which calls it sends, and what it makes of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.coordination.kept_file import KeptFiles
from data_pipeline.exceptions import (
    IncompleteDataError,
    InvalidRequestError,
    PayloadError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.market.evidence import MinuteEvidence, gathering
from data_pipeline.market.records import DailyBar, PriceType
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from tests.support.kis_answers import APP_KEY, APP_SECRET, HEAD, PRICE, QUOTE, ROW, gateway, line, minute, ok, zipped

DAY = date(2026, 11, 20)
CHART = "inquire-daily-itemchartprice"
TODAY, PAST = "inquire-time-itemchartprice", "inquire-time-dailychartprice"
CHART_ROW = {
    "stck_bsop_date": "20261120", "stck_clpr": "71000", "stck_oprc": "69800", "stck_hgpr": "71000",
    "stck_lwpr": "69200", "acml_vol": "25483920", "acml_tr_pbmn": "1790000000000",
    "prdy_vrss": "1420", "prdy_vrss_sign": "2",
}  # fmt: skip
BAR = DailyBar("005930", DAY, 69800, 71000, 69200, 71000, 25483920, 1790000000000, 1420)


def chart(*rows: dict[str, str], code: str = "005930") -> dict[str, object]:
    """Return a chart of these rows."""
    return ok(output1={**HEAD, "stck_shrn_iscd": code}, output2=list(rows))


def falling(newest: date, count: int) -> list[dict[str, str]]:
    """Return rows of so many days, newest first."""
    return [{**ROW, "stck_bsop_date": f"{newest - timedelta(days=back):%Y%m%d}"} for back in range(count)]


def quote(code: str) -> dict[str, str]:
    """Return the quote of this code."""
    return {**QUOTE, "inter_shrn_iscd": code}


def masters(kis) -> None:
    """Let the three master files list four instruments."""
    kis.answer("kospi_code.mst.zip", zipped(line() + b"\n" + line(code="000001", isin="KR7000001008", name="첫회사")))
    kis.answer("kosdaq_code.mst.zip", zipped(line("KOSDAQ", "0001A0", "KR70001A0001", "새회사"), "kosdaq_code.mst"))
    kis.answer("konex_code.mst.zip", zipped(line("KONEX", "000009", "KR7000009001", "작은회사"), "konex_code.mst"))


def test_price_with_a_documented_name(kis, make_source):
    """Samsung Electronics is named as the README shows it, without asking for the master."""
    kis.answer("inquire-price", ok(output=PRICE))
    price = make_source().get_current_price("005930")
    assert (price.stock_name, price.current_price) == ("Samsung Electronics", 71000)
    assert kis.queries("inquire-price") == [{"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}]


def test_name_out_of_the_master(kis, make_source):
    """Other names come from the stock master, which is downloaded once."""
    masters(kis)
    kis.answer("inquire-price", ok(output={**PRICE, "stck_shrn_iscd": "0001A0"}))
    source = make_source()
    assert [source.get_current_price("0001A0").stock_name for _ in range(2)] == ["새회사", "새회사"]
    assert len(kis.queries("kosdaq_code.mst.zip")) == 1


def test_the_master_is_downloaded_once_for_all_processes(kis, store, fake_time, tmp_path):
    """The second process reads the files that the first one kept; a file that cannot be read is kept for nobody."""
    masters(kis)
    kis.answer("inquire-price", ok(output={**PRICE, "stck_shrn_iscd": "0001A0"}))
    kis.answer("konex_code.mst.zip", zipped(b"cut", "konex_code.mst"))

    def process() -> KISDataSource:
        settings = KisSettings(APP_KEY, APP_SECRET, environment="sandbox", base_url="http://127.0.0.1:9")
        files = KeptFiles(tmp_path / "masters")
        return KISDataSource(settings, store, kis, clock=fake_time.now, sleep=fake_time.sleep, files=files)

    with pytest.raises(PayloadError, match="KONEX master"):
        process().get_current_price("0001A0")
    masters(kis)
    assert [process().get_current_price("0001A0").stock_name for _ in range(3)] == ["새회사"] * 3
    counted = {market: len(kis.queries(f"{market}_code.mst.zip")) for market in ("kospi", "kosdaq", "konex")}
    assert counted == {"kospi": 1, "kosdaq": 1, "konex": 2}


def test_a_kept_master_holds_for_its_day_and_session(kis, store, fake_time, tmp_path):
    """The next morning quotes show another session: the files are downloaded again."""
    masters(kis)
    kis.answer("inquire-price", ok(output={**PRICE, "stck_shrn_iscd": "0001A0"}))
    settings = KisSettings(APP_KEY, APP_SECRET, environment="sandbox", base_url="http://127.0.0.1:9")
    for when in ("Fri, 20 Nov 2026 11:30:00 GMT", "Fri, 20 Nov 2026 14:59:00 GMT", "Mon, 23 Nov 2026 00:30:00 GMT"):
        kis.date = when
        files = KeptFiles(tmp_path / "masters")
        KISDataSource(settings, store, kis, clock=fake_time.now, sleep=fake_time.sleep, files=files).get_current_price(
            "0001A0"
        )
    assert len(kis.queries("kospi_code.mst.zip")) == 2


@pytest.mark.parametrize("code", ["5930", "A005930", "00593a", "", "005930 ", "../etc", 5930, None])
def test_malformed_code_is_refused_before_any_call(kis, make_source, code):
    """A malformed code is a ValueError, and nothing is sent."""
    source = make_source()
    asked = (
        lambda: source.get_current_price(code),
        lambda: source.get_order_book(code),
        lambda: source.get_chart_data(code, PriceType.DAILY, 1),
        lambda: source.get_stock_info(code),
        lambda: source.daily_bars(["005930", code], DAY, DAY),
        lambda: source.minute_bars([code], DAY, DAY),
        lambda: source.price_snapshots([code]),
        lambda: source.order_books([code]),
    )
    for ask in asked:
        with pytest.raises(InvalidRequestError, match="stock_code"):
            ask()
    assert not kis.asked


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (DAY, DAY - timedelta(days=1)),
        ("20261120", DAY),
        (datetime(2026, 11, 20), DAY),
    ],
)
def test_wrong_range_is_refused_before_any_call(kis, make_source, first, last):
    """A reversed range, or one that is not made of dates, is refused."""
    with pytest.raises(InvalidRequestError):
        make_source().daily_bars(["005930"], first, last)
    assert not kis.asked


@pytest.mark.parametrize(
    ("period", "count"),
    [
        (PriceType.DAILY, 0),
        (PriceType.DAILY, -1),
        (PriceType.DAILY, True),
        ("D", 5),
    ],
)
def test_wrong_chart_request(kis, make_source, period, count):
    """The period is a PriceType and the count a positive number."""
    with pytest.raises(InvalidRequestError):
        make_source().get_chart_data("005930", period, count)
    assert not kis.asked


def test_pages_of_a_hundred_days(kis, make_source):
    """The next page ends on the day before the oldest row; raw prices are asked for."""
    newest = date(2026, 11, 19)
    kis.answer(CHART, chart(*falling(newest, 100)), chart(*falling(newest - timedelta(days=100), 20)))
    bars = list(make_source().daily_bars(["005930"], date(2026, 1, 1), date(2026, 11, 19)))
    assert [bar.session for bar in bars] == [newest - timedelta(days=back) for back in range(120)]
    asked = [(query["FID_INPUT_DATE_1"], query["FID_INPUT_DATE_2"]) for query in kis.queries(CHART)]
    assert asked == [("20260101", "20261119"), ("20260101", "20260811")]
    assert {query["FID_ORG_ADJ_PRC"] for query in kis.queries(CHART)} == {"1"}


def test_full_last_page_needs_no_further_call(kis, make_source):
    """A page whose oldest row is the first day asked for is the last one."""
    newest = date(2026, 11, 19)
    kis.answer(CHART, chart(*falling(newest, 100)))
    assert len(list(make_source().daily_bars(["005930"], newest - timedelta(days=99), newest))) == 100
    assert len(kis.queries(CHART)) == 1


def test_quoted_session_by_thirty_codes_a_call(kis, make_source):
    """The final session costs one chart as a proof and one call for thirty codes, filled slots only."""
    codes = ["005930", *(f"{number:06d}" for number in range(100010, 100340, 10))]
    kis.answer(CHART, chart(CHART_ROW))
    kis.answer(
        "intstock-multprice",
        ok(output=[quote(code) for code in codes[:30]]),
        ok(output=[quote(code) for code in codes[30:]]),
    )
    bars = list(make_source().daily_bars(codes, DAY, DAY))
    assert [bar.stock_code for bar in bars] == codes
    assert bars[0] == BAR
    first, second = kis.queries("intstock-multprice")
    assert (len(first), len(second)) == (60, 8)
    assert (first["FID_INPUT_ISCD_30"], second["FID_INPUT_ISCD_1"]) == (codes[29], codes[30])


def test_quotes_are_proved_once_a_session(kis, make_source):
    """Ninety codes asked for thirty at a time cost one chart and three calls; units of thirty are what it wants."""
    codes = ["005930", *(f"{number:06d}" for number in range(100010, 100900, 10))]
    kis.answer(CHART, chart(CHART_ROW))
    batches = [codes[start : start + 30] for start in range(0, 90, 30)]
    kis.answer("intstock-multprice", *(ok(output=[quote(code) for code in batch]) for batch in batches))
    source = make_source()
    bars = [bar for batch in batches for bar in source.daily_bars(batch, DAY, DAY)]
    assert [bar.stock_code for bar in bars] == codes
    assert (len(kis.queries(CHART)), len(kis.queries("intstock-multprice"))) == (1, 3)


@pytest.mark.parametrize(("dataset", "first", "last", "environment", "size"), [
    ("price_snapshot", DAY, DAY, "real", 30), ("daily_bar", DAY, DAY, "real", 30),
    ("daily_bar", date(2026, 11, 19), date(2026, 11, 19), "real", 1), ("daily_bar", date(2026, 11, 19), DAY, "real", 1),
    ("order_book", DAY, DAY, "real", 1), ("minute_bar", DAY, DAY, "real", 1),
    ("price_snapshot", DAY, DAY, "virtual", 1),
])  # fmt: skip
def test_codes_that_are_best_asked_for_together(kis, make_source, dataset, first, last, environment, size):
    """Thirty where quotes answer, one everywhere else."""
    kis.answer("inquire-price", ok(output=PRICE))
    source = make_source(environment=environment)
    source.get_current_price("005930")
    assert source.unit_size(dataset, first, last) == size


def test_the_virtual_server_says_once_what_prices_cost(kis, make_source, caplog):
    """One line in the log, however many units are asked for."""
    caplog.set_level("INFO")
    source = make_source(environment="virtual", rate_limit=1000.0)
    kis.answer("inquire-price", ok(output=PRICE))
    for _ in range(3):
        list(source.price_snapshots(["005930"]))
    assert [line for line in caplog.messages if "no multi-price" in line] == [
        "The virtual server of KIS has no multi-price: every price costs a call, not every thirtieth"
    ]


def test_past_session_comes_from_charts(kis, make_source):
    """A session that quotes no longer show is read code by code."""
    kis.date = "Fri, 20 Nov 2026 23:30:00 GMT"
    row = {**CHART_ROW, "stck_bsop_date": "20261119"}
    kis.answer(CHART, chart(row), chart(row, code="000660"))
    bars = list(make_source().daily_bars(["005930", "000660"], date(2026, 11, 19), date(2026, 11, 19)))
    assert [bar.stock_code for bar in bars] == ["005930", "000660"]
    assert not kis.queries("intstock-multprice")


def test_code_without_a_bar_proves_nothing(kis, make_source):
    """When the first code has no bar on that day, the next one is the proof."""
    kis.answer(CHART, chart(), chart(CHART_ROW, code="000660"))
    kis.answer("intstock-multprice", ok(output=[quote("000660"), quote("000270")]))
    bars = list(make_source().daily_bars(["005930", "000660", "000270"], DAY, DAY))
    assert [bar.stock_code for bar in bars] == ["000660", "000270"]


def test_quotes_of_another_session_are_refused(kis, make_source):
    """Quotes that do not open where the chart of the day opened are another day's."""
    kis.answer(CHART, chart(CHART_ROW))
    kis.answer("intstock-multprice", ok(output=[{**quote("005930"), "inter2_oprc": "69300"}, quote("000660")]))
    with pytest.raises(PayloadError, match="another session"):
        list(make_source().daily_bars(["005930", "000660"], DAY, DAY))


@pytest.mark.parametrize("last", [DAY, date(2026, 11, 23)])
def test_session_that_is_not_final_is_refused(kis, make_source, last):
    """By the server's clock the day is final at 20:00; a bar of before is no daily bar."""
    kis.date = "Fri, 20 Nov 2026 10:59:59 GMT"
    kis.answer(CHART, chart(CHART_ROW))
    with pytest.raises(InvalidRequestError, match="not final"):
        list(make_source().daily_bars(["005930", "000660"], DAY, last))


def test_weekend_after_the_last_session_is_no_session(kis, make_source):
    """A range that ends on a Sunday holds nothing that is not final."""
    kis.answer(CHART, chart(CHART_ROW))
    assert list(make_source().daily_bars(["005930"], DAY, date(2026, 11, 22))) == [BAR]


def test_virtual_server_has_no_multi_price(kis, make_source):
    """On the virtual server a day costs one call a code."""
    kis.answer(CHART, chart(CHART_ROW), chart(CHART_ROW, code="000660"))
    source = make_source(environment="virtual", rate_limit=1000.0)
    assert [bar.stock_code for bar in source.daily_bars(["005930", "000660"], DAY, DAY)] == ["005930", "000660"]
    assert not kis.queries("intstock-multprice")


def test_unknown_code_refused_as_a_whole_is_found(kis, make_source):
    """When KIS refuses a whole call, the halves are asked until the code is named."""
    kis.answer("intstock-multprice", gateway("MCA05918", 200), ok(output=[quote("005930")]), gateway("MCA05918", 200))
    with pytest.raises(UnknownStockError) as caught:
        list(make_source().price_snapshots(["005930", "999990"]))
    assert caught.value.stock_code == "999990"


def test_snapshots_on_the_virtual_server(kis, make_source):
    """There prices are asked one by one."""
    kis.answer("inquire-price", ok(output=PRICE))
    source = make_source(environment="virtual", rate_limit=1000.0)
    assert [price.stock_code for price in source.price_snapshots(["005930", "005930"])] == ["005930", "005930"]


def test_nothing_asked_nothing_sent(kis, make_source):
    """No codes, no calls."""
    source = make_source()
    assert [*source.price_snapshots([]), *source.daily_bars([], DAY, DAY), *source.order_books([])] == []
    assert not kis.asked


def test_instruments_of_three_markets(kis, make_source):
    """The three files become one list in order of stock code."""
    masters(kis)
    found = list(make_source().instruments(DAY))
    assert [(one.stock_code, one.market) for one in found] == [
        ("000001", "KOSPI"), ("000009", "KONEX"), ("0001A0", "KOSDAQ"), ("005930", "KOSPI"),
    ]  # fmt: skip
    assert {one.as_of for one in found} == {DAY}


@pytest.mark.parametrize(("server", "session", "allowed"), [
    ("Fri, 20 Nov 2026 11:30:00 GMT", DAY, True),
    ("Fri, 20 Nov 2026 11:30:00 GMT", date(2026, 11, 23), True),
    ("Sun, 22 Nov 2026 22:30:00 GMT", date(2026, 11, 23), True),
    ("Fri, 20 Nov 2026 05:00:00 GMT", DAY, True),
    ("Fri, 20 Nov 2026 05:00:00 GMT", date(2026, 11, 23), False),
    ("Fri, 20 Nov 2026 05:00:00 GMT", date(2026, 11, 19), False),
    ("Fri, 20 Nov 2026 11:30:00 GMT", date(2026, 11, 19), False),
    ("Fri, 20 Nov 2026 11:30:00 GMT", date(2026, 11, 21), False),
    ("Thu, 30 Dec 2027 11:30:00 GMT", date(2027, 12, 30), True),
    ("Thu, 30 Dec 2027 11:30:00 GMT", date(2028, 1, 3), True),
    ("Fri, 28 Dec 2040 11:30:00 GMT", date(2040, 12, 28), True),
])  # fmt: skip
def test_master_describes_the_present_only(kis, make_source, server, session, allowed):
    """The master holds the quoted session, and once that is final the next one; never the past."""
    masters(kis)
    kis.date = server
    if allowed:
        assert {one.as_of for one in make_source().instruments(session)} == {session}
        return
    with pytest.raises(InvalidRequestError, match="stock master"):
        make_source().instruments(session)


def minutes(*rows: dict[str, str], traded: str = "14") -> dict[str, object]:
    """Return a minute chart of these rows."""
    return ok(output1={"hts_kor_isnm": "삼성전자", "acml_vol": traded}, output2=list(rows))


def full_page(newest: datetime, count: int, total: int) -> list[dict[str, str]]:
    """Return rows of so many minutes of one share and 100 won each."""
    return [minute(f"{newest - timedelta(minutes=back):%H%M%S}", "1", str(total - 100 * back)) for back in range(count)]


def test_minutes_of_today(kis, make_source):
    """Pages of thirty end one minute before the oldest row; values at a page's edge are right; yesterday is dropped."""
    eleven = datetime(2026, 11, 20, 11, 0)
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(
        TODAY,
        minutes(*full_page(eleven, 30, 9000)),
        minutes(minute("103000", "60", "6000"), minute("153000", "7", "500000", day="20261119")),
    )
    bars = list(make_source(environment="virtual", rate_limit=1000.0).minute_bars(["005930"], DAY, DAY))
    assert len(bars) == 31
    assert (bars[0].at.isoformat(), bars[0].trading_value) == ("2026-11-20T10:30:00+09:00", 6000)
    assert (bars[1].at.isoformat(), bars[1].trading_value) == ("2026-11-20T10:31:00+09:00", 100)
    asked = [(query["FID_INPUT_HOUR_1"], query["FID_PW_DATA_INCU_YN"]) for query in kis.queries(TODAY)]
    assert asked == [("200000", "N"), ("103000", "N")]


def test_running_minute_is_not_a_bar(kis, make_source):
    """The minute in progress, which may repeat the volume of the one before, is left out."""
    kis.date = "Fri, 20 Nov 2026 00:02:30 GMT"
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(
        TODAY, minutes(minute("090200", "5", "1500"), minute("090100", "5", "1500"), minute("090000", "10", "1000"))
    )
    assert [(bar.at.minute, bar.trading_value) for bar in make_source().minute_bars(["005930"], DAY, DAY)] == [
        (0, 1000), (1, 500),
    ]  # fmt: skip


def test_minutes_of_a_past_session(kis, make_source):
    """Past sessions come from the other call, with its date and its blank fake-tick field."""
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(PAST, minutes(minute("090000", "9", "900", day="20261119")))
    assert len(list(make_source().minute_bars(["005930"], date(2026, 11, 19), date(2026, 11, 19)))) == 1
    asked = kis.queries(PAST)[0]
    assert (asked["FID_INPUT_DATE_1"], asked["FID_FAKE_TICK_INCU_YN"]) == ("20261119", "")


@pytest.mark.parametrize(("session", "kind"), [
    (date(2026, 11, 23), InvalidRequestError), (date(2025, 11, 14), UnsupportedDatasetError),
])  # fmt: skip
def test_minutes_out_of_reach(kis, make_source, session, kind):
    """A session that has not begun, or lies more than a year back, is refused, not answered with nothing."""
    kis.answer("inquire-price", ok(output=PRICE))
    with pytest.raises(kind):
        list(make_source().minute_bars(["005930"], session, session))


def test_past_minutes_on_the_virtual_server(kis, make_source):
    """The virtual server has the quoted session's minutes only."""
    kis.answer("inquire-price", ok(output=PRICE))
    source = make_source(environment="virtual", rate_limit=1000.0)
    with pytest.raises(UnsupportedDatasetError, match="virtual"):
        list(source.minute_bars(["005930"], date(2026, 11, 19), date(2026, 11, 19)))


def test_only_yesterdays_minutes_on_a_day_with_trades(kis, make_source):
    """A finished session with volume and no minute of its own is incomplete, not empty."""
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, minutes(minute("153000", "7", "500000", day="20261119")))
    with pytest.raises(IncompleteDataError, match="2026-11-20"):
        list(make_source(environment="virtual", rate_limit=1000.0).minute_bars(["005930"], DAY, DAY))


def test_a_day_with_trades_and_no_minute_is_told(kis, make_source):
    """Whoever gathers evidence hears of the day's shares, for they may have traded outside of regular hours."""
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, minutes(traded="57"))
    with gathering() as told:
        assert list(make_source(environment="virtual", rate_limit=1000.0).minute_bars(["005930"], DAY, DAY)) == []
    assert told == [MinuteEvidence("005930", DAY, 0, day_volume=57)]


def test_halted_day_has_no_minutes(kis, make_source):
    """A session without volume has no minutes, and that is right."""
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, minutes(traded="0"))
    assert list(make_source(environment="virtual", rate_limit=1000.0).minute_bars(["005930"], DAY, DAY)) == []


def test_five_minute_bars(kis, make_source):
    """Five minutes are made of one-minute bars: first open, highest high, lowest low, last close, sums."""
    rows = [minute("090600", "1", "1330"), minute("090400", "2", "1230"), minute("090000", "10", "1000")]
    rows[1].update(stck_hgpr="130", stck_prpr="120", stck_oprc="110")
    rows[2].update(stck_lwpr="90", stck_oprc="95")
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, minutes(*rows))
    newest, older = make_source(environment="virtual", rate_limit=1000.0).get_chart_data(
        "005930", PriceType.MINUTE_5, 2
    )
    assert (newest.date, newest.volume) == ("20261120090500", 1)
    assert (older.date, older.volume, older.trading_value) == ("20261120090000", 12, 1230)
    assert (older.open_price, older.high_price, older.low_price, older.close_price) == (95, 130, 90, 120)


@pytest.mark.parametrize("dated", ["20261116", "20261120"])
def test_weekly_bars_are_dated_by_their_last_session(kis, make_source, dated):
    """Whichever day KIS dates a week by, the record has its last session."""
    kis.answer(CHART, chart({**ROW, "stck_bsop_date": dated}, {**ROW, "stck_bsop_date": "20261109"}))
    found = make_source().get_chart_data("005930", PriceType.WEEKLY, 5)
    assert [bar.date for bar in found] == ["20261120", "20261113"]
    assert kis.queries(CHART)[0]["FID_PERIOD_DIV_CODE"] == "W"


def test_next_page_of_weeks_ends_before_the_oldest_week(kis, make_source):
    """A page that ended inside a week would bring the rest of that week as a bar of its own."""
    fridays = [{**ROW, "stck_bsop_date": f"{DAY - timedelta(weeks=back):%Y%m%d}"} for back in range(100)]
    kis.answer(CHART, chart(*fridays), chart())
    make_source().get_chart_data("005930", PriceType.WEEKLY, 150)
    oldest = DAY - timedelta(weeks=99)
    assert kis.queries(CHART)[1]["FID_INPUT_DATE_2"] == f"{oldest - timedelta(days=5):%Y%m%d}"


def test_local_clock_that_is_days_behind(kis, make_source, fake_time):
    """The server's clock decides up to which day a chart reaches."""
    fake_time.at = datetime(2026, 11, 18, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))
    kis.answer(CHART, chart({**ROW, "stck_bsop_date": "20261118"}), chart(CHART_ROW))
    assert make_source().get_chart_data("005930", PriceType.DAILY, 1)[0].date == "20261120"


def test_cache_is_off_until_it_is_set(kis, make_source):
    """Interactive answers are repeated only for as long as KIS_CACHE_TTL_* says, ingestion's never."""
    kis.answer("inquire-price", ok(output=PRICE))
    plain, cached = make_source(), make_source(cache_ttl={"price": 1800.0})
    for source, sent in ((plain, 2), (cached, 3)):
        source.get_current_price("005930")
        source.get_current_price("005930")
        assert len(kis.queries("inquire-price")) == sent


def test_info_on_the_virtual_server_comes_from_the_master(kis, make_source):
    """The virtual server has no search-stock-info; the master answers, and no token is needed."""
    masters(kis)
    info = make_source(environment="virtual").get_stock_info("0001A0")
    assert (info.stock_name, info.market, info.sector, info.listed_shares) == ("새회사", "KOSDAQ", None, 5_919_637_000)
    assert not kis.queries("tokenP")


def test_holidays_on_the_virtual_server(kis, make_source):
    """chk-holiday exists on the real server only; nothing is sent."""
    with pytest.raises(UnsupportedDatasetError, match="chk-holiday"):
        make_source(environment="virtual").market_days(DAY)
    assert not kis.asked


def test_closing_twice_is_safe(make_source):
    """A source can be closed again, and shows no secret."""
    source = make_source()
    with source:
        source.close()
    assert repr(source) == "KISDataSource(kis)"
