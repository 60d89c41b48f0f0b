"""Seeded lies: which request hears one, and what each makes of an answer written by hand."""

from __future__ import annotations

import json

import pytest

from data_pipeline.emulator.hostile import LIES, OF_A_SEED, is_chosen, lie_for, told
from data_pipeline.emulator.kis.wire import QUOTATIONS

CHART, MULTI, STOCKS = "/q/inquire-daily-itemchartprice", "/q/intstock-multprice", "/svc/apis/sto/stk_bydd_trd"
QUERY = {"FID_INPUT_ISCD": "005930", "FID_INPUT_DATE_2": "20261120"}
DAYS = [f"202611{day}" for day in (20, 19, 18, 17)]
ROW = {"stck_clpr": "900", "prdy_vrss": "-100", "prdy_vrss_sign": "5"}


def chart(rows, **head):
    """A chart of one code."""
    return json.dumps({"output1": {"hts_kor_isnm": "삼성전자", **head}, "output2": rows}, ensure_ascii=False).encode()


def rows_of(days, **values):
    """One row a day."""
    return [{"stck_bsop_date": day, **ROW, **values} for day in days]


TRUE = chart(rows_of(DAYS))


def heard(lie, true=TRUE, other=None, path=CHART, query=QUERY, seed=1):
    """The rows that a lie tells."""
    reply = told(lie, seed, path, query, true, other)
    answer = json.loads(reply.body)
    return answer[[*answer][-1]]


def days(rows):
    """The days of the rows, in their order."""
    return [row["stck_bsop_date"] for row in rows]


def test_a_lie_depends_on_seed_and_request_alone():
    """The same request hears the same again, whatever was asked in between; other seeds lie elsewhere."""
    queries = [{"FID_INPUT_ISCD": f"{number:06}"} for number in range(200)]
    once = [lie_for(5, MULTI, query) for query in queries]
    assert once == [lie_for(5, MULTI, query) for query in queries]
    assert once != [lie_for(6, MULTI, query) for query in queries]


def test_about_a_quarter_of_the_requests_is_lied_to():
    """By lies that are drawn for each request; each of them is told to somebody."""
    names = [lie for lie in LIES if lie not in OF_A_SEED]
    said = [lie_for(seed, CHART, {"FID_INPUT_ISCD": f"{seed:06}"}, names) for seed in range(4000)]
    assert 0.22 < sum(map(bool, said)) / 4000 < 0.28
    assert {*said} - {""} == {*names}


def test_only_the_lies_that_are_named_are_told():
    """The others never are."""
    said = {lie_for(seed, CHART, QUERY, ["empty", "late"]) for seed in range(300)}
    assert said == {"", "empty", "late"}


def test_a_late_code_is_late_in_every_answer():
    """A seed that is late has chosen half of the codes, for all of their calls."""
    late = next(seed for seed in range(100) if lie_for(seed, CHART, QUERY, ["late"]) == "late")
    codes = [f"{number:06}" for number in range(400)]
    chosen = [code for code in codes if lie_for(late, CHART, {"FID_INPUT_ISCD": code}, ["late"])]
    assert chosen == [code for code in codes if is_chosen(late, code)]
    assert 160 < len(chosen) < 240


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_are_missing_are_missing_at_one_end(seed):
    """At most half, and at least one."""
    assert days(heard("short_newest", seed=seed)) in (DAYS[1:], DAYS[2:])
    assert days(heard("short_oldest", seed=seed)) in (DAYS[:3], DAYS[:2])
    assert heard("empty", seed=seed) == []


@pytest.mark.parametrize("seed", range(8))
def test_rows_of_other_answers(seed):
    """A page of another place comes as it is; a single row of an older day stands among the others with its day."""
    older = chart(rows_of(["20260601", "20260529"]))
    assert days(heard("shifted", other=older, seed=seed)) == ["20260601", "20260529"]
    among = days(heard("other_day_row", other=older, seed=seed))
    assert [day for day in among if day in DAYS] == DAYS
    assert len(among) == 5


@pytest.mark.parametrize("seed", range(8))
def test_one_row_of_another_code(seed):
    """One row has the other's figures under its own day; where rows name their code, one code stands twice."""
    other = chart(rows_of(DAYS, stck_clpr="5"))
    found = heard("other_code_row", other=other, seed=seed)
    assert (days(found), [row["stck_clpr"] for row in found].count("5")) == (DAYS, 1)
    true = json.dumps({"OutBlock_1": [{"ISU_CD": code} for code in ("A", "B", "C")]}).encode()
    assert len({row["ISU_CD"] for row in heard("other_code_row", true, path=STOCKS, seed=seed)}) == 2


def test_a_stale_board_has_the_day_asked_for():
    """The figures of the session before stand under the day of the question."""
    before = json.dumps({"OutBlock_1": [{"BAS_DD": "20261119", "ISU_CD": "A", "TDD_CLSPRC": "7"}]}).encode()
    true = json.dumps({"OutBlock_1": [{"BAS_DD": "20261120", "ISU_CD": "A", "TDD_CLSPRC": "8"}]}).encode()
    found = heard("stale_board", true, before, STOCKS, {"BASDD": "20261120"})
    assert found == [{"BAS_DD": "20261120", "ISU_CD": "A", "TDD_CLSPRC": "7"}]


def test_a_wrong_action_lowers_the_base_price_of_the_newest_row():
    """900 after a base of 1,000 becomes 900 after 800: a rise of 100; the older rows stay."""
    newest, *older = heard("wrong_action")
    assert (newest["prdy_vrss"], newest["prdy_vrss_sign"]) == ("100", "2")
    assert older == rows_of(DAYS[1:])


@pytest.mark.parametrize("seed", range(8))
def test_a_letter_of_several_bytes_is_cut(seed):
    """The body is no UTF-8 any more."""
    with pytest.raises(UnicodeDecodeError, match="unexpected end"):
        told("cut_letter", seed, CHART, QUERY, TRUE, None).body.decode()


def test_the_true_body_under_a_wrong_status():
    """It is not touched."""
    reply = told("wrong_status", 1, CHART, QUERY, TRUE, None)
    assert (reply.body, reply.status >= 400) == (TRUE, True)


def test_a_web_page_is_in_euc_kr():
    """And not in UTF-8."""
    reply = told("web_page", 1, CHART, QUERY, TRUE, None)
    assert "점검" in reply.body.decode("euc-kr")
    assert reply.media == "text/html; charset=euc-kr"


def test_fields_added_moved_and_dropped():
    """Every row has one more; one of all rows stands in the head; one row lacks one."""
    assert [row.pop("nobody_knows") for row in heard("field_added")] == ["1"] * 4
    moved = json.loads(told("field_moved", 1, CHART, QUERY, TRUE, None).body)
    assert [len(row) for row in moved["output2"]] == [3] * 4
    assert len(moved["output1"]) == 2
    assert sorted(len(row) for row in heard("field_dropped")) == [3, 4, 4, 4]


def test_a_lie_that_changes_nothing_is_none():
    """An empty page cannot be shorter, so the log names no lie."""
    assert told("short_oldest", 1, CHART, QUERY, chart([]), None).lie == ""


def test_a_hostile_server_says_so_in_its_log(kis):
    """The fault is put on by seed and lies; what was told stands in the log, and a request that is spared is true."""
    assert kis.faults({"kind": "hostile", "value": "empty,nonsense"}).status_code == 422
    kis.faults({"kind": "hostile", "seed": 3, "value": "empty,other_code"})
    codes, first, last = ("005930", "000660", "035420", "005380"), "20261101", "20261120"
    answers = [kis.chart(code, first, last).json() for code in codes]
    said = [one["fault"] for one in kis.request("GET", "/emulator/requests").json() if "chart" in one["path"]]
    window = {"FID_INPUT_DATE_1": first, "FID_INPUT_DATE_2": last, "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1"}
    for code, answer, fault in zip(codes, answers, said, strict=True):
        query = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code, **window}
        lie = lie_for(3, f"{QUOTATIONS}inquire-daily-itemchartprice", query, ["empty", "other_code"])
        assert fault == f"hostile {lie}".strip()
        assert (answer["output1"]["stck_shrn_iscd"], answer["output2"] == []) == (code, lie == "empty")
