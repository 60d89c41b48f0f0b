"""A stored day of five codes, played as KIS's live stream and stored again: how fast, and are the rows the same."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.emulator.replay import Replay, serve_replay
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.local.replay import stored_stage
from data_pipeline.local.stream import Reopened
from data_pipeline.market.seoul import SEOUL
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Side, StreamKind, Trade
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.live import live_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.stream.service import Service
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

CODES = tuple(f"{number:06d}" for number in range(1, 6))
OPEN = datetime(2026, 11, 23, 9, 0, tzinfo=SEOUL)
SECONDS = 23_400
"""Of the regular session."""
EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=SEOUL)
_ROWS = """
    SELECT md5(string_agg(row_digest::text, '' ORDER BY venue, stock_code, cumulative_volume)), count(*)
    FROM (SELECT t.venue, t.stock_code, t.cumulative_volume, market.row_digest(t) AS row_digest FROM market.trade t) x
"""


def replayed(server: EmbeddedPostgres, folder: Path, speed: float, trades: int) -> dict[str, Any]:
    """Store a day of so many trades a code, replay it at a speed, and return what was seen.

    ``times`` is how many times as fast as it was the day took from the first record to the last commit; ``same``
    whether both warehouses have the very same rows.
    """
    first, second = (_made(server, f"replay_{name}") for name in ("stored", "again"))
    with closing(connect(first)) as connection:
        load = StreamLoad(connection, "kis", lambda: EVENING)
        for batch in _batches(trades):
            load.store(batch)
    with closing(connect(first)) as connection:
        stage = stored_stage(connection, OPEN.date(), None)
    sent, seconds = _received(Replay(OPEN.date(), stage, speed), second, folder)
    rows = [_rows(url) for url in (first, second)]
    return {
        "records": sent, "seconds": round(seconds, 1), "times": round(SECONDS / seconds, 1), "same": rows[0] == rows[1],
        "rows": rows[1][1],
    }  # fmt: skip


def _made(server: EmbeddedPostgres, name: str) -> str:
    server.create_database(name)
    migrate(server.url(name, "owner"))
    return server.url(name, "loader")


def _rows(url: str) -> Any:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(_ROWS)
        return cursor.fetchone()


def _batches(trades: int) -> Any:
    draw = random.Random(18)
    for code in CODES:
        moments = sorted(draw.randrange(SECONDS) for _ in range(trades))
        total, value, counts, volumes = 0, 0, [0, 0], [0, 0]
        for start in range(0, trades, 1000):
            batch = Batch()
            for second in moments[start : start + 1000]:
                volume, price, selling = draw.randint(1, 500), 100 * draw.randint(710, 730), draw.randrange(2)
                total, value = total + volume, value + volume * price
                counts[selling] += 1
                volumes[selling] += volume
                batch.trades.append(
                    Trade(
                        Venue.KRX, code, OPEN + timedelta(seconds=second), price, volume, total, value,
                        Side.SELL if selling else Side.BUY, counts[1], counts[0], volumes[1], volumes[0], price + 100,
                        price, "20", "0", "2",
                    )
                )  # fmt: skip
            yield batch


def _received(replay: Replay, url: str, folder: Path) -> tuple[int, float]:
    """Return how many records were sent, and the seconds from the first one to the last commit."""
    began, address, there = time.monotonic(), list[str](), threading.Event()

    def clock() -> datetime:
        return EVENING + timedelta(seconds=time.monotonic() - began)

    def told(where: str) -> None:
        address.append(where)
        there.set()

    serving = threading.Thread(target=serve_replay, args=(replay, 0, told))
    serving.start()
    there.wait()
    settings = KisSettings(APP_KEY, APP_SECRET, base_url=address[0], use_virtual=False)
    stored: list[float] = []

    class Timed(Reopened):
        def store(self, batch: Batch) -> None:
            stored.append(time.monotonic())
            super().store(batch)
            stored.append(time.monotonic())

    store, sink = FileStore(folder / "replay"), Timed(lambda: StreamLoad(connect(url), settings.source_name, clock))
    wanted = wishes(CODES, [StreamKind.TRADE], [Venue.KRX])
    service = Service(live_keys(settings, store, clock), wanted, sink, store, clock, lambda: False, "benchmark")
    running = threading.Thread(target=service.run)
    running.start()
    serving.join()
    service.stop()
    running.join()
    sink.close()
    return replay.counts[0], stored[-1] - stored[0]
