"""Sums of stored flows beside the figure of a board, in a real Postgres.

Facts: two instruments of KOSPI, whose individuals bought 3 and 4 million won net.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from data_pipeline.engine.market_flows import check_market_flows
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.investor_records import KINDS, TOTALS, InvestorFlow, MarketFlow, Traded
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.market_rows import LETTERS, SAMSUNG, THU, issue, list_issues
from tests.support.tables import TABLES

MILLION = 10**6
NOBODY = Traded(0, 0, 0, 0)


class Board(MockDataSource):
    """A source that tells of KOSPI alone, in so many millions net by individuals."""

    def __init__(self, millions: int) -> None:
        super().__init__(clock=lambda: datetime(2026, 9, 10, 20, 50, tzinfo=SEOUL))
        self.name, self.millions = "kis", millions

    def market_flows(self, session):
        """Yield the figure."""
        yield MarketFlow(
            "KOSPI", session, dict.fromkeys((*TOTALS, *KINDS), 0) | {"individual": self.millions * MILLION}
        )


def bought(code, millions):
    """A row of which individuals bought so much."""
    return InvestorFlow(
        code, THU, 10, Traded(1, 0, millions * MILLION, 0), NOBODY, NOBODY, dict.fromkeys(KINDS, NOBODY)
    )


@pytest.mark.parametrize(("millions", "different"), [(7, 0), (10, 0), (11, 1)])
def test_more_than_rounding_is_a_warning_of_the_run(connection, database, millions, different):
    """Two instruments and the board may be off by three million; the rows stay as they are."""
    list_issues(connection, issue(SAMSUNG), issue(LETTERS))
    upsert(connection, TABLES["investor_flow"], [bought(SAMSUNG, 3), bought(LETTERS, 4)], "kis")
    connection.commit()
    found = check_market_flows(connection, Board(millions), THU, Run())
    assert found == {"compared": 12, "different": different, "lacking": 0}
    warnings = "SELECT warnings FROM market.ingest_run WHERE dataset = 'investor_flow' AND status = 'success'"
    assert database.rows(warnings) == [({"market": 1} if different else {},)]


def test_a_board_of_which_a_row_is_missing_is_not_compared(connection):
    """One of two has no row: nothing is said of the sums."""
    list_issues(connection, issue(SAMSUNG), issue(LETTERS))
    upsert(connection, TABLES["investor_flow"], [bought(SAMSUNG, 3)], "kis")
    connection.commit()
    assert check_market_flows(connection, Board(99), THU, Run()) == {"compared": 0, "different": 0, "lacking": 1}
