"""The documented name of :mod:`data_pipeline.market.price_rules`, where the code lives."""

from data_pipeline.market.price_rules import *  # noqa: F403 - the same names, at their documented address
