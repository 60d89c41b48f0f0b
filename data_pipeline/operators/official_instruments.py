"""The operator that brings the exchange's own list of issues beside the brokers'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_pipeline.hooks.source import OFFICIAL_CONN_ID
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class OfficialInstrumentsOperator(DataSourceToPostgresOperator):
    """
    Loads the list of stocks as the exchange's base info has it, at three calls of KRX.

    What KRX and KIS tell is merged by field, in whatever order they come, and what they disagree about is counted
    (``different``), named in the log and listed in ``market.instrument_difference``. The session of the run that is not
    published yet brings the newest list that is.

    Without a connection ``krx_default``, or without a key in it, the task is skipped.

    :param source_conn_id: The Airflow connection of type ``krx``. (templated)
    """

    def __init__(self, *, source_conn_id: str = OFFICIAL_CONN_ID, **kwargs: Any) -> None:
        super().__init__(dataset="instrument", source_conn_id=source_conn_id, **kwargs)

    def execute(self, context: Context) -> dict[str, int]:
        """Load the list; return the counts."""
        from data_pipeline.operators.task import skip_without_key

        skip_without_key(self.source_conn_id, "the list of issues is the brokers' alone")
        return super().execute(context)
