"""The DAGs backfill and heal_gaps on the emulated KIS server, counted request by request.

Facts: 14 to 22 September 2026 hold seven sessions (14, 15, 16, 17, 18, 21, 22); a chart call brings a hundred
sessions of one instrument, whatever is asked of them.
"""

from __future__ import annotations

import json

import pytest

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun

pytestmark = pytest.mark.slow

NOW = "2026-09-22T21:40:00+09:00"
RATE = 60
CODES = ["005930", "000660", "035720"]
WEEK = {"dataset": "daily_bar", "stock_codes": CODES, "first": "2026-09-14", "last": "2026-09-22"}
MINUTES = {"dataset": "minute_bar", "stock_codes": CODES[:2], "first": "2026-09-21", "last": "2026-09-22"}
HALTED, IDLE, BAD = "0010K0", "006280", "000270"
"""Issues of the synthetic market: the first is halted through that week, the second did not trade on the 21st."""
CHART, PRICES = "inquire-daily-itemchartprice", "intstock-multprice"


@pytest.fixture(scope="module")
def emulator():
    """A server on the evening of 22 September 2026."""
    with EmulatorProcess(rate=2 * RATE, now=NOW, frozen=True) as running:
        yield running


@pytest.fixture(scope="module")
def source(emulator):
    """The connection."""
    extra = {"environment": "real", "base_url": emulator.url, "master_url": emulator.url, "rate_limit": RATE}
    connection = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    return {"AIRFLOW_CONN_KIS_DEFAULT": json.dumps(connection), "TASK_RETRIES": "2", "MARKET_CLOCK": NOW}


def backfill(minute, form):
    """A run of backfill on that evening."""
    return PlannedRun("backfill", f"2026-09-22T21:{minute:02}:00+09:00", form)


def calls(emulator, path):
    """How often an endpoint was called since the log was emptied."""
    return len(emulator.requests(path=path))


@pytest.fixture(scope="module")
def filled(airflow, emulator):
    """The list of instruments, a dry run, a history of daily bars and of minutes."""
    result = airflow.run(
        PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"),
        backfill(0, WEEK | {"dry_run": True}),
        backfill(1, WEEK),
        backfill(2, MINUTES),
    )
    assert [state for _, state in result.states] == 4 * ["success"], result.log[-6000:]
    return result


def rows(airflow):
    """Every bar, in order."""
    return airflow.query(
        "SELECT stock_code, session, close, volume FROM market.daily_bar ORDER BY 1, 2"
    ), airflow.query("SELECT stock_code, at, close, volume FROM market.minute_bar ORDER BY 1, 2")


def test_the_form_says_what_it_will_cost(filled):
    """Three instruments, a call each and 21 rows; the log counts up to all of it."""
    assert "3 instruments, 3 requests, about 0:00:00, 21 rows at most" in filled.log
    assert "100% of 3 requests, done at about" in filled.log


def test_a_filled_range_is_asked_for_once(airflow, emulator, filled):
    """Again the same range: every cell is there, so that no bar is asked for."""
    before = rows(airflow)
    assert len(before[0]) == 21
    emulator.forget_requests()
    result = airflow.run(backfill(3, WEEK), backfill(4, MINUTES))
    assert [state for _, state in result.states] == 2 * ["success"], result.log[-6000:]
    assert emulator.summary()["total"] == 0
    assert rows(airflow) == before


def test_deleted_cells_come_back_with_the_fewest_calls(airflow, emulator, filled):
    """Four bars of two instruments and one minute: a chart call each, the minutes of one session, and no other."""
    before = rows(airflow)
    airflow.execute(
        "DELETE FROM market.daily_bar WHERE (stock_code = '005930' AND session IN ('2026-09-15', '2026-09-21'))"
        " OR (stock_code = '000660' AND session IN ('2026-09-16', '2026-09-17'))",
        "DELETE FROM market.minute_bar WHERE ctid = (SELECT min(ctid) FROM market.minute_bar_2026_09)"
        " AND tableoid = 'market.minute_bar_2026_09'::regclass",
    )
    missing = (
        "SELECT dataset, sum(missing)::int FROM market.coverage WHERE session <= '2026-09-22' "
        "GROUP BY dataset ORDER BY dataset"
    )
    assert airflow.query(missing) == [("daily_bar", 4), ("minute_bar", 1)]
    emulator.forget_requests()
    result = airflow.run(PlannedRun("heal_gaps", "2026-09-22T21:30:00+09:00"))
    assert result.states == [("heal_gaps", "success")], result.log[-6000:]
    assert (calls(emulator, CHART), calls(emulator, PRICES)) == (2, 0)
    assert rows(airflow) == before
    assert airflow.query(missing) == [("daily_bar", 0), ("minute_bar", 0)]


WRONG = {
    "future": (WEEK | {"last": "2026-09-23"}, "is beyond 2026-09-22"),
    "reversed": (WEEK | {"first": "2026-09-22", "last": "2026-09-21"}, "the range is reversed"),
    "code": (WEEK | {"stock_codes": ["999999"]}, "has never seen 999999 listed"),
    "source": (WEEK | {"source_conn_id": "nowhere"}, "connection 'nowhere'"),
    "reach": (MINUTES | {"first": "2025-01-02"}, "kis-sandbox has minute_bar from 2025-09-22 on, not from 2025-01-02"),
}


@pytest.fixture(scope="module")
def refused(airflow, emulator, filled):
    """What became of each wrong form, and how many calls were sent for all of them."""
    emulator.forget_requests()
    forms = [form for form, _ in WRONG.values()]
    results = airflow.run_each(*(backfill(10 + number, form) for number, form in enumerate(forms)))
    return dict(zip(WRONG, results, strict=True)), emulator.summary()["total"]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_form_is_refused_before_any_call(refused, wrong):
    """The plan says why, is not tried again, and nothing is asked."""
    results, calls = refused
    assert results[wrong].states == [("backfill", "failed")]
    assert WRONG[wrong][1] in results[wrong].log
    assert calls == 0


def test_an_answer_cut_short_is_missing_until_it_comes(airflow, emulator, filled):
    """One bar and the minutes of a session are deleted and answered emptily: heal_gaps asks for them once more."""
    before = rows(airflow)
    missing = (
        "SELECT dataset, sum(missing)::int FROM market.coverage WHERE session <= '2026-09-22' GROUP BY 1 ORDER BY 1"
    )
    airflow.execute(
        "DELETE FROM market.daily_bar WHERE stock_code = '005930' AND session = '2026-09-16'",
        "DELETE FROM market.minute_bar WHERE stock_code = '005930' AND session = '2026-09-21'",
    )
    emulator.set_faults(
        {"kind": "short_page", "path": CHART, "count": 1},
        {"kind": "short_page", "path": "inquire-time-dailychartprice", "count": 1},
    )
    healed = airflow.run(PlannedRun("heal_gaps", "2026-09-22T21:30:10+09:00"))
    assert [state for _, state in healed.states] == ["success"], healed.log[-6000:]
    assert airflow.query("SELECT count(*) FROM market.no_data") == [(0,)]
    assert airflow.query(missing) == [("daily_bar", 1), ("minute_bar", 1)]
    healed = airflow.run(PlannedRun("heal_gaps", "2026-09-22T21:30:20+09:00"))
    assert [state for _, state in healed.states] == ["success"], healed.log[-6000:]
    assert rows(airflow) == before
    assert airflow.query(missing) == [("daily_bar", 0), ("minute_bar", 0)]


def test_what_is_truly_empty_is_remembered_and_not_asked_again(airflow, emulator, filled):
    """A halted instrument and one that traded after hours alone have no minutes, as their bars say: not asked again."""
    form = MINUTES | {"stock_codes": [HALTED, IDLE]}
    assert airflow.run(backfill(49, form | {"dataset": "daily_bar"})).states == [("backfill", "success")]
    emulator.forget_requests()
    assert airflow.run(backfill(50, form)).states == [("backfill", "success")]
    assert airflow.query(
        "SELECT stock_code, session::text, reason FROM market.no_data WHERE dataset = 'minute_bar' ORDER BY 1, 2"
    ) == [
        (HALTED, "2026-09-21", "nothing was traded that day: its volume is 0"),
        (HALTED, "2026-09-22", "nothing was traded that day: its volume is 0"),
        (IDLE, "2026-09-21", "nothing was traded in regular hours: the day's open is 0"),
    ]
    assert emulator.summary()["total"] > 0
    emulator.forget_requests()
    result = airflow.run(backfill(51, form), PlannedRun("heal_gaps", "2026-09-22T21:30:00+09:00"))
    assert [state for _, state in result.states] == ["success", "success"], result.log[-6000:]
    assert emulator.summary()["total"] == 0
    assert airflow.query("SELECT DISTINCT stock_code FROM market.loaded_day WHERE stock_code = %s", IDLE) == [(IDLE,)]


def test_which_days_the_market_opened_is_filled_by_one_call_a_day(airflow, emulator, filled):
    """The list of the morning began on the 22nd, and KIS is asked once a day: what lacks is named until tomorrow."""
    form = {"dataset": "trading_session", "first": "2026-08-31", "last": "2026-09-22"}
    result = airflow.run(backfill(53, form))
    assert result.states == [("backfill", "failed")]
    assert "kis-sandbox has not said whether the market opens on 16 sessions from 2026-08-31 on" in result.log
    airflow.execute("DELETE FROM market.ingest_run WHERE dataset = 'trading_session'")  # as if it were tomorrow
    emulator.forget_requests()
    result = airflow.run(backfill(54, form), backfill(55, form))
    assert [state for _, state in result.states] == ["success", "success"], result.log[-6000:]
    assert emulator.summary()["total"] == calls(emulator, "chk-holiday") == 1
    assert airflow.query("SELECT min(day)::text, count(*) FROM market.trading_session WHERE day <= '2026-09-22'") == [
        ("2026-08-31", 23)
    ]


def test_one_bad_issue_is_listed_and_the_others_are_loaded_holidays_left_out(airflow, emulator, filled):
    """A fortnight with a holiday on 17 August: three instruments have nine bars by a call each, the fourth is named."""
    emulator.set_faults({"kind": "non_numeric", "path": CHART, "stock_code": BAD, "field": "stck_clpr"})
    emulator.forget_requests()
    form = WEEK | {"stock_codes": [*CODES, BAD], "first": "2026-08-10", "last": "2026-08-21"}
    result = airflow.run(backfill(52, form))
    emulator.set_faults()
    assert result.states == [("backfill", "failed")]
    assert f"daily_bar of {BAD} is not there: 2026-08-10 to 2026-08-21" in result.log
    assert f"1 instruments lack sessions ({BAD} from 2026-08-10)" in result.log
    august = "SELECT stock_code, count(*) FROM market.daily_bar WHERE session < '2026-09-01' GROUP BY 1 ORDER BY 1"
    assert airflow.query(august) == [(code, 9) for code in sorted(CODES)]
    assert calls(emulator, CHART) == 4
