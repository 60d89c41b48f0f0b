"""Following a plan with loads that are played: what goes to which source, what is told, and when it fails."""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace

import pytest

from data_pipeline.backfill.cost import estimate
from data_pipeline.backfill.load import fill, load_plan
from data_pipeline.backfill.plan import BackfillPlan, Share, plan_gaps
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Backfill
from data_pipeline.engine.progress import Step
from data_pipeline.exceptions import DailyQuotaError, IncompleteDataError, PayloadError, UnknownStockError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Span, Window

EVENING = datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)
FRI, MON, TUE = date(2026, 9, 18), date(2026, 9, 21), date(2026, 9, 22)
KRX = SimpleNamespace(name="krx-sandbox", calls_a_second=1.6)
KIS = SimpleNamespace(name="kis-sandbox", calls_a_second=10.0)
A, B = "000660", "005930"
BAD = PayloadError("the answer is cut off")


class Played:
    """Loads that go as they are told: an error by session, or by code; ``spent`` ends the exchange's after some."""

    def __init__(self, errors=None, spent=None):
        self.errors, self.spent = errors or {}, spent
        self.asked = []

    def __call__(self, source, dataset, spans):
        """Yield a step a window, the failures of its codes before it."""
        total, done = sum(span.requests for span in spans), 0
        for number, span in enumerate(spans):
            if source is KRX and number == self.spent:
                raise DailyQuotaError("the calls of the key are spent", retry_after=3600.0)
            self.asked.append((source.name, span.stock_codes, span.first, span.last))
            window = Window(span.stock_codes, span.first, span.last)
            if error := self.errors.get((source.name, span.first)):
                yield Step(window, error=error, done=done, total=total)
                continue
            bad = [code for code in span.stock_codes if (source.name, code) in self.errors]
            for code in bad:
                yield Step(window.of([code]), error=self.errors[source.name, code], done=done, total=total)
            done += span.requests
            good = [code for code in span.stock_codes if code not in bad]
            yield Step(window.of(good), {"inserted": len(good)}, done=done, total=total)


def alone(gaps, cells="unstored"):
    """The plan of KIS alone."""
    backfill = Backfill("daily_bar", (A, B), FRI, TUE, "kis-sandbox", cells)
    return plan_gaps(backfill, gaps, Sources(KIS), EVENING)


def both(own):
    """Friday and Monday of two codes are the exchange's; KIS has gaps of its own."""
    wanted = Backfill("daily_bar", (A, B), FRI, TUE, "kis-sandbox")
    official = Backfill("daily_bar", (A, B), FRI, TUE, "krx-sandbox")
    days = [Span((A, B), day, day, 2) for day in (FRI, MON)]
    gaps = {code: [(FRI, MON)] for code in (A, B)}
    (broker,) = plan_gaps(wanted, own, Sources(KIS), EVENING).shares
    return BackfillPlan(wanted, (Share(official, gaps, days, estimate(official, days, 1.6)), broker), EVENING)


def run(plan, load, *in_turn):
    """Follow the plan to its end; return the steps."""
    return list(load_plan(plan, in_turn, load))


def test_one_source_loads_all_of_it():
    """Every span is asked for once, and every step comes through."""
    load = Played()
    steps = run(alone({A: [(FRI, TUE)], B: [(MON, MON)]}), load, KIS)
    assert load.asked == [("kis-sandbox", (A,), FRI, TUE), ("kis-sandbox", (B,), MON, MON)]
    assert [(step.done, step.total) for step in steps] == [(1, 2), (2, 2)]


def test_the_exchange_goes_first_and_kis_does_its_own_share():
    """Nothing was left undone, so KIS is asked for Tuesday only; the share of the work rises to all of it."""
    load = Played()
    steps = run(both({A: [(TUE, TUE)]}), load, KRX, KIS)
    assert load.asked == [
        ("krx-sandbox", (A, B), FRI, FRI),
        ("krx-sandbox", (A, B), MON, MON),
        ("kis-sandbox", (A,), TUE, TUE),
    ]
    assert [(step.done, step.total) for step in steps] == [(2, 5), (4, 5), (5, 5)]


def test_a_session_that_failed_goes_to_kis_together_with_its_own_share():
    """Monday's answer was cut off: one chart call of KIS brings Monday and Tuesday, and no step is a failure."""
    load = Played({("krx-sandbox", MON): BAD})
    steps = run(both({A: [(TUE, TUE)]}), load, KRX, KIS)
    assert load.asked[2:] == [("kis-sandbox", (A,), MON, TUE), ("kis-sandbox", (B,), MON, MON)]
    assert [step.error for step in steps] == [None] * 3
    assert (steps[-1].done, steps[-1].total) == (4, 4)


def test_a_code_that_failed_goes_to_kis_alone():
    """The exchange could not give one of the codes; KIS is asked for that one."""
    load = Played({("krx-sandbox", B): BAD})
    run(both({}), load, KRX, KIS)
    assert load.asked[2:] == [("kis-sandbox", (B,), FRI, MON)]


@pytest.mark.parametrize(("spent", "rest"), [(0, (FRI, MON)), (1, (MON, MON))])
def test_spent_calls_leave_the_rest_to_kis(spent, rest):
    """What was loaded before stays the exchange's."""
    load = Played(spent=spent)
    run(both({}), load, KRX, KIS)
    assert load.asked[spent:] == [("kis-sandbox", (A, B), *rest)]


def test_spent_calls_end_the_work_when_nobody_else_is_asked():
    """The error says when to go on."""
    official = Backfill("daily_bar", (A, B), FRI, MON, "krx-sandbox")
    days = [Span((A, B), day, day, 2) for day in (FRI, MON)]
    plan = BackfillPlan(official, (Share(official, {}, days, estimate(official, days, 1.6)),), EVENING)
    with pytest.raises(DailyQuotaError):
        run(plan, Played(spent=1), KRX)


def test_filling_adds_the_counts_up_and_says_how_far_it_is(caplog):
    """How much there is first, then a line for each window; the plan itself was told when it was made."""
    caplog.set_level("INFO")
    assert fill(alone({A: [(FRI, TUE)], B: [(MON, MON)]}), [KIS], Played()) == {"inserted": 2}
    assert "daily_bar: 2 spans to ask for" in caplog.text
    assert "out of kis-sandbox" not in caplog.text
    assert "50% of 2 requests, done at about" in caplog.text
    assert "100% of 2 requests, done at about" in caplog.text


def test_filling_fails_at_its_end_and_names_the_window():
    """The other code was asked for all the same."""
    load = Played({("kis-sandbox", A): BAD})
    with pytest.raises(IncompleteDataError, match=f"1 of 2 windows failed.*{A}: the answer is cut off"):
        fill(alone({A: [(MON, MON)], B: [(MON, MON)]}), [KIS], load)
    assert [codes for _, codes, *_ in load.asked] == [(A, B)]


def test_what_a_source_will_never_have_is_no_failure_of_healing():
    """An unknown code stays missing every evening; a broken answer is a failure all the same."""
    unknown = Played({("kis-sandbox", A): UnknownStockError(A, "kis-sandbox")})
    gaps = {A: [(MON, MON)], B: [(MON, MON)]}
    assert fill(alone(gaps, "missing"), [KIS], unknown) == {"inserted": 1}
    with pytest.raises(IncompleteDataError):
        fill(alone(gaps), [KIS], unknown)
    with pytest.raises(IncompleteDataError):
        fill(alone(gaps, "missing"), [KIS], Played({("kis-sandbox", A): BAD}))
