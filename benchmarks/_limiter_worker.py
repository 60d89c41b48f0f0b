"""One process of the limiter benchmark: ``python -m benchmarks._limiter_worker OPTIONS`` with a JSON object.

It prints ``{"ready": true}`` when it has a token and connections, reads ``{"start": ..., "stop": ...}`` (seconds of the
monotonic clock), calls in between as fast as its limiter lets it, and prints its report as one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks._limiter_peers import Meter, install
from data_pipeline.coordination.opening import open_store
from data_pipeline.exceptions import CircuitOpenError, DataPipelineError
from data_pipeline.market.clock import market_now
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource

_CODE = "005930"
_PAUSE_AFTER_ERROR = 0.05
_GRACE = 1.0


class Worker:
    """Calls the server from several threads and keeps count.

    Args:
        options: What the benchmark asks for, as :mod:`benchmarks._limiter_run` writes it.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._meter = Meter()
        folder, url = Path(options["folder"]), options["store_url"]
        install(options["limiter"], options["store"], folder, url, options["quota"], self._meter)
        self._source = KISDataSource(_settings(options), open_store(options["coordination_url"]), clock=market_now)
        self._lock = threading.Lock()
        self._errors: Counter[str] = Counter()
        self._served = self._requests = self._sends_when_open = 0
        self._last_served = self._opened_at = 0.0

    def warm_up(self) -> None:
        """Fetch the token and open the connections, one call a thread."""
        with ThreadPoolExecutor(self._options["threads"]) as pool:
            list(pool.map(lambda _: self._call(), range(self._options["threads"])))

    def run(self, start: float, stop: float) -> dict[str, Any]:
        """Call from ``start`` to ``stop`` and return the report."""
        threads = [
            threading.Thread(target=self._work, args=(start, stop), daemon=True)
            for _ in range(self._options["threads"])
        ]
        for thread in threads:
            thread.start()
        _sleep_until(start)
        self._meter.reset()
        cpu, sends = time.process_time(), self._source.requests_sent
        while time.monotonic() < stop + _GRACE and any(thread.is_alive() for thread in threads):
            time.sleep(0.05)
            self._watch_breaker(sends)
        return {
            "served": self._served,
            "requests": self._requests,
            "sends": self._source.requests_sent - sends,
            "errors": dict(self._errors),
            "max_wait_s": self._meter.longest_wait(time.monotonic()),
            "limiter_cpu_s": self._meter.cpu,
            "client_cpu_s": time.process_time() - cpu,
            "last_served": self._last_served,
            "opened_at": self._opened_at,
            "sends_when_open": self._sends_when_open,
        }

    def _work(self, start: float, stop: float) -> None:
        _sleep_until(start)
        while time.monotonic() < stop:
            if self._request(stop) and self._options["cold"]:
                return

    def _request(self, stop: float) -> bool:
        with self._lock:
            self._requests += 1
        try:
            self._call()
        except DataPipelineError as error:
            self._failed(error)
            time.sleep(_PAUSE_AFTER_ERROR)
            return False
        self._succeeded(stop)
        return True

    def _call(self) -> None:
        self._source.client.call(PRICE, symbol(_CODE), _CODE)

    def _succeeded(self, stop: float) -> None:
        with self._lock:
            self._last_served = time.monotonic()
            self._served += self._last_served < stop

    def _failed(self, error: DataPipelineError) -> None:
        with self._lock:
            self._errors[type(error).__name__] += 1
            if isinstance(error, CircuitOpenError) and not self._opened_at:
                self._opened_at = time.monotonic()

    def _watch_breaker(self, sends: int) -> None:
        # What was on its way when it opened is counted too; the first probe comes later than this.
        if self._opened_at and not self._sends_when_open and time.monotonic() > self._opened_at + _GRACE:
            self._sends_when_open = self._source.requests_sent - sends


def _settings(options: dict[str, Any]) -> KisSettings:
    (key, secret), *more = options["keys"]
    several: dict[str, Any] = {"more_keys": tuple((one, other) for one, other in more)} if more else {}
    return KisSettings(
        app_key=key,
        app_secret=secret,
        environment="sandbox",
        base_url=options["base_url"],
        rate_limit=float(options["quota"]),
        breaker_timeout=3.0 if options["failing"] else 60.0,
        **several,
    )


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _end_with_parent() -> None:
    if not sys.stdin.read():
        os._exit(1)


def main() -> None:
    """Do what one worker does; it never outlives whoever started it."""
    options = json.loads(sys.argv[1])
    worker = Worker(options)
    if not options["cold"]:
        worker.warm_up()
    print(json.dumps({"ready": True}), flush=True)
    plan = json.loads(sys.stdin.readline() or "null")
    if plan is None:
        return
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(json.dumps(worker.run(plan["start"], plan["stop"])), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
