"""What the facts of a morning mean: the alerts, and the one number that cron asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from data_pipeline.morning.facts import Alert, Morning, Stored
from data_pipeline.morning.keys import Keys
from data_pipeline.morning.words import SAID, TODO, filled

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage

MISSING, DOUBTFUL, NOTE = "missing", "doubtful", "note"
COVERAGE, QUARANTINE, RUNS = "coverage", "quarantine", "runs"
"""Parts of what is stored without which nobody can tell whether it is complete and true."""
FEW_CALLS = 0.05
"""Share of a day's KRX calls below which the rest is few."""
SHOWN_FIELDS = 5


def exit_code(morning: Morning) -> int:
    """Return 0 when everything expected is there and true, 1 when something is missing or doubtful, 2 unknown."""
    if morning.stored is None:
        return 2
    if any(one.level in (MISSING, DOUBTFUL) for one in alerts(morning)):
        return 1
    return 2 if {COVERAGE, QUARANTINE, RUNS} & {*morning.untold} else 0


def alerts(morning: Morning) -> list[Alert]:
    """Return what somebody has to know, the gravest first."""
    found = [_alert(NOTE, about, "untold", said=said) for about, said in morning.untold.items()]
    if morning.stored:
        found += [*_of_stored(morning.stored, told=COVERAGE not in morning.untold)]
    if morning.keys:
        found += [*_of_keys(morning.keys)]
    return sorted(found, key=lambda one: (MISSING, DOUBTFUL, NOTE).index(one.level))


def _alert(level: str, about: str, kind: str, **values: Any) -> Alert:
    figures = {"dataset": about, **values}
    return Alert(level, about, kind, values, filled(SAID[kind], figures), filled(TODO[kind], figures))


def _of_stored(stored: Stored, *, told: bool) -> Iterator[Alert]:
    if told and not stored.coverage:
        yield _alert(MISSING, "warehouse", "nothing_expected" if stored.loads else "nothing_loaded")
    by_dataset: dict[str, list[Coverage]] = defaultdict(list)
    for one in sorted(stored.coverage, key=lambda one: (one.dataset, one.session)):
        by_dataset[one.dataset].append(one)
    for dataset, sessions in by_dataset.items():
        yield from _of_cells(dataset, sessions, stored)
    for refused in stored.refused:
        yield _alert(DOUBTFUL, refused.dataset, "refused", rows=refused.rows, check=refused.check)
    for run in stored.runs:
        if run.is_last and run.status == "failed":
            yield _alert(DOUBTFUL, run.dataset, "failed", error=run.error or "it left no word")
    yield from _notes(stored)


def _of_cells(dataset: str, sessions: list[Coverage], stored: Stored) -> Iterator[Alert]:
    for level, kind, what in ((MISSING, "missing", "absent"), (DOUBTFUL, "unproven", "unproven")):
        if found := [one for one in sessions if getattr(one, what)]:
            cells = sum(getattr(one, what) for one in found)
            first, last = found[0].session, found[-1].session
            yield _alert(level, dataset, kind, cells=cells, sessions=len(found), first=first, last=last)
    newest = sessions[-1]
    if newest.session == stored.session and newest.absent == newest.expected:
        yield _alert(MISSING, dataset, "nothing_came", session=newest.session)
    if holes := sum(one.unproven_empty for one in sessions):
        yield _alert(DOUBTFUL, dataset, "in_vain", cells=holes)


def _notes(stored: Stored) -> Iterator[Alert]:
    if unexplained := sum(one.unexplained for one in stored.differences):
        yield _alert(NOTE, "daily_bar", "differences", rows=unexplained)
    if stored.new_fields:
        names = [one.name for one in stored.new_fields]
        yield _alert(NOTE, "wire", "fields", count=len(names), names=", ".join(names[:SHOWN_FIELDS]))


def _of_keys(keys: Keys) -> Iterator[Alert]:
    for one in keys.breakers:
        if one.state != "CLOSED":
            figures = {"state": one.state, "failures": one.failures, "seconds": round(one.retry_after)}
            yield _alert(NOTE, one.source, "breaker", **figures)
    for budget in keys.budgets:
        if budget.learned:
            yield _alert(NOTE, "quota", "slowed", key=budget.name, learned=budget.learned)
    if keys.krx_calls and keys.krx_calls_left is not None and keys.krx_calls_left < FEW_CALLS * keys.krx_calls:
        yield _alert(NOTE, "krx", "few_calls", left=keys.krx_calls_left, all=keys.krx_calls)
