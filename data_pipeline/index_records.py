"""The documented name of :mod:`data_pipeline.market.index_records`, where the code lives."""

from data_pipeline.market.index_records import *  # noqa: F403 - the same names, at their documented address
