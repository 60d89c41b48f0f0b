"""What a run left in the warehouse: rows, requests, the share of the quota, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from data_pipeline.loading.instruments.listing import listed
from data_pipeline.local.plan import RunPlan
from data_pipeline.market.trading_calendar import krx_calendar

LOADED = """
SELECT dag_id, dataset, string_agg(DISTINCT source, ', '), coalesce(sum(rows_inserted), 0)::bigint,
       coalesce(sum(rows_updated), 0)::bigint, coalesce(sum(rows_unchanged), 0)::bigint,
       coalesce(sum(requests), 0)::bigint,
       coalesce(extract(epoch FROM max(finished_at) - min(started_at)), 0)::float8,
       count(*) FILTER (WHERE status <> 'success')
FROM market.ingest_run WHERE run_id > %s GROUP BY dag_id, dataset ORDER BY min(run_id)
"""

MISSING_BARS = f"""
SELECT count(*) FROM market.listing AS i CROSS JOIN unnest(%(sessions)s::date[]) AS s(session)
WHERE (%(codes)s::text[] IS NULL OR i.stock_code = ANY (%(codes)s::text[]))
  AND {listed("i", "s.session")}
  AND NOT EXISTS (SELECT FROM market.daily_bar AS b WHERE b.stock_code = i.stock_code AND b.session = s.session)
  AND NOT EXISTS (SELECT FROM market.no_data AS n
                  WHERE n.dataset = 'daily_bar' AND n.stock_code = i.stock_code AND n.session = s.session)
"""  # noqa: S608 - a condition of the schema

MISSING_BOOKS = """
SELECT count(*) FROM unnest(%(codes)s::text[]) AS c(stock_code)
WHERE NOT EXISTS (SELECT FROM market.order_book AS o WHERE o.stock_code = c.stock_code AND o.session = %(session)s)
"""


@dataclass(frozen=True)
class Loaded:
    """What one DAG loaded into one dataset."""

    dag_id: str
    dataset: str
    source: str
    inserted: int
    updated: int
    unchanged: int
    requests: int
    seconds: float
    failed: int

    @property
    def what(self) -> str:
        """The dataset, marked as history for bars of the past."""
        return f"{self.dataset}, history" if self.dag_id == "backfill" else self.dataset

    @property
    def rows(self) -> int:
        """Rows that came, whether or not they changed anything."""
        return self.inserted + self.updated + self.unchanged


@dataclass(frozen=True)
class Gap:
    """Rows that must exist and do not."""

    what: str
    missing: int


def last_run_id(connection: Any) -> int:
    """Return the number of the newest load; 0 in an empty warehouse."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(run_id), 0) FROM market.ingest_run")
        return int(cursor.fetchone()[0])


def loaded_since(connection: Any, run_id: int) -> list[Loaded]:
    """Return what each DAG loaded into each dataset in the loads after ``run_id``, in the order in which they began."""
    with connection.cursor() as cursor:
        cursor.execute(LOADED, (run_id,))
        return [Loaded(*row) for row in cursor.fetchall()]


def gaps(connection: Any, plan: RunPlan) -> list[Gap]:
    """Return how many of the planned rows are missing, by kind; a kind that lacks none has 0."""
    history = krx_calendar().sessions(plan.first, plan.session)
    codes = list(plan.codes)
    newest = "the session's bars" if plan.official else "today's bars"
    checks: list[tuple[str, str, dict[str, object]]] = [
        (newest, MISSING_BARS, {"sessions": [plan.session], "codes": None}),
        ("history", MISSING_BARS, {"sessions": history, "codes": codes}),
    ]
    if not plan.official:
        checks.append(("order books", MISSING_BOOKS, {"codes": codes, "session": plan.session}))
    with connection.cursor() as cursor:
        found = []
        for what, query, parameters in checks:
            cursor.execute(query, parameters)
            found.append(Gap(what, int(cursor.fetchone()[0])))
        cursor.execute("SELECT count(*) FROM market.instrument")
        found.insert(0, Gap("instruments", 0 if cursor.fetchone()[0] else 1))
        return found


def loaded_table(loaded: Sequence[Loaded], rate: float | None) -> Table:
    """Return the table that is shown to people; ``rate`` is the quota in requests a second, None without one."""
    sources = ", ".join(sorted({one.source for one in loaded}))
    table = _table(f"Loaded from {sources}" if sources else "Nothing was loaded", "dataset")
    for name in ("rows", "new", "changed", "same", "requests", "quota", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in loaded:
        numbers = (one.rows, one.inserted, one.updated, one.unchanged, one.requests)
        # Below a second's worth of quota the share means nothing. At one call a second, two calls fit into one second.
        share = f"{one.requests / (rate * one.seconds + 1):.0%}" if rate and one.requests >= rate else "-"
        table.add_row(one.what, *(f"{n:,}" for n in numbers), share, f"{one.seconds:.1f}")
    return table


def _table(title: str, first_column: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first_column, no_wrap=True, min_width=18)
    return table


def gap_table(found: Sequence[Gap]) -> Table:
    """Return the table of what is missing."""
    table = _table("Missing", "what")
    table.add_column("rows", justify="right")
    for gap in found:
        table.add_row(gap.what, f"[red]{gap.missing:,}[/red]" if gap.missing else "0")
    return table
