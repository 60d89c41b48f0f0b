"""Figures of one run out of the emulator's log and the workers' own notes; pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]
_RECOVERY_WINDOW = 10.0
_RECOVERED = 0.95
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds of the machine's monotonic clock; the beginning is included, the end is not."""

    began: float
    ended: float

    def holds(self, moment: float) -> bool:
        """Return whether the moment lies inside."""
        return self.began <= moment < self.ended

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.ended - self.began

    def part(self, first: float, last: float = 1.0) -> Interval:
        """Return what lies between two shares of it."""
        return Interval(self.began + first * self.seconds, self.began + last * self.seconds)


def measured(start: float, seconds: int) -> Interval:
    """Return the measured interval of a run that starts at ``start``: whole seconds of the clock, one or two later.

    It begins with a full second of the server, so ``quota x seconds`` is the most that a sliding window and a fixed one
    accept in it; the partial seconds before and after it count for rejections only.
    """
    began = math.ceil(start) + 1.0
    return Interval(began, began + seconds)


def quotations(entries: Iterable[Entry], since: float) -> list[Entry]:
    """Return the calls that count against a quota and arrived from ``since`` on; tokens and files do not count."""
    return sorted((one for one in entries if one["tr_id"] and one["arrived"] >= since), key=lambda one: one["arrived"])


def budget_used(entries: Iterable[Entry], interval: Interval, quota: float) -> float:
    """Return accepted calls over ``quota`` x seconds, for those that arrived in the interval."""
    accepted = sum(1 for one in entries if one["accepted"] and interval.holds(one["arrived"]))
    return round(accepted / (quota * interval.seconds), 4)


def rejected(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return how many calls the gate rejected and which share of all that is (0.01 is 1 %)."""
    count = sum(1 for one in entries if not one["accepted"])
    return {"rejected": count, "rejected_share": round(count / len(entries), 5) if entries else 0.0}


def recovered_after(entries: Sequence[Entry], restored: float, end: float, quota: float) -> float | None:
    """Return the seconds from ``restored`` to the first ten that use 0.95 of the quota, their end; None for never."""
    moment = restored + _RECOVERY_WINDOW
    while moment <= end:
        if budget_used(entries, Interval(moment - _RECOVERY_WINDOW, moment), quota) >= _RECOVERED:
            return moment - restored
        moment += 1.0
    return None


def most_in_flight(entries: Sequence[Entry], since: float) -> int:
    """Return how many calls that arrived from ``since`` on were at the server at one moment, at most."""
    changes = []
    for one in entries:
        if one["arrived"] >= since:
            changes += [(one["arrived"], 1), (one["arrived"] + one["milliseconds"] / 1000, -1)]
    present = most = 0
    for _, change in sorted(changes):
        present += change
        most = max(most, present)
    return most


def of_workers(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return waits, fairness and cost of the workers that lived to report; None where nobody sent anything."""
    sends = sum(one["sends"] for one in reports)
    served = [one["served"] for one in reports]
    errors: dict[str, int] = {}
    for one in reports:
        for name, count in one["errors"].items():
            errors[name] = errors.get(name, 0) + count
    return {
        "max_wait_s": round(max((one["max_wait_s"] for one in reports), default=0.0), 3),
        "per_process_min": min(served, default=0),
        "per_process_max": max(served, default=0),
        "cpu_ms_per_request": _per(reports, "limiter_cpu_s", sends),
        "client_cpu_ms_per_request": _per(reports, "client_cpu_s", sends),
        "errors": errors,
    }


def of_cold_start(entries: Sequence[Entry], reports: Sequence[Mapping[str, Any]], start: float) -> dict[str, Any]:
    """Return how many tokens were issued and when the last call was served, in seconds after the start."""
    tokens = sum(1 for one in entries if one["path"].endswith("/tokenP") and one["status"] == 200)
    last = max((one["last_served"] for one in reports if one["served"]), default=math.nan)
    served_within = None if math.isnan(last) else round(last - start, 2)
    return {"tokens_issued": tokens, "served": sum(one["served"] for one in reports), "served_within_s": served_within}


def of_failure(entries: Sequence[Entry], reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how a breaker behaved towards a server that only fails; ``entries`` are the quotations of the run."""
    opened = min((one["opened_at"] for one in reports if one["opened_at"]), default=math.inf)
    requests = sum(one["requests"] for one in reports)
    probes = sum(1 for one in entries if one["arrived"] >= opened + _SETTLE_SECONDS)
    return {
        "opened": math.isfinite(opened),
        "sends_before_open_max": max((one["sends_when_open"] for one in reports), default=0),
        "probes": probes,
        "probes_in_flight_max": most_in_flight(entries, opened + _SETTLE_SECONDS),
        "requests": requests,
        "sends": len(entries),
        "sends_per_request": round(len(entries) / requests, 4) if requests else None,
    }


def _per(reports: Sequence[Mapping[str, Any]], name: str, sends: int) -> float | None:
    return round(1000 * sum(one[name] for one in reports) / sends, 3) if sends else None
