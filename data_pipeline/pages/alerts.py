"""How an alert of the morning looks on the page: in which colour, and where on the page more of it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from data_pipeline.morning.facts import Alert
from data_pipeline.morning.verdict import DOUBTFUL, MISSING, NOTE

WEIGHTS = {MISSING: "bad", DOUBTFUL: "warn", NOTE: "note"}
LINKS = {
    "missing": "#missing", "nothing_came": "#missing", "unproven": "#missing", "in_vain": "#missing",
    "refused": "#quarantine", "failed": "#runs", "differences": "#reconciled", "fields": "#fields",
    "breaker": "#keys", "slowed": "#keys", "few_calls": "#keys",
}  # fmt: skip


@dataclass(frozen=True)
class ShownAlert:
    """One of them."""

    weight: str
    """bad, warn or note."""
    about: str
    key: str
    """Of its sentence in ``words``."""
    values: dict[str, Any]
    link: str
    """Where more of it stands; empty for what the whole page is about."""


def shown_alerts(found: Iterable[Alert]) -> list[ShownAlert]:
    """Return the alerts as they stand on the page, in the same order."""
    return [
        ShownAlert(WEIGHTS[one.level], one.about, f"alert_{one.kind}", dict(one.values), LINKS.get(one.kind, ""))
        for one in found
    ]
