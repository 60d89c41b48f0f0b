"""A KIS in this process, as fast as possible: the pages of full minute and daily charts, on a virtual clock."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter

from data_pipeline.emulator.kis.gate import Gate
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

LATENCY = (0.020, 0.060)
_TOKEN = {"access_token": "T" * 64, "token_type": "Bearer", "expires_in": 86400}
_OK = b'"rt_cd":"0","msg_cd":"MCA00000","msg1":"OK"}'


class CheapServer(BaseAdapter):
    """Answers the three calls that long jobs are made of, behind the emulator's own gate.

    Args:
        rate: Calls a second that it accepts.
        now: The market's time when the virtual clock stood at its beginning.
        clock: Seconds, virtual.
        sleep: Waits on the same clock.
    """

    def __init__(self, rate: int, now: datetime, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        super().__init__()
        self._gate = Gate(rate, monotonic=clock)
        self._now, self._clock, self._sleep, self._began = now, clock, sleep, clock()
        self._random = random.Random(20261120)
        self._lock = threading.Lock()
        self.arrivals: list[float] = []
        self.rejected = 0

    def market_time(self) -> datetime:
        """Return the market's time."""
        return self._now + timedelta(seconds=self._clock() - self._began)

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """Answer after a network's time; like the emulator's, it passes after the call has arrived."""
        parts = urlsplit(str(request.url))
        name = parts.path.rpartition("/")[2]
        if name == "tokenP":
            return self._response(request, 200, json.dumps(_TOKEN).encode())
        with self._lock:
            latency = self._random.uniform(*LATENCY)
            admitted = self._gate.admit("key")
            self.arrivals += [self._clock()] if admitted else []
            self.rejected += not admitted
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = ANSWERS[name](query) if admitted else b'{"rt_cd":"1","msg_cd":"EGW00201","msg1":"rate"}'
        self._sleep(latency)
        return self._response(request, 200 if admitted else 500, body)

    def close(self) -> None:
        """Hold nothing."""

    def _response(self, request: requests.PreparedRequest, status: int, body: bytes) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers["Date"] = format_datetime(self.market_time())
        response.raw = io.BytesIO(body)
        return response


def _price(_: dict[str, str]) -> bytes:
    fields = ("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_sdpr", "acml_vol", "acml_tr_pbmn")
    return json.dumps({"output": dict.fromkeys(fields, "100")}).encode()[:-1] + b"," + _OK


def _past_minutes(query: dict[str, str]) -> bytes:
    text, end, times = query["FID_INPUT_DATE_1"], query["FID_INPUT_HOUR_1"], _times()
    day, rows = date(int(text[:4]), int(text[4:6]), int(text[6:])), list[bytes]()
    start = next((place for place, at in enumerate(times) if at <= end), len(times))
    for _ in range(2):
        rows += _day_rows(day)[start : start + 120 - len(rows)]
        day, start = krx_calendar().previous_session(day), 0
    return b'{"output1":{"hts_kor_isnm":"X","acml_vol":"381"},"output2":[' + b",".join(rows) + b"]," + _OK


@lru_cache(maxsize=1)
def _times() -> list[str]:
    """Return the minutes that trade, newest first: the auction, then 15:19 down to 09:00."""
    return ["153000", *(f"{(9 * 60 + at) // 60:02}{(9 * 60 + at) % 60:02}00" for at in range(379, -1, -1))]


@lru_cache(maxsize=64)
def _day_rows(day: date) -> list[bytes]:
    fields = {"stck_bsop_date": "%s", "stck_cntg_hour": "%s", "cntg_vol": "1", "acml_tr_pbmn": "%d"}
    row = json.dumps(fields | dict.fromkeys(("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), "100"))
    return [(row % (f"{day:%Y%m%d}", at, 100 * (381 - place))).encode() for place, at in enumerate(_times())]


def _chart(query: dict[str, str]) -> bytes:
    first, last = query["FID_INPUT_DATE_1"], query["FID_INPUT_DATE_2"]
    names, rows = _chart_rows()
    start = next((place for place, day in enumerate(names) if day <= last), len(names))
    found = [
        row for day, row in zip(names[start : start + 100], rows[start : start + 100], strict=True) if day >= first
    ]
    head = b'{"output1":{"stck_shrn_iscd":"%s","hts_kor_isnm":"X"},"output2":[' % query["FID_INPUT_ISCD"].encode()
    return head + b",".join(found) + b"]," + _OK


@lru_cache(maxsize=1)
def _chart_rows() -> tuple[list[str], list[bytes]]:
    """Return days and rows of a daily chart that reaches back beyond any range, newest first."""
    fields = {"stck_bsop_date": "%s", "acml_vol": "10", "acml_tr_pbmn": "1000", "prdy_vrss": "0", "prdy_vrss_sign": "3"}
    row = json.dumps(fields | dict.fromkeys(("stck_clpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), "100"))
    names = [f"{day:%Y%m%d}" for day in krx_calendar().sessions(date(2001, 1, 2), date(2026, 11, 20))][::-1]
    return names, [(row % name).encode() for name in names]


ANSWERS: dict[str, Callable[[dict[str, str]], bytes]] = {
    "inquire-price": _price,
    "inquire-time-dailychartprice": _past_minutes,
    "inquire-daily-itemchartprice": _chart,
}
MARKET_EVENING = datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL)
