"""A year of daily bars with holes: what healing asks for, and the fewest requests that could do it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import groupby

from data_pipeline.backfill.requests import plan_spans
from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.market.origin import shape_of
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Gap, Window
from tests.support.fewest_requests import Cell, fewest_daily_requests

CELLS, DAYS = 1000, 50
_SEED = 20261120


def healing_windows(codes: Sequence[str], first: date, last: date) -> list[Window]:
    """Return what the planner of `heal_gaps` asks for, as the loading code gets it."""
    sessions = krx_calendar().sessions(first, last)
    spans = plan_spans(DAILY_BAR, _gaps(codes, sessions), sessions, shape_of("kis", "daily_bar"), 50_000)
    return [Window(span.stock_codes, span.first, span.last) for span in spans]


def fewest_requests(codes: Sequence[str], first: date, last: date) -> int:
    """Return the fewest requests for the same holes, counted by another way than the planner's."""
    return fewest_daily_requests(_holes(codes, len(krx_calendar().sessions(first, last))))


def _holes(codes: Sequence[str], sessions: int) -> set[Cell]:
    """Return whole days and single cells, the same every time; the newest session is there."""
    dice = random.Random(_SEED)
    whole = [(code, day) for day in dice.sample(range(sessions - 1), DAYS) for code in codes]
    return {*whole, *((dice.choice(codes), dice.randrange(sessions - 1)) for _ in range(CELLS))}


def _gaps(codes: Sequence[str], sessions: Sequence[date]) -> dict[str, list[Gap]]:
    held: dict[str, list[int]] = defaultdict(list)
    for code, position in sorted(_holes(codes, len(sessions))):
        held[code].append(position)
    found: dict[str, list[Gap]] = {}
    for code, positions in held.items():
        runs = [[at for _, at in run] for _, run in groupby(enumerate(positions), lambda pair: pair[1] - pair[0])]
        found[code] = [(sessions[run[0]], sessions[run[-1]]) for run in runs]
    return found
