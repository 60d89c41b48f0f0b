"""The documented name of :mod:`data_pipeline.market.trading_calendar`, where the code lives."""

from data_pipeline.market.trading_calendar import *  # noqa: F403 - the same names, at their documented address
