"""Serves a stored session as KIS's live stream, at a chosen speed, to whoever connects to an address that says so."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.kis.stream.rules import StreamRules
from data_pipeline.market.clock import SEOUL

if TYPE_CHECKING:
    from data_pipeline.emulator.kis.stream.stored import StoredStage

PATH = "/replay"
"""What every path begins with. Clients that see it in their address know that all of this is made up."""
SETTLED = 2.0
"""Seconds without a new registration before the session begins."""
_CALLS = ("/oauth2/Approval", "/oauth2/tokenP")
_REFUSED = b'{"rt_cd":"1","msg_cd":"EGW00203","msg1":"a replay has the live stream only, and no quotations"}'


class Replay:
    """One stored session, from the first registration to its last trade; an ASGI application.

    Args:
        session: The day.
        stage: What is stored of it.
        speed: Seconds of the market in a second.
        monotonic: Seconds of real time that only grow.
    """

    def __init__(
        self, session: date, stage: StoredStage, speed: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stage, self._speed, self._monotonic = stage, speed, monotonic
        begins, ends = (
            datetime.combine(session, datetime.min.time(), SEOUL) + timedelta(milliseconds=at) for at in stage.hours
        )
        self._begins, self._ends = begins.replace(microsecond=0), ends
        self._clock = MarketClock(self._begins, frozen=True, wall=lambda: self._begins, monotonic=monotonic)
        # The whole emulator, of which a replay uses the stream alone.
        from data_pipeline.emulator.app import create_app

        self._app = create_app(clock=self._clock, monotonic=monotonic)
        self._app.server.stream.stage = stage
        self._app.server.stream.desk.rules = StreamRules(
            most_short=0, most_changes=0, approval_every=0, heartbeat=(11.0, 14.0)
        )
        self._registered, self._since = 0, monotonic()
        self.ended = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the stream and what it needs; everything else is refused."""
        path = scope.get("path", "")
        inside = path[len(PATH) :] if path.startswith(PATH + "/") else None
        if scope["type"] == "websocket" and inside is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and (inside in _CALLS or path.startswith("/emulator/")):
            await self._app({**scope, "path": inside or path}, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await send(
                {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": _REFUSED})

    def step(self) -> bool:
        """Begin once registrations have settled; return whether the session is over and everything was sent."""
        stream, now = self._app.server.stream, self._monotonic()
        registered = stream.desk.counts.registered
        if registered != self._registered:
            self._registered, self._since = registered, now
        if self._clock.frozen:
            if registered and now - self._since >= SETTLED:
                self._clock.set(self._begins, rate=self._speed)
            return False
        if self._clock.now() <= self._ends or not self.ended:
            self.ended = self._clock.now() > self._ends
            self._since = now
            return False
        return now - self._since >= SETTLED or not stream.talks

    def close(self, patience: float = 60.0) -> None:
        """End every line in good order, once what is on its way was read; those that read nothing are left."""
        stream, since = self._app.server.stream, self._monotonic()
        stream.close_all(1000)
        while stream.talks and self._monotonic() - since < patience:
            time.sleep(0.05)

    @property
    def counts(self) -> tuple[int, int]:
        """How many records were sent, and in how many frames."""
        counts = self._app.server.stream.desk.counts
        return counts.records, counts.frames


def serve_replay(replay: Replay, port: int, told: Callable[[str], None]) -> None:
    """Serve until the session is over, on this machine alone.

    Args:
        replay: What to serve.
        port: 0 for a free one.
        told: Is handed the address.
    """
    import uvicorn

    from data_pipeline.emulator.__main__ import listen
    from data_pipeline.emulator.kis.stream.protocol import OPTIONS

    listener = listen("127.0.0.1", port)
    config = uvicorn.Config(
        replay, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2, **OPTIONS
    )
    server = uvicorn.Server(config)

    def watch() -> None:
        while not server.should_exit:
            if replay.step():
                replay.close()
                server.should_exit = True
            time.sleep(0.05)

    threading.Thread(target=watch, daemon=True).start()
    told(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}")
    asyncio.run(server.serve(sockets=[listener]))
