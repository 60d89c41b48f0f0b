"""Moves one session of official daily bars into the warehouse, and writes down what they say otherwise."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import psycopg2

from data_pipeline.engine.expected import Cell, expected_cells, missing_bars, refused_cells
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.windows import Window
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.checks.judge import Asked
from data_pipeline.loading.checks.screen import keep_refused, screen
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.loading.instruments.listing import certain_listings, final_sessions, listed_codes
from data_pipeline.loading.prices.price_adjustment import adjust_prices
from data_pipeline.loading.prices.reconciliation import Comparison, reconcile
from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import fail_run, finish_run, start_run
from data_pipeline.loading.rows.stored import none_stored
from data_pipeline.loading.rows.tables import DAILY_BAR
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.clock import market_now
from data_pipeline.market.records import DailyBar
from data_pipeline.market.rejections import Rejections, collecting
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)


def load_official(
    connection: Connection, source: AbstractDataSource, session: date, run: Run, kis_includes_after_market: bool | None
) -> dict[str, int]:
    """Load the whole market of one session, commit, and return the counts; twice is safe.

    The market is fetched whole before the first row is written, and checked like any other window. Differences from the
    provisional bars and the official bars themselves are one transaction.

    Raises:
        NotPublishedError: KRX has not published the session yet.
        IncompleteDataError: A market came empty, or not one listed issue has its bar.
        PayloadError: An answer is not as documented.
        WindowRefusedError: Too many bars are wrong at once; they are in quarantine.
        LoadError: Postgres refused the rows; the table is as it was before.
        TransientError: The source or the warehouse could not be reached; trying again can help.
    """
    codes = tuple(listed_codes(connection, session))
    expected = expected_cells(Window(codes, session, session), certain_listings(connection, codes))
    ledger = Ledger(DAILY_BAR, expected, final_sessions(connection, [session], run.moment), remember_empty=False)
    run_id = start_run(
        connection, DAILY_BAR.name, source.name, run.dag_id, run.task_id, run.run_key, session, session,
        len(expected) or None, map_index=run.map_index,
    )  # fmt: skip
    connection.commit()
    before = source.requests_sent
    with _noted(connection, source, run_id, before) as held:
        asked, came = Asked((), session, session, expected), _market(source, session, held)
        bars = screen(connection, DAILY_BAR, came, asked, held, source.name, run_id, now=market_now())
        missing = _missing(bars, expected, held, session)
        compared = reconcile(connection, bars, session, source.name, run_id, kis_includes_after_market)
        bars = list(ledger.watch(bars))
        empty = none_stored(connection, DAILY_BAR, bars)
        counts = upsert(connection, DAILY_BAR, bars, source.name, run_id, expect_empty=empty)
        ledger.write(connection, source.name, run_id)
        adjust_prices(connection, run_id, session, session)
        requests = source.requests_sent - before
        finish_run(connection, run_id, counts, requests)
        if (newer := commit_run(connection, run_id)) is not connection:
            newer.close()
    _say(bars, session, compared)
    return {**asdict(counts), "missing": missing, "requests": requests, **asdict(compared)}


def _market(source: AbstractDataSource, session: date, held: Rejections) -> list[DailyBar]:
    """Return the bars that came, and put the rows that cannot become bars to the others that are held."""
    with collecting() as wrong:
        bars = list(source.market_bars(session))
    held.add(wrong)
    return bars


def _missing(bars: list[DailyBar], expected: set[Cell], held: Rejections, session: date) -> int:
    """Return how many bars cannot be loaded; those in quarantine are known and no reason to doubt the rest."""
    refused = refused_cells(held, bars, session, session)
    return missing_bars(bars, expected - refused) + len(refused)


@contextmanager
def _noted(connection: Connection, source: AbstractDataSource, run_id: int, sent_before: int) -> Iterator[Rejections]:
    """Hand over a place for what is set aside; when the block fails, keep that and say why in ``ingest_run``."""
    held = Rejections()
    try:
        yield held
    except BaseException as error:
        with suppress(psycopg2.Error, DataPipelineError):  # the first error matters, not that it cannot be noted down
            connection.rollback()
            keep_refused(connection, DAILY_BAR, source.name, error, held, run_id)
            fail_run(connection, run_id, error, source.requests_sent - sent_before)
            connection.commit()
        raise


def _say(bars: list[DailyBar], session: date, compared: Comparison) -> None:
    if not compared.compared:
        log.info("%d official bars of %s; there were no provisional bars to compare", len(bars), session)
        return
    log.info(
        "%d official bars of %s: %d compared with provisional ones, %d differences, %d of them unexplained; "
        "see market.reconciliation",
        len(bars), session, compared.compared, compared.different, compared.unexpected,
    )  # fmt: skip
