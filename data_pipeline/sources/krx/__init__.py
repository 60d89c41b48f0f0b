"""Market data from the Open API of the Korea Exchange (KRX, 한국거래소)."""

from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource

__all__ = ["KRXDataSource", "KrxSettings"]
