"""Market data from the Korea Investment & Securities (KIS) Open API."""

from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource

__all__ = ["KISDataSource", "KisSettings"]
