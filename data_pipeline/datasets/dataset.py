"""What a dataset is: every question that one has to answer, and the two ways to answer, by a value or by a reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from data_pipeline.datasets.findings import Finding
from data_pipeline.datasets.frame import Frame
from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.market.origin import RequestShape

if TYPE_CHECKING:
    from data_pipeline.datasets.beside import Beside
    from data_pipeline.datasets.findings import Context, Earlier
    from data_pipeline.market.window import Cell, Window

    Ask = Callable[[Any, Window], Iterable[Any]]
    """Asks a source (an ``AbstractDataSource``) for the records of a window."""
    CheckRow = Callable[[Any, Earlier, Context], Iterator[Finding]]
    """Yields what is wrong with a record, beside its code, its day and whether it came twice."""
    CheckWindow = Callable[[Sequence[Any], Collection[Cell], Earlier, Context], Iterator[Finding]]
    """Yields why all records of a window together, of which these cells must come, cannot be believed."""


@dataclass(frozen=True)
class No:
    """The answer no, and why."""

    why: str

    def __bool__(self) -> Literal[False]:
        return False


class Due(Enum):
    """Which rows must come."""

    CALENDAR = "the days of which the source tells whether the market opens; it has to agree with the calendar"
    LIST = "the whole list of a session, with instruments of every market"
    EACH_SESSION = "one row for each instrument on each session on which it was listed"
    AS_TRADED = "the rows that traded; only the answer itself can prove how many of a session those are"
    WHOLE_MARKET = "the main rows of the whole market on each session; the others as they come"
    EACH_CODE = "one row for each code that is asked for: the present state"
    MAIN_NOW = "the main rows of the whole market: the present state"
    STREAMED = "the changes of each code that is watched, as they happen; their own counters tell what is missing"


@dataclass(frozen=True)
class Size:
    """How much there is of one code, and how it is packed; decides how work is cut and what it costs."""

    rows: int
    """Rows of one code on one session, about."""
    page: Callable[[RequestShape], int]
    """Rows of one code in one request at most, by what a request of the source holds."""
    most_sessions: int | None = None
    """How many sessions of one code may be fetched at once, which bounds what a thread holds; None for no limit."""
    in_quotes: bool = False
    """Whether the quotes of the newest final session hold its row, so that one request brings it of many codes."""


@dataclass(frozen=True)
class MarketSize:
    """How much there is of the whole market on one session, for a dataset that is not asked for by code."""

    rows: int
    """Rows of one session, about."""
    main: Callable[[date], Collection[str]]
    """The labels of the rows that a session must have; without all of them it is missing."""
    requests: Callable[[RequestShape, int], int]
    """Requests for so many neighbouring sessions, by what a request of the source holds."""
    at_once: Callable[[RequestShape], int]
    """How many neighbouring sessions are asked for together, so that no request is spent twice."""


@dataclass(frozen=True)
class Present:
    """How the present state is asked for while the market is open."""

    allowed: timedelta
    """How long a run in session may take; after that its rows are not of one moment, and the next run is overdue."""
    requests: Callable[[RequestShape, int, int, bool], int]
    """Requests for so many codes and minutes of each, and whether the session still runs."""
    of_universe: bool
    """Whether a run in session is about what ``UNIVERSE`` says; otherwise it is about the watch list only."""


@dataclass(frozen=True)
class Sieve:
    """Which rows of a window certainly pass, told in columns and many times faster than row by row."""

    sift: Callable[[Sequence[Any], frozenset[str], date | None, date | None, Context], Any | None]
    """All records, the codes and the range that were asked for, and what is known around them; it returns the places of
    those that have to be checked one by one, oldest first, and whether nothing joins two rows of the window
    (``doubtful``, ``quiet``); None where columns cannot tell."""
    check_window: CheckWindow
    """What is left to check of a window that is quiet."""


@dataclass(frozen=True)
class Archive:
    """How its old months are let go: whole partitions, once they are sealed, into files or for good."""

    keep: str
    """The setting that says how many months before this one are kept; empty keeps all."""
    by_itself: bool = False
    """Whether the live stream fills it by itself, so that its DAG lets old months go by itself too."""


@dataclass(frozen=True)
class Dataset:
    """One dataset. No question has a default answer, so that a new dataset cannot leave one open."""

    title: str
    """What it is called, with the Korean term."""
    about: str
    """What one row says, for the reference page."""
    table: Table
    """Which record it is made of, and where that is kept."""
    due: Due
    """Which rows must come."""
    ask: Ask
    """How a source is asked; one that does not offer it raises UnsupportedDatasetError before anything is sent."""
    market_day: Ask | No
    """How the exchange is asked for its own rows of the whole market, which replace provisional ones."""
    size: Size | MarketSize | No
    """How much there is of one code and session, or of the whole market on one session."""
    beside: Beside | No
    """Which stored rows its checks look at."""
    check: CheckRow | No
    """What can be wrong with a row."""
    check_window: CheckWindow | No
    """What can be wrong with all rows of a window together."""
    sieve: Sieve | No
    """Which rows need no look one by one."""
    follows: Literal["adjusted prices"] | No
    """What is worked out again when its rows change."""
    second_chance: Literal[True] | No
    """Whether a row in quarantine is read again without being asked for."""
    past: Literal[True] | No
    """Whether its past can be filled: backfills, and where there are cells, healing."""
    present: Present | No
    """How much of it may be asked for while the market is open."""
    frame: Frame | No
    """What reading and export give."""
    archive: Archive | No
    """Whether its old months may be let go: :mod:`data_pipeline.read.archive` then reads them out of files."""
    loaded_by: tuple[str, ...]
    """The DAGs that load it by schedule."""

    @property
    def name(self) -> str:
        """What commands, operators and tables call it."""
        return self.table.name

    @property
    def by_code(self) -> bool:
        """Whether it is asked for by stock code."""
        return self.due in (Due.EACH_SESSION, Due.AS_TRADED, Due.EACH_CODE, Due.STREAMED)

    @property
    def has_cells(self) -> bool:
        """Whether it is known beforehand what must exist, by a calendar and lists, so that coverage counts it.

        Its sessions must be final before they are loaded as whole ones.
        """
        return self.due in (Due.EACH_SESSION, Due.AS_TRADED, Due.WHOLE_MARKET)

    @property
    def of_moments(self) -> bool:
        """Whether its rows tell a present state: which session they belong to follows from when they were seen."""
        return self.due in (Due.EACH_CODE, Due.MAIN_NOW)

    @property
    def of_sessions(self) -> bool:
        """Whether it comes as whole sessions of the market, of which the exchange has the past, if anybody has."""
        return self.due in (Due.LIST, Due.WHOLE_MARKET)

    @property
    def of_market_days(self) -> Dataset:
        """The same dataset, asked of the exchange as whole market days.

        Raises:
            UnsupportedDatasetError: The exchange has none; trying again brings the same.
        """
        if isinstance(self.market_day, No):
            raise UnsupportedDatasetError(f"{self.name} does not come as whole market days: {self.market_day.why}")
        return replace(self, ask=self.market_day)

    @property
    def kept(self) -> dict[str, str]:
        """Where its cells that are there stand: ``stored``, with the alias ``b``, under the condition ``of``.

        A cell of one row is there when its row is, and any other when its answer proved that it is whole.
        """
        if self.due is Due.AS_TRADED:
            return {"stored": "market.loaded_day b", "of": f"AND b.dataset = '{self.name}'"}
        return {"stored": f"market.{self.name} b", "of": ""}
