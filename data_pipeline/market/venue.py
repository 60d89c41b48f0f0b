"""Where a trade or a book is from; the name lives with the records, of which an order book carries it."""

from data_pipeline.market.records import Venue as Venue  # noqa: PLC0414 - handed on
