"""How much of a clean synthetic year is proved: each daily bar, and minutes of random days by both servers of KIS.

A day's volume by the head and the daily bar holds 100 shares of the after-market on half of the days, and on a third of
them nobody trades in the closing auction. The real server is asked in the evening for the chart of past days, and the
virtual one for the chart of today, which is all it has.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from benchmarks._truth_faults import LAST
from benchmarks._truth_hostile_server import quiet
from benchmarks._truth_polled import Server, asked_in_the_evening
from data_pipeline.sources.kis.minute_tally import NEVER_SHOWN
from data_pipeline.sources.mock.market import SyntheticMarket

REAL, VIRTUAL = "minute_bar kis", "minute_bar kis-virtual"


@dataclass
class Proven:
    """Cells by dataset and source."""

    cells: Counter[str] = field(default_factory=Counter)
    proven: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    """Cells that are not proved, and whose doubt says why nothing can prove them."""

    @property
    def figures(self) -> dict[str, Mapping[str, int]]:
        """The counts, by dataset and source."""
        return {
            name: {"cells": self.cells[name], "proven": self.proven[name], "unprovable_and_said": self.said[name]}
            for name in sorted(self.cells)
        }

    @property
    def is_true(self) -> bool:
        """Whether every cell is proved, or on the virtual server said to be unprovable."""
        rest = {name: cells - self.proven[name] for name, cells in self.cells.items()}
        return all(left == (self.said[name] if name == VIRTUAL else 0) for name, left in rest.items())


def minutes_proven(market: SyntheticMarket, stock_days: int = 500, seed: int = 20261120) -> Proven:
    """Ask both servers for the minutes of so many stock-days of the year, and count what their answers prove."""
    chance, found = random.Random(seed), Proven()
    sessions = market.calendar.sessions(LAST - timedelta(days=364), LAST)
    while found.cells[REAL] < stock_days:
        session = chance.choice(sessions)
        codes = [one.stock_code for one in market.instruments(session)]
        for code in chance.sample(codes, min(25, stock_days - found.cells[REAL])):
            bars = market.minute_bars(code, session)
            if chance.random() < 1 / 3:
                bars = [bar for bar in bars if bar.at < market.calendar.close_at(session)]
            if not bars:
                continue
            for name, virtual in ((REAL, False), (VIRTUAL, True)):
                server = Server(bars, market.calendar, chance)
                with quiet():
                    told = asked_in_the_evening(server, code, market.calendar, virtual=virtual)
                doubt = told.doubt(told.volume, [server.volume])
                found.cells[name] += 1
                found.proven[name] += not doubt
                found.said[name] += doubt.startswith(NEVER_SHOWN)
    return found
