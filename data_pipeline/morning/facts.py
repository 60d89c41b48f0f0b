"""The facts of one morning, as plain values; `status` and the pages show the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage
    from data_pipeline.morning.keys import Keys

SESSIONS = 60
"""Final sessions that a morning looks at, today beside them."""
SILENT_S = 60.0
"""Seconds after which a line of the stream that says nothing is no longer there."""


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
    reason: str = "never"
    """The same as a word for programs: a key of :data:`~data_pipeline.morning.words.WHY`."""
    detail: str = ""
    """What the warehouse says of that reason; empty when that is nothing."""
    name: str | None = None
    """The instrument's name; None when no list of instruments holds it."""


@dataclass(frozen=True)
class AllLacking:
    """Whoever lacks something, some of them by name."""

    named: tuple[Lacking, ...]
    """Newest first, then by dataset and code; at most as many as were asked for."""
    of: int
    """How many there are in all."""


@dataclass(frozen=True)
class Refused:
    """Rows that wait in quarantine, of one dataset and check."""

    dataset: str
    check: str
    """The name of the check; ``unreadable`` when the row could not become a record."""
    rows: int
    newest: datetime
    """When one of them was refused last."""
    times: int = 1
    """How often they were refused, all together."""
    example: str = ""
    """Why the newest of them was refused, in words that may hold what a source sent."""


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
    """Stored rows of one dataset that were changed or deleted within a week; the old versions are kept."""

    dataset: str
    operation: str
    """update or delete."""
    old_source: str
    """Where the old version came from."""
    source: str | None
    """Where the new one comes from; None for a row that was deleted."""
    rows: int
    sessions: int
    newest: datetime


@dataclass(frozen=True)
class NewField:
    """A field of answers within a week that the vendor's documents do not have."""

    name: str
    """``call.field``."""
    times: int
    """In how many answers it stood."""
    datasets: tuple[str, ...]
    newest: datetime
    """When the newest load began that met it."""
    source: str


@dataclass(frozen=True)
class LoadRun:
    """One load."""

    run_id: int
    dataset: str
    source: str
    dag_id: str | None
    task_id: str | None
    map_index: int | None
    """-1 when the task is not mapped."""
    run_key: str | None
    """Airflow's id of the DAG run."""
    status: str
    """running, success or failed."""
    first: date | None
    last: date | None
    started_at: datetime
    finished_at: datetime | None
    stored: int
    """Rows that came and are stored, whether or not they changed anything."""
    inserted: int
    """Those that were new."""
    rejected: int
    requests: int
    error: str | None
    is_last: bool | None = None
    """Whether no later one of its dataset has ended; None where nobody looked."""


@dataclass(frozen=True)
class LoadGroup:
    """The loads of the last day of one dataset from one source, by one DAG."""

    dataset: str
    source: str
    dag_id: str | None
    """None for loads outside of Airflow."""
    loads: int
    failed: int
    running: int
    inserted: int
    updated: int
    rejected: int
    requests: int
    newest: datetime
    """When the last of them ended, or began if it runs."""


@dataclass(frozen=True)
class StreamLine:
    """The line of one app key of the live stream, held or waited for by one process."""

    key: str
    """Eight digits of its hash."""
    host: str
    """Host and process."""
    state: str
    """up, connecting, waiting, standby, or why it is stopped."""
    age: float
    """Seconds since it said so, by the server's clock; it says so every five."""
    lag: float | None
    """Seconds from receiving to committing of the slowest record; None when none came."""
    queue: int
    """Records received and not committed."""
    placed: tuple[str, ...]
    """What it is to register, most important first, as ``trade of 005930 (KRX)``; empty while it is not open."""
    registered: int
    """How many of them the server has acknowledged."""
    rest: tuple[str, ...]
    """What no key of the process has room for, or the server refuses: REST has to serve it. At most a hundred."""
    rest_count: int
    """How many of those there are in all."""

    @property
    def silent(self) -> bool:
        """Whether it has not said anything for a minute."""
        return self.age > SILENT_S


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
    """Of the newest sessions that lack something; newest first, and at most as many as were asked for."""
    lacking_of: int
    """How many there are of those sessions."""
    refused: tuple[Refused, ...]
    differences: tuple[Difference, ...]
    restated: tuple[Restated, ...]
    runs: tuple[LoadRun, ...]
    """Of the last day, and the last one of each dataset; newest first."""
    new_fields: tuple[NewField, ...]
    """The newest first."""
    lines: tuple[StreamLine, ...] = ()
    """Of the live stream, by key and host; none when no stream runs."""


@dataclass(frozen=True)
class Alert:
    """Something that somebody has to know."""

    level: str
    """missing (something is not there), doubtful (it is there and may be wrong), note (nothing is wrong yet)."""
    about: str
    kind: str
    """What it is, as a word for programs: a key of :data:`~data_pipeline.morning.words.SAID`."""
    values: Mapping[str, Any]
    """The figures of it."""
    said: str
    """The same in English."""
    todo: str
    """What to do, with a command that works."""


@dataclass(frozen=True)
class Morning:
    """One morning."""

    now: datetime
    """By the market's clock."""
    stored: Stored | None
    """None when the warehouse did not answer; ``untold`` says why. What it does not say is empty in there."""
    keys: Keys | None
    """None without any key, or when the shared state did not answer."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """What could not be found out, and why: ``warehouse``, ``shared state``, or a part of what is stored."""
