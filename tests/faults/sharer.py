"""One process that shares an app key: ``sharer.py STORE ADDRESS SECRET FERNET_KEY PATIENCE CALLS``.

It prints ``ready``, waits for a line on standard input, and then starts anew for every call, as Airflow's tasks do:
each has a client that remembers nothing. It prints one JSON object that counts how the calls ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import datetime

from data_pipeline.coordination.opening import open_store
from data_pipeline.emulator.process import APP_KEY
from data_pipeline.exceptions import AuthenticationError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.settings import KisSettings

MOMENT = datetime(2026, 11, 20, 11, 0, tzinfo=SEOUL)
"""A moment of the server's session."""
QUERY = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


class StillWaitingError(Exception):
    """A call has waited for as long as this process lets it."""


def call(settings: KisSettings, url: str, fernet_key: str, patience: float) -> str:
    """Return how one call ended."""
    left = [patience]

    def sleep(seconds: float) -> None:
        left[0] -= seconds
        if left[0] < 0:
            raise StillWaitingError
        time.sleep(seconds)

    store = open_store(url, {"AIRFLOW__CORE__FERNET_KEY": fernet_key})
    with closing(KisClient(settings, store, None, lambda: MOMENT, sleep)) as client:
        try:
            client.call(PRICE, QUERY, "005930")
        except (AuthenticationError, StillWaitingError) as error:
            return type(error).__name__
    return "answered"


if __name__ == "__main__":
    where, address, app_secret, fernet, most, calls = sys.argv[1:]
    chosen = KisSettings(APP_KEY, app_secret, base_url=address, rate_limit=100.0)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(Counter(call(chosen, where, fernet, float(most)) for _ in range(int(calls)))), flush=True)
