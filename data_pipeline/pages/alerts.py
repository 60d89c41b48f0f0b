"""What somebody should look at before anything else, by the rules that Prometheus has too, in order of weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.pages.grid import Grid
from data_pipeline.pages.keys import Keys

HEALED_AFTER = timedelta(hours=4)
"""A session is final at 20:00 and healed from 21:30; what is missing at midnight was not healed."""
FEW_CALLS = 0.1
"""Share of the day's KRX calls below which it is said that few are left."""


@dataclass(frozen=True)
class Alert:
    """One of them."""

    weight: str
    """bad or warn."""
    key: str
    """Of its sentence in ``words``."""
    values: dict[str, Any]
    link: str = ""
    """Where on the page more of it stands."""


def alerts(
    grid: Grid | None, runs: dict[str, Any] | None, keys: Keys | None, calendar: TradingCalendar, now: datetime
) -> list[Alert]:
    """Return what is wrong, the worst first; a part that could not be read is left out, because its panel says so."""
    found = [*(_of_cells(grid, calendar, now) if grid else ()), *_of_runs(runs), *(_of_keys(keys) if keys else ())]
    return sorted(found, key=lambda one: one.weight != "bad")


def _of_cells(grid: Grid, calendar: TradingCalendar, now: datetime) -> Iterator[Alert]:
    for name, row in grid.rows.items():
        lacking = [cell for cell in row if cell.missing or cell.unproven]
        if not lacking:
            continue
        cells = sum(cell.missing + cell.unproven for cell in lacking)
        late = now - calendar.final_at(lacking[-1].session) > HEALED_AFTER
        values = {"dataset": name, "cells": cells, "sessions": len(lacking), "since": lacking[0].session}
        yield Alert("bad" if late else "warn", "alert_missing", values, "#missing")
        if lacking[-1].session == grid.sessions[-1] and not lacking[-1].loaded:
            yield Alert("bad", "alert_nothing", {"dataset": name, "session": lacking[-1].session}, "#missing")


def _of_runs(runs: dict[str, Any] | None) -> Iterator[Alert]:
    for dataset, source, dag_id, *_, status in runs["groups"] if runs else ():
        if status == "failed":
            yield Alert("warn", "alert_failed", {"dataset": dataset, "source": source, "dag": dag_id or "-"}, "#runs")


def _of_keys(keys: Keys) -> Iterator[Alert]:
    for source, breaker in keys.breakers.items():
        if breaker.level:
            values = {"source": source, "failures": breaker.failures, "seconds": round(breaker.retry_after)}
            yield Alert("bad", "alert_breaker", values, "#keys")
    for name, token in keys.tokens.items():
        if token.left < 0:
            yield Alert("warn", "alert_token", {"key": name}, "#keys")
    if keys.calls_left is not None and keys.calls_a_day and keys.calls_left < FEW_CALLS * keys.calls_a_day:
        yield Alert("warn", "alert_krx", {"left": keys.calls_left}, "#keys")
