"""The documented name of :mod:`data_pipeline.market.watch_list`, where the code lives."""

from data_pipeline.market.watch_list import *  # noqa: F403 - the same names, at their documented address
