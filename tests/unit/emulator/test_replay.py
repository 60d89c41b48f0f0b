"""A replay begins with its reader and has nothing but the stream."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest

from data_pipeline.emulator.kis.stream.records import feed_names
from data_pipeline.emulator.kis.stream.stored import StoredStage
from data_pipeline.emulator.kis.stream.talk import Talk
from data_pipeline.emulator.replay import SETTLED, Replay
from data_pipeline.market.clock import SEOUL
from tests.support.live_emulator import APP_KEY, APP_SECRET, SESSION, TRADES, House, Ticker


def asked(replay: Replay, method: str, path: str, **options):
    """One request."""

    async def send():
        transport = httpx.ASGITransport(app=replay)
        async with httpx.AsyncClient(transport=transport, base_url="http://replay") as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


@pytest.fixture
def ticker():
    """Real time."""
    return Ticker(1000.0)


@pytest.fixture
def replay(ticker):
    """A session at a hundred times its speed."""
    return Replay(SESSION, StoredStage(SESSION, TRADES), 100, ticker)


def test_only_an_address_that_says_so_is_served(replay):
    """An approval key below /replay; quotations of the day are nowhere, for they would be made up."""
    body = {"grant_type": "client_credentials", "appkey": APP_KEY, "secretkey": APP_SECRET}
    assert "approval_key" in asked(replay, "POST", "/replay/oauth2/Approval", json=body).json()
    assert asked(replay, "POST", "/oauth2/Approval", json=body).status_code == 404
    quote = asked(replay, "GET", "/replay/uapi/domestic-stock/v1/quotations/inquire-price")
    assert (quote.status_code, quote.json()["msg_cd"]) == (404, "EGW00203")
    assert asked(replay, "GET", "/emulator/health").status_code == 200


def test_it_waits_for_registrations_and_ends_after_the_last_trade(replay, ticker):
    """Two seconds after the last registration it runs; once everything was sent it is over."""
    stream, clock = replay._app.server.stream, replay._clock
    assert not replay.step()
    assert clock.frozen
    house = House()
    house.approval = stream.desk.approve(APP_KEY)
    talk = Talk(stream.desk, stream.stage, clock, stream.faults, feed_names(virtual=False))
    talk.hear(house.command("H0STCNT0", "005930"))
    talk.due()
    replay.step()
    ticker.now += SETTLED
    replay.step()
    assert (clock.frozen, clock.rate) == (False, 100)
    ticker.now += 23_400 / 100 - 1
    assert not replay.step()
    assert clock.now() < datetime(2026, 11, 20, 15, 30, tzinfo=SEOUL) + timedelta(minutes=1)
    ticker.now += 2
    talk.due()
    replay.step()
    ticker.now += SETTLED
    assert replay.step()
    assert replay.counts == (23, 1 + 4 + 1 + 1)
