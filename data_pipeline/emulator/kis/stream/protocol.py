"""The web server's WebSocket as the stream needs it: it shows the Pongs of the client, and sends no Pings."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class ShownPongs(WebSocketsSansIOProtocol):
    """Hands a Pong to the application as a message ``websocket.pong``, which ASGI has no word for."""

    def handle_pong(self, event: Any) -> None:
        """Pass a Pong on; the server sends no Ping, so none is an answer to one."""
        self.queue.put_nowait({"type": "websocket.pong", "bytes": bytes(event.data)})  # type: ignore[typeddict-item]


OPTIONS: dict[str, Any] = {
    "ws": ShownPongs,
    "ws_ping_interval": None,
    "ws_ping_timeout": None,
    "ws_per_message_deflate": False,
}
"""What the web server is configured with."""
