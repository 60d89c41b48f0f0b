"""The emulated server on the wire: one ASGI callable for everything that KIS and KRX themselves answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from data_pipeline.emulator.borrowed import borrowed_call
from data_pipeline.emulator.clock import MarketClock, http_date
from data_pipeline.emulator.exchange import Exchange, Reply, WireError, drip, drop, dumps
from data_pipeline.emulator.faults import Fault, Faults
from data_pipeline.emulator.hostile import lie_for, told
from data_pipeline.emulator.kis import quotations, spoilt_master
from data_pipeline.emulator.kis.auth import TokenDesk
from data_pipeline.emulator.kis.errors import auth_error, gateway_error
from data_pipeline.emulator.kis.gateway import Gateway
from data_pipeline.emulator.kis.master import FILES, master_file
from data_pipeline.emulator.kis.stream.line import Stream
from data_pipeline.emulator.kis.stream.records import feed_names
from data_pipeline.emulator.kis.stream.synthetic import SyntheticStage
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import Answer, Call, Endpoint, a_session_earlier, stock_codes
from data_pipeline.emulator.kis.wire_auth import POSTS, parse_body
from data_pipeline.emulator.krx.wire import ROOT, EmulatedKrx, asked_day
from data_pipeline.emulator.log import REJECTED, Entry, RequestLog, key_hash
from data_pipeline.emulator.maintenance import DRESSES
from data_pipeline.emulator.settings import EmulatorSettings
from data_pipeline.emulator.spoil import HTML_PAGE, spoil
from data_pipeline.sources.evidence import played
from data_pipeline.sources.mock.market import SyntheticMarket

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MASTER = "/common/master/"
MASTER_END = ".mst.zip"
HOUR = 3600.0
TOO_LARGE = auth_error("EGW00101")
HEADERS = [name.encode() for name in played("kis")["header_names"]]
"""As KIS writes them: its own Python sample makes identifiers of the names in lower case."""
KEPT = {"inquire-price": "price", "intstock-multprice": "multi", "inquire-asking-price-exp-ccn": "book"}
"""Under which name the answers of an endpoint, or their parts, are kept."""


class EmulatedServer:
    """Answers as KIS does, and as KRX does below ``/svc/apis/``; plays faults and writes the log.

    Args:
        market: What it serves.
        settings: What kind of server it is.
        clock: The market clock; it is also the server's ``Date`` header.
        monotonic: Seconds that only grow: quotas and the log.
        wall: Real time in seconds since the epoch: tokens.
    """

    def __init__(
        self,
        market: SyntheticMarket,
        settings: EmulatorSettings,
        clock: MarketClock,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.view, self.settings, self.clock = MarketView(market), settings, clock
        feeds = feed_names(virtual=settings.server == "virtual")
        self.stream = Stream(SyntheticStage(self.view), clock, feeds, monotonic)
        self.desk = TokenDesk(settings, wall, self.stream.desk.approve)
        self.gateway = Gateway(settings, self.desk, monotonic)
        self.krx = EmulatedKrx(market)
        self.faults = Faults()
        self.log = RequestLog(settings.log_size)
        self._monotonic = monotonic
        self._random = random.Random(20260914)  # noqa: S311 - latency, not a secret
        self._worker = ThreadPoolExecutor(1, "market")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        exchange = Exchange(scope)
        await self._wait(self.settings.jitter_ms)
        arrived, fault = self._monotonic(), self.faults.next(exchange.path, exchange.tr_id, stock_codes(exchange.query))
        try:
            reply = await self._reply(exchange, receive, fault)
        except WireError as error:
            reply = Reply(error.status, dumps(error.body), error.code)
        if reply.status:
            await self._wait(self.settings.latency_ms)
            if fault and fault.kind == "slow":
                await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
        self._note(exchange, reply, fault, arrived)
        if not reply.status:
            await drop(send)
        elif fault and fault.kind == "drip":
            await self._drip(send, exchange, reply, fault)
        else:
            await self._send(send, exchange, reply)

    async def _reply(self, exchange: Exchange, receive: Receive, fault: Fault | None) -> Reply:
        if fault and (played := await self._play(fault, receive)):
            return played
        endpoint = quotations.ENDPOINTS.get(exchange.path)
        if endpoint is not None and exchange.method == "GET":
            return await self._quote(endpoint, exchange, fault)
        if exchange.path.startswith(ROOT) and exchange.method in {"GET", "POST"}:
            return await self._official(exchange, receive, fault)
        if exchange.path in POSTS and exchange.method == "POST":
            body = parse_body(await exchange.body(receive, TOO_LARGE))
            exchange.app_key = exchange.app_key or str(body.get("appkey", ""))
            answer = POSTS[exchange.path](self.desk, exchange.headers, body)
            return Reply(200, spoil(fault, answer) if fault else answer)
        if exchange.path.startswith(MASTER) and exchange.path.endswith(MASTER_END):
            return await self._master(exchange, fault)
        return Reply(404, dumps(gateway_error("EGW00203").body), "EGW00203")

    async def _quote(self, endpoint: Endpoint, exchange: Exchange, fault: Fault | None) -> Reply:
        self.gateway.check_headers(exchange.headers, endpoint)
        self.gateway.check_quota(key_hash(exchange.app_key), endpoint)
        self.gateway.check_token(exchange.headers)
        endpoint.check(exchange.query)
        call = self._call(exchange, fault)
        if endpoint.slow and not self._is_warm(endpoint, call):
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._worker, self._answer, endpoint, call)
        else:
            answer = self._answer(endpoint, call)
        if fault and (lie := _lie(fault, exchange)):
            other = borrowed_call(lie, self.view, call)
            return told(lie, fault.seed, exchange.path, exchange.query, answer.body, self._borrowed(endpoint, other))
        body = spoil(fault, answer.body) if fault else answer.body
        return Reply(200, body, tr_cont=answer.tr_cont)

    async def _official(self, exchange: Exchange, receive: Receive, fault: Fault | None) -> Reply:
        """Answer a call of KRX's Open API."""
        exchange.app_key = exchange.headers.get("auth_key", "")
        day = asked_day(exchange.query, await exchange.body(receive, TOO_LARGE))
        before = fault is not None and fault.kind == "previous_day"
        loop, now = asyncio.get_running_loop(), self.clock.now()
        answer = partial(self.krx.answer, exchange.path, exchange.headers, day, now, before=before)
        body = await loop.run_in_executor(self._worker, answer)
        if fault and (lie := _lie(fault, exchange)):
            other = self.krx.before(exchange.path, day, now)
            return told(lie, fault.seed, exchange.path, {"BASDD": day}, body, other)
        return Reply(200, spoil(fault, body) if fault else body)

    def _answer(self, endpoint: Endpoint, call: Call) -> Answer:
        shells = self.settings.unknown_symbol == "shell"
        return quotations.answer(endpoint, self.view, call, shells=shells)

    def _borrowed(self, endpoint: Endpoint, call: Call | None) -> bytes | None:
        """Return the other answer that a lie is made of; None when there is none."""
        with suppress(WireError):
            return None if call is None else self._answer(endpoint, call).body
        return None

    def _is_warm(self, endpoint: Endpoint, call: Call) -> bool:
        """Whether the answer is at hand, so that a thread would cost more than it saves."""
        kind = KEPT.get(endpoint.name)
        return kind is not None and all(
            self.view.fragments.has((kind, code, call.moment)) for code in stock_codes(call.query)
        )

    def _call(self, exchange: Exchange, fault: Fault | None) -> Call:
        now = self.clock.now()
        moment, query = self.view.moment(now), exchange.query
        if fault and fault.kind == "previous_day":
            moment = self.view.session_before(moment)
            query = a_session_earlier(query, self.view.calendar)
        return Call(query, now, moment)

    async def _master(self, exchange: Exchange, fault: Fault | None) -> Reply:
        name = exchange.path[len(MASTER) : -len(MASTER_END)]
        if name not in FILES:
            return Reply(404, b"", media="text/html")
        session = self.view.moment(self.clock.now()).session
        loop = asyncio.get_running_loop()
        if fault and fault.kind == "hostile":
            return await loop.run_in_executor(
                self._worker, spoilt_master.told, self.view, fault.seed, exchange.path, name, session
            )
        content = await loop.run_in_executor(self._worker, master_file, self.view, name, session)
        return Reply(200, spoilt_master.spoilt(fault, content) if fault else content, media="application/zip")

    async def _play(self, fault: Fault, receive: Receive) -> Reply | None:
        """Return the reply of a fault that needs no real answer, None for the others."""
        if fault.kind == "status":
            text = isinstance(fault.body, str)
            body = fault.body.encode() if text else b"" if fault.body is None else dumps(fault.body)
            media = "text/plain" if text else "application/json; charset=utf-8"
            return Reply(int(fault.status or 500), body, media=media)
        if fault.kind == "html":
            return Reply(int(fault.status or 200), HTML_PAGE, media="text/html; charset=utf-8")
        if fault.kind == "maintenance":
            return DRESSES[fault.value or "page"]
        if fault.kind == "rate":
            raise gateway_error("EGW00201")
        if fault.kind == "expired_token":
            raise gateway_error("EGW00123", int(fault.status or 500))
        if fault.kind == "hang":
            await _until_gone(receive, HOUR if fault.seconds is None else fault.seconds)
        return Reply(0, b"") if fault.kind in ("drop", "hang") else None

    async def _wait(self, span: tuple[float, float]) -> None:
        low, high = span
        if high > 0:
            await asyncio.sleep(self._random.uniform(low, high) / 1000)

    def _note(self, exchange: Exchange, reply: Reply, fault: Fault | None, arrived: float) -> None:
        self.log.add(
            Entry(
                number=self.log.total + 1,
                arrived=arrived,
                market_time=self.clock.now().isoformat(timespec="milliseconds"),
                method=exchange.method,
                path=exchange.path,
                tr_id=exchange.tr_id,
                key=key_hash(exchange.app_key) if exchange.app_key else "",
                stock_codes=",".join(stock_codes(exchange.query)),
                status=reply.status,
                code=reply.code,
                accepted=reply.code not in REJECTED,
                fault=f"{fault.kind} {reply.lie}".strip() if fault else "",
                milliseconds=round((self._monotonic() - arrived) * 1000, 3),
            )
        )

    async def _send(self, send: Send, exchange: Exchange, reply: Reply) -> None:
        headers = self._headers(exchange, reply)
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _drip(self, send: Send, exchange: Exchange, reply: Reply, fault: Fault) -> None:
        lines = [b"%s: %s" % pair for pair in self._headers(exchange, reply)]
        head = b"\r\n".join([b"HTTP/1.1 %d Dripping" % reply.status, *lines, b"", b""])
        at_once, slowly = (b"", head + reply.body) if fault.value == "headers" else (head, reply.body)
        await drip(send, at_once, slowly, 0.1 if fault.seconds is None else fault.seconds)

    def _headers(self, exchange: Exchange, reply: Reply) -> list[tuple[bytes, bytes]]:
        values = (
            reply.media,
            str(len(reply.body)),
            http_date(self.clock.now()),
            f"{self._random.getrandbits(128):032x}",
            exchange.tr_id,
            reply.tr_cont,
        )
        location = [(b"Location", reply.location.encode())] if reply.location else []
        return location + [(name, value.encode("latin-1")) for name, value in zip(HEADERS, values, strict=True)]


def _lie(fault: Fault, exchange: Exchange) -> str:
    """Return the lie that a hostile server tells here; empty for none, and for any other fault."""
    if fault.kind != "hostile":
        return ""
    return lie_for(fault.seed, exchange.path, exchange.query, fault.lies)


async def _until_gone(receive: Receive, seconds: float) -> None:
    """Wait until the client goes away, at most so long."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except asyncio.TimeoutError:
        return
