"""A few instruments to read of."""

from tests.support.market_rows import filled, filled_reader

__all__ = ["filled", "filled_reader"]
