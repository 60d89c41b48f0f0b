"""An emulator in this process, with clocks that the test moves."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest

from data_pipeline.emulator.app import create_app
from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.settings import EmulatorSettings
from data_pipeline.sources.mock.market import SyntheticMarket

QUOTATIONS = "/uapi/domestic-stock/v1/quotations/"
APP_KEY, APP_SECRET = "K" * 36, "S" * 180
EVENING = datetime(2026, 11, 20, 20, 30)
MARKET = SyntheticMarket()
TR = {
    "inquire-price": "FHKST01010100",
    "inquire-asking-price-exp-ccn": "FHKST01010200",
    "inquire-daily-itemchartprice": "FHKST03010100",
    "inquire-time-itemchartprice": "FHKST03010200",
    "inquire-time-dailychartprice": "FHKST03010230",
    "intstock-multprice": "FHKST11300006",
    "search-stock-info": "CTPF1002R",
    "chk-holiday": "CTCA0903R",
    "inquire-time-itemconclusion": "FHPST01060000",
    "inquire-ccnl": "FHKST01010300",
}


class Ticker:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Kis:
    """Speaks to one emulator as a client would."""

    def __init__(self, now: datetime = EVENING, **settings: Any) -> None:
        self.monotonic, self.wall = Ticker(1000.0), Ticker(1_795_000_000.0)
        settings.setdefault("rate", 1000)
        self.clock = MarketClock(now, frozen=True, wall=lambda: now)
        self.app = create_app(
            MARKET, EmulatorSettings(**settings), self.clock, monotonic=self.monotonic, wall=self.wall
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://kis") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def token(self, app_key: str = APP_KEY) -> str:
        token, _ = self.app.server.desk.issue(app_key)
        return token.value

    def headers(self, name: str, **changed: str) -> dict[str, str]:
        if "authorization" not in changed:
            current = self.app.server.desk._current.get(APP_KEY)
            changed["authorization"] = f"Bearer {current.value if current else self.token()}"
        return {"appkey": APP_KEY, "appsecret": APP_SECRET, "tr_id": TR[name], "custtype": "P"} | changed

    def get(self, name: str, headers: dict[str, str] | None = None, **params: str) -> httpx.Response:
        return self.request("GET", QUOTATIONS + name, params=params, headers=headers or self.headers(name))

    def price(self, code: str = "005930", **params: str) -> httpx.Response:
        return self.get("inquire-price", None, FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD=code, **params)

    def chart(self, code: str, first: str, last: str, period: str = "D", adjust: str = "1") -> httpx.Response:
        return self.get(
            "inquire-daily-itemchartprice",
            FID_COND_MRKT_DIV_CODE="J",
            FID_INPUT_ISCD=code,
            FID_INPUT_DATE_1=first,
            FID_INPUT_DATE_2=last,
            FID_PERIOD_DIV_CODE=period,
            FID_ORG_ADJ_PRC=adjust,
        )

    def today(self, hour: str, past: str = "N", code: str = "005930") -> httpx.Response:
        return self.get(
            "inquire-time-itemchartprice",
            FID_COND_MRKT_DIV_CODE="J",
            FID_INPUT_ISCD=code,
            FID_INPUT_HOUR_1=hour,
            FID_PW_DATA_INCU_YN=past,
            FID_ETC_CLS_CODE="",
        )

    def minutes(self, day: str, hour: str, past: str = "Y", code: str = "005930") -> httpx.Response:
        return self.get(
            "inquire-time-dailychartprice",
            FID_COND_MRKT_DIV_CODE="J",
            FID_INPUT_ISCD=code,
            FID_INPUT_HOUR_1=hour,
            FID_INPUT_DATE_1=day,
            FID_PW_DATA_INCU_YN=past,
            FID_FAKE_TICK_INCU_YN="",
        )

    def many(self, *codes: str) -> httpx.Response:
        params: dict[str, str] = {}
        for slot, code in enumerate(codes, 1):
            params |= {f"FID_COND_MRKT_DIV_CODE_{slot}": "J", f"FID_INPUT_ISCD_{slot}": code}
        return self.get("intstock-multprice", None, **params)

    def faults(self, *rules: dict[str, Any]) -> httpx.Response:
        return self.request("PUT", "/emulator/faults", json=list(rules))


@pytest.fixture
def kis() -> Kis:
    """A real server on the evening of the README's example."""
    return Kis()


@pytest.fixture
def start():
    """Starts an emulator with other settings or another time."""
    return Kis
