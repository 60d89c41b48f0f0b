"""From the wish to the report, on a warehouse that is played: what is asked of it, and how often.

Facts: 17 to 22 September 2026 hold four sessions (17, 18, 21, 22).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from data_pipeline.backfill.gaps import BATCH, still_lacking
from data_pipeline.backfill.load import load_plan
from data_pipeline.backfill.plan import plan_task, plan_wish
from data_pipeline.backfill.report import said_complete, said_lacking, spelled
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Backfill, Wish, backfill_of
from data_pipeline.engine.progress import Step
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window

EVENING = datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)
THU, FRI, MON, TUE = (date(2026, 9, day) for day in (17, 18, 21, 22))
SESSIONS = [THU, FRI, MON, TUE]
KIS = SimpleNamespace(name="kis-sandbox", calls_a_second=10.0)
A, B = "000660", "005930"


class Warehouse:
    """A connection to a warehouse that lists some codes and has some cells; it counts what gaps were looked up."""

    def __init__(self, codes=(A, B), stored=()):
        self.codes, self.stored = codes, set(stored)
        self.lookups, self.is_open, self._rows = [], False, []

    def cursor(self):
        """Return itself, which is enough."""
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def commit(self):
        """End the transaction."""
        self.is_open = False

    rollback = commit

    def execute(self, statement, values=None):
        """Answer what a backfill asks; anything else is an empty answer."""
        self.is_open, self._rows = True, []
        if "islands" in statement:
            self.lookups.append((values["first"], values["last"], len(values["codes"])))
            self._rows = list(self._gaps(values, everything="EXCEPT" not in statement))
        elif "DISTINCT l.stock_code FROM market.listing" in statement:
            self._rows = [(code,) for code in self.codes]
        elif "stock_code FROM market.instrument" in statement:
            (wanted,) = values
            self._rows = [(code,) for code in self.codes if code in wanted]

    def _gaps(self, values, *, everything):
        for code in values["codes"]:
            for day in SESSIONS:
                if values["first"] <= day <= values["last"] and (everything or (code, day) not in self.stored):
                    yield code, day, day

    def fetchall(self):
        """Return the rows of the last answer."""
        return self._rows

    def load(self, source, dataset, spans, broken=()):
        """Store what spans ask for, and yield a step for each; those of broken codes fail."""
        for number, span in enumerate(spans, 1):
            window = Window(span.stock_codes, span.first, span.last)
            good = [code for code in span.stock_codes if code not in broken]
            self.stored |= {(code, day) for code in good for day in window.sessions}
            yield Step(window, {"inserted": len(good)}, done=number, total=len(spans))


def planned(warehouse, **change):
    """The plan of a wish for all of the range."""
    wish = Wish(**{"dataset": "daily_bar", "stock_codes": (), "first": THU, "last": TUE} | change)
    return plan_wish(warehouse, wish, Sources(KIS), EVENING)


def stored_after(warehouse, plan, *, broken=()):
    """Do what the load tasks of a plan do, each from its arguments; return the tasks."""
    tasks = [backfill_of(KIS.name, **task.arguments) for task in plan.tasks(1)]
    for task in tasks:
        own = plan_task(warehouse, task, [KIS], EVENING, 50_000)
        list(load_plan(own, [KIS], lambda *asked: warehouse.load(*asked, broken=broken)))
    return tasks


def test_the_gaps_are_looked_up_once_by_the_plan_and_then_by_each_task_and_the_report():
    """Two tasks of one code each: the plan looks at both codes, a task and the report at what the task is about."""
    warehouse = Warehouse(stored={(A, THU), (B, THU)})
    plan = planned(warehouse)
    assert warehouse.lookups == [(THU, TUE, 2)]
    tasks = stored_after(warehouse, plan)
    assert warehouse.lookups[1:] == [(THU, TUE, 1)] * 2
    assert still_lacking(warehouse, tasks) == {}
    assert warehouse.lookups[3:] == [(THU, TUE, 1)] * 2


def test_a_task_that_is_cleared_asks_only_for_what_is_not_stored_meanwhile():
    """Of three missing sessions Friday came by another way; with nothing left there is nothing to ask."""
    warehouse = Warehouse(codes=(A,), stored={(A, THU)})
    (task,) = planned(warehouse).tasks(900)
    warehouse.stored.add((A, FRI))
    again = plan_task(warehouse, task, [KIS], EVENING, 50_000)
    assert again.shares[0].gaps == {A: [(MON, MON), (TUE, TUE)]}
    assert not warehouse.is_open
    warehouse.stored |= {(A, MON), (A, TUE)}
    assert plan_task(warehouse, task, [KIS], EVENING, 50_000).shares[0].spans == []


def test_a_code_that_did_not_come_is_reported():
    """The report names the code, and its neighbouring sessions together."""
    warehouse = Warehouse()
    tasks = stored_after(warehouse, planned(warehouse), broken=(B,))
    found = still_lacking(warehouse, tasks)
    assert found == {B: [(THU, TUE)]}
    assert said_lacking(tasks[0], found) == f"1 instruments lack sessions ({B} from 2026-09-17)"


def test_asked_for_again_is_there_when_it_is_stored():
    """With refetch all cells are planned although none is missing, and the report still counts what is missing."""
    warehouse = Warehouse(stored={(code, day) for code in (A, B) for day in SESSIONS})
    assert planned(warehouse).tasks(900) == []
    plan = planned(warehouse, refetch=True)
    assert plan.shares[0].cost.rows == 8
    assert still_lacking(warehouse, plan.tasks(900)) == {}


def test_many_codes_are_looked_up_in_batches():
    """401 codes are three statements, and one plan."""
    codes = tuple(f"{number:06}" for number in range(2 * BATCH + 1))
    warehouse = Warehouse(codes)
    plan = planned(warehouse)
    assert [number for *_, number in warehouse.lookups] == [BATCH, BATCH, 1]
    assert tuple(plan.shares[0].gaps) == codes


def test_a_plan_leaves_no_transaction_open():
    """The source is asked for minutes on end, and Postgres must not wait for that."""
    warehouse = Warehouse()
    planned(warehouse)
    assert not warehouse.is_open


def test_a_code_that_was_never_listed_is_named():
    """Asking for it would cost a call and bring nothing."""
    warehouse = Warehouse()
    with pytest.raises(InvalidRequestError, match="has never seen 999999 listed"):
        planned(warehouse, stock_codes=(A, "999999"))
    assert warehouse.lookups == []


def test_a_warehouse_that_lists_nothing_says_what_to_do():
    """The list of instruments comes first."""
    with pytest.raises(IncompleteDataError, match="run market_reference first"):
        planned(Warehouse(codes=()))


@pytest.mark.parametrize(
    ("dataset", "found", "said"),
    [
        (
            "daily_bar",
            {A: [(THU, FRI)], B: [(TUE, TUE)]},
            f"2 instruments lack sessions ({A} from 2026-09-17, {B} from ",
        ),
        ("daily_bar", {}, "0 instruments lack sessions (none)"),
        ("instrument", {"": [(THU, MON)]}, "3 lists from 2026-09-17 on are not there"),
        ("instrument", {}, "0 lists are not there"),
        (
            "trading_session",
            {"": [(FRI, TUE)]},
            "kis-sandbox has not said whether the market opens on 3 sessions",
        ),
    ],
)
def test_what_is_lacking_is_said_in_one_sentence(dataset, found, said):
    """Of instruments the first ten are named; of the whole market the first session."""
    assert said_lacking(Backfill(dataset, (), THU, TUE, "kis-sandbox"), found).startswith(said)


def test_gaps_and_completeness_in_words():
    """One session stands alone, neighbours are a range."""
    assert spelled([(THU, THU), (MON, TUE)]) == "2026-09-17, 2026-09-21 to 2026-09-22"
    assert said_complete(Backfill("daily_bar", (A,), THU, TUE, "kis")) == "Everything of the range is there."
    assert said_complete(Backfill("instrument", (), THU, TUE, "krx")) == "Every list of the range is there."


def test_a_range_that_ends_tomorrow_is_refused_before_the_warehouse_is_asked():
    """The figures do not exist yet."""
    warehouse = Warehouse()
    with pytest.raises(InvalidRequestError, match="is beyond 2026-09-22, the last final session"):
        planned(warehouse, last=TUE + timedelta(days=1))
    assert not warehouse.is_open
