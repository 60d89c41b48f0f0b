"""What the pages need of whoever guards them; Airflow is one such guard, a test hands in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request


@dataclass(frozen=True)
class Started:
    """What became of the wish to start a DAG."""

    status: int
    """The HTTP status that the API of Airflow answered with."""
    dag_id: str
    run_id: str = ""
    """Empty when nothing was started."""
    said: str = ""
    """Why not, in the API's words."""
    paused: bool = False
    """Whether the DAG is paused, so that the run waits until somebody unpauses it."""


class Gate(Protocol):
    """Who may see the pages, and start DAGs from them."""

    @property
    def dependencies(self) -> Sequence[Any]:
        """What FastAPI asks before every route: it raises 401 for a stranger and 403 for who may not look."""
        ...

    async def may_stay(self, request: Request) -> bool:
        """Return whether whoever sent this request a while ago may still see the pages, as asked anew."""
        ...

    async def user(self, request: Request) -> str:
        """Return a name of the signed-in user that no other user has."""
        ...

    async def may_start(self, request: Request, name: str) -> bool:
        """Return whether this user may start the DAG of this name."""
        ...

    async def start(self, request: Request, name: str, conf: dict[str, Any]) -> Started:
        """Start the DAG with the rights of this user and no others."""
        ...

    def secret(self) -> bytes:
        """Return a key that all processes of the API server share, for the tokens of forms."""
        ...
