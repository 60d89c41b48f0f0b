"""A day of the stream in a process that dies at a chosen step of its load."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.market.stream_records import Trade
from data_pipeline.stream.gaps import GapWatch
from data_pipeline.stream.writer import Batch
from data_pipeline.warehouse.connect import connect
from tests.faults.rig import Point, Watched
from tests.support.trades_by_hand import CODES, DAY, OPEN, made

BATCH = 20
"""Trades of one transaction."""


class WatchedLoad(Watched):
    """A warehouse with a point beside each of its commits, too."""

    def commit(self) -> None:
        """Commit a batch."""
        self._point.step()
        super().commit()
        self._point.step()


def day() -> list[Trade]:
    """What happens on the day, in order of time: 600 trades of each of two codes."""
    return [one for pair in zip(*(made(code) for code in CODES), strict=True) for one in pair]


def stream(url: str, since: int, steps: int, told: str) -> int:
    """Receive the day from one of its trades on, and die so many steps after; return how many batches were written.

    Args:
        url: Of the warehouse.
        since: The first trade that this process is there for.
        steps: After how many steps of the load it dies.
        told: A file that says up to which trade the day has gone on.
    """
    connection = connect(url)
    load: Any = StreamLoad(connection, "kis", lambda: OPEN + timedelta(hours=11))
    load._warehouse = WatchedLoad(connection, Point(0, steps))
    watch, trades, batches = GapWatch(), day(), 0
    watch.know(load.last_trades(DAY))
    for start in range(since, len(trades), BATCH):
        batch, came = Batch(), trades[start : start + BATCH]
        Path(told).write_text(str(start + len(came)), "ascii")
        for one in came:
            # What comes again, as at the end of the day below, is left to the load, which finds it stored.
            gap = None if watch.is_behind(one) else watch.see(one)
            batch.gaps += [gap] if gap else []
            batch.trades.append(one)
        load.store(batch)
        batches += 1
    load.close()
    os.truncate(told, 0)
    return batches
