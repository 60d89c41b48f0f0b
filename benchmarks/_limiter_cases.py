"""What the limiter benchmark drives: its cases, with their quota, their troubles and the figures to reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One situation; times of its events are shares of its length, so a shorter run keeps its shape."""

    name: str
    target: str
    """The figures to reach, in words."""
    seconds: int = 60
    """Length of the measured interval."""
    processes: int = 8
    threads: int = 2
    quota: int = 20
    """Calls a second and app key, as the server counts and the client is told."""
    jitter_ms: str = "0:5"
    latency_ms: str = "0"
    window: str = "sliding"
    per_minute: int | None = None
    """What the server also enforces and the client is not told."""
    kills: int = 0
    """Processes that are killed with -9 half way."""
    halved: tuple[float, float] | None = None
    """Shares of the interval at which the quota is halved and restored, without notice to the client."""
    keys: int = 1
    settled: float = 0.0
    """Share of the interval after which ``budget_used`` is counted."""
    cold: bool = False
    """Every thread makes one call, and nobody has a token, a connection or a state before it."""
    failing: bool = False
    """The server answers 500 to every quotation."""
    peers: bool = False
    """Whether the other limiters are measured too."""


# 30 s before, 60 s halved, 60 s to recover, 20 s measured.
_HALVED_SECONDS = 170
CASES = {
    case.name: case
    for case in (
        Case("jitter-5", "budget >= 0.98, none rejected", peers=True),
        Case("jitter-50", "budget >= 0.94, rejected <= 0.2 %", jitter_ms="0:50", peers=True),
        Case("fixed-window", "budget >= 0.98, none rejected", window="fixed", peers=True),
        Case("killed", "budget >= 0.97, none rejected, no wait over 2 s", kills=2),
        Case(
            "halved",
            "budget >= 0.95 within 60 s of the restore, rejected <= 1 % after 10 s",
            seconds=_HALVED_SECONDS,
            halved=(30 / _HALVED_SECONDS, 90 / _HALVED_SECONDS),
            settled=150 / _HALVED_SECONDS,
        ),
        Case("per-minute", "budget >= 0.93 of 1,000 a minute after 2 min", 180, per_minute=1000, settled=2 / 3),
        Case("two-keys", "1.95 x one key, none rejected", keys=2),
        Case("cold-start", "one token, all 50 served within 3 s", 10, processes=50, threads=1, cold=True),
        Case(
            "server-500",
            "open within 20 calls a process, 1 probe in flight, sends <= 1.1 x requests",
            30,
            processes=4,
            threads=16,
            latency_ms="20:60",
            failing=True,
        ),
    )
}
