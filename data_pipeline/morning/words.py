"""What the facts mean, in English: one sentence for each alert and for each reason why something is not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

SAID: Mapping[str, str] = {
    "untold": "{said}",
    "nothing_loaded": "nothing was ever loaded",
    "nothing_expected": "nothing is expected yet: no load has succeeded",
    "missing": "{cells} cells are missing (sessions: {sessions}, from {first} to {last})",
    "nothing_came": "nothing of the newest session, {session}, came",
    "unproven": "{cells} cells are stored and not proved (sessions: {sessions}, from {first} to {last})",
    "in_vain": "{cells} cells were asked for in vain, and nothing proves that they are empty",
    "refused": "{rows} rows wait in quarantine ({check})",
    "failed": "the last load failed: {error}",
    "differences": "{rows} figures of KRX differ from those of KIS that they replaced, without a known reason",
    "fields": "answers hold fields that the documents do not have: {count}, the newest {names}",
    "breaker": "the circuit breaker is {state} after {failures} failures in a row; calls pass again in {seconds} s",
    "slowed": "the key {key} is slowed down: {learned}",
    "few_calls": "{left} of {all} calls of KRX are left today",
}
"""By the kind of an alert."""
TODO: Mapping[str, str] = {
    "untold": "`data-pipeline doctor` looks at it",
    "nothing_loaded": "`data-pipeline run` loads the last finished session",
    "nothing_expected": "`data-pipeline run` loads the last finished session",
    "missing": "`data-pipeline backfill --dataset {dataset} --first {first} --last {last}`, or the DAG heal_gaps",
    "nothing_came": "did its DAG run? docs/how-to/fix-a-failed-run.md",
    "unproven": "`data-pipeline backfill --dataset {dataset} --first {first} --last {last}` asks again",
    "in_vain": "they are asked for again; `data-pipeline verify --explain CODE DAY` says",
    "refused": "`data-pipeline quarantine list` says why",
    "failed": "docs/how-to/fix-a-failed-run.md; to load again is safe",
    "differences": 'look at them: `data-pipeline sql "SELECT * FROM reconciliation LIMIT 20"`',
    "fields": "nothing is lost; docs/reference/wire-evidence.md says what is read",
    "breaker": "look whether the vendor's server is away; it closes by itself",
    "slowed": "does another program use it? `data-pipeline budget --forget` forgets",
    "few_calls": "the next day begins at 00:00 in Seoul",
}
"""What to do about each kind."""
WHY: Mapping[str, str] = {
    "refused": "a check refused the row: {detail}",
    "doubted": "stored or asked for, and not proven: {detail}",
    "deleted": "it was stored, and deleted at {detail}",
    "failed": "the newest load says: {detail}",
    "not_told": "load {detail} was the newest about that session and brought no row",
    "never": "no load asked for it",
}
"""Why something is not there or not proved, what is surest first; ``detail`` is what the warehouse says of it."""


def filled(text: str, values: Mapping[str, Any]) -> str:
    """Return a sentence with its figures, written as on a terminal."""
    return text.format(**{name: _written(value) for name, value in values.items()})


def _written(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:,}" if isinstance(value, int) else str(value)
