"""The operator that replaces a session's provisional bars by the exchange's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.source import OFFICIAL_CONN_ID, open_source
from data_pipeline.operators.lineage import LoadLineage
from data_pipeline.operators.links import LOAD_LINKS
from data_pipeline.operators.permanent import fails_at_once
from data_pipeline.settings import text

if TYPE_CHECKING:
    from airflow.sdk import Context

KIS_INCLUDES_AFTER_MARKET = "{{{{ var.value.get('KIS_BARS_INCLUDE_AFTER_MARKET', {!r}) }}}}".format(
    text(os.environ, "KIS_BARS_INCLUDE_AFTER_MARKET")
)
"""A template: the Airflow Variable ``KIS_BARS_INCLUDE_AFTER_MARKET``, else the environment variable of that name."""


class OfficialDailyBarsOperator(LoadLineage, BaseOperator):
    """
    Loads the exchange's own daily bars of a whole session and lists every difference from the provisional ones.

    A session costs five calls of KRX. The XCom value holds the counts of
    :class:`~data_pipeline.operators.data_source_to_postgres.DataSourceToPostgresOperator`, and ``compared``
    (instruments that both sides have), ``different`` and ``unexpected`` (differences; see the table
    ``market.reconciliation``) when there were provisional bars to compare.

    Without a connection ``krx_default``, or without a key in it, the task is skipped: bars then stay provisional.

    :param source_conn_id: The Airflow connection of type ``krx``. (templated)
    :param postgres_conn_id: The Airflow connection of the warehouse. (templated)
    :param session: The trading day. Empty: the session of the run. (templated)
    :param kis_includes_after_market: ``true`` or ``false`` when it is known whether KIS's daily bars hold the
        after-market; empty while it is not. (templated)
    """

    template_fields: Sequence[str] = ("source_conn_id", "postgres_conn_id", "session", "kis_includes_after_market")
    operator_extra_links = LOAD_LINKS
    ui_color = "#dcefe4"
    dataset = "daily_bar"

    def __init__(
        self,
        *,
        source_conn_id: str = OFFICIAL_CONN_ID,
        postgres_conn_id: str = "market_db",
        session: str | date | None = None,
        kis_includes_after_market: str = KIS_INCLUDES_AFTER_MARKET,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.session = session
        self.kis_includes_after_market = kis_includes_after_market

    @fails_at_once
    def execute(self, context: Context) -> dict[str, int]:
        """Load the session; return the counts."""
        # Only a worker needs these rooms; DAG files are read every few seconds.
        from data_pipeline.engine.official import load_official
        from data_pipeline.engine.windows import as_date, run_session
        from data_pipeline.hooks.warehouse import WarehouseHook
        from data_pipeline.loading.prices.reconciliation import after_market_setting
        from data_pipeline.operators.assets import tell_load
        from data_pipeline.operators.metrics import gauged
        from data_pipeline.operators.task import run_of, skip_without_key

        known = after_market_setting(self.kis_includes_after_market)
        session = as_date(self.session, "session") if self.session else run_session(context)
        skip_without_key(self.source_conn_id, "daily bars stay provisional")
        with open_source(self.source_conn_id) as source, gauged(source):
            if not source.origin.official:
                raise ConfigurationError(
                    f"source_conn_id {self.source_conn_id!r}: official bars come from a connection of type 'krx', "
                    f"not from {source.name}"
                )
            with closing(WarehouseHook(self.postgres_conn_id).get_conn()) as connection:
                counts = load_official(connection, source, session, run_of(context), known)
        tell_load(self, context, self.dataset, source.name, [session], counts)
        return counts
