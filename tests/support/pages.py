"""The pages without an Airflow: a guard that a test decides, over a real warehouse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import uvicorn
from fastapi import Depends, HTTPException, Request

from data_pipeline.market.clock import SEOUL
from data_pipeline.pages.app import application, pages
from data_pipeline.pages.gate import Started
from data_pipeline.pages.readers import Readers, open_reader
from data_pipeline.pages.room import Room

WALL = 1_790_000_000.0
"""Real time of the tests, by which forms grow old."""


def _guard(request: Request) -> None:
    who = request.headers.get("x-user")
    if who is None:
        raise HTTPException(401, "Not authenticated")
    if who == "nobody":
        raise HTTPException(403, "Forbidden")


class Guard:
    """Lets in whoever says a name, as Airflow does by its token; ``nobody`` may not look, and ``viewer`` only look."""

    dependencies: Sequence[Any] = (Depends(_guard),)

    def __init__(self, answer=None):
        self.answer = answer or Started(200, "heal_gaps", "manual__1")
        self.started = []
        self.dismissed = set()

    async def may_stay(self, request):
        return request.headers["x-user"] not in self.dismissed

    async def user(self, request):
        return request.headers["x-user"]

    async def may_start(self, request, name):
        return request.headers["x-user"] not in ("viewer", "nobody")

    async def start(self, request, name, conf):
        self.started.append((request.headers["x-user"], name, conf))
        return self.answer

    def secret(self):
        return b"a key of the tests"


def room_of(url, now, keys=lambda: None, **more):
    """A room over a warehouse, at a moment written as in ``2026-09-18T21:00``."""
    moment = datetime.fromisoformat(now).replace(tzinfo=SEOUL)
    return Room(Readers(lambda: open_reader(url)), keys, lambda: moment, **more)


@contextmanager
def serving(app):
    """A server on this machine for the block; yields its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


__all__ = ["WALL", "Guard", "application", "pages", "room_of", "serving"]
