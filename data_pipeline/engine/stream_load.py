"""The load of a stream: batches of what a line brought, each in one transaction, safe to be handed over again.

It is the load sequence of a window, for rows that come by themselves: the session is put on record in ``ingest_run``,
each batch is judged, written and counted in the transaction of its rows, and what is wrong goes to quarantine. There is
one run a session and table, and not one a batch.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import psycopg2

from data_pipeline.datasets.findings import Context, Thresholds
from data_pipeline.datasets.order_book import ORDER_BOOK
from data_pipeline.datasets.trade import TRADE, contradicted, gone_back, same_trade
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.loading.checks.quarantine import as_rejection, keep_rejections
from data_pipeline.loading.checks.screen import THE_END, read_thresholds
from data_pipeline.loading.rows.append import append, stored_values
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import finish_run, renew_runs, start_run
from data_pipeline.loading.stream.gaps import note_gaps
from data_pipeline.loading.stream.lines import beat, note_operations, watch
from data_pipeline.loading.stream.trades import add_counts, last_trades
from data_pipeline.market.clock import Clock, market_now
from data_pipeline.market.origin import origin_of
from data_pipeline.market.seoul import seoul_date
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Heartbeat, Trade
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)
Line = tuple[Venue, str, date]
"""Venue, code and session: whose running volume it is."""


@dataclass
class _Written:
    """What a batch changes of what is known here; taken over when it is committed."""

    highest: dict[Line, int] = field(default_factory=dict)
    counts: dict[tuple[str, date], LoadCounts] = field(default_factory=dict)


class StreamLoad:
    """Where a stream is written; used by one thread.

    Every method raises :class:`TransientError` while the warehouse is away: nothing was written then, and the same may
    be handed over again. Any other error is permanent.

    Args:
        connection: Of a user that may load; closed by :meth:`close`.
        source: What rows carry in ``source``.
        clock: The market's clock: trades of later times are refused.
    """

    def __init__(self, connection: Connection, source: str, clock: Clock = market_now) -> None:
        self._connection = connection
        self._warehouse = Warehouse(connection)
        self._source, self._clock = source, clock
        self._made_up = origin_of(source).made_up
        self._runs: dict[tuple[str, date], int] = {}
        self._counts: dict[tuple[str, date], LoadCounts] = {}
        self._highest: dict[Line, int] = {}

    def last_trades(self, session: date) -> list[Trade]:
        """Return the stored trade with the highest running volume of each venue and code of a session."""
        with self._safely():
            found = self._warehouse.do(last_trades, session)
            self._warehouse.commit()
        self._highest.update(((one.venue, one.stock_code, session), one.cumulative_volume) for one in found)
        return found

    def store(self, batch: Batch) -> None:
        """Write a batch, all of it or nothing, in one transaction; what is stored already stays as it is.

        Quarantined are trades whose key is stored with other values, trades whose running volume goes back, trades of
        the future and of closed days, and what is ``refused``.

        Raises:
            SyntheticDataRefusedError: Synthetic rows for a warehouse of real ones, or the reverse.
        """
        with self._safely():
            self._prepare(batch)
            written = self._write(batch)
            self._warehouse.commit()
            self._highest.update(written.highest)
            for key, counts in written.counts.items():
                self._counts[key] = self._counts.get(key, LoadCounts()) + counts
            if newest := max((session for _, session in written.counts), default=None):
                self._finish(before=newest)

    def beat(self, heartbeat: Heartbeat) -> None:
        """Write how a line stands, and that the runs of the stream are under way, in a transaction of its own."""
        with self._safely():
            self._warehouse.do(beat, heartbeat)
            self._warehouse.do(renew_runs, list(self._runs.values()))
            self._warehouse.commit()

    def close(self) -> None:
        """End the runs and let go of the connection; what cannot be noted any more is left out."""
        with closing(self._connection), closing(self._warehouse), suppress(DataPipelineError, psycopg2.Error):
            self._finish()

    def _prepare(self, batch: Batch) -> None:
        """Put the runs on record and look up how far each code got before, committed before the first row."""
        for session, trades in _by_session(batch.trades):
            self._run(TRADE.name, session)
            self._know(session, trades)
        for day in sorted({seoul_date(book.observed_at) for book in batch.books}):
            self._run(ORDER_BOOK.name, day)

    def _write(self, batch: Batch) -> _Written:
        written = _Written()
        for session, trades in _by_session(batch.trades):
            self._write_trades(session, trades, written)
        for day, found in groupby(batch.books, lambda book: seoul_date(book.observed_at)):
            books = list({(one.stock_code, one.venue, one.observed_at): one for one in found}.values())
            run_id = self._runs[ORDER_BOOK.name, day]
            added = self._warehouse.do(append, ORDER_BOOK.table, books, self._source, run_id)
            counts = LoadCounts(added.inserted, unchanged=added.unchanged + len(added.differing))
            self._count(written, ORDER_BOOK.name, day, counts, 0)
        self._warehouse.do(note_gaps, batch.gaps, self._source, self._any_run)
        self._warehouse.do(note_operations, batch.operations, self._source, self._any_run)
        self._warehouse.do(keep_rejections, TRADE.name, self._source, batch.refused, self._any_run)
        return written

    def _write_trades(self, session: date, trades: Sequence[Trade], written: _Written) -> None:
        run_id = self._runs[TRADE.name, session]
        moment = THE_END if self._made_up else self._clock()
        verdict = judge(trades, TRADE, Asked(), Context(krx_calendar(), moment, self._thresholds))
        rising, behind = self._divided(verdict.good, written)
        added = self._warehouse.do(append, TRADE.table, rising, self._source, run_id, same_trade)
        stored = self._warehouse.do(stored_values, TRADE.table, behind)
        wrong, again = list(map(contradicted, added.differing)), 0
        for trade, row in zip(behind, stored, strict=True):
            if row is not None and same_trade(TRADE.table.values(trade), row):
                again += 1
            else:
                wrong.append(gone_back(trade) if row is None else contradicted(trade))
        wrong += verdict.errors
        self._warehouse.do(keep_rejections, TRADE.name, self._source, map(as_rejection, wrong), run_id)
        twice = len(trades) - len(verdict.good) - len(verdict.errors)
        counts = LoadCounts(added.inserted, unchanged=added.unchanged + again + twice)
        self._count(written, TRADE.name, session, counts, len(wrong))

    def _divided(self, trades: Sequence[Trade], written: _Written) -> tuple[list[Trade], list[Trade]]:
        """Return the trades whose running volume rises, and those that come again or go back."""
        rising, behind = [], []
        for trade in trades:
            line = (trade.venue, trade.stock_code, trade.session)
            highest = written.highest.get(line, self._highest.get(line, 0))
            if trade.cumulative_volume > highest:
                written.highest[line] = trade.cumulative_volume
                rising.append(trade)
            else:
                behind.append(trade)
        return rising, behind

    def _know(self, session: date, trades: Sequence[Trade]) -> None:
        """Look up how far each code got before, once; what it is watched for is noted with it."""
        new = {
            (one.venue, one.stock_code) for one in trades if (one.venue, one.stock_code, session) not in self._highest
        }
        if not new:
            return
        self._warehouse.do(watch, session, new)
        found = self._warehouse.do(last_trades, session)
        highest = {(one.venue, one.stock_code): one.cumulative_volume for one in found}
        self._highest.update(((*pair, session), highest.get(pair, 0)) for pair in new)
        self._warehouse.commit()

    @cached_property
    def _thresholds(self) -> Thresholds:
        return read_thresholds(os.environ)

    def _run(self, dataset: str, session: date) -> None:
        """Put the run of a session on record, once."""
        if (dataset, session) not in self._runs:
            run_id = self._warehouse.do(start_run, dataset, self._source, None, "stream", None, session, session)
            self._warehouse.commit()
            self._runs[dataset, session] = run_id

    @property
    def _any_run(self) -> int | None:
        return next(reversed(self._runs.values()), None)

    def _count(self, written: _Written, dataset: str, session: date, counts: LoadCounts, rejected: int) -> None:
        written.counts[dataset, session] = counts
        self._warehouse.do(add_counts, self._runs[dataset, session], counts, rejected)

    def _finish(self, before: date = date.max) -> None:
        for (dataset, session), run_id in [*self._runs.items()]:
            if session < before:
                self._warehouse.do(finish_run, run_id, self._counts.get((dataset, session), LoadCounts()))
                self._warehouse.commit()
                del self._runs[dataset, session]
                self._counts.pop((dataset, session), None)

    def _safely(self) -> _Undone:
        return _Undone(self._warehouse)


class _Undone:
    """A block of which nothing stays when it fails."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if error is not None:
            with said_plainly("stream"):
                self._warehouse.rollback()


def _by_session(trades: Sequence[Trade]) -> Iterator[tuple[date, list[Trade]]]:
    sessions: dict[date, list[Trade]] = {}
    for trade in trades:
        sessions.setdefault(trade.session, []).append(trade)
    yield from sorted(sessions.items())
