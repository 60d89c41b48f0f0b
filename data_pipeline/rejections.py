"""The documented name of :mod:`data_pipeline.market.rejections`, where the code lives."""

from data_pipeline.market.rejections import *  # noqa: F403 - the same names, at their documented address
