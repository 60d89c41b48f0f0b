"""Extra links of a task in Airflow's UI: to the rows that it loaded, to coverage, to the quarantine, to a plan."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PAGES = "data-pipeline"
"""Where this package's own pages lie below Airflow's address."""


class RowsLink(BaseOperatorLink):
    """Leads to what is stored and what is missing of the task's dataset and session."""

    name = "Rows and coverage"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the page of the cell, or the morning page when the task names no day."""
        asked = {"dataset": str(getattr(operator, "dataset", "")), "session": _day(operator)}
        return _pages(f"cell?{urlencode(asked)}" if all(asked.values()) else "")


class QuarantineLink(BaseOperatorLink):
    """Leads to the rows that checks refused."""

    name = "Quarantine"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the part of the morning page about the quarantine."""
        return _pages("#quarantine")


class PlanLink(BaseOperatorLink):
    """Leads to the plan of a backfill: who is asked for what, and what that costs."""

    name = "Plan"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the task's XCom tab, where the plan stands under ``plan``."""
        run, task = quote(ti_key.run_id, safe=""), quote(ti_key.task_id, safe="")
        return _address(f"dags/{quote(ti_key.dag_id, safe='')}/runs/{run}/tasks/{task}/xcom")


LOAD_LINKS = (RowsLink(), QuarantineLink())
"""Those of every task that loads."""


def _day(operator: Any) -> str:
    """Return the last day that the task was told to load, as ISO 8601; empty when it was told none."""
    days = (getattr(operator, name, None) for name in ("last", "first", "session"))
    day = next(filter(None, days), "")
    if isinstance(day, datetime):
        day = day.date()
    text = day.isoformat() if isinstance(day, date) else str(day)
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _pages(rest: str) -> str:
    return _address(f"{PAGES}/{rest}")


def _address(rest: str) -> str:
    """Return an address of this Airflow; below the path that a proxy may give it."""
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/{rest}"
