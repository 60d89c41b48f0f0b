"""Hands the pages the whole API server, so that a button can ask Airflow's own API without leaving the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import Request

from data_pipeline.pages.place import PREFIX

KEY = "data_pipeline.root"

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class WithRoot:
    """An ASGI middleware of the API server: a request for the pages carries the application behind it.

    Args:
        app: The application behind it, with its guards.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Hand the request on."""
        if scope["type"] == "http" and f"{PREFIX}/" in scope["path"]:
            scope[KEY] = scope["app"]  # which the pages' own application takes the place of
        await self._app(scope, receive, send)


def root_of(request: Request) -> App:
    """Return the application that the pages are mounted on.

    Raises:
        KeyError: The middleware is not there.
    """
    found: App = request.scope[KEY]
    return found
