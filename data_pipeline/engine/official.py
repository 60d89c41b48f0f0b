"""Official daily bars: the exchange's own of the whole market on one session, which replace provisional ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.market.window import Window
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

_MARKET_BARS = DAILY_BAR.of_market_days


def load_official(
    target: Connection | Warehouse,
    source: AbstractDataSource,
    session: date,
    run: Run,
    kis_includes_after_market: bool | None,
) -> dict[str, int]:
    """Load the whole market of one session, commit, and return the counts; loading it twice is safe.

    It is a window like any other, without codes. Differences from the provisional bars are written to
    ``market.reconciliation`` in the transaction of the official ones, and counted as ``compared``, ``different`` and
    ``unexpected``.

    Raises:
        UnsupportedDatasetError: The source has no official bars.
        NotPublishedError: KRX has not published the session yet.
        IncompleteDataError: A market came empty, or not one listed instrument has its bar.
        PayloadError: An answer is not as documented.
        WindowRefusedError: Too many bars are wrong at once; they are in quarantine.
        LoadError: Postgres refused the rows; the table is as it was before.
        TransientError: The source or the warehouse could not be reached; trying again can help.
    """
    run = replace(run, kis_includes_after_market=kis_includes_after_market)
    return load_window(target, source, _MARKET_BARS, Window((), session, session), run, threads=1)
