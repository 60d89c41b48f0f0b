"""The emulated stream on real sockets, as any WebSocket client meets it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
import requests
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess


@pytest.fixture(scope="module")
def emulator():
    """An emulator of its own process, at the open of a session and ten times as fast."""
    with EmulatorProcess(now="2026-11-20T09:00:10", speed=10) as one:
        yield one


def control(emulator, method, what, **options):
    """Ask the control API."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, f"{emulator.url}/emulator/{what}", timeout=10, **options)
    assert answer.ok, answer.text
    return answer.json()


def approval(emulator):
    """A new approval key."""
    control(emulator, "PUT", "stream", json={"most_short": 0})
    body = {"grant_type": "client_credentials", "appkey": APP_KEY, "secretkey": APP_SECRET}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{emulator.url}/oauth2/Approval", json=body, timeout=10).json()["approval_key"]


def line(emulator):
    """A line to it, with the defaults that the official sample has."""
    return websockets.connect(emulator.url.replace("http", "ws") + "/tryitout", proxy=None)


async def register(socket, key, tr_id="H0STCNT0", code="005930"):
    """Register and return the code of the answer."""
    head = {"approval_key": key, "custtype": "P", "tr_type": "1", "content-type": "utf-8"}
    await socket.send(json.dumps({"header": head, "body": {"input": {"tr_id": tr_id, "tr_key": code}}}))
    while True:
        told = await socket.recv()
        if told[0] == "{":
            return json.loads(told)["body"]["msg_cd"]


@pytest.mark.thorough
def test_trades_and_books_come(emulator):
    """Within a second or two of real time, and a second session of the key is refused meanwhile."""
    key = approval(emulator)

    async def listen():
        async with line(emulator) as socket, line(emulator) as other:
            heard = [await register(socket, key), await register(socket, key, "H0STASP0")]
            heard.append(await register(other, key))
            feeds: set[str] = set()
            while feeds != {"H0STCNT0", "H0STASP0"}:
                feeds.add((await asyncio.wait_for(socket.recv(), 20)).split("|")[1])
            return heard

    assert asyncio.run(listen()) == ["OPSP0000", "OPSP0000", "OPSP8996"]


def test_an_unsolicited_pong_cuts_the_line(emulator):
    """As .NET's clients find out: no close frame."""

    async def listen():
        async with line(emulator) as socket:
            await socket.pong(b"")
            with pytest.raises(ConnectionClosed) as cut:
                await socket.recv()
            return cut.value.rcvd

    assert asyncio.run(listen()) is None


def test_a_heartbeat_is_answered_by_a_pong_with_its_text(emulator):
    """The line goes on; the answer that never comes ends it."""
    control(emulator, "PUT", "stream", json={"heartbeat": [0.05, 0.1], "unanswered": 0.3})

    async def listen():
        async with line(emulator) as socket:
            for _ in range(5):
                beat = await socket.recv()
                assert json.loads(beat)["header"]["tr_id"] == "PINGPONG"
                await socket.pong(beat)
            with suppress(ConnectionClosed):
                while True:
                    await socket.recv()
            return socket.close_code

    assert asyncio.run(listen()) == 1006
    control(emulator, "PUT", "stream", json={"heartbeat": [11, 14], "unanswered": 100})


@pytest.mark.parametrize("code", [1000, 1011])
def test_the_server_closes_every_line(code, emulator):
    """With the code that is asked for."""

    async def listen():
        async with line(emulator) as socket:
            await asyncio.to_thread(control, emulator, "POST", f"stream/close?code={code}")
            with suppress(ConnectionClosed):
                await socket.recv()
            return socket.close_code

    assert asyncio.run(listen()) == code


def test_a_ban_refuses_the_handshake(emulator):
    """After three short lives where three are allowed; forgiven, the next one is let in."""
    control(emulator, "DELETE", "stream/bans")
    control(emulator, "PUT", "stream", json={"most_short": 3})

    async def connect():
        async with line(emulator):
            pass

    async def attempts():
        for _ in range(3):
            await connect()
            await asyncio.sleep(0.1)
        with pytest.raises(InvalidStatus) as refused:
            await connect()
        await asyncio.to_thread(control, emulator, "DELETE", "stream/bans")
        await connect()
        return refused.value.response.status_code

    assert asyncio.run(attempts()) == 403
    assert control(emulator, "GET", "stream")["counts"]["banned"] == 1
