"""What becomes of a request for a test of a connection on its way into the API server."""

from __future__ import annotations

import asyncio
import json

import pytest

from data_pipeline.hooks.empty_port import EmptyPort

PATH = "/api/v2/connections/test"


def arrived(body, path=PATH, method="POST", pieces=3):
    """What an application behind the middleware receives of a body that comes in pieces."""
    size = len(body) // pieces + 1
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    messages = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    ]
    found = []

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def application(scope, receive, send):
        while (message := await receive())["type"] == "http.request":
            found.append(message["body"])
            assert scope["path"] == path

    async def send(message):
        raise AssertionError(message)

    asyncio.run(EmptyPort(application)({"type": "http", "method": method, "path": path}, receive, send))
    return b"".join(found)


@pytest.mark.parametrize("kind", ["kis", "krx", "mock"])
def test_port_0_of_our_connections_is_no_port(kind):
    """The rest of the request arrives as it was sent."""
    asked = {"conn_type": kind, "connection_id": "mine", "host": "", "port": 0, "password": "***"}
    assert json.loads(arrived(json.dumps(asked).encode())) == {**asked, "port": None}


@pytest.mark.parametrize(
    ("body", "path", "method"),
    [
        (b'{"conn_type": "kis", "port": 8080}', PATH, "POST"),
        (b'{"conn_type": "postgres", "port": 0}', PATH, "POST"),
        (b'{"conn_type": "kis", "port": 0}', "/api/v2/connections", "POST"),
        (b'{"conn_type": "kis", "port": 0}', PATH, "PATCH"),
        (b'["kis", 0]', PATH, "POST"),
        (b"not JSON", PATH, "POST"),
    ],
)
def test_anything_else_arrives_byte_by_byte(body, path, method):
    """Another port, another type, another address, and what is no object."""
    assert arrived(body, path, method) == body
