"""Finds a port of 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import socket


def free_port(wanted: int) -> int:
    """Return the wanted port when it is free, else any free one; 0 wants none in particular."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
