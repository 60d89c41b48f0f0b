"""Registers timetables, pools and a middleware with Airflow, whose scheduler, API server and DAG processor load it."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from data_pipeline import pools
from data_pipeline.hooks.empty_port import EmptyPort
from data_pipeline.timetables import KrxIntradayTimetable, KrxSessionTimetable


class DataPipelinePlugin(AirflowPlugin):
    """What the data pipeline adds to Airflow."""

    name = "data_pipeline"
    timetables = (KrxSessionTimetable, KrxIntradayTimetable)
    listeners = (pools,)
    fastapi_root_middlewares = ({"middleware": EmptyPort, "name": "an empty port of our connections"},)
