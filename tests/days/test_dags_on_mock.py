"""The DAGs on the synthetic market, which lives by the market's clock, and the command on the same warehouse."""

from __future__ import annotations

import pytest

from data_pipeline.local.dag_runs import PlannedRun
from tests.days.why import why
from tests.support.market_facts import listed, market

LIQUID = "005930"


def _runs(moment):
    """Return the runs in order; the history begins with the week and leaves its middle to healing."""
    codes = {"stock_codes": list(moment.codes)}
    oldest, final = moment.week[0].isoformat(), moment.final.isoformat()
    at_first = {"first": oldest, "last": oldest}
    known = [code for code in moment.codes if code != moment.goes]
    return [
        PlannedRun("market_reference", moment.plus(0)),
        PlannedRun("daily_bars", moment.plus(0), {"session": final}),
        PlannedRun("backfill", moment.plus(1), {"dataset": "daily_bar", "stock_codes": known} | at_first),
        PlannedRun("minute_bars", moment.plus(0), {"stock_codes": [LIQUID]}),
        PlannedRun("current_prices", moment.plus(0), {"stock_codes": [LIQUID]}),
        PlannedRun("order_books", moment.plus(0), codes | {"stock_codes": [LIQUID]}),
        PlannedRun("heal_gaps", moment.plus(0), {"session": final}),
    ]


@pytest.fixture(scope="session")
def ran(moment, on_mock):
    """Every DAG once."""
    planned = _runs(moment)
    return planned, on_mock.run(*planned)


def test_every_dag_succeeds(ran):
    """Without keys, from an empty warehouse."""
    planned, result = ran
    assert result.states == [(run.dag_id, "success") for run in planned], why(result.log)


def test_the_newest_final_session_is_whole(moment, on_mock, ran):
    """Every instrument that is known and was listed on it has its bar, and nothing later is stored."""
    bars = on_mock.query("SELECT stock_code FROM market.daily_bar WHERE session = %s ORDER BY 1", moment.final)
    known = {*listed(moment.listing)}  # an instrument that left before the first list was loaded is not
    assert [code for (code,) in bars] == [code for code in listed(moment.final) if code in known]
    assert on_mock.query("SELECT max(session) FROM market.daily_bar") == [(moment.final,)]


def test_the_week_was_healed(moment, on_mock, ran):
    """A liquid instrument has every session's bar, at the market's own close."""
    query = "SELECT session, close FROM market.daily_bar WHERE stock_code = %s AND session >= %s ORDER BY 1"
    bars = [market().daily_bar(LIQUID, session) for session in moment.week]
    assert None not in bars
    assert on_mock.query(query, LIQUID, moment.week[0]) == [(bar.session, bar.close) for bar in bars if bar is not None]


def test_what_moves_is_of_the_moment(moment, on_mock, ran):
    """Minutes come as far as they have ended by the clock, give or take the one that ends while the DAGs run."""
    session, count = moment.minutes
    query = "SELECT count(*)::int FROM market.minute_bar WHERE (at AT TIME ZONE 'Asia/Seoul')::date = %s"
    ((found,),) = on_mock.query(query, session)
    assert found - count in (range(3) if 0 < count < 370 else (0,))
    assert on_mock.query("SELECT DISTINCT session FROM market.price_snapshot") == [(moment.quoted,)]
    assert on_mock.query("SELECT DISTINCT session FROM market.order_book") == [(moment.quoted,)]


def test_a_backfill_by_the_command_ends_with_the_final_session(moment, on_mock, ran, command):
    """Without a last day it goes up to the newest final session and finds everything there."""
    words = ("--source", "mock", "--dataset", "daily_bar", "--first", moment.week[0].isoformat(), "--codes", LIQUID)
    code, said = command(on_mock.environment, "backfill", *words)
    assert (code, "Everything of the range is there." in said) == (0, True), said
    code, said = command(on_mock.environment, "coverage", "--dataset", "daily_bar", "--first", words[5])
    assert code == 0, said
    sessions = [line.split()[1] for line in said.splitlines() if line.strip().startswith("daily_bar")]
    assert sessions[-1] == moment.final.isoformat(), said
