"""The emulator's application: KIS's own paths answered directly, the control API by FastAPI."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.control import control_routes
from data_pipeline.emulator.server import EmulatedServer
from data_pipeline.emulator.settings import EmulatorSettings
from data_pipeline.market.clock import market_clock
from data_pipeline.sources.mock.market import SyntheticMarket

CONTROL = "/emulator/"


class EmulatorApp(FastAPI):
    """A FastAPI application that hands everything outside ``/emulator/`` to the emulated server.

    A quotation thereby costs none of the routing and validation that the control API wants, and a fault can close
    the very connection it came on.
    """

    server: EmulatedServer
    """The emulated server: its log, faults, clock and quotas."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await self.server.stream(scope, receive, send)
        elif scope["type"] == "http" and not scope["path"].startswith(CONTROL):
            await self.server(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    market: SyntheticMarket | None = None,
    settings: EmulatorSettings | None = None,
    clock: MarketClock | None = None,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> EmulatorApp:
    """Return the application of one emulated KIS server.

    Args:
        market: What it serves; the default market when None.
        settings: What kind of server it is; a real one with its documented quota when None.
        clock: The market's time; None follows real time, or ``MARKET_CLOCK`` where that is set.
        monotonic: Clock of the quotas and the log, in seconds.
        wall: Clock of the tokens, in seconds since the epoch.
    """
    app = EmulatorApp(title="KIS emulator", docs_url=None, redoc_url=None, openapi_url=None)
    market_time = clock or MarketClock(wall=market_clock(os.environ))
    app.server = EmulatedServer(
        market or SyntheticMarket(), settings or EmulatorSettings(), market_time, monotonic, wall
    )
    app.include_router(control_routes(app.server))
    return app
