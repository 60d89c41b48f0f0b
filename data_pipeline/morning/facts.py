"""The facts of one morning, as plain values; `status` and the pages show the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage


@dataclass(frozen=True)
class Lacking:
    """What one instrument lacks of one dataset, for one reason."""

    dataset: str
    stock_code: str
    """Of a dataset of the whole market the label of the row, as ``KOSPI 코스피``."""
    state: str
    """missing; unproven (rows are stored, nothing proves that they are all); unproven_empty (asked for in vain)."""
    first: date
    """First session of them, a date in Seoul."""
    last: date
    """Last session of them, included."""
    sessions: int
    """How many sessions between them lack it."""
    why: str
    """What is known of the newest of them, in words."""


@dataclass(frozen=True)
class Refused:
    """Rows that wait in quarantine, of one dataset and check."""

    dataset: str
    check: str
    """The name of the check; ``unreadable`` when the row could not become a record."""
    rows: int
    newest: datetime
    """When one of them was refused last."""


@dataclass(frozen=True)
class Difference:
    """Where KRX differs from KIS on one session."""

    session: date
    kind: str
    """Which column, or missing_provisional, missing_official."""
    rows: int
    unexplained: int
    """Those that neither the after-market nor a setting explains."""


@dataclass(frozen=True)
class Restated:
    """Stored rows of one dataset that were changed or deleted lately; the old versions are kept."""

    dataset: str
    operation: str
    """update or delete."""
    rows: int
    newest: datetime


@dataclass(frozen=True)
class LoadRun:
    """One load."""

    run_id: int
    dataset: str
    source: str
    dag_id: str | None
    task_id: str | None
    status: str
    """running, success or failed."""
    first: date | None
    last: date | None
    started_at: datetime
    finished_at: datetime | None
    stored: int
    """Rows that came and are stored, whether or not they changed anything."""
    rejected: int
    requests: int
    error: str | None
    is_last: bool
    """Whether no later one of its dataset has ended."""


@dataclass(frozen=True)
class Stored:
    """What the warehouse says."""

    session: date
    """The newest final session."""
    first: date
    """The first session that was looked at."""
    sessions: tuple[date, ...]
    """The final sessions that were looked at, oldest first."""
    kind: str
    """empty, real or made-up: never both."""
    loads: int
    """How many loads there ever were."""
    coverage: tuple[Coverage, ...]
    """By dataset and session; sessions of which nothing is expected are absent."""
    lacking: tuple[Lacking, ...]
    """By dataset, newest first; at most as many as were asked for."""
    refused: tuple[Refused, ...]
    differences: tuple[Difference, ...]
    restated: tuple[Restated, ...]
    runs: tuple[LoadRun, ...]
    """Of the last day, and the last one of each dataset; newest first."""
    new_fields: Mapping[str, int]
    """Fields that the vendors' documents do not have, ``call.field``, and in how many answers of the last day."""


@dataclass(frozen=True)
class Budget:
    """The budget of one app key, under eight digits of its hash."""

    name: str
    rate: float
    """Calls a second that are tried now."""
    used: float
    """Share of the configured quota that the last minute took: 1 is all of it."""
    ahead: float
    """Seconds until the next free slot."""
    sends: int
    """Calls since the shared state was made."""
    learned: str
    """What rejections taught, in words; empty when nothing did."""


@dataclass(frozen=True)
class TokenAge:
    """The access token of one app key."""

    name: str
    age: float
    """Seconds since it was issued."""
    left: float
    """Seconds until it is renewed; negative when that is due."""


@dataclass(frozen=True)
class Breaker:
    """The circuit breaker of one vendor."""

    source: str
    state: str
    """CLOSED, HALF_OPEN or OPEN."""
    failures: int
    """Failures in a row."""
    retry_after: float
    """Seconds until calls may pass again; 0 unless open."""


@dataclass(frozen=True)
class Keys:
    """What processes share about the configured keys; nothing was sent to find it out."""

    budgets: tuple[Budget, ...] = ()
    tokens: tuple[TokenAge, ...] = ()
    breakers: tuple[Breaker, ...] = ()
    krx_calls_left: int | None = None
    """Calls of the KRX key left today in Seoul; None without such a key."""
    krx_calls: int | None = None
    """Calls of the KRX key a day."""


@dataclass(frozen=True)
class Alert:
    """Something that somebody has to know."""

    level: str
    """missing (something is not there), doubtful (it is there and may be wrong), note (nothing is wrong yet)."""
    about: str
    said: str
    todo: str
    """What to do, with a command that works."""


@dataclass(frozen=True)
class Morning:
    """One morning."""

    now: datetime
    """By the market's clock."""
    stored: Stored | None
    """None when the warehouse did not answer; ``untold`` says why."""
    keys: Keys | None
    """None without any key, or when the shared state did not answer."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """What could not be found out (``warehouse``, ``shared state``), and why."""
