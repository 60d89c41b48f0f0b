"""A few instruments to read of."""

from tests.support.market_rows import filled

__all__ = ["filled"]
