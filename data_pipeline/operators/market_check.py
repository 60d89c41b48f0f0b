"""What the last task of the DAG of investor flows does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.engine.market_flows import check_market_flows
from data_pipeline.engine.windows import run_session
from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.operators.task import run_of


def check_flows(context: Mapping[str, Any], source_conn_id: str, postgres_conn_id: str = "market_db") -> dict[str, int]:
    """Return what comparing the run's session with the figures of whole boards showed; see ``check_market_flows``.

    Raises:
        AirflowSkipException: The source does not tell of whole boards.
    """
    with (
        closing(WarehouseHook(postgres_conn_id).get_conn()) as connection,
        open_source(source_conn_id) as source,
    ):
        try:
            return check_market_flows(connection, source, run_session(context), run_of(context))
        except UnsupportedDatasetError as error:
            raise AirflowSkipException(str(error)) from None
