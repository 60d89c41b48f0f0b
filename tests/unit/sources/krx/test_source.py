"""The KRX source over hand-written answers: calls, states of the calendar, refusals and the day's quota."""

from __future__ import annotations

import traceback
from datetime import date, datetime, timedelta

import pytest
import requests

from data_pipeline.exceptions import (
    AuthenticationError,
    ConnectionFailedError,
    DailyQuotaError,
    IncompleteDataError,
    InvalidRequestError,
    MaintenanceError,
    NotPublishedError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    ServerFailureError,
    ServiceNotApprovedError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.market.records import PriceType
from tests.support.krx_answers import (
    API_KEY,
    BAR,
    BASE,
    BASE_INFO,
    BLANK,
    FRIDAY,
    FUND,
    HTML,
    INDEX,
    KONEX,
    KOSDAQ,
    MONDAY,
    SEOUL,
    STOCKS,
    SUSPENDED,
    block,
    codes,
)


@pytest.fixture
def market(krx):
    """A Friday of four instruments and a fund."""
    krx.answer("stk_bydd_trd", block(BAR, SUSPENDED))
    krx.answer("ksq_bydd_trd", block(KOSDAQ))
    krx.answer("knx_bydd_trd", block(KONEX))
    krx.answer("etf_bydd_trd", block(FUND))
    for api, code in zip(BASE_INFO, ("005930", "247540", "199150"), strict=True):
        krx.answer(api, block(BASE | {"ISU_SRT_CD": code}))
    return krx


def test_a_call_carries_the_key_in_its_header_alone(market, make_source):
    """The day is in the query, the key is in AUTH_KEY and nowhere in the URL."""
    codes(make_source(), "005930")
    path, query, headers = market.asked[0]
    assert (path, query) == ("/svc/apis/sto/stk_bydd_trd", {"basDd": "20261120"})
    assert headers["AUTH_KEY"] == API_KEY


def test_many_questions_about_a_session_cost_three_calls(market, make_source):
    """Chunks of codes share the session's three market days, in the order asked for."""
    source = make_source()
    assert codes(source, "247540", "005930", "199150") == ["247540", "005930", "199150"]
    assert codes(source, "000020") == ["000020"]
    assert codes(source, "005930") == ["005930"]
    assert market.calls() == STOCKS
    assert source.requests_sent == 3


@pytest.mark.parametrize("ask", ["daily_bars", "market_bars", "index_bars", "instruments"])
def test_sessions_before_2010_are_not_there(market, make_source, ask):
    """The Open API begins on 4 January 2010: the day before is refused by name, and nothing is sent."""
    source, day = make_source(), date(2009, 12, 30)
    words = {"daily_bars": (["005930"], day, FRIDAY), "index_bars": (day, FRIDAY)}.get(ask, (day,))
    with pytest.raises(UnsupportedDatasetError, match="begins on 2010-01-04 and has nothing for 2009-12-30"):
        list(getattr(source, ask)(*words))
    assert market.calls() == []


def test_funds_cost_a_call_more(market, make_source):
    """A code that no stock market has is looked for among the funds."""
    assert codes(make_source(), "069500", "005930") == ["069500", "005930"]
    assert market.calls() == [*STOCKS, "etf_bydd_trd"]


def test_a_known_stock_is_not_looked_for_among_funds(market, make_source):
    """An instrument that is listed now and was not on an earlier session costs that session no further call."""
    thursday = {"BAS_DD": "20261119"}
    market.answer("stk_bydd_trd", block(BAR), block(SUSPENDED | thursday))
    market.answer("ksq_bydd_trd", block(KOSDAQ | thursday))
    market.answer("knx_bydd_trd", block(KONEX | thursday))
    assert codes(make_source(), "005930", first=FRIDAY - timedelta(days=1)) == ["005930"]
    assert market.calls() == ["stk_bydd_trd", *STOCKS]


def test_the_whole_market(market, make_source):
    """Every stock and fund of a session."""
    bars = list(make_source().market_bars(FRIDAY))
    assert sorted(bar.stock_code for bar in bars) == ["000020", "005930", "069500", "199150", "247540"]


def test_a_market_that_did_not_exist_yet_is_not_asked(krx, make_source):
    """KONEX opened on 1 July 2013 and notes began in 2014; before, their absence is no gap."""
    old = {"BAS_DD": "20130628"}
    krx.answer("stk_bydd_trd", block(BAR | old))
    krx.answer("ksq_bydd_trd", block(KOSDAQ | old))
    krx.answer("etf_bydd_trd", block(FUND | old))
    krx.answer("stk_isu_base_info", block(BASE))
    krx.answer("ksq_isu_base_info", block(BASE | {"ISU_SRT_CD": "247540"}))
    source, day = make_source(), date(2013, 6, 28)
    assert [bar.stock_code for bar in source.market_bars(day)] == ["005930", "247540", "069500"]
    assert [one.stock_code for one in source.instruments(day)] == ["001465", "247540"]
    assert krx.calls() == [*STOCKS[:2], "etf_bydd_trd", *BASE_INFO[:2]]


def test_indices(krx, make_source):
    """Three families of indices, one call each."""
    for api, family in (("krx_dd_trd", "KRX"), ("kospi_dd_trd", "KOSPI"), ("kosdaq_dd_trd", "KOSDAQ")):
        krx.answer(api, block(INDEX | {"IDX_CLSS": family}))
    assert [bar.family for bar in make_source().index_bars(FRIDAY, FRIDAY)] == ["KRX", "KOSPI", "KOSDAQ"]


@pytest.mark.parametrize(
    ("at", "session"),
    [
        (datetime(2026, 11, 23, 8, 30, tzinfo=SEOUL), MONDAY),
        (datetime(2026, 11, 23, 20, 30, tzinfo=SEOUL), MONDAY),
        (datetime(2026, 11, 24, 7, 30, tzinfo=SEOUL), date(2026, 11, 24)),
    ],
    ids=["before the opening", "after the close", "before KRX publishes the session before"],
)
def test_the_present_session_has_the_issues_of_the_last_published_one(market, make_source, clock, caplog, at, session):
    """Whoever has only this key gets the newest base info for today's list, dated by its own session, and is told."""
    clock.at = at
    with caplog.at_level("INFO"):
        found = list(make_source().instruments(session))
    assert {one.as_of for one in found} == {FRIDAY}
    assert [one.stock_code for one in found] == ["005930", "199150", "247540"]
    assert {query["basDd"] for _, query, _ in market.asked} == {"20261120"}
    assert f"KRX has not published {session} yet: its instruments are those of 2026-11-20" in caplog.text


def test_a_session_to_come_has_no_issues_yet(market, make_source, clock):
    """On Monday morning Tuesday is neither published nor present, so nothing is asked."""
    with pytest.raises(InvalidRequestError, match="not final"):
        make_source().instruments(date(2026, 11, 24))
    assert market.calls() == []


def test_a_market_day_is_never_divided_by_codes(make_source):
    """One call holds all codes of a market, so a loader asks for them together."""
    assert make_source().unit_size("daily_bar", FRIDAY, MONDAY) is None


def test_instruments_of_a_session(market, make_source):
    """The stocks of three markets in order of code, without a guess about halts."""
    found = list(make_source().instruments(FRIDAY))
    assert [(one.stock_code, one.market, one.halted) for one in found] == [
        ("005930", "KOSPI", None), ("199150", "KONEX", None), ("247540", "KOSDAQ", None),
    ]  # fmt: skip


def test_stock_info(market, make_source):
    """What a stock is, by the last published base info; a fund has none."""
    source = make_source()
    assert source.get_stock_info("247540").market == "KOSDAQ"
    with pytest.raises(UnsupportedDatasetError, match="069500"):
        source.get_stock_info("069500")


def test_a_closed_day_costs_no_call(krx, make_source):
    """A weekend has no bars, and nobody is asked."""
    assert codes(make_source(), "005930", first=date(2026, 11, 21), last=date(2026, 11, 22)) == []
    with pytest.raises(InvalidRequestError, match="not a session"):
        make_source().market_bars(date(2026, 11, 21))
    assert krx.asked == []


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("2026-11-20T20:30", 59.5 * 3600), ("2026-11-21T08:30", 47.5 * 3600), ("2026-11-23T07:59", 60)],
)
def test_a_session_is_published_on_the_next_session_at_eight(krx, make_source, clock, at, seconds):
    """Before that nothing is sent and the error says how long to wait."""
    clock.at = datetime.fromisoformat(at).replace(tzinfo=SEOUL)
    with pytest.raises(NotPublishedError, match="2026-11-23 08:00") as caught:
        make_source().daily_bars(["005930"], FRIDAY, FRIDAY)
    assert caught.value.retry_after == seconds
    assert krx.asked == []


def test_a_running_session_is_refused(krx, make_source):
    """Figures that still move are nobody's to ask for."""
    with pytest.raises(InvalidRequestError, match="not final"):
        make_source().market_bars(MONDAY)
    assert krx.asked == []


def test_an_empty_answer_on_the_morning_of_publication_means_late(krx, make_source):
    """The calendar says that Friday is due, so KRX is late and trying again helps."""
    with pytest.raises(NotPublishedError, match="late") as caught:
        codes(make_source(), "005930")
    assert caught.value.retry_after == 600


def test_an_empty_answer_later_on_is_an_error(krx, make_source, clock):
    """A session of last week that comes empty is missing, not a holiday."""
    clock.at += timedelta(days=1)
    with pytest.raises(IncompleteDataError, match="trading calendar"):
        codes(make_source(), "005930")


def test_rows_without_figures_are_an_empty_answer(market, make_source):
    """The list of a closed day with blank prices is no data either."""
    market.answer("etf_bydd_trd", block(BLANK))
    with pytest.raises(NotPublishedError):
        codes(make_source(), "069500")


def test_an_unknown_code_is_named(market, make_source):
    """A code that is in no market and not listed now is an error; one listed later has no bar."""
    with pytest.raises(UnknownStockError, match="999990"):
        codes(make_source(), "005930", "999990")
    market.answer("stk_isu_base_info", block(BASE | {"ISU_SRT_CD": "0001A0"}))
    assert codes(make_source(), "0001A0", "005930") == ["005930"]


def test_what_krx_does_not_offer_costs_no_call(krx, make_source):
    """Quotes, books, minutes, charts and the calendar are refused before anything is sent."""
    source = make_source()
    for ask in (
        lambda: source.get_current_price("005930"),
        lambda: source.get_order_book("005930"),
        lambda: source.get_chart_data("005930", PriceType.DAILY, 5),
        lambda: source.minute_bars(["005930"], FRIDAY, FRIDAY),
        lambda: source.price_snapshots(["005930"]),
        lambda: source.order_books(["005930"]),
        lambda: source.market_days(FRIDAY),
    ):
        with pytest.raises(UnsupportedDatasetError, match="KRX"):
            ask()
    assert krx.asked == []


@pytest.mark.parametrize(
    ("answer", "error", "words", "calls"),
    [
        ((401, {"respMsg": "Unauthorized Key", "respCode": "401"}), AuthenticationError, "renew it", 1),
        ((200, {"respMsg": "Unauthorized Key", "respCode": "401"}), AuthenticationError, "renew it", 1),
        (
            (401, {"respMsg": "Unauthorized API Call", "respCode": "401"}),
            ServiceNotApprovedError,
            "유가증권 일별매매",
            1,
        ),
        ((404, {"respMsg": "/svc does not exist.", "respCode": "404"}), RequestRefusedError, "does not exist", 1),
        ((403, HTML), MaintenanceError, "blocked or wrong", 1),
        ((403, block(BAR)), MaintenanceError, "HTTP 403", 1),
        ((404, {"message": "no"}), MaintenanceError, "HTTP 404", 1),
        ((302, b""), MaintenanceError, "redirect", 3),
        ((429, HTML), RateLimitedError, "code 429, HTTP 429", 3),
        ((429, b""), RateLimitedError, "code 429, HTTP 429", 3),
        ((429, block(BAR)), RateLimitedError, "code 429, HTTP 429", 3),
        ((408, HTML), ServerFailureError, "code 408, HTTP 408", 3),
        ((200, {"respMsg": "wait", "respCode": "503"}), ServerFailureError, "code 503, HTTP 200", 3),
        ((400, b""), MaintenanceError, r"stk_bydd_trd.*answered with nothing \(HTTP 400\)", 1),
        ((200, HTML), MaintenanceError, "maintenance", 3),
        ((503, HTML), MaintenanceError, "maintenance", 3),
        ((500, {"respMsg": "error"}), ServerFailureError, "HTTP 500", 3),
        ((200, b'{"OutBlock_1": ['), PayloadError, "not the documented JSON", 1),
        ((200, b""), MaintenanceError, "answered with nothing", 3),
        ((200, "점검".encode("euc-kr")), MaintenanceError, "text that is no data", 3),
        ((200, b"<title>" + "점".encode("euc-kr")[:1]), MaintenanceError, "a web page", 3),
        ((200, {"output": []}), PayloadError, "OutBlock_1 is missing", 1),
        ((200, {"OutBlock_1": ["005930"]}), PayloadError, "not a list of objects", 1),
        ((400, {"respMsg": f"bad {API_KEY}", "respCode": "400"}), RequestRefusedError, "code 400", 1),
        (requests.ConnectionError(), ConnectionFailedError, "connection failed", 3),
    ],
    ids=str,
)
def test_every_refusal_is_an_error_of_its_own(krx, make_source, answer, error, words, calls):
    """Typed, with what to do; only what may pass is tried again, and the key is in none of it."""
    krx.answer("stk_bydd_trd", answer)
    with pytest.raises(error, match=words) as caught:
        codes(make_source(), "005930")
    assert len(krx.asked) == calls
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert API_KEY not in shown


def test_429_stops_the_key_until_midnight(market, make_source, clock):
    """No further call leaves, from any source of that key, until the day in Seoul is over."""
    market.answer("stk_bydd_trd", (429, {"respMsg": "Limit Exceeded"}), block(BAR))
    with pytest.raises(DailyQuotaError, match="00:00") as caught:
        codes(make_source(), "005930")
    assert caught.value.retry_after == 15.5 * 3600
    with pytest.raises(DailyQuotaError):
        codes(make_source(), "005930")
    assert market.calls() == ["stk_bydd_trd"]
    clock.at = datetime(2026, 11, 24, 0, 0, tzinfo=SEOUL)
    assert codes(make_source(), "005930") == ["005930"]


def test_the_days_calls_are_counted_before_they_are_sent(market, make_source):
    """With two calls a day the third is not sent, retries included."""
    source = make_source(daily_limit=2)
    with pytest.raises(DailyQuotaError, match="2 calls"):
        codes(source, "005930", "247540", "199150")
    assert source.requests_sent == len(market.asked) == 2
    assert source.client.quota.left() == 0


def test_no_secret_is_shown(make_source):
    """Printing a source, its client or its settings tells nothing."""
    source = make_source()
    assert API_KEY not in repr(source) + repr(source.client) + repr(source.client._settings)
