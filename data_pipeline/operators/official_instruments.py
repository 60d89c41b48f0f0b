"""The operator that brings the exchange's own list of instruments beside the brokers'."""

from __future__ import annotations

from typing import Any

from data_pipeline.hooks.source import OFFICIAL_CONN_ID
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator


class OfficialInstrumentsOperator(DataSourceToPostgresOperator):
    """
    Loads the list of stocks as the exchange's base info has it, at three calls of KRX.

    What KRX and KIS say is merged field by field, in whatever order it comes. What they disagree about is counted
    (``different``), named in the log and listed in ``market.instrument_difference``. When the session of the run is not
    published yet, the newest list that is published is loaded.

    Without a connection ``krx_default``, or without a key in it, the task is skipped.

    :param source_conn_id: The Airflow connection of type ``krx``. (templated)
    """

    def __init__(self, *, source_conn_id: str = OFFICIAL_CONN_ID, **kwargs: Any) -> None:
        told = "the list of instruments is the brokers' alone"
        super().__init__(dataset="instrument", source_conn_id=source_conn_id, without_key=told, **kwargs)
