"""The sensor that waits for the stream: healthy now, or its session proven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.standard.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger
from airflow.sdk import BaseOperator

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import Clock, market_now
from data_pipeline.operators.permanent import fails_at_once

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context


class StreamSensor(BaseOperator):
    """
    Waits until the stream is healthy, or until the trades of a session are proved; it takes no worker while it waits.

    It looks into the warehouse, and when it has to wait it hands over to a trigger of Airflow that only sleeps: nothing
    of this package, and no driver of a database, runs in the triggerer. A session cannot be proved before its figures
    are final, so it looks for the first time then. How long it waits at most is the task's ``execution_timeout``, and
    the run's own timeout.

    :param wait_for: ``healthy``: a line of the stream is up and no one says otherwise; ``proven``: every code that was
        watched on the session is whole or truly empty.
    :param session: The trading day. Empty: the session of the run. (templated)
    :param postgres_conn_id: The Airflow connection of the warehouse. (templated)
    :param poke_seconds: How long it sleeps between two looks.
    :param clock: The market's clock.
    """

    template_fields: Sequence[str] = ("session", "postgres_conn_id")
    ui_color = "#dcefe4"

    def __init__(
        self,
        *,
        wait_for: Literal["healthy", "proven"] = "proven",
        session: str | date | None = None,
        postgres_conn_id: str = "market_db",
        poke_seconds: float = 60.0,
        clock: Clock = market_now,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for = wait_for
        self.session = session
        self.postgres_conn_id = postgres_conn_id
        self.poke_seconds = poke_seconds
        self.clock = clock

    @fails_at_once
    def execute(self, context: Context, event: Any = None) -> str:  # noqa: ARG002 - what a trigger hands over
        """Return what was waited for when it is there, and sleep otherwise."""
        # Only a worker needs these rooms; DAG files are read every few seconds.
        from data_pipeline.engine.windows import as_date, run_session
        from data_pipeline.market.trading_calendar import krx_calendar

        if self.wait_for not in {"healthy", "proven"}:
            raise ConfigurationError(f"wait_for must be healthy or proven, not {self.wait_for!r}")
        session = as_date(self.session, "session") if self.session else run_session(context, final=False)
        final_at = krx_calendar().final_at(session)
        if self.wait_for == "proven" and self.clock() < final_at:
            self._sleep_until(final_at)
        if not self._is_there(session):
            self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=self.poke_seconds)), method_name="execute")
        return f"{session} is proven" if self.wait_for == "proven" else "the stream is healthy"

    def _is_there(self, session: date) -> bool:
        from contextlib import closing

        from data_pipeline.engine.stream_day import health, is_proven
        from data_pipeline.hooks.warehouse import WarehouseHook

        with closing(WarehouseHook(self.postgres_conn_id).get_conn()) as connection:
            if self.wait_for == "proven":
                return is_proven(connection, session)
            stands = health(connection)
        self.log.info("%s", stands.said)
        return stands.up > 0

    def _sleep_until(self, moment: datetime) -> None:
        self.log.info("the session is final at %s", moment.isoformat())
        self.defer(trigger=DateTimeTrigger(moment), method_name="execute")
