"""What the live stream hands over in one piece, between whoever receives it and whoever writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data_pipeline.market.records import OrderBook
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import MarketOperation, StreamGap, Trade


@dataclass
class Batch:
    """What one transaction writes, in the order in which it was received."""

    trades: list[Trade] = field(default_factory=list)
    books: list[OrderBook] = field(default_factory=list)
    operations: list[MarketOperation] = field(default_factory=list)
    gaps: list[StreamGap] = field(default_factory=list)
    refused: list[Rejection] = field(default_factory=list)
    """Records that cannot be, for the quarantine."""

    def __post_init__(self) -> None:
        self._of: dict[type, list[Any]] = {
            Trade: self.trades,
            OrderBook: self.books,
            MarketOperation: self.operations,
            StreamGap: self.gaps,
            Rejection: self.refused,
        }

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._of.values())

    def add(self, record: object) -> None:
        """Put a record where it belongs; an expected price belongs nowhere, for it is no trade."""
        if (of_its_kind := self._of.get(type(record))) is not None:
            of_its_kind.append(record)
