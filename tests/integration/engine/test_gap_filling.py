"""Gaps of a day of trades by hand: filled once, to the share, in spare time, or named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_pipeline.engine.stream_day import is_proven, open_day, prove_trades, require_settled
from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.loading.coverage.proofs import explained
from tests.support.trades_by_hand import (
    CODES,
    DAY,
    GAPS,
    RUN,
    STORED,
    Rest,
    as_stored,
    fill,
    made,
    receive,
)


def test_filling_again_changes_nothing(database):
    """A second pass finds no gap that is open and sends nothing; the rows stay as they are."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(100, 130)})
    rest = Rest(day)
    fill(database, rest)
    rows, sent = database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume"), rest.requests_sent
    assert fill(database, rest) == (0, 0, 0, 0, 0, 0, 0)
    assert (database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume"), rest.requests_sent) == (rows, sent)


def test_a_second_that_cannot_be_paged_stays_a_named_gap(database):
    """Of fifty trades in one second thirty are told: twenty and their shares stay lacking, to the share."""
    day = made(CODES[0])
    busy = [replace(one, traded_at=day[100].traded_at) if 100 <= place < 150 else one for place, one in enumerate(day)]
    with database.connect() as connection:
        open_day(connection, DAY, CODES[:1])
        receive(connection, busy, {*range(100, 150)})
    rest = Rest(busy)
    lacking = sum(one.volume for one in busy[100:120])
    first = fill(database, rest)
    assert (first.filled, first.open, first.trades, first.volume) == (0, 1, 30, lacking)
    assert fill(database, rest, last_call=True).unfillable == 1
    ((kind, status, *_, open_volume),) = database.rows(GAPS)
    assert (kind, status, open_volume) == ("reconnect", "unfillable", lacking)
    with database.connect() as connection:
        proved = prove_trades(connection, "kis", DAY, RUN)
        with pytest.raises(IncompleteDataError, match="0 codes are whole, 0 empty, 1 doubted and 0 without any"):
            require_settled(proved, DAY)
        assert not is_proven(connection, DAY)
        said = " ".join(explained(connection, CODES[0], DAY))
        assert f"KRX lacks {lacking:,} shares, as its gaps say" in said
        (counted,) = coverage(connection, DAY, DAY, "trade")
    assert (counted.loaded, counted.unproven) == (0, 1)


def test_the_largest_gap_goes_first_and_a_busy_budget_leaves_the_rest(database):
    """Nobody leaves a slot after three calls: the gap of eighty trades is filled, that of ten stays open."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(50, 60), *range(300, 380)})
    rest = Rest(day)
    rest.busy_after = 3
    found = fill(database, rest)
    assert (found.filled, found.open) == (1, 1)
    assert [row[1] for row in database.rows(GAPS)] == ["open", "filled"]
    rest.busy_after = None
    assert fill(database, rest).filled == 1
    assert database.rows(STORED) == as_stored(day)


def test_the_last_call_goes_on_while_trades_come(database):
    """A walk of two calls reaches some fifty of 140 lost trades; the last run goes on below them, to the end."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(100, 240)})

    class Short(Rest):
        def trades_between(self, stock_code, venue, since, until, above=0):
            return self.walks.between(stock_code, venue, since, until, above, most_calls=2)

    first = fill(database, Short(day))
    assert (first.filled, first.open, 50 < first.trades < 60) == (0, 1, True)
    last = fill(database, Short(day), last_call=True)
    assert (last.filled, last.trades, last.volume) == (1, 140 - first.trades, 0)
    assert database.rows(STORED) == as_stored(day)


def test_what_no_slot_was_left_for_is_named_at_the_end(database):
    """The last call finds the budget taken: both gaps are unfillable, with their shares and the reason."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(50, 60), *range(300, 380)})
    rest = Rest(day)
    rest.busy_after = 0
    assert fill(database, rest, last_call=True).unfillable == 2
    reasons = "SELECT reason, open_volume FROM market.stream_gap ORDER BY volume_after"
    lacking = [sum(one.volume for one in day[start:end]) for start, end in ((50, 60), (300, 380))]
    assert database.rows(reasons) == [("others want it", shares) for shares in lacking]


def test_a_fill_that_was_killed_goes_on(database):
    """After a failure in the middle the same gaps are asked for again, and no trade is doubled."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(50, 60), *range(300, 380)})

    class Dying(Rest):
        def _call(self, endpoint, params, subject):
            if self.requests_sent == 3:
                raise KeyboardInterrupt
            return super()._call(endpoint, params, subject)

    with pytest.raises(KeyboardInterrupt):
        fill(database, Dying(day))
    assert fill(database, Rest(day)).filled >= 1
    assert database.rows(STORED) == as_stored(day)
