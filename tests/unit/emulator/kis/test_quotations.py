"""What the emulated quotations answer."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

MONDAY_1030 = datetime(2026, 11, 16, 10, 30, 20)
SATURDAY = datetime(2026, 11, 21, 12, 0)


def _rows(answer):
    return answer.json()["output2"]


def _a_minute_earlier(hour):
    minutes = int(hour[:2]) * 60 + int(hour[2:4]) - 1
    return f"{minutes // 60:02d}{minutes % 60:02d}00"


def test_the_price_reads_like_the_readme(kis):
    """005930 on the reference evening: 71,000 won, +1,420 (+2.04 %), 25,483,920 shares."""
    price = kis.price().json()["output"]
    assert (price["stck_prpr"], price["prdy_vrss"], price["prdy_vrss_sign"]) == ("71000", "1420", "2")
    assert (price["prdy_ctrt"], price["acml_vol"], price["stck_sdpr"]) == ("2.04", "25483920", "69580")
    assert (price["stck_mxpr"], price["stck_llam"], price["aspr_unit"]) == ("90380", "48780", "100")


def test_the_answers_headers_are_the_servers_own(kis):
    """Every answer says its TR, its page state and an id; ``Date`` is the market clock in GMT."""
    answer = kis.price()
    assert answer.headers["date"] == "Fri, 20 Nov 2026 11:30:00 GMT"
    assert (answer.headers["tr_id"], answer.headers["tr_cont"]) == ("FHKST01010100", "")
    assert len(answer.headers["gt_uid"]) == 32


def test_names_are_read_in_any_case(kis):
    """Header and query names are accepted in upper and lower case, and a path with two slashes is the same path."""
    headers = {name.upper(): value for name, value in kis.headers("inquire-price").items()}
    params = {"fid_cond_mrkt_div_code": "J", "fid_input_iscd": "005930"}
    assert kis.get("inquire-price", headers, **params).json()["rt_cd"] == "0"
    path = "http://kis//uapi/domestic-stock/v1/quotations/inquire-price"
    assert kis.request("GET", path, headers=headers, params=params).json()["rt_cd"] == "0"


def test_before_eight_and_on_closed_days_the_last_session_is_quoted(start):
    """Saturday noon and Monday 07:59 show Friday's figures; from 08:00 Monday's, before its open without a trade."""
    friday = start().price().json()["output"]["acml_vol"]
    assert start(SATURDAY).price().json()["output"]["acml_vol"] == friday
    assert start(datetime(2026, 11, 23, 7, 59)).price().json()["output"]["acml_vol"] == friday
    monday = start(datetime(2026, 11, 23, 8, 0)).price().json()["output"]
    assert (monday["acml_vol"], monday["stck_oprc"], monday["stck_prpr"]) == ("0", "0", "71000")


def test_day_bars_come_newest_first_a_hundred_at_a_time(kis):
    """A window of years gives the newest 100 sessions; the next page begins the day before the oldest row."""
    page = _rows(kis.chart("005930", "20200101", "20261120"))
    days = [row["stck_bsop_date"] for row in page]
    assert (len(days), days[0], days) == (100, "20261120", sorted(days, reverse=True))
    following = _rows(kis.chart("005930", "20200101", str(int(days[-1]) - 1)))
    assert following[0]["stck_bsop_date"] < days[-1]


def test_a_window_without_sessions_is_an_empty_list(kis):
    """A weekend, a reversed window and the future answer rt_cd 0 with no rows."""
    for first, last in (("20261121", "20261122"), ("20261120", "20261101"), ("20261201", "20261231")):
        answer = kis.chart("005930", first, last)
        assert (answer.json()["rt_cd"], _rows(answer)) == ("0", [])


def test_the_running_day_is_a_row_of_its_own_chart(start):
    """At 10:30 today's row holds the day so far; at 08:30 there is none yet."""
    kis = start(MONDAY_1030)
    row = _rows(kis.chart("005930", "20261116", "20261116"))[0]
    assert row["acml_vol"] == kis.price().json()["output"]["acml_vol"] != "0"
    assert _rows(start(datetime(2026, 11, 16, 8, 30)).chart("005930", "20261116", "20261116")) == []


def _halted_day(kis):
    market = kis.app.server.view.market
    session = date(2026, 11, 20)
    return next(one.stock_code for one in market.instruments(session) if one.halted), session


@pytest.mark.thorough
def test_a_halted_issue_has_zero_prices_a_close_and_mod_yn(kis):
    """On a halted day the chart row has open, high, low and volume 0, a close and mod_yn Y; the status code is 58."""
    code, _ = _halted_day(kis)
    row = _rows(kis.chart(code, "20261120", "20261120"))[0]
    assert [row[name] for name in ("stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol")] == ["0"] * 4
    assert int(row["stck_clpr"]) > 0
    assert row["mod_yn"] == "Y"
    assert kis.price(code).json()["output"]["iscd_stat_cls_code"] == "58"


def split(kis):
    """Return a code, the session on which its shares changed, and their number before and after."""
    market = kis.app.server.view.market
    sessions = market.calendar.sessions(date(2026, 6, 1), date(2026, 11, 20))
    for one in market.instruments(sessions[-1]):
        if market.listed_on(one.stock_code) >= sessions[0]:
            continue
        before, after = (market.listed_shares(one.stock_code, day) for day in (sessions[0], sessions[-1]))
        if max(before, after) >= 2 * min(before, after):
            changed = next(day for day in sessions if market.listed_shares(one.stock_code, day) == after)
            return one.stock_code, changed, before, after
    raise LookupError("no split in the window")


def test_a_split_is_marked_and_only_adjusted_prices_are_restated(kis):
    """FID_ORG_ADJ_PRC 1 gives raw prices with the ratio on the split's day; 0 restates the days before it."""
    code, day, old, new = split(kis)
    raw = {row["stck_bsop_date"]: row for row in _rows(kis.chart(code, "20260601", "20261120", adjust="1"))}
    fitted = {row["stck_bsop_date"]: row for row in _rows(kis.chart(code, "20260601", "20261120", adjust="0"))}
    assert {raw[one]["revl_issu_reas"] for one in raw if raw[one]["prtt_rate"] == f"{new / old:.2f}"} == {"99"}
    marked = [row["stck_bsop_date"] for row in raw.values() if row["prtt_rate"] != "0.00"]
    assert marked == [f"{day:%Y%m%d}"]
    before = max(found for found in raw if found < marked[0])
    assert int(fitted[before]["stck_clpr"]) == round(int(raw[before]["stck_clpr"]) * old / new)
    assert int(fitted[before]["acml_vol"]) == round(int(raw[before]["acml_vol"]) * new / old)
    assert fitted[marked[0]]["stck_clpr"] == raw[marked[0]]["stck_clpr"]


@pytest.mark.parametrize(("period", "newest"), [("W", "20261120"), ("M", "20261120"), ("Y", "20261120")])
def test_longer_bars_add_their_days_up(kis, period, newest):
    """A week's, month's and year's bar stands under its last session and holds the volume of its days."""
    bars = _rows(kis.chart("005930", "20260101", "20261120", period))
    first = {"W": date(2026, 11, 16), "M": date(2026, 11, 2), "Y": date(2026, 1, 2)}[period]
    market = kis.app.server.view.market
    days = market.daily_bars("005930", first, date(2026, 11, 20))
    assert bars[0]["stck_bsop_date"] == newest
    assert int(bars[0]["acml_vol"]) == sum(day.volume for day in days)
    assert int(bars[0]["stck_hgpr"]) == max(day.high for day in days)


@pytest.mark.parametrize(("padded", "plain"), [("0000000001", "1"), ("0000000000", "0")])
def test_the_kind_of_prices_may_be_padded(kis, padded, plain):
    """KIS's own sample asks for FID_ORG_ADJ_PRC 0000000001."""
    window = ("005930", "20261101", "20261120")
    assert kis.chart(*window, adjust=padded).json() == kis.chart(*window, adjust=plain).json()


def test_minutes_of_today_come_thirty_at_a_time_up_to_now(start):
    """At 10:30 the page ends now though 15:30 was asked; pages follow each other without a gap back to the open."""
    kis = start(MONDAY_1030)
    page = _rows(kis.today("153000"))
    times = [row["stck_cntg_hour"] for row in page]
    assert (len(page), times[0], times) == (30, "103000", sorted(times, reverse=True))
    assert _rows(kis.today("090500"))[-1]["stck_cntg_hour"] == "090000"


def test_midnight_asks_for_the_newest_minutes(kis):
    """HOUR_1 000000, as python-kis sends it, and an empty one mean the newest bars."""
    for hour in ("000000", ""):
        assert _rows(kis.today(hour))[0]["stck_cntg_hour"] == "153000"


def test_the_newest_row_holds_the_shares_of_the_last_minute_that_traded(start):
    """At 10:30:20 the minute of 10:29 reads flat with the total from before it, as recorded; a minute later as well."""
    newest, traded, before = _rows(start(MONDAY_1030).today("103000"))[:3]
    assert (newest["stck_cntg_hour"], traded["stck_cntg_hour"]) == ("103000", "102900")
    assert (traded["cntg_vol"], traded["acml_tr_pbmn"]) == ("0", before["acml_tr_pbmn"])
    moved = _rows(start(MONDAY_1030 + timedelta(minutes=1)).today("103100"))[2]
    assert moved["stck_cntg_hour"] == "102900"
    assert (moved["cntg_vol"], moved["acml_tr_pbmn"]) == (newest["cntg_vol"], newest["acml_tr_pbmn"])
    for row in (newest, traded):
        assert len({row[name] for name in ("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr")}) == 1


def test_the_chart_of_today_has_flat_rows_through_the_auction(start):
    """At 15:29 it is recorded to have 389 rows, 09:00 to 15:28; the past chart has the minutes that traded."""
    kis = start(datetime(2026, 11, 16, 15, 29))
    hours, hour = [], "153000"
    while page := _rows(kis.today(hour)):
        hours += [row["stck_cntg_hour"] for row in page]
        hour = _a_minute_earlier(hours[-1])
    assert (len(hours), hours[0], hours[-1]) == (389, "152800", "090000")
    flat = [row for row in _rows(kis.today("153000")) if row["stck_cntg_hour"] >= "151900"]
    assert {row["cntg_vol"] for row in flat[1:]} == {"0"}
    assert [row["stck_cntg_hour"] for row in _rows(kis.minutes("20261116", "153000"))][:2] == ["151900", "151800"]


def test_after_the_auction_every_minute_has_its_shares(kis):
    """The auction traded, so 15:19 has its own shares; between it and 15:30 stand nine flat rows, none of 15:29."""
    rows = _rows(kis.today("153000"))[:11]
    assert [row["stck_cntg_hour"][:4] for row in rows] == ["1530", *(f"15{at}" for at in range(28, 18, -1))]
    assert [row["cntg_vol"] == "0" for row in rows] == [False, *[True] * 9, False]


def test_the_day_before_fills_the_page_only_on_request(start):
    """Five minutes after the open N gives today's minutes alone, Y thirty rows over the day edge."""
    kis = start(datetime(2026, 11, 16, 9, 5))
    assert {row["stck_bsop_date"] for row in _rows(kis.today("153000", "N"))} == {"20261116"}
    filled = _rows(kis.today("153000", "Y"))
    assert len(filled) == 30
    assert {row["stck_bsop_date"] for row in filled} == {"20261116", "20261113"}


def test_no_bar_lies_in_the_closing_auction_and_the_value_is_cumulative(kis):
    """The minutes 15:20-15:29 are absent, 15:30 is the auction, and its cumulative value is the day's."""
    day = kis.price().json()["output"]
    page = _rows(kis.minutes("20261120", "153000"))
    times = [row["stck_cntg_hour"] for row in page]
    assert times[:2] == ["153000", "151900"]
    assert not [found for found in times if "152000" <= found < "153000"]
    assert page[0]["acml_tr_pbmn"] == day["acml_tr_pbmn"]
    assert int(page[0]["acml_tr_pbmn"]) > int(page[1]["acml_tr_pbmn"]) > int(page[2]["acml_tr_pbmn"])


def test_past_minutes_add_up_to_their_day(kis):
    """Paging back through a past session with N collects exactly its volume."""
    hour, volume = "153000", 0
    while page := _rows(kis.minutes("20261118", hour, "N")):
        volume += sum(int(row["cntg_vol"]) for row in page)
        hour = _a_minute_earlier(page[-1]["stck_cntg_hour"])
    assert volume == int(_rows(kis.chart("005930", "20261118", "20261118"))[0]["acml_vol"])


def test_past_minutes_go_over_day_edges_and_end_after_a_year(kis):
    """120 rows ending at 09:30 reach into the session before; a day older than a year has none."""
    page = _rows(kis.minutes("20261118", "093000"))
    assert len(page) == 120
    assert {row["stck_bsop_date"] for row in page} == {"20261118", "20261117"}
    assert _rows(kis.minutes("20251101", "153000")) == []


def test_many_prices_come_in_the_order_of_the_slots(kis):
    """Three slots give three rows in their order, with names and the figures of the single quote."""
    found = kis.many("000660", "005930", "035720").json()["output"]
    assert [row["inter_shrn_iscd"] for row in found] == ["000660", "005930", "035720"]
    assert (found[1]["inter_kor_isnm"], found[1]["inter2_prpr"], found[1]["acml_vol"]) == (
        "삼성전자",
        "71000",
        "25483920",
    )


def test_blank_slots_are_refused_and_slots_beyond_thirty_ignored(kis):
    """A slot that is sent without a code is an input error; a thirty-first slot answers no row."""
    assert kis.many("005930", "").json()["rt_cd"] == "2"
    assert kis.get("intstock-multprice").json()["msg1"] == "ERROR INPUT FIELD NOT FOUND [FID_COND_MRKT_DIV_CODE_1]"
    assert len(kis.many(*["005930"] * 31).json()["output"]) == 30


def test_a_halted_issue_has_an_order_book_of_zeros(kis):
    """A book that nobody fills reads "0" on every level; a live one straddles the last price."""
    code, _ = _halted_day(kis)
    ask = {"FID_COND_MRKT_DIV_CODE": "J"}
    book = kis.get("inquire-asking-price-exp-ccn", **ask, FID_INPUT_ISCD=code).json()["output1"]
    assert {book[f"askp{level}"] for level in range(1, 11)} == {"0"}
    book = kis.get("inquire-asking-price-exp-ccn", **ask, FID_INPUT_ISCD="005930").json()["output1"]
    assert (book["askp1"], book["bidp1"], book["aspr_acpt_hour"]) == ("71100", "71000", "160000")


def test_the_ledger_pads_its_message_and_its_code(kis):
    """search-stock-info answers KIOK0530 with a message of 80 characters and a padded product number."""
    answer = kis.get("search-stock-info", PRDT_TYPE_CD="300", PDNO="005930").json()
    assert (answer["msg_cd"], len(answer["msg1"])) == ("KIOK0530", 80)
    assert (answer["output"]["pdno"], answer["output"]["prdt_eng_name"]) == ("00000A005930", "Samsung Electronics")


def test_holidays_come_24_days_a_page(kis):
    """From Christmas Eve 2026: 24 days, closed on 25 and 31 December; the year's last weekday is a bank day."""
    answer = kis.get("chk-holiday", BASS_DT="20261224", CTX_AREA_NK="", CTX_AREA_FK="")
    days = {row["bass_dt"]: row for row in answer.json()["output"]}
    assert (len(days), answer.headers["tr_cont"]) == (24, "M")
    assert [days[f"202612{day}"]["opnd_yn"] for day in (24, 25, 26, 30, 31)] == ["Y", "N", "N", "Y", "N"]
    assert (days["20261231"]["bzdy_yn"], days["20261225"]["bzdy_yn"]) == ("Y", "N")
    assert (days["20261227"]["wday_dvsn_cd"], days["20261226"]["wday_dvsn_cd"]) == ("01", "07")


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        ({"FID_COND_MRKT_DIV_CODE": "Z"}, "OPSQ2001", "ERROR INVALID FID_COND_MRKT_DIV_CODE"),
        ({"FID_INPUT_ISCD": "5" * 13}, "OPSQ2002", "ERROR INVALID INPUT_FILED_SIZE [FID_INPUT_ISCD]"),
        ({"FID_INPUT_ISCD": ""}, "OPSQ2002", "ERROR INVALID INPUT_FILED_SIZE [FID_INPUT_ISCD]"),
        ({"FID_INPUT_DATE_2": "2026"}, "OPSQ2002", "ERROR INVALID INPUT_FILED_SIZE [FID_INPUT_DATE_2]"),
        ({"FID_INPUT_DATE_2": "20261345"}, "OPSQ2001", "ERROR INVALID FID_INPUT_DATE_2"),
        ({"FID_PERIOD_DIV_CODE": "H"}, "OPSQ2001", "ERROR INVALID FID_PERIOD_DIV_CODE"),
        ({"FID_ORG_ADJ_PRC": "2"}, "OPSQ2001", "ERROR INVALID FID_ORG_ADJ_PRC"),
        ({"FID_ORG_ADJ_PRC": ""}, "OPSQ2001", "ERROR INVALID FID_ORG_ADJ_PRC"),
        ({"FID_ORG_ADJ_PRC": None}, "OPSQ2001", "ERROR INPUT FIELD NOT FOUND [FID_ORG_ADJ_PRC]"),
    ],
)
def test_wrong_fields_are_named(kis, changed, code, text):
    """An input error is HTTP 200 with rt_cd 2, its code and the field's name."""
    params = {
        "FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930", "FID_INPUT_DATE_1": "20261101",
        "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0",
    } | changed  # fmt: skip
    sent = {name: value for name, value in params.items() if value is not None}
    answer = kis.get("inquire-daily-itemchartprice", **sent)
    body = answer.json()
    assert (answer.status_code, body["rt_cd"], body["msg_cd"], body["msg1"]) == (200, "2", code, text)


@pytest.mark.thorough
@pytest.mark.parametrize("code", ["999999", "abc", "'--", "가나다"])
def test_an_unknown_code_is_an_error_or_a_shell(start, code):
    """MCA05918 with rt_cd 1 by default; with the other shape rt_cd 0 and nearly nothing in it."""
    answer = start().price(code)
    assert (answer.status_code, answer.json()["rt_cd"], answer.json()["msg_cd"]) == (200, "1", "MCA05918")
    shell = start(unknown_symbol="shell")
    assert shell.price(code).json()["rt_cd"] == "0"
    assert "stck_oprc" not in shell.price(code).json()["output"]
    assert "inter2_oprc" not in shell.many("005930", code).json()["output"][1]
