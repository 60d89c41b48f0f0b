"""A connection that can only read, and a few instruments to read of."""

from tests.support.market_rows import filled, filled_reader, reader, three_issues

__all__ = ["filled", "filled_reader", "reader", "three_issues"]
