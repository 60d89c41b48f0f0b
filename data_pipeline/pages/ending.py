"""Whether the server that the pages run in was told to stop."""

from __future__ import annotations

import signal


def server_ends() -> bool:
    """Return whether uvicorn was told to stop: it waits for open answers to end, and tells them nothing.

    Its own signal handler is a method of the server, which knows; under any other server the answer is False, and what
    is open ends as that server ends it.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
