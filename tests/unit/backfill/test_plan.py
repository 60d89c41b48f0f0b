"""The plan of a backfill, made of given gaps: who is asked for what, what that costs, and what each load task does.

Facts: 14 to 22 September 2026 hold seven sessions (14, 15, 16, 17, 18, 21, 22), and KRX publishes a session at 08:00 of
the next one. A call of KIS brings 100 sessions of one code, a market day of KRX is one call for KOSPI and one more for
each further board. Twenty sessions of 381 minutes are 64 pages of KIS.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from data_pipeline.backfill.cost import require_confirmation
from data_pipeline.backfill.gaps import within_reach
from data_pipeline.backfill.pace import CALL, ROW, Pace
from data_pipeline.backfill.plan import plan_gaps, within_budget
from data_pipeline.backfill.requests import task_parts
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Backfill, Wish, backfill_of, checked_range
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import InvalidRequestError, UnsupportedDatasetError
from data_pipeline.market.dataset_names import WITH_PAST
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource

EVENING = datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)
MON, TUE = date(2026, 9, 21), date(2026, 9, 22)
FIRST = date(2026, 9, 14)
KIS = SimpleNamespace(name="kis-sandbox", calls_a_second=10.0)
MOCK = SimpleNamespace(name="mock", calls_a_second=None)
CODES = ("000660", "005930", "035720")
RANGE, STAY = "daily_bar from 2026-09-14 to 2026-09-22", "99 of its calls of today stay"


@pytest.fixture
def krx(tmp_path):
    """The exchange on that evening, whose key has so many calls left; nothing is ever sent."""
    made = []

    def make(calls=100):
        settings = KrxSettings("K" * 40, base_url="http://127.0.0.1:1", daily_limit=calls)
        made.append(KRXDataSource(settings, FileStore(tmp_path), clock=lambda: EVENING))
        return made[-1]

    yield make
    for one in made:
        one.close()


def wanted(dataset="daily_bar", codes=CODES, first=FIRST, last=TUE, source="kis-sandbox", cells="unstored"):
    """A backfill that passed its checks."""
    return Backfill(dataset, codes, first, last, source, cells)


def test_one_source_is_asked_for_all_gaps():
    """Two codes lack a week and one lacks a day: a call each, and the line says how long that takes."""
    gaps = {code: [(FIRST, MON)] for code in CODES[:2]} | {CODES[2]: [(MON, MON)]}
    plan = plan_gaps(wanted(), gaps, Sources(KIS), EVENING)
    (share,) = plan.shares
    assert [(span.stock_codes, span.first, span.last, span.requests) for span in share.spans] == [
        (CODES[:2], FIRST, MON, 2),
        (CODES[2:], MON, MON, 1),
    ]
    assert plan.requests == 3
    assert plan.lines == [f"{RANGE} out of kis-sandbox: 3 instruments, 3 requests, about 0:00:00, 13 rows at most"]


def test_the_synthetic_market_costs_nothing():
    """It sends no request, so that nobody waits."""
    plan = plan_gaps(wanted(source="mock"), {"005930": [(MON, TUE)]}, Sources(MOCK), EVENING)
    assert plan.requests == 0
    cost = "no requests and no waiting, because this source makes its figures itself, 2 rows at most"
    assert plan.lines[0].endswith(f"out of mock: 1 instruments, {cost}")


@pytest.mark.thorough
def test_the_exchange_takes_the_days_that_most_codes_lack(krx):
    """Monday of thirty codes is one call of KRX; Tuesday, which it has not published, comes by quotes of KIS."""
    codes = tuple(f"{number:06}" for number in range(30))
    gaps = {code: [(MON, TUE)] for code in codes}
    plan = plan_gaps(wanted(codes=codes), gaps, Sources(KIS, krx()), EVENING, markets=dict.fromkeys(codes, "KOSPI"))
    exchange, broker = plan.shares
    assert exchange.gaps == {code: [(MON, MON)] for code in codes}
    assert broker.gaps == {code: [(TUE, TUE)] for code in codes}
    assert (exchange.cost.requests, broker.cost.requests, plan.requests) == (1, 2, 3)
    assert plan.lines == [
        f"{RANGE} out of krx-sandbox: 1 sessions, 30 instruments, 1 requests, about 0:00:01, 30 rows at most; {STAY}",
        f"{RANGE} out of kis-sandbox: 30 instruments, 2 requests, about 0:00:00, 30 rows at most",
    ]


def test_each_source_has_tasks_of_its_own(krx):
    """The exchange's are about its days and fall back on KIS; those of KIS leave the days out."""
    codes = tuple(f"{number:06}" for number in range(30))
    gaps = {code: [(MON, TUE)] for code in codes}
    plan = plan_gaps(wanted(codes=codes), gaps, Sources(KIS, krx()), EVENING, markets=dict.fromkeys(codes, "KOSPI"))
    days, *chunks = plan.tasks(20)
    assert (days.source, days.fallback, days.stock_codes, days.ranges) == (
        "krx-sandbox", "kis-sandbox", codes, ((MON, MON),),
    )  # fmt: skip
    assert [(one.source, one.fallback, len(one.stock_codes)) for one in chunks] == [
        ("kis-sandbox", "", 20),
        ("kis-sandbox", "", 10),
    ]
    assert {one.ranges for one in chunks} == {((FIRST, date(2026, 9, 18)), (TUE, TUE))}


def test_a_market_day_is_the_business_of_one_task(krx):
    """KRX alone brings every code of a session at once, so that its codes are not divided among tasks."""
    backfill = wanted(source="krx-sandbox", last=MON)
    plan = plan_gaps(backfill, {code: [(MON, MON)] for code in CODES}, Sources(krx()), EVENING)
    assert [one.stock_codes for one in plan.tasks(1)] == [CODES]


def test_more_tasks_than_airflow_maps_are_refused():
    """1,001 codes one by one; the message says which size will do."""
    gaps = {f"{number:06}": [(MON, MON)] for number in range(1001)}
    plan = plan_gaps(wanted(codes=tuple(gaps)), gaps, Sources(KIS), EVENING)
    with pytest.raises(InvalidRequestError, match=r"into 1,001, and 1,000 are possible; make chunk_size 2 or more"):
        plan.tasks(1)


def test_a_task_takes_half_an_hour_of_the_budget_at_most():
    """A key of one call a second has 1,800 calls in half an hour, which is 26 codes of 68 calls, 21 sessions each."""
    codes = tuple(f"{number:06}" for number in range(60))
    gaps = {code: [(date(2026, 8, 25), TUE)] for code in codes}
    slow = SimpleNamespace(name="kis-sandbox", calls_a_second=1.0)
    plan = plan_gaps(wanted("minute_bar", codes, date(2026, 8, 25)), gaps, Sources(slow), EVENING)
    assert plan.requests == 60 * (64 + 4)  # twenty sessions are 64 pages, and one is 4
    assert [len(one.stock_codes) for one in plan.tasks(900)] == [26, 26, 8]
    assert [code for one in plan.tasks(900) for code in one.stock_codes] == list(codes)
    assert [len(one.stock_codes) for one in plan.tasks(20)] == [20, 20, 20]


def test_more_than_half_an_hour_rather_than_too_many_tasks():
    """2,000 codes of which each takes half an hour: two in a task, because Airflow maps no more than 1,000."""
    codes = [f"{number:06}" for number in range(2000)]
    parts = task_parts(codes, 900, dict.fromkeys(codes, 1800.0), 1800.0)
    assert {len(part) for part in parts} == {2}
    assert [code for part in parts for code in part] == codes


def test_a_code_that_takes_longer_has_a_task_of_its_own():
    """Three codes of 10, 50 and 10 calls, with 20 calls a task."""
    assert task_parts(["a", "b", "c"], 900, {"a": 10, "b": 50, "c": 10}, 20) == [["a"], ["b"], ["c"]]


def test_the_machine_holds_a_plan_back():
    """Three requests, of 13 rows in all, at ten a second are 0.3 s; a machine that handles two a second takes 1.5 s."""
    gaps = {code: [(FIRST, MON)] for code in CODES[:2]} | {CODES[2]: [(MON, MON)]}
    slow = Pace(piece=0.5 / (CALL + ROW * 13 / 3), threads=8)
    plan = plan_gaps(wanted(), gaps, Sources(KIS, pace=slow), EVENING)
    assert plan.shares[0].cost.seconds == pytest.approx(1.5)
    held = "about 0:00:02, held to 2 calls a second by this machine"
    assert plan.lines == [f"{RANGE} out of kis-sandbox: 3 instruments, 3 requests, {held}, 13 rows at most"]


def test_a_quick_machine_changes_no_plan():
    """It handles a thousand calls a second, and the quota is ten."""
    plan = plan_gaps(wanted(), {"005930": [(MON, TUE)]}, Sources(KIS, pace=Pace(1e-6, 64)), EVENING)
    assert plan.shares[0].cost.seconds == pytest.approx(0.1)
    assert plan.shares[0].cost.held_to is None


def test_a_task_survives_its_trip_as_json():
    """What Airflow stores is read back as the same task."""
    task = Backfill("daily_bar", CODES, FIRST, TUE, "krx-sandbox", "all", ((FIRST, FIRST), (MON, TUE)))
    assert backfill_of("krx-sandbox", **json.loads(json.dumps(task.arguments))) == task


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"dataset": "trade"},
            f"dataset must be one of {', '.join(WITH_PAST)}, not 'trade'",
        ),
        ({"dataset": "trading_session"}, "trading_session takes no stock codes"),
        ({"dataset": "instrument"}, "instrument takes no stock codes"),
        ({"stock_codes": ()}, "the dataset daily_bar needs stock_codes"),
        ({"cells": "some"}, "cells must be one of all, unstored, missing, not 'some'"),
        ({"first": "14.09.2026"}, "first must be a date"),
        ({"ranges": [["2026-09-14", "soon"]]}, "ranges must be a date"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_task_that_makes_no_sense_is_refused(change, said):
    """Whoever writes a DAG of their own is told what is wrong."""
    with pytest.raises(InvalidRequestError, match=said):
        backfill_of("kis", **wanted().arguments | change)


def test_lists_come_coarse_first_and_by_year(krx):
    """46 sessions around New Year: the first, the 22nd and the 43rd come first with the last; three calls each."""
    first, last = date(2025, 12, 1), date(2026, 2, 5)
    backfill = wanted("instrument", (), first, last, "krx-sandbox")
    plan = plan_gaps(backfill, {"": [(first, last)]}, Sources(krx()), EVENING)
    (share,) = plan.shares
    assert [span.first for span in share.spans[:4]] == [first, date(2026, 1, 2), date(2026, 2, 2), last]
    assert len(share.spans) == 46
    assert plan.lines[0].endswith(
        "out of krx-sandbox: 46 lists, 138 requests, about 0:01:26; 33 sessions today, the other 13 from 00:00 in Seoul"
        " on: krx-sandbox has 100 calls left today"
    )
    assert [(one.stock_codes, one.first, one.last, one.cells) for one in plan.tasks(900)] == [
        ((), first, date(2025, 12, 30), "unstored"),
        ((), date(2026, 1, 2), last, "unstored"),
    ]


def test_open_days_are_asked_from_the_first_gap_on():
    """One call; the task looks at what is stored as well, because that has to agree with the calendar too."""
    backfill = wanted("trading_session", ())
    plan = plan_gaps(backfill, {"": [(date(2026, 9, 16), date(2026, 9, 16)), (MON, TUE)]}, Sources(KIS), EVENING)
    (share,) = plan.shares
    assert [(span.first, span.last, span.requests) for span in share.spans] == [(date(2026, 9, 16), TUE, 1)]
    (task,) = plan.tasks(900)
    assert (task.first, task.last, task.cells) == (date(2026, 9, 16), TUE, "all")


@pytest.mark.parametrize("dataset", ["daily_bar", "trading_session", "instrument"])
def test_nothing_lacking_is_nothing_to_do(dataset):
    """No span, no task, no request."""
    plan = plan_gaps(
        wanted(dataset, CODES if dataset == "daily_bar" else (), source="mock"), {}, Sources(MOCK), EVENING
    )
    assert (plan.shares[0].spans, plan.tasks(900), plan.requests) == ([], [], 0)


def test_minutes_that_the_source_no_longer_has_are_not_asked_for():
    """KIS has one year: of a gap from Friday to Monday around that day a year ago, Monday is left."""
    backfill = wanted("minute_bar", (), date(2025, 1, 2), TUE, cells="missing")
    gaps = {"005930": [(date(2025, 9, 19), date(2025, 9, 22))], "000660": [(date(2025, 9, 18), date(2025, 9, 18))]}
    assert within_reach(gaps, backfill, EVENING) == {"005930": [(date(2025, 9, 22), date(2025, 9, 22))]}
    assert within_reach(gaps, wanted("minute_bar", (), date(2025, 1, 2), TUE, "mock"), EVENING) == gaps


@pytest.mark.parametrize(
    ("dataset", "source", "at", "last"),
    [
        ("daily_bar", "kis", timedelta(), TUE),
        ("trading_session", "kis", timedelta(), TUE),
        ("instrument", "mock", timedelta(), TUE),
        ("instrument", "krx", timedelta(), MON),
        ("instrument", "krx", timedelta(hours=11), TUE),
        ("daily_bar", "kis", -timedelta(hours=2), MON),
    ],
    ids=str,
)
def test_without_a_last_day_it_is_the_newest_that_can_be_had(dataset, source, at, last):
    """A session is final at 20:00, and KRX publishes its list at 08:00 of the next one."""
    assert checked_range(Wish(dataset, (), FIRST), source, EVENING + at) == (FIRST, last)
    with pytest.raises(InvalidRequestError, match=f"is beyond {last}"):
        checked_range(Wish(dataset, (), FIRST, last + timedelta(days=1)), source, EVENING + at)


def test_a_source_that_lacks_the_dataset_is_refused():
    """KIS knows only today's list, KRX has no minutes."""
    with pytest.raises(UnsupportedDatasetError, match="kis has no instrument"):
        checked_range(Wish("instrument", (), FIRST), "kis", EVENING)
    with pytest.raises(UnsupportedDatasetError, match="krx has no minute_bar"):
        checked_range(Wish("minute_bar", (), FIRST), "krx", EVENING)


def test_five_million_requests_need_no_confirmation_and_one_more_does():
    """The message says where to confirm."""
    require_confirmation(5_000_000, confirmed=False, where="add --confirm-large")
    require_confirmation(5_000_001, confirmed=True, where="add --confirm-large")
    with pytest.raises(InvalidRequestError, match=r"5,000,001 requests, .*; add --confirm-large to confirm"):
        require_confirmation(5_000_001, confirmed=False, where="add --confirm-large")


def healed(most):
    """What of two codes that lack three sessions of minutes is planned within a budget, and all of it."""
    gaps = {code: [(FIRST, FIRST), (MON, TUE)] for code in CODES[:2]}
    minutes = wanted("minute_bar", cells="missing")
    whole = plan_gaps(minutes, gaps, Sources(KIS), EVENING)
    assert whole.requests == 2 * 4 + 2 * 7  # 381 minutes are four pages of 120, two neighbouring sessions seven
    return whole, within_budget(whole, Sources(KIS), most)


def test_a_plan_within_its_budget_is_all_of_it():
    """Not one request more."""
    whole, plan = healed(22)
    assert plan is whole


@pytest.mark.parametrize(("most", "first", "requests"), [(21, MON, 14), (14, MON, 14), (13, TUE, 8), (1, TUE, 8)])
def test_a_budget_goes_to_the_newest_sessions(most, first, requests):
    """Older ones wait; the newest is planned whatever it takes, so that healing never stands still."""
    plan = healed(most)[1]
    assert {span.first for share in plan.shares for span in share.spans} == {first}
    assert plan.requests == requests
