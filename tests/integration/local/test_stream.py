"""The live service against the emulator's line and a real Postgres: every share is stored or named."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.local.stream import Reopened
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.live import live_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.stream.service import Service
from data_pipeline.warehouse.connect import connect

BEGAN, SPEED = datetime(2026, 11, 20, 9, 0, 10, tzinfo=ZoneInfo("Asia/Seoul")), 5
CODES = ["005930", "000660", "373220"]


@pytest.fixture
def streamed(database, tmp_path):
    """Stream for so many seconds with these failures, and return the service and the emulator."""

    def streamed(seconds, *faults, kinds=(StreamKind.TRADE, StreamKind.BOOK), venues=(Venue.KRX,)):
        with EmulatorProcess(now=BEGAN.isoformat()) as emulator, requests.Session() as session:
            session.trust_env = False
            began = time.monotonic()
            told = {"stream/faults": list(faults), "clock": {"now": BEGAN.isoformat(), "rate": SPEED}}
            for what, said in told.items():
                answer = session.put(f"{emulator.url}/emulator/{what}", json=said, timeout=10)
                assert answer.ok, answer.text

            def clock():
                return BEGAN + timedelta(seconds=SPEED * (time.monotonic() - began))

            settings = KisSettings(APP_KEY, APP_SECRET, base_url=emulator.url, use_virtual=False)
            store = FileStore(tmp_path / "state")
            sink = Reopened(lambda: StreamLoad(connect(database.url()), settings.source_name, clock))
            wanted = wishes(CODES, kinds, venues)
            service = Service(live_keys(settings, store, clock), wanted, sink, store, clock, lambda: True, "test")
            threading.Timer(seconds, service.stop).start()
            service.run()
            sink.close()

    return streamed


def balance(database):
    """Of each code: shares stored, shares named as missed, the last running volume."""
    stored = database.rows("SELECT stock_code, sum(volume), max(cumulative_volume) FROM market.trade GROUP BY 1")
    gaps = dict(database.rows("SELECT stock_code, sum(missed_volume) FROM market.stream_gap GROUP BY 1"))
    return {code: (int(volume) + int(gaps.get(code, 0)), int(last)) for code, volume, last in stored}


@pytest.mark.slow
def test_every_share_is_stored_or_named_whatever_the_line_does(database, streamed):
    """Frames lost, doubled and cut, and a line that breaks: the running volume is accounted for to the share."""
    streamed(
        40,
        {"kind": "lost", "every": 7},
        {"kind": "doubled", "every": 5},
        {"kind": "cut", "every": 11},
        {"kind": "null", "every": 13, "tr_id": "H0STASP0"},
        {"kind": "close", "value": "1006", "after": 5, "count": 1},
    )
    told = balance(database)
    assert set(told) == set(CODES)
    assert all(accounted == last for accounted, last in told.values())
    ((reconnects,),) = database.rows("SELECT count(*) FROM market.stream_gap WHERE kind = 'reconnect'")
    assert reconnects == len(CODES)
    ((books, refused),) = database.rows(
        "SELECT (SELECT count(*) FROM market.order_book), (SELECT count(*) FROM market.rejected_row)"
    )
    assert books > 0
    assert refused > 0


@pytest.mark.slow
def test_what_is_stored_is_what_the_market_made(database, streamed):
    """Without a failure each trade is the very one that REST tells of the same market."""
    streamed(20, kinds=(StreamKind.TRADE,))
    told = balance(database)
    assert all(accounted == last for accounted, last in told.values())
    rows = database.rows(
        "SELECT count(*), count(DISTINCT (stock_code, cumulative_volume)), bool_and(source = 'kis-sandbox'),"
        " bool_and(cumulative_value IS NOT NULL) FROM market.trade"
    )
    ((number, different, made_up, whole),) = rows
    assert number == different > 50
    assert made_up
    assert whole
    assert database.rows("SELECT DISTINCT state, queue >= 0 FROM market.stream_heartbeat") == [("up", True)]
    assert database.rows("SELECT count(*) FROM market.rejected_row") == [(0,)]


@pytest.mark.slow
def test_every_venue_and_kind_comes_over_one_line(database, streamed):
    """Trades and books of KRX, NXT and both as one, halts and expected prices; the latter are stored nowhere."""
    streamed(25, kinds=tuple(StreamKind), venues=tuple(Venue))
    venues = [("KRX",), ("NXT",), ("UNIFIED",)]
    assert database.rows("SELECT DISTINCT venue::text FROM market.trade ORDER BY 1") == venues
    assert database.rows("SELECT DISTINCT venue FROM market.order_book ORDER BY 1") == venues
    stored = "SELECT venue, stock_code, sum(volume), max(cumulative_volume) FROM market.trade GROUP BY 1, 2"
    missed = "SELECT venue, stock_code, sum(missed_volume) FROM market.stream_gap GROUP BY 1, 2"
    gaps = {key: int(volume) for *key_, volume in database.rows(missed) for key in [tuple(key_)]}
    assert all(volume + gaps.get((venue, code), 0) == last for venue, code, volume, last in database.rows(stored))
    assert database.rows("SELECT DISTINCT hour_class FROM market.trade") == [("0",)]
    assert database.rows("SELECT reason FROM market.rejected_row") == []
