"""The DAGs with keys of KIS and KRX, triggered by hand at each moment, as a user would who has just come back.

From an empty warehouse: the list, the newest whole session, the exchange's own bars, lists and bars of the past,
what moves, and then the holes that are left between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from data_pipeline.local.dag_runs import PlannedRun
from tests.days.moments import WHOLE
from tests.days.why import why
from tests.support.market_facts import listed, market

KRX, KIS = "krx-sandbox", "kis-sandbox"
BARS = "SELECT stock_code, source::text FROM market.daily_bar WHERE session = %s ORDER BY 1"


@dataclass(frozen=True)
class Ran:
    """What the DAGs left, and what each of them did."""

    planned: list
    states: list
    log: str
    refused: list


def _runs(moment):
    """Return the runs in order; the holes of the week are what healing finds."""
    codes, oldest = list(moment.codes), moment.week[0].isoformat()
    krx = {"source_conn_id": "krx_default"}
    bars = {"dataset": "daily_bar", "stock_codes": codes, "first": oldest, "last": oldest} | krx
    whole = [PlannedRun("daily_bars", moment.plus(0), {"session": moment.final.isoformat()})]
    lists = {"dataset": "instrument", "first": oldest, "last": moment.published.isoformat()} | krx
    return [
        PlannedRun("market_reference", moment.plus(0)),
        *(whole if moment.is_quoted else []),
        PlannedRun("daily_bars_official", moment.plus(0)),
        PlannedRun("backfill", moment.plus(1), lists),
        *_of_the_earlier_issue(moment, krx),
        PlannedRun("backfill", moment.plus(4), bars),
        PlannedRun("minute_bars", moment.plus(0), {"stock_codes": codes[:1]}),
        PlannedRun("current_prices", moment.plus(0), {"stock_codes": codes[:1]}),
        PlannedRun("order_books", moment.plus(0), {"stock_codes": codes[:1]}),
        PlannedRun("heal_gaps", moment.plus(0), {"session": moment.final.isoformat()}),
    ]


def _of_the_earlier_issue(moment, krx):
    if moment.earlier is None:
        return []
    code, last, gone, _ = moment.earlier
    lists = {"dataset": "instrument", "first": last.isoformat(), "last": gone.isoformat()}
    bars = {"dataset": "daily_bar", "stock_codes": [code], "first": last.isoformat(), "last": last.isoformat()}
    return [PlannedRun("backfill", moment.plus(2), lists | krx), PlannedRun("backfill", moment.plus(3), bars | krx)]


@pytest.fixture(scope="session")
def ran(moment, on_kis):
    """Every DAG, then a wish for the newest final session, which KRX may not have published yet."""
    planned = _runs(moment)
    final = moment.final.isoformat()
    wish = {"dataset": "daily_bar", "stock_codes": ["005930"], "first": final, "last": final, "refetch": True}
    last = PlannedRun("backfill", moment.plus(5), wish | {"source_conn_id": "krx_default"})
    result = on_kis.run(*planned, last)
    return Ran(planned, result.states[:-1], result.log, result.states[-1:])


def test_every_dag_succeeds(moment, ran):
    """Whatever the moment, a run by hand knows which session it is about."""
    assert ran.states == [(run.dag_id, "success") for run in ran.planned], why(ran.log)


def test_the_list_is_the_sessions(moment, on_kis, ran):
    """The warehouse lists exactly what the market lists on the session of the run; what left is marked."""
    present = on_kis.query("SELECT stock_code FROM market.instrument WHERE delisted_on IS NULL ORDER BY 1")
    assert [code for (code,) in present] == listed(moment.listing)
    gone = dict(on_kis.query("SELECT stock_code, delisted_on FROM market.instrument WHERE delisted_on IS NOT NULL"))
    assert gone.get(moment.goes) == (moment.final if moment.goes else None)


def test_the_newest_published_session_is_official(moment, on_kis, ran):
    """Every instrument listed on it has the exchange's bar, and no other has one."""
    assert on_kis.query(BARS, moment.published) == [(code, KRX) for code in listed(moment.published)]


def test_the_newest_final_session_is_whole(moment, on_kis, ran):
    """It is there for every listed issue: provisional until KRX publishes it."""
    source = KRX if moment.is_published else KIS
    assert on_kis.query(BARS, moment.final) == [(code, source) for code in listed(moment.final)]


def test_no_session_beyond_the_final_one_has_bars(moment, on_kis, ran):
    """What still moves is never stored as a session's bar."""
    assert on_kis.query("SELECT max(session) FROM market.daily_bar") == [(moment.final,)]


def test_the_week_was_healed(moment, on_kis, ran):
    """Each instrument has the bars of every session on which it was listed, at the market's own close."""
    found = on_kis.query(
        "SELECT stock_code, session, close FROM market.daily_bar WHERE stock_code = ANY (%s) AND session >= %s"
        " ORDER BY 1, 2",
        list(moment.codes), moment.week[0],
    )  # fmt: skip
    bars = [market().daily_bar(code, session) for code in moment.codes for session in moment.week]
    assert found == [(bar.stock_code, bar.session, bar.close) for bar in bars if bar]


def test_a_code_belongs_to_the_issue_of_the_day(moment, on_kis, ran):
    """An instrument has bars from its first session on; between it and the code's earlier bearer there are none."""
    query = "SELECT session FROM market.daily_bar WHERE stock_code = %s ORDER BY 1"
    if moment.comes:
        assert on_kis.query(query, moment.comes) == [(moment.final,)]
    if moment.earlier:
        code, last, _, since = moment.earlier
        later = [bar.session for bar in market().daily_bars(code, since, moment.final)]
        assert on_kis.query(query, code) == [(session,) for session in [last, *later]]
        assert later[0] == since


def test_minutes_come_as_far_as_the_session_has_come(moment, on_kis, ran):
    """A liquid instrument has every minute that has ended; of a running session not the last: its shares move later."""
    session, count = moment.minutes
    count -= count < WHOLE
    found = on_kis.query("SELECT (at AT TIME ZONE 'Asia/Seoul')::date, count(*)::int FROM market.minute_bar GROUP BY 1")
    assert dict(found)[session] == count
    assert max(one for one, _ in found) <= max(session, moment.final)


def test_quotes_are_of_the_quoted_session(moment, on_kis, ran):
    """A price and a book seen at night or on a closed day belong to the session before."""
    assert on_kis.query("SELECT DISTINCT session FROM market.price_snapshot") == [(moment.quoted,)]
    assert on_kis.query("SELECT DISTINCT session FROM market.order_book") == [(moment.quoted,)]


def test_what_is_not_published_is_no_gap_that_closed(moment, on_kis, ran):
    """KRX is asked for the newest final session only once it has published it; until then the bar stays KIS's."""
    assert ran.refused == [("backfill", "success" if moment.is_published else "failed")], why(ran.log)
    assert ("KRX publishes" in ran.log) == (not moment.is_published)


def test_coverage_ends_with_the_final_session(moment, on_kis, ran, command):
    """The command counts up to it, and nothing is missing."""
    first = moment.week[0].isoformat()
    code, said = command(on_kis.environment, "coverage", "--dataset", "daily_bar", "--first", first)
    lines = [line.split() for line in said.splitlines() if line.strip().startswith("daily_bar")]
    assert (code, [line[1] for line in lines]) == (0, [one.isoformat() for one in moment.week]), said
    assert {line[-1] for line in lines} == {"0"}


def test_tomorrow_is_refused(moment, on_kis, ran, command):
    """A range that reaches beyond the final session is refused in one sentence, before anything is asked."""
    environment = on_kis.environment | {"DATA_SOURCE_TYPE": "mock"}
    later = moment.at.date().isoformat()
    words = ("backfill", "--source", "mock", "--dataset", "daily_bar", "--first", later, "--last", later)
    code, said = command(environment, *words, "--codes", "005930", "--dry-run")
    is_over = later == moment.final.isoformat()
    assert code == (0 if is_over else 2), said
