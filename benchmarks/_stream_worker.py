"""Runs the live service for measuring: python -m benchmarks._stream_worker URL DATABASE BEGAN CODES STATE KEYS.

It ends when its input does, and prints one JSON object: processor seconds, memory, seconds from receiving to
committing, and from the first receipt to the last commit.
"""

from __future__ import annotations

import io
import json
import math
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import psutil
import requests
from requests.adapters import BaseAdapter

from data_pipeline.coordination.file import FileStore
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.local.stream import Reopened, in_session
from data_pipeline.market.seoul import SEOUL
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.live import live_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.stream.service import Service
from data_pipeline.warehouse.connect import connect

BASE = datetime(2026, 11, 23, 10, 0, tzinfo=SEOUL)


class Approvals(BaseAdapter):
    """A REST server that gives out approval keys."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return one."""
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url or "", request
        answer.raw = io.BytesIO(b'{"approval_key": "00000000-0000-0000-0000-000000000000"}')
        return answer

    def close(self) -> None:
        """Nothing is open."""


class Timed(Reopened):
    """A sink that notes how long ago the oldest record of each batch was received when the batch is committed."""

    service: Service | None = None

    def __init__(self, opened: Any) -> None:
        super().__init__(opened)
        self.lags: Counter[int] = Counter()
        """Records by whole milliseconds, begun ones counted: a list would grow with the time, as memory shall not."""
        self.first = self.last = 0.0
        """When the first record was received, and when the last one was committed."""

    def store(self, batch: Batch) -> None:
        """Write a batch and note its lag."""
        super().store(batch)
        held = self.service.writer._batch if self.service else None  # noqa: SLF001 - what is measured
        if held is not None:
            self.first, self.last = self.first or held[0], time.monotonic()
            self.lags[math.ceil(1000 * (self.last - held[0]))] += len(batch)


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> int:
    """Run until the input ends, and tell."""
    url, database, began, codes, state, keys = sys.argv[1:]
    settings = KisSettings(
        "B" * 36, "S" * 180, base_url="http://127.0.0.1:1", use_virtual=False, websocket_url=url, websocket_limit=41,
        more_keys=tuple((f"{number:036d}", "S" * 180) for number in range(1, int(keys))),
    )  # fmt: skip

    def clock() -> datetime:
        return BASE + timedelta(seconds=time.time() - float(began))

    sink = Timed(lambda: StreamLoad(connect(database), settings.source_name, clock))
    store = FileStore(state)
    wanted = wishes([f"{number:06d}" for number in range(1, int(codes) + 1)], [StreamKind.TRADE], [Venue.KRX])
    keyed = live_keys(settings, store, clock, Approvals())
    sink.service = service = Service(keyed, wanted, sink, store, clock, lambda: in_session(clock), "benchmark")
    own, started, memory = psutil.Process(), time.monotonic(), list[tuple[float, float]]()

    def watch() -> None:
        while not over.wait(5.0):
            memory.append((time.monotonic() - started, own.memory_info().rss / 1e6))

    over = threading.Event()
    threading.Thread(target=watch, daemon=True).start()

    def stop() -> None:
        sys.stdin.readline()
        service.stop()

    threading.Thread(target=stop, daemon=True).start()
    before = _processor(own)
    service.run()
    over.set()
    sink.close()
    told = {
        "cpu_s": _processor(own) - before, "span_s": sink.last - sink.first, "memory_mb": memory,
        "lags_ms": sorted(sink.lags.items()), "stored": service.writer.stored,
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
