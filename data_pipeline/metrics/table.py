"""Every figure of the exporter, declared once: its name, kind, unit, labels and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PREFIX = "data_pipeline_"


@dataclass(frozen=True)
class Metric:
    """One figure."""

    name: str
    """Without ``PREFIX``; one that counts ends with ``_total``."""
    unit: str
    about: str
    """What it says, and when it is absent."""
    labels: tuple[str, ...] = ()
    """Never a stock code: the number of series does not grow with the market."""
    kind: Literal["gauge", "counter"] = "gauge"

    @property
    def full_name(self) -> str:
        """What Prometheus calls it."""
        return PREFIX + self.name

    @property
    def help(self) -> str:
        """The HELP line."""
        return f"{self.about} Unit: {self.unit}."


@dataclass(frozen=True)
class Sample:
    """One value of one figure."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


_ANSWERS = "1 yes, 0 no"
_BY_DATASET = ("dataset",)
_CELLS = "cells of the window"
METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        Metric("warehouse_up", _ANSWERS, "Whether the warehouse answered; without it its figures are absent."),
        Metric("shared_state_up", _ANSWERS, "Whether the store of shared state answered; absent without any key."),
        Metric(
            "freshness_seconds",
            "seconds",
            "Seconds since the oldest of the newest sessions without a whole one among them became final; 0 when the "
            "newest final session is there with all its cells. At most as old as the window; absent when nothing is "
            "expected of the newest session.",
            _BY_DATASET,
        ),
        Metric("cells_expected", _CELLS, "Cells that must exist.", _BY_DATASET),
        Metric("cells_missing", _CELLS, "Cells that must exist and do not, the unproven included.", _BY_DATASET),
        Metric("cells_unproven", _CELLS, "Missing cells of which rows are stored without a proof.", _BY_DATASET),
        Metric(
            "cells_unproven_empty", _CELLS, "Cells asked for in vain on three days, proved by nothing.", _BY_DATASET
        ),
        Metric(
            "sessions_without_run",
            "final sessions of the window",
            "Final sessions since the first one loaded that no successful load was about; absent before any.",
            _BY_DATASET,
        ),
        Metric(
            "rows_quarantined",
            "rows",
            "Rows that a check refused and nobody has settled, by the check; `unreadable` when they could not become a "
            "record. Absent where there are none.",
            ("dataset", "reason"),
        ),
        Metric("rows_stored", "rows", "Rows stored, of sealed datasets by their seals.", _BY_DATASET),
        Metric(
            "newest_session_timestamp_seconds",
            "seconds since 1970 (UTC)",
            "00:00 in Seoul of the newest day of which rows are stored; absent when there are none.",
            _BY_DATASET,
        ),
        Metric(
            "last_run_success", _ANSWERS, "Whether the load that ended last succeeded; absent before any.", _BY_DATASET
        ),
        Metric(
            "last_run_timestamp_seconds",
            "seconds since 1970 (UTC)",
            "When the load that ended last ended, by the server's clock; absent before any.",
            _BY_DATASET,
        ),
        Metric(
            "budget_rate", "calls a second", "Calls a second that are tried now, as `budget` shows them.", ("budget",)
        ),
        Metric(
            "budget_share",
            "share, 1 is all",
            "Share of the configured quota that the calls of the last minute took.",
            ("budget",),
        ),
        Metric("budget_wait_seconds", "seconds", "Seconds until the next free slot.", ("budget",)),
        Metric(
            "budget_sends_total",
            "calls",
            "Calls sent since the shared state was made, at the earliest since the host started.",
            ("budget",),
            "counter",
        ),
        Metric(
            "token_age_seconds", "seconds", "Seconds since the access token was issued; absent without one.", ("key",)
        ),
        Metric(
            "token_left_seconds",
            "seconds",
            "Seconds until the access token is renewed; negative when that is due, absent without one.",
            ("key",),
        ),
        Metric("breaker_state", "0 closed, 1 half open, 2 open", "The circuit breaker of a vendor.", ("source",)),
        Metric("breaker_failures", "failures", "Failures in a row that the breaker has counted.", ("source",)),
        Metric("krx_calls_left", "calls", "Calls of the KRX key left today in Seoul; absent without such a key."),
    )
}
"""Every figure, in the order in which they are exported."""
