"""Registers timetables, pools, middlewares and the pages with Airflow, all of whose components load it."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from data_pipeline import pools
from data_pipeline.hooks.empty_port import EmptyPort
from data_pipeline.pages.mount import Pages, airflow_pages
from data_pipeline.pages.place import PREFIX, ROUTE
from data_pipeline.pages.root import WithRoot
from data_pipeline.timetables import KrxIntradayTimetable, KrxSessionTimetable


class DataPipelinePlugin(AirflowPlugin):
    """What the data pipeline adds to Airflow."""

    name = "data_pipeline"
    timetables = (KrxSessionTimetable, KrxIntradayTimetable)
    listeners = (pools,)
    fastapi_root_middlewares = (
        {"middleware": EmptyPort, "name": "an empty port of our connections"},
        {"middleware": WithRoot, "name": "Airflow's own API for the buttons of the pages"},
    )
    fastapi_apps = ({"app": Pages(airflow_pages), "url_prefix": PREFIX, "name": "Market data"},)
    # Relative to Airflow's address, which may have a path of its own.
    external_views: ClassVar[list[dict[str, str]]] = [  # Airflow takes out what has another plugin's route
        {
            "name": "Market data",
            "href": f"{PREFIX.lstrip('/')}/",
            "destination": "nav",
            "category": "browse",
            "url_route": ROUTE,
        },
    ]
