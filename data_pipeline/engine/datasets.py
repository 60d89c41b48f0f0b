"""What each dataset is: its table, how a source is asked for it, and how its work is cut into windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from data_pipeline.engine.windows import Window, as_codes, as_date, chunks, run_moment, run_session, windows
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.loading.rows import tables
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.base import AbstractDataSource

Fetch = Callable[[AbstractDataSource, Window], Iterable[Any]]


class Kind(Enum):
    """What tells whether a window is complete."""

    SESSIONS = "which days the market opens: the source and the calendar agree"
    INSTRUMENTS = "the list of a session: it has instruments of every market"
    DAILY = "one row for each code and session on which it was listed"
    MINUTES = "the minutes that traded: nobody knows beforehand how many"
    QUOTES = "the present state: one row for each code"


@dataclass(frozen=True)
class Dataset:
    """One dataset that can be loaded."""

    table: tables.Table
    kind: Kind
    fetch: Fetch
    rows_per_session: int = 0
    """About how many rows one code has on one session; 0 when it is not a matter of codes and sessions."""

    full_answer: int = 1
    """Rows that one request brings at most; an answer counts as that many, however little of it is wanted."""

    most_sessions: int | None = None
    """How many sessions of one code may be fetched at once, which bounds what a thread holds; None for no limit."""

    def units(self, source: AbstractDataSource, window: Window) -> list[Window]:
        """Return the parts of a window that are fetched side by side, each of as many codes as one request holds."""
        size = source.unit_size(self.table.name, window.first, window.last) if window.stock_codes else None
        if size is None:
            return [window]
        return [window.of(codes) for codes in chunks(window.stock_codes, size)]

    def size(self, source: AbstractDataSource, window: Window) -> int:
        """Return how many rows a window has at most; each part counts as one full answer at least."""
        rows = self.rows_per_session * len(window.sessions) or 1
        return sum(max(self.full_answer, max(1, len(unit.stock_codes)) * rows) for unit in self.units(source, window))

    @property
    def by_code(self) -> bool:
        """Whether it is asked for by stock code."""
        return self.kind in (Kind.DAILY, Kind.MINUTES, Kind.QUOTES)

    @property
    def of_whole_sessions(self) -> bool:
        """Whether its sessions must be final before they are loaded."""
        return self.kind in (Kind.DAILY, Kind.MINUTES)

    def windows(self, codes: Sequence[str], first: date, last: date, most_rows: int) -> Iterator[Window]:
        """Yield the windows that together make up the range.

        Raises:
            InvalidRequestError: Codes are missing or not wanted, or the range is reversed or holds no session.
        """
        if self.by_code != bool(codes):
            wanted = "needs stock_codes" if self.by_code else "takes no stock_codes"
            raise InvalidRequestError(f"the dataset {self.table.name} {wanted}")
        sessions = krx_calendar().sessions(first, last)
        if not sessions:
            raise InvalidRequestError(f"no session of the exchange lies between {first} and {last}")
        if self.rows_per_session:
            return windows(codes, sessions, self.rows_per_session, most_rows, self.most_sessions)
        return iter([Window(tuple(codes), first, last)])

    def windows_of_run(
        self,
        context: Mapping[str, Any],
        stock_codes: str | Sequence[str] | None,
        first: str | date | None,
        last: str | date | None,
        most_rows: int,
        *,
        running_session: bool = False,
    ) -> list[Window]:
        """Return the windows of one task.

        Args:
            context: Airflow's own.
            stock_codes: As for :func:`~data_pipeline.engine.windows.as_codes`.
            first: The first day, included; empty means the session of the run.
            last: The last day, included; empty means the same as ``first``.
            most_rows: Rows that one window may hold.
            running_session: Whether a session that is not final yet may be loaded.

        Raises:
            InvalidRequestError: An argument is wrong, or the figures of a session are not final.
        """
        final = self.of_whole_sessions and not running_session
        begin = as_date(first, "first") if first else run_session(context, final=final)
        end = as_date(last, "last") if last else begin
        found = list(self.windows(as_codes(stock_codes), begin, end, most_rows))
        moment = run_moment(context)
        if final and moment is not None:
            newest = krx_calendar().last_final_session(moment)
            if found[-1].sessions[-1] > newest:
                raise InvalidRequestError(
                    f"{self.table.name} up to {end}: the figures are final only up to {newest} at the time of the run"
                )
        return found


DATASETS: dict[str, Dataset] = {
    "trading_session": Dataset(
        tables.TRADING_SESSION, Kind.SESSIONS, lambda source, window: source.market_days(window.first)
    ),
    "instrument": Dataset(tables.INSTRUMENT, Kind.INSTRUMENTS, lambda source, window: source.instruments(window.last)),
    "daily_bar": Dataset(
        tables.DAILY_BAR,
        Kind.DAILY,
        lambda source, window: source.daily_bars(window.stock_codes, window.first, window.last),
        rows_per_session=1,
        full_answer=100,
    ),
    "minute_bar": Dataset(
        tables.MINUTE_BAR,
        Kind.MINUTES,
        lambda source, window: source.minute_bars(window.stock_codes, window.first, window.last),
        rows_per_session=381,
        full_answer=120,
        most_sessions=20,
    ),
    "price_snapshot": Dataset(
        tables.PRICE_SNAPSHOT, Kind.QUOTES, lambda source, window: source.price_snapshots(window.stock_codes)
    ),
    "order_book": Dataset(
        tables.ORDER_BOOK, Kind.QUOTES, lambda source, window: source.order_books(window.stock_codes)
    ),
}


def find_dataset(name: str) -> Dataset:
    """Return the dataset of this name.

    Raises:
        ConfigurationError: There is none; the message lists those there are.
    """
    try:
        return DATASETS[name]
    except KeyError:
        raise ConfigurationError(f"dataset must be one of {', '.join(DATASETS)}, not {name!r}") from None
