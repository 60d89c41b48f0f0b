"""Trades as frames and files: their columns, and that a day which is not proved is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pyarrow.parquet as pq
import pytest

from data_pipeline.engine.one_window import Run
from data_pipeline.engine.stream_day import open_day, prove_trades
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.records import Instrument
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from data_pipeline.read import coverage, frame
from data_pipeline.read.parquet import export
from data_pipeline.read.plans import plan_rows

DAY, CODE = date(2026, 11, 23), "005930"
AT = datetime(2026, 11, 23, 9, 0, 14, tzinfo=SEOUL)
FIRST = Trade(Venue.KRX, CODE, AT, 71_000, 20, 20, 1_420_000, Side.BUY, 0, 1, 0, 20, 71_000, 70_900, "20", "0", "2")
SECOND = Trade(Venue.KRX, CODE, AT.replace(second=15), 70_900, 5, 25, ask_price=71_000, bid_price=70_900, filled=True)


@pytest.fixture
def streamed(database):
    """Two trades of one code, the second of which was asked for later; nothing is proved."""
    with database.connect() as connection:
        open_day(connection, DAY, [CODE])
        StreamLoad(connection, "kis").store(Batch(trades=[FIRST, SECOND]))
        listed = Instrument(CODE, "KR7005930003", "삼성전자", "KOSPI", "ST", DAY, listed_on=date(1975, 6, 11))
        keep_list(connection, [listed], "kis")
        connection.commit()
    return database


def prove(database):
    """Prove the day."""
    with database.connect() as connection:
        prove_trades(connection, "kis", DAY, Run())


def test_a_proved_day_is_a_frame(streamed):
    """In the order of the running volume; what was asked for later has no side and no running value."""
    prove(streamed)
    with streamed.connect("reader") as connection:
        found = frame("trade", CODE, DAY, DAY, connection=connection)
        counted = coverage(DAY, DAY, "trade", connection=connection)
    assert list(found["cumulative_volume"]) == [20, 25]
    assert list(found["price"]) == [71_000, 70_900]
    assert list(found["side"].fillna("-")) == ["buy", "-"]
    assert list(found["filled"]) == [False, True]
    assert found["cumulative_value"].isna().tolist() == [False, True]
    assert str(found["traded_at"].dtype).endswith("Asia/Seoul]")
    assert counted[["expected", "loaded", "missing"]].to_numpy().tolist() == [[1, 1, 0]]


def test_a_day_that_is_not_proved_is_refused(streamed):
    """And given as far as it is stored on request; a code that nobody watched is refused too."""
    with streamed.connect("reader") as connection:
        with pytest.raises(IncompleteDataError, match=r"trade .* 1 cells are not proved \(005930 on 2026-11-23\)"):
            frame("trade", CODE, DAY, DAY, connection=connection)
        assert len(frame("trade", CODE, DAY, DAY, complete=False, connection=connection)) == 2
        with pytest.raises(IncompleteDataError, match="were not watched"):
            frame("trade", CODE, date(2026, 11, 20), date(2026, 11, 20), connection=connection)


def test_a_day_is_a_file(streamed, tmp_path):
    """Parquet with the units of each column."""
    prove(streamed)
    with streamed.connect("reader") as connection:
        export(plan_rows("trade", CODE, DAY, DAY), tmp_path / "trades.parquet", connection)
    table = pq.read_table(tmp_path / "trades.parquet")
    assert table.column("volume").to_pylist() == [20, 5]
    assert table.schema.field("price").metadata[b"unit"] == b"won"


def test_venues_stand_side_by_side(streamed):
    """The same second at NXT is a row of its own."""
    with streamed.connect() as connection:
        StreamLoad(connection, "kis").store(Batch(trades=[replace(FIRST, venue=Venue.NXT)]))
        found = frame("trade", CODE, DAY, DAY, complete=False, connection=connection)
    assert list(found["venue"]) == ["KRX", "KRX", "NXT"]
