"""The live stream without a network: shared state, a sink and a clock in memory, which only waiting moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from data_pipeline.coordination.store import StoreAwayError
from data_pipeline.exceptions import TransientError
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Heartbeat, Side, Trade
from data_pipeline.market.venue import Venue

SEOUL = ZoneInfo("Asia/Seoul")
OPEN = datetime(2026, 11, 23, 9, 0, tzinfo=SEOUL)


class Clock:
    """Seconds that pass only by ``wait``; the market's clock begins at nine on a session."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def market(self) -> datetime:
        return OPEN + timedelta(seconds=self.seconds - 1000.0)

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return False


class MemoryStore:
    """Shared state of several processes in one; ``away`` makes it answer nobody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.states: dict[str, dict[str, Any]] = {}
        self.away = False

    def now(self) -> float:
        return self._clock.seconds

    def update(self, key: str, change: Callable[[dict[str, Any], float], Any], *, lasting: bool = False) -> Any:
        self._require()
        state = dict(self.states.get(key, {}))
        result = change(state, self._clock.seconds)
        self.states[key] = state
        return result

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        self._require()
        return dict(self.states.get(key, {}))

    def location(self, key: str) -> str:
        return f"memory:{key}"

    def _require(self) -> None:
        if self.away:
            raise StoreAwayError("the store is away")


class MemorySink:
    """Keeps what it is given; ``away`` makes it fail as a warehouse that is away does."""

    def __init__(self, stored: tuple[Trade, ...] = ()) -> None:
        self.batches: list[Batch] = []
        self.beats: list[Heartbeat] = []
        self.away = False
        self._stored = stored

    def last_trades(self, session: object) -> tuple[Trade, ...]:
        self._require()
        return self._stored

    def store(self, batch: Batch) -> None:
        self._require()
        self.batches.append(batch)

    def beat(self, beat: Heartbeat) -> None:
        self._require()
        self.beats.append(beat)

    def close(self) -> None:
        pass

    @property
    def trades(self) -> list[Trade]:
        return [trade for batch in self.batches for trade in batch.trades]

    def _require(self) -> None:
        if self.away:
            raise TransientError("the warehouse is away")


def trade(total: int, volume: int = 10, second: int = 0, **changes: Any) -> Trade:
    """A trade that brings the session to ``total`` shares at 100 won each; sells only, one a trade of ten shares."""
    values: dict[str, Any] = {
        "venue": Venue.KRX, "stock_code": "005930", "traded_at": OPEN + timedelta(seconds=second), "price": 100,
        "volume": volume, "cumulative_volume": total, "cumulative_value": 100 * total, "side": Side.SELL,
        "sell_count": total // 10, "buy_count": 0, "sell_volume": total, "buy_volume": 0,
    }  # fmt: skip
    return Trade(**{**values, **changes})
