"""The live service is killed with -9 wherever its line and its load may be, and goes on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from data_pipeline.engine.stream_day import open_day, prove_trades, require_settled
from tests.faults.matrix import Tally
from tests.faults.nursery import Nursery
from tests.faults.rig import NEVER, running
from tests.faults.streaming import day, market
from tests.support.database import Database, copied
from tests.support.trades_by_hand import CODES, DAY, RUN, STORED, Rest, as_stored, fill, store_bars

STEPS = 300
"""More steps than five batches take."""
BALANCE = """
    SELECT t.stock_code, sum(t.volume) + coalesce((SELECT sum(g.missed_volume) FROM market.stream_gap g
        WHERE g.stock_code = t.stock_code), 0) - max(t.cumulative_volume) FROM market.trade t GROUP BY 1 ORDER BY 1
"""


def killed_day(database: Database, nursery: Nursery, dice: random.Random, folder: Path, most: int) -> int:
    """Stream the day in processes that die; return how many did."""
    kills = 0
    with market(random.Random(dice.random())) as line:
        while True:
            steps = dice.randrange(STEPS) if kills < most else NEVER
            options = {"url": database.url(), "line": line, "state": str(folder / f"{kills}"), "steps": steps}
            (ended,) = nursery.run(("stream", options))
            if "killed" not in ended:
                assert "returned" in ended, ended
                return kills
            kills += 1


def test_stream_killed(tally: Tally, dice: random.Random, server: Any, nursery: Nursery, tmp_path: Path) -> None:
    """Each share of the day is stored or named; once its gaps are filled every trade is there once, and proved."""
    kills, days, missed = 0, 0, 0
    while kills < tally.row.tries and len(tally.lost) < 3:
        with copied(server) as database, tally.one(f"the day of kill {kills}"):
            with database.connect() as connection:
                open_day(connection, DAY, CODES)
            inside = killed_day(database, nursery, dice, tmp_path / f"{days}", tally.row.tries - kills)
            kills, days = kills + inside, days + 1
            assert database.rows(BALANCE) == [(code, 0) for code in sorted(CODES)]
            missed += int(database.rows("SELECT sum(missed_volume) FROM market.stream_gap")[0][0] or 0)
            trades = [[one for one in day() if one.stock_code == code] for code in CODES]
            fill(database, Rest(*trades))
            assert database.rows(STORED) == as_stored(*trades)
            store_bars(database, *trades)
            with database.connect() as connection:
                require_settled(prove_trades(connection, "kis", DAY, RUN), DAY)
            assert running(database) == 0
            tally.survived += inside - 1
    tally.figure = f"{days} days; {missed:,} shares were missed, named and filled"
