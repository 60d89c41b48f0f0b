"""What the live stream hands over in one piece, and to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from data_pipeline.market.records import OrderBook
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import Heartbeat, MarketOperation, StreamGap, Trade


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


class Sink(Protocol):
    """Where the stream is written. It is called by one thread at a time.

    Every method raises :class:`~data_pipeline.exceptions.TransientError` while the warehouse is away: nothing was
    written then, and the same is handed over again until it is. After any other error the service ends.
    """

    def last_trades(self, session: date) -> Iterable[Trade]:
        """Return the stored trade with the highest running volume of each venue and code of a session."""
        ...

    def store(self, batch: Batch) -> None:
        """Write a batch, all of it or nothing, in one transaction; what is stored already stays as it is.

        A trade whose key is stored with other values, and what is in ``refused``, goes to the quarantine.
        """
        ...

    def beat(self, beat: Heartbeat) -> None:
        """Replace the row of this host and key in ``stream_heartbeat``, in a transaction of its own."""
        ...

    def close(self) -> None:
        """Let go of the connection; nothing is written."""
        ...
