"""What work tells while it runs: its figures, declared once, and the port over which whoever listens hears them.

Nobody has to listen: outside Airflow nobody does, and a figure then costs one look at an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from data_pipeline.exceptions import DataPipelineError


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that is told while work runs."""

    name: str
    kind: Literal["counter", "timing", "gauge"]
    unit: str
    about: str
    labels: tuple[str, ...]
    """Never a stock code or a key: the number of series does not grow with the market, and no secret is in one."""


Listener = Callable[[Figure, float, Mapping[str, str]], None]
"""Gets a figure, how much it is (seconds for a timing), and a value for each of its labels."""

REQUESTS = Figure(
    "requests",
    "counter",
    "requests",
    "Requests sent, tries again included. `endpoint` is the last part of the path; `outcome` is `ok`, `throttled` (one "
    "too many), `failed`, `maintenance`, `timeout`, `unreachable` (no connection, or it broke), `malformed`, `refused` "
    "(any other answer that is no success) or `interrupted` (the task was stopped before the answer).",
    ("source", "endpoint", "outcome"),
)
SLOT_WAIT = Figure(
    "slot_wait",
    "timing",
    "milliseconds",
    "From asking for a slot of the budget to the send; one for each request that takes a slot.",
    ("source", "budget"),
)
BUDGET_SHARE = Figure(
    "budget_share",
    "gauge",
    "share, 1 is all",
    "Share of the configured quota that the requests of the last minute took, of all processes; at each request.",
    ("source", "budget"),
)
TOKENS_ASKED = Figure("tokens_asked", "counter", "requests", "Access tokens asked for.", ("source", "key"))
BREAKER_OPENED = Figure(
    "breaker_opened", "counter", "times", "How often this work opened the circuit breaker.", ("source",)
)
ROWS = Figure(
    "rows",
    "counter",
    "rows",
    "Rows of windows that are committed, by what became of them: `inserted`, `updated`, `unchanged`, `outranked` (a "
    "better source's row was kept), `missing` (had to come and did not); and `quarantined`, also of windows that were "
    "refused.",
    ("source", "dataset", "outcome"),
)
FIGURES = (REQUESTS, SLOT_WAIT, BUDGET_SHARE, TOKENS_ASKED, BREAKER_OPENED, ROWS)
"""Every figure that is told while work runs."""


class Meter:
    """Hands figures to whoever listens; safe among threads once everybody listens.

    Args:
        labels: Values that every figure told here has.
    """

    def __init__(self, **labels: str) -> None:
        self._labels = labels
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Hand every figure to one more listener from now on; it must not raise."""
        self._listeners.append(listener)

    def with_labels(self, **labels: str) -> Meter:
        """Return a meter with the same listeners, those to come included, and more labels."""
        other = Meter(**self._labels, **labels)
        other._listeners = self._listeners
        return other

    def tell(self, figure: Figure, value: float = 1, **labels: str) -> None:
        """Tell a figure: how many more for a counter, seconds for a timing, what it is now for a gauge."""
        if self._listeners:
            all_labels = self._labels | labels
            for listener in self._listeners:
                listener(figure, value, all_labels)

    @contextmanager
    def request(self, path: str) -> Iterator[None]:
        """Count the one request that the block sends, by how the block ends."""
        endpoint, outcome = path.rsplit("/", 1)[-1], "interrupted"
        try:
            yield
            outcome = "ok"
        except DataPipelineError as error:
            outcome = _outcome_of(error)
            raise
        finally:
            self.tell(REQUESTS, endpoint=endpoint, outcome=outcome)


def _outcome_of(error: DataPipelineError) -> str:
    """Return what an error says about its request."""
    # These derive from errors of requests, which a source that sends nothing need not load.
    from data_pipeline import http_exceptions as http
    from data_pipeline.exceptions import PayloadError

    outcomes = (
        ("throttled", (http.RateLimitedError, http.DailyQuotaError)),
        ("maintenance", http.MaintenanceError),
        ("failed", http.ServerFailureError),
        ("timeout", http.RequestTimeoutError),
        ("unreachable", http.ConnectionFailedError),
        ("malformed", PayloadError),
    )
    return next((outcome for outcome, kinds in outcomes if isinstance(error, kinds)), "refused")
