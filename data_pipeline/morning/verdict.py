"""What the facts of a morning mean: the alerts, and the one number that cron asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_pipeline.morning.facts import Alert, Keys, Morning, Stored

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage

MISSING, DOUBTFUL, NOTE = "missing", "doubtful", "note"
FEW_CALLS = 0.05
"""Share of a day's KRX calls below which the rest is few."""
SHOWN_FIELDS = 5


def exit_code(morning: Morning) -> int:
    """Return 0 when everything expected is there and true, 1 when something is missing or doubtful, 2 unknown."""
    if morning.stored is None:
        return 2
    return int(any(one.level in (MISSING, DOUBTFUL) for one in alerts(morning)))


def alerts(morning: Morning) -> list[Alert]:
    """Return what somebody has to know, the gravest first."""
    found = [Alert(NOTE, about, said, "`data-pipeline doctor` looks at it") for about, said in morning.untold.items()]
    if morning.stored:
        found += [*_of_stored(morning.stored)]
    if morning.keys:
        found += [*_of_keys(morning.keys)]
    return sorted(found, key=lambda one: (MISSING, DOUBTFUL, NOTE).index(one.level))


def _of_stored(stored: Stored) -> Iterator[Alert]:
    if not stored.coverage:
        said = "nothing was ever loaded" if not stored.loads else "nothing is expected yet: no load has succeeded"
        yield Alert(MISSING, "warehouse", said, "`data-pipeline run` loads the last finished session")
    by_dataset: dict[str, list[Coverage]] = defaultdict(list)
    for one in stored.coverage:
        by_dataset[one.dataset].append(one)
    for dataset, sessions in by_dataset.items():
        yield from _of_cells(dataset, sessions)
    for refused in stored.refused:
        said = f"{refused.rows:,} rows wait in quarantine ({refused.check})"
        yield Alert(DOUBTFUL, refused.dataset, said, "`data-pipeline quarantine list` says why")
    for run in stored.runs:
        if run.is_last and run.status == "failed":
            said = f"the last load failed: {run.error or 'it left no word'}"
            yield Alert(DOUBTFUL, run.dataset, said, "docs/how-to/fix-a-failed-run.md; to load again is safe")
    yield from _notes(stored)


def _of_cells(dataset: str, sessions: list[Coverage]) -> Iterator[Alert]:
    lacking = [one for one in sessions if one.missing > one.unproven]
    if lacking:
        cells = sum(one.missing - one.unproven for one in lacking)
        first, last = lacking[0].session, lacking[-1].session
        said = f"{cells:,} cells are missing, {_days(len(lacking))} from {first} to {last}"
        todo = f"`data-pipeline backfill --dataset {dataset} --first {first} --last {last}`, or the DAG heal_gaps"
        yield Alert(MISSING, dataset, said, todo)
    doubted = [one for one in sessions if one.unproven]
    if doubted:
        first, last = doubted[0].session, doubted[-1].session
        said = f"{sum(one.unproven for one in doubted):,} cells are stored and not proved, {_days(len(doubted))}"
        todo = f"`data-pipeline backfill --dataset {dataset} --first {first} --last {last}` asks again"
        yield Alert(DOUBTFUL, dataset, said, todo)
    if holes := sum(one.unproven_empty for one in sessions):
        said = f"{holes:,} cells were asked for in vain, and nothing proves that they are empty"
        yield Alert(DOUBTFUL, dataset, said, "they are asked for again; `data-pipeline verify --explain CODE DAY` says")


def _notes(stored: Stored) -> Iterator[Alert]:
    if unexplained := sum(one.unexplained for one in stored.differences):
        said = f"{unexplained:,} figures of KRX differ from those of KIS that they replaced, without a known reason"
        yield Alert(
            NOTE, "daily_bar", said, 'look at them: `data-pipeline sql "SELECT * FROM reconciliation LIMIT 20"`'
        )
    if stored.new_fields:
        named = ", ".join([*stored.new_fields][:SHOWN_FIELDS])
        more = f" and {len(stored.new_fields) - SHOWN_FIELDS} more" if len(stored.new_fields) > SHOWN_FIELDS else ""
        said = f"answers hold fields that the documents do not have: {named}{more}"
        yield Alert(NOTE, "wire", said, "nothing is lost; docs/reference/wire-evidence.md says what is read")


def _of_keys(keys: Keys) -> Iterator[Alert]:
    for breaker in keys.breakers:
        if breaker.state != "CLOSED":
            again = f", calls pass again in {breaker.retry_after:.0f} s" if breaker.retry_after else ""
            said = f"the circuit breaker is {breaker.state} after {breaker.failures} failures in a row{again}"
            yield Alert(NOTE, breaker.source, said, "look whether the vendor's server is away; it closes by itself")
    for budget in keys.budgets:
        if budget.learned:
            said = f"the key {budget.name} is slowed down: {budget.learned}"
            yield Alert(NOTE, "quota", said, "does another program use it? `data-pipeline budget --forget` forgets")
    if keys.krx_calls and keys.krx_calls_left is not None and keys.krx_calls_left < FEW_CALLS * keys.krx_calls:
        said = f"{keys.krx_calls_left:,} of {keys.krx_calls:,} calls of KRX are left today"
        yield Alert(NOTE, "krx", said, "the next day begins at 00:00 in Seoul")


def _days(count: int) -> str:
    return "1 session" if count == 1 else f"{count:,} sessions"
