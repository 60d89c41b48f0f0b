"""Makes every proven session a partition: planned by comparing the warehouse with what Airflow was told before."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.operators.assets import loaded_asset, proven_asset, tell_asset
from data_pipeline.operators.permanent import fails_at_once

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
DAYS = 45
"""How many days before the newest final session are always looked at; older ones when a load was about them."""
AT_ONCE = 20
"""Sessions that one task announces: each of its events carries what is known of all of them."""


@fails_at_once
def plan_announcements(
    context: Mapping[str, Any], postgres_conn_id: str = "market_db", at_once: int = AT_ONCE
) -> list[dict[str, Any]]:
    """
    Return the arguments of each ``announce`` task: the proven sessions that Airflow was not told of as they are now.

    What it was told stands in the events of the assets themselves, so a session is announced once however often this
    runs, and again when a row of it was restated. The last 45 days are looked at, what the loads that triggered the run
    were about, and everything since the run's parameter ``first``.

    :param context: Airflow's own; the task's inlets are the assets of :func:`proven_asset`.
    :param postgres_conn_id: The connection of the warehouse.
    :param at_once: Sessions of one task, at most.
    :raises AirflowSkipException: This Airflow cannot name partitions while a task runs; 3.3 can.
    """
    from airflow.sdk.exceptions import AirflowSkipException
    from airflow.sdk.execution_time.context import OutletEventAccessor

    from data_pipeline.engine.windows import as_date, run_moment
    from data_pipeline.hooks.warehouse import WarehouseHook
    from data_pipeline.loading.coverage.proven import proven_sessions
    from data_pipeline.market.clock import market_now
    from data_pipeline.market.trading_calendar import krx_calendar

    if not hasattr(OutletEventAccessor, "add_partitions"):
        raise AirflowSkipException("this Airflow cannot name partitions while a task runs; Airflow 3.3 can")
    last = krx_calendar().last_final_session(run_moment(context) or market_now())
    named = (context.get("params") or {}).get("first")
    since = as_date(named, "first") if named else last - timedelta(days=DAYS)
    tasks = []
    with closing(WarehouseHook(postgres_conn_id).get_conn()) as connection:
        for dataset in WITH_CELLS:
            first = min([since, *_loaded(context, dataset)])
            known = _told(context["inlet_events"][proven_asset(dataset)].after(_earliest(context, first)))
            new = iter(proven_sessions(connection, dataset, first, last, known))
            while some := list(islice(new, at_once)):
                log.info("%s: %d sessions to announce, from %s to %s", dataset, len(some), *_ends(some))
                sessions = {
                    f"{one.session}": {
                        "rows": one.rows, "source": one.source, "stage": one.stage, "digest": one.digest,
                    } for one in some
                }  # fmt: skip
                tasks.append({"dataset": dataset, "sessions": sessions})
    return tasks


class AnnounceSessionsOperator(BaseOperator):
    """
    Tells the asset ``market.<dataset>.proven`` of sessions, each of which is a partition of it (``YYYY-MM-DD``).

    Each event carries ``dataset`` and, in ``sessions``, what is known of all sessions that were announced together:
    ``rows``, ``source`` (who told the rows written last), ``stage`` (provisional or official) and ``digest``. The task
    has to be the only one that announces while it runs, as in the DAG ``proven_sessions``.

    :param dataset: The name of a dataset.
    :param sessions: Sessions, with what is known of each, from :func:`plan_announcements`.
    """

    ui_color = "#dcefe4"

    def __init__(self, *, dataset: str, sessions: Mapping[str, Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.sessions = sessions

    @fails_at_once
    def execute(self, context: Context) -> list[str]:
        """Announce them; return their days."""
        asset, days = proven_asset(self.dataset), sorted(self.sessions)
        if tell_asset(self, context, asset, {"dataset": self.dataset, "sessions": dict(self.sessions)}):
            context["outlet_events"][asset].add_partitions(days)
        return days


def _told(events: Iterable[Any]) -> dict[date, str]:
    """Return the digest that each session had when it was announced last."""
    known = {}
    for event in events:
        day = getattr(event, "partition_key", None)
        about = ((event.extra or {}).get("sessions") or {}).get(day)
        if day and isinstance(about, Mapping):
            known[date.fromisoformat(day)] = str(about.get("digest"))
    return known


def _earliest(context: Mapping[str, Any], first: date) -> str:
    """Return since when events about a session from ``first`` on may have been told: none came before its session.

    Airflow's own times are real, and a market's clock that is fixed may be ahead of them.
    """
    run = context.get("dag_run")
    real = run.run_after.date() - timedelta(days=DAYS) if run else first
    return f"{min(first, real) - timedelta(days=1)}T00:00:00+00:00"


def _loaded(context: Mapping[str, Any], dataset: str) -> list[date]:
    """Return the first day of each load of a dataset that triggered this run."""
    triggering = context.get("triggering_asset_events") or {}
    events = triggering.get(loaded_asset(dataset), ())
    return [date.fromisoformat(str(event.extra["first"])) for event in events if event.extra.get("first")]


def _ends(some: Sequence[Any]) -> tuple[date, date]:
    return some[0].session, some[-1].session
