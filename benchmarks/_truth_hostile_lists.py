"""Hostile seeds about lists: master files of KIS and base info of KRX that are cut, short, doubled, stale or of others.

232 instruments, so that each of two markets is judged by itself. The lists of 11 November 2026 are true; those of the
two sessions after it, on which 0021P0 moves to KOSDAQ and 0053B0 is listed, are lied about: KIS's on their evenings,
and KRX's on the mornings after. A list may end as in the undisturbed run, or missing and named. The same lists without
lies must then leave what the undisturbed run left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from benchmarks._truth_hostile_server import empty_warehouse, quiet
from benchmarks._truth_hostile_told import ToldOfSeeds
from benchmarks._truth_hostile_world import Row, World, asked
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.origin import ORIGINS
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.warehouse.calendar_table import keep_sessions

WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 11, day) for day in (11, 12, 13))
_EVENINGS = {day: datetime(day.year, day.month, day.day, 20, 30, tzinfo=SEOUL) for day in (WEDNESDAY, THURSDAY, FRIDAY)}
_MORNINGS = {
    WEDNESDAY: datetime(2026, 11, 12, 8, 30, tzinfo=SEOUL),
    THURSDAY: datetime(2026, 11, 13, 8, 30, tzinfo=SEOUL),
    FRIDAY: datetime(2026, 11, 16, 8, 30, tzinfo=SEOUL),
}
_OF_EACH = {"KOSPI": 110, "KOSDAQ": 110, "KONEX": 10}
_NEWS = ("0021P0", "0053B0")
_SHARE, _LARGE, _FEW = 0.05, 100, 3
"""What the page about lists says: 5 % of the list or of a large market is too much, and three may always leave."""
_TABLES = ("instrument_report", "instrument_list", "instrument_history", "earlier_listing", "instrument", "ingest_run")
_TOLD = """
    SELECT l.voice, l.session, r.stock_code::text, r.market, r.isin, r.name, r.listed_on, r.listed_shares
    FROM market.instrument_list l
    JOIN market.instrument_report r ON r.voice = l.voice AND l.session BETWEEN r.first_told AND r.last_told
"""
_LISTING = "SELECT stock_code::text, isin, listed_from, delisted_on FROM market.listing"
_HISTORY = "SELECT stock_code::text, valid_from, valid_to, market, name FROM market.instrument_history"
_FAILED = "SELECT source::text, first FROM market.ingest_run WHERE dataset = 'instrument' AND status = 'failed'"


@dataclass
class ToldOfLists(ToldOfSeeds):
    """What the seeds about lists counted; what does not come is a list, and what is healed are rows of what it tells.

    Nothing contradicts a list that lacks a few instruments, or reads as the session before; the next list or the other
    voice tells.
    """

    wrong = ("settled_wrongly", *ToldOfSeeds.wrong)

    settled_wrongly: int = 0
    """Lists that were taken, and that no rule lets differ from the undisturbed run."""


class ListedMarket(SyntheticMarket):
    """232 instruments of the synthetic market, the two of which there is news among them."""

    @cached_property
    def _issues(self) -> dict[str, Issue]:
        market = SyntheticMarket()
        codes = {*_NEWS}
        for board, many in _OF_EACH.items():
            on_it = [one.stock_code for one in market.instruments(WEDNESDAY) if one.market == board]
            codes |= {*on_it[:many]}
        return {code: issue for code, issue in market._issues.items() if code in codes}  # noqa: SLF001


@dataclass(frozen=True)
class Lists:
    """What the warehouse holds of lists."""

    told: dict[Row, set[Row]]
    """By voice and session: what was told of each instrument."""
    known: set[Row]
    """Listings, histories."""
    failed: set[Row]
    """Voice and session of each list that failed."""


def lists_of(world: World) -> Lists:
    """Return what the warehouse holds of lists."""
    told: dict[Row, set[Row]] = {}
    for voice, session, *what in asked(world.connection, _TOLD):
        told.setdefault((voice, session), set()).add(tuple(what))
    known = {(name, *row) for name, query in (("listing", _LISTING), ("history", _HISTORY))
             for row in asked(world.connection, query)}  # fmt: skip
    failed = {(ORIGINS[source].voice, first) for source, first in asked(world.connection, _FAILED)}
    world.connection.rollback()
    return Lists(told, known, failed)


@contextmanager
def world_of_lists() -> Iterator[World]:
    """Hand over a world of 232 instruments on a Postgres of its own, which is deleted afterwards."""
    with empty_warehouse() as (connection, folder):
        yield prepared(World(connection, folder, ListedMarket()))


def hostile_lists(count: int, tell: Callable[[str], None] = lambda _: None) -> ToldOfLists:
    """Run so many seeds on a Postgres that is deleted afterwards, and return what they counted."""
    with world_of_lists() as world:
        return judged(world, range(1, count + 1), undisturbed(world), tell)


def prepared(world: World) -> World:
    """Return the world with its sessions."""
    keep_sessions(world.connection)
    world.connection.commit()
    return world


def undisturbed(world: World) -> Lists:
    """Return what the lists leave when nobody lies.

    Raises:
        RuntimeError: Some are missing.
    """
    world.lie(None)
    _begin(world)
    with quiet():
        wrong = [*_load(world, (THURSDAY, FRIDAY))]
    truth = lists_of(world)
    if wrong or len(truth.told) != 6:
        raise RuntimeError(f"the undisturbed lists are not whole: {wrong} {sorted(truth.told)}")
    return truth


def judged(
    world: World, seeds: Iterable[int], truth: Lists, tell: Callable[[str], None] = lambda _: None
) -> ToldOfLists:
    """Return what became of these seeds."""
    told = ToldOfLists()
    with quiet():
        for seed in seeds:
            _judge(world, seed, truth, told, tell)
            told.seeds += 1
    return told


def _begin(world: World) -> None:
    with world.connection, world.connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DELETE FROM market.{table}")
    for problem in _load(world, (WEDNESDAY,)):
        raise RuntimeError(problem)


def _load(world: World, sessions: Iterable[date]) -> Iterator[str]:
    """Load both lists of each session; yield errors from outside the tree."""
    for session in sessions:
        for moment, source_of in ((_EVENINGS[session], world.kis), (_MORNINGS[session], world.krx)):
            world.at(moment)
            try:
                with source_of() as source:
                    window = Window((), session, session)
                    load_window(world.connection, source, DATASETS["instrument"], window, Run(moment=moment), threads=1)
            except DataPipelineError:
                world.connection.rollback()
            except Exception as error:  # noqa: BLE001 - it is what this looks for
                world.connection.rollback()
                yield f"{type(error).__name__}: {error}"


def _judge(world: World, seed: int, truth: Lists, told: ToldOfLists, tell: Callable[[str], None]) -> None:
    world.lie(None)
    _begin(world)
    world.lie(seed)
    untyped = [*_load(world, (THURSDAY, FRIDAY))]
    lies, after = world.lies(), lists_of(world)
    world.lie(None)
    untyped += _load(world, (THURSDAY, FRIDAY))
    healed = lists_of(world)
    differ = [cell for cell, rows in after.told.items() if rows != truth.told[cell]]
    spared = [cell for cell in differ if _may_be_true(after.told[cell], cell, truth)]
    absent = truth.told.keys() - after.told.keys()
    found = {
        "settled_wrongly": [cell for cell in differ if cell not in spared],
        "unnamed": [(voice, day) for voice, day in absent if (voice, day) not in after.failed],
        "not_healed": (healed.known ^ truth.known)
        | {cell for cell in truth.told if healed.told.get(cell) != truth.told[cell]},
        "untyped": untyped,
    }
    told.add(f"lists of seed {seed}", found, [(lie.name, lie.path) for lie in lies], tell)
    told.named += len(absent) - len(found["unnamed"])
    told.lies_uncontradictable += len(spared)
    told.lies += len(lies)


def _may_be_true(rows: set[Row], cell: Row, truth: Lists) -> bool:
    """Return whether nothing known on the day contradicts a list: it lacks a few, or some of it is a day old."""
    voice, session = cell
    before = truth.told[voice, max(day for one, day in truth.told if one == voice and day < session)]
    true = truth.told[cell]
    lacking = {row[0]: row[1] for row in true}
    for row in rows:
        lacking.pop(row[0], None)
    known = rows <= true | before
    enough = all(
        absent <= _FEW or absent < _SHARE * many
        for absent, many in [(len(lacking), len(true)), *_by_market(lacking.values(), true)]
    )
    return known and enough


def _by_market(lacking: Iterable[str], true: set[Row]) -> Iterator[tuple[int, int]]:
    absent = [*lacking]
    for market in _OF_EACH:
        many = sum(row[1] == market for row in true)
        if many >= _LARGE:
            yield absent.count(market), many
