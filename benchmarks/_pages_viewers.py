"""Viewers that load pages again and again, and tasks that give heartbeats beside them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

TASKS = 16
EVERY_S = 1.0
LATE_S = 5.0


def look(url: str, addresses: Sequence[str], viewers: int, seconds: float) -> dict[str, Any]:
    """Return how many pages were seen and how long heartbeats took.

    Args:
        url: The address of the pages; the heartbeat lies beside it.
        addresses: What the viewers look at in turn.
        viewers: How many there are.
        seconds: How long they look.
    """
    return asyncio.run(_look(url, addresses, viewers, seconds))


async def _look(url: str, addresses: Sequence[str], viewers: int, seconds: float) -> dict[str, Any]:
    end = time.monotonic() + seconds
    seen: Counter[int] = Counter()
    beats: list[float] = []
    slowest: list[float] = []
    limits = httpx.Limits(max_connections=viewers + TASKS)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def view(number: int) -> None:
            while time.monotonic() < end:
                begun = time.monotonic()
                answer = await client.get(addresses[number % len(addresses)])
                seen[answer.status_code] += 1
                slowest.append(time.monotonic() - begun)
                number += 1

        async def beat() -> None:
            while time.monotonic() < end:
                begun = time.monotonic()
                await client.get(url.replace("/data-pipeline/", "/heartbeat"))
                beats.append(time.monotonic() - begun)
                await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - begun)))

        await asyncio.gather(*(view(number) for number in range(viewers)), *(beat() for _ in range(TASKS)))
    ordered = sorted(beats)
    return {
        "viewers": viewers,
        "pages_seen": seen[200],
        "pages_refused": sum(seen.values()) - seen[200],
        "slowest_page_s": round(max(slowest), 2),
        "heartbeats": len(beats),
        "late": sum(1 for one in beats if one > LATE_S),
        "heartbeat_median_s": round(ordered[len(ordered) // 2], 3),
        "heartbeat_slowest_s": round(ordered[-1], 2),
    }
