"""Hostile seeds: the work of two days against an emulator that lies by seed, and then once more against the truth.

Each seed runs through the real client, parsers, checks, engine and loads into one Postgres, in virtual time: a backfill
of daily bars over a page's boundary, one of minutes, the loads of an evening, the exchange's own bars of the morning
after, and what `heal_gaps` does. A cell may end as in the undisturbed run, or missing and named; it must not be settled
otherwise, and no row may differ but one that is doubted, which is missing and named too. The same work without lies
must then end like the undisturbed run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from benchmarks._truth_hostile_server import quiet
from benchmarks._truth_hostile_told import ToldOfSeeds
from benchmarks._truth_hostile_world import (
    CODES,
    DAILY,
    FIRST,
    FRIDAY,
    MINUTES,
    MONDAY,
    NEXT_EVENING,
    THAT_EVENING,
    THURSDAY,
    WEDNESDAY,
    Lie,
    Row,
    State,
    World,
    asked,
    cell_of,
    state_of,
    warehouse,
)
from data_pipeline.backfill.healing import healing
from data_pipeline.backfill.load import fill
from data_pipeline.backfill.plan import plan_backfill
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Backfill
from data_pipeline.datasets import DATASETS
from data_pipeline.emulator.hostile import is_chosen
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.many_windows import Loader
from data_pipeline.engine.official import load_official
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.retry_quarantine import retry_untried
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.source import KISDataSource

TRUE_ANSWERS = 2
"""How often the same work may be done without lies until all is as it should be: what contradicts an earlier answer
settles nothing, and the next one decides."""
_ON = "SELECT stock_code::text FROM market.daily_bar WHERE session = %s"


@dataclass
class Told(ToldOfSeeds):
    """What the seeds about bars and minutes counted; what does not come are cells, and what is healed are rows too.

    Lies that nothing contradicts are counted, and the cells that they are about are not.
    """

    wrong = ("settled_wrongly", "rows_wrong", *ToldOfSeeds.wrong)
    private = ("wrong_seeds", "beliefs")

    settled_wrongly: int = 0
    """Cells said to be whole or empty that are not as in the undisturbed run."""
    rows_wrong: int = 0
    """Stored rows that differ from the undisturbed run, or that it does not have."""
    believed: int = 0
    """Those of ``not_healed`` that are minutes of an uncontradictable lie, still there beside the true ones."""
    cpu_seconds: float = 0.0
    """Of this process's CPU."""
    rows_believed: Counter[str] = field(default_factory=Counter)
    """Wrong rows that nothing known at that time contradicts, by the lie that told them; none of them is spared
    unless it is just what that lie says."""
    beliefs: list[str] = field(default_factory=list)
    """Each of ``rows_believed``: its seed, dataset, code, session or minute, and lie."""


class Work:
    """The same work of two days, whoever answers."""

    def __init__(self, world: World, *, refetch: bool = False) -> None:
        self.world, self.refetch = world, refetch
        self.errors: list[str] = []
        self.undated: set[str] = set()
        """Codes whose quotes of Friday nothing can date, since no bar of Thursday was stored by then."""
        self.untyped: list[str] = []

    def do(self) -> None:
        """Do all of it; a step that fails does not stop the next."""
        world = self.world
        for moment, steps in (
            (THAT_EVENING, (self._days, self._minutes)),
            (NEXT_EVENING, (self._evening, self._evening_minutes)),
            (MONDAY, (self._official, self._heal)),
        ):
            world.at(moment)
            for step in steps:
                self._do(step, Run(moment=moment))

    def _do(self, step: Callable[[Run], None], run: Run) -> None:
        try:
            step(run)
        except DataPipelineError as error:
            self.world.connection.rollback()
            self.errors.append(str(error))
        except Exception as error:  # noqa: BLE001 - it is what this looks for
            self.world.connection.rollback()
            self.untyped.append(f"{type(error).__name__}: {error}")

    def _days(self, run: Run) -> None:
        self._backfill("daily_bar", DAILY, FIRST, run)

    def _minutes(self, run: Run) -> None:
        self._backfill("minute_bar", MINUTES, WEDNESDAY, run)

    def _backfill(self, dataset: str, codes: tuple[str, ...], first: date, run: Run) -> None:
        with self.world.kis() as source:
            cells = "all" if self.refetch else "unstored"
            self._fill(source, Backfill(dataset, codes, first, THURSDAY, source.name, cells), run)

    def _fill(self, source: KISDataSource, backfill: Backfill, run: Run) -> None:
        connection = self.world.connection
        plan = plan_backfill(connection, backfill, Sources(source), run.due)
        if plan.requests:
            fill(plan, [source], Loader(connection, run, threads=1))

    def _evening(self, run: Run) -> None:
        stored = asked(self.world.connection, _ON, (THURSDAY,))
        self.world.connection.commit()
        self.undated = {*CODES} - {code for (code,) in stored}
        self._load("daily_bar", CODES, run)

    def _evening_minutes(self, run: Run) -> None:
        self._load("minute_bar", MINUTES, run)

    def _load(self, dataset: str, codes: tuple[str, ...], run: Run) -> None:
        window = Window(codes, FRIDAY, FRIDAY)
        with self.world.kis() as source:
            load_window(self.world.connection, source, DATASETS[dataset], window, run, threads=1)

    def _official(self, run: Run) -> None:
        with self.world.krx() as source:
            load_official(self.world.connection, source, FRIDAY, run, None)

    def _heal(self, run: Run) -> None:
        connection = self.world.connection
        retry_untried(connection, clock=self.world.clock.now)
        with self.world.kis() as source:
            for backfill in [*healing(connection, source.name, FRIDAY)]:
                self._do(partial(self._fill, source, backfill), run)


def hostile(count: int, tell: Callable[[str], None] = lambda _: None) -> Told:
    """Run so many seeds on a Postgres that is deleted afterwards, and return what they counted."""
    with warehouse() as world:
        return judged(world, range(1, count + 1), undisturbed(world), tell)


def undisturbed(world: World) -> State:
    """Return what the work leaves when nobody lies.

    Raises:
        RuntimeError: It is not whole itself.
    """
    world.lie(None)
    world.empty()
    work = Work(world)
    with quiet():
        work.do()
    truth, wrong = state_of(world), [*work.errors, *work.untyped]
    if wrong or truth.missing or truth.held:
        raise RuntimeError(f"the undisturbed run is not whole: {wrong} {truth.missing} {truth.held}")
    return truth


def judged(world: World, seeds: Iterable[int], truth: State, tell: Callable[[str], None] = lambda _: None) -> Told:
    """Return what became of these seeds."""
    told, began = Told(), time.process_time()
    before = figures_of(world, THURSDAY)
    with quiet():
        for seed in seeds:
            _judge(world, seed, truth, before, told, tell)
            told.seeds += 1
    told.cpu_seconds = round(time.process_time() - began, 1)
    return told


def _judge(
    world: World, seed: int, truth: State, before: Mapping[str, set[Row]], told: Told, tell: Callable[[str], None]
) -> None:
    world.empty()
    world.lie(seed)
    work = Work(world)
    work.do()
    lies, after = world.lies(), state_of(world)
    spared = _spared(lies, work.undated, seed)
    alone = {code for lie in lies if lie.is_alone for code in lie.codes}
    wrong = {key: row for key, row in after.rows.items() if truth.rows.get(key) != row}
    believed_rows = {key: _believed(key, row, lies, work.undated, seed, before) for key, row in wrong.items()}
    doubted = {key for key in wrong if key[0] == "daily_bar" and key in after.missing}
    differ = [key for key in wrong if not believed_rows[key] and key not in doubted]
    edges = {key: "one row at an edge" for key in differ if key[1] in alone and _is_edge(world, key, after)}
    lacking = _lacking(truth, after) | doubted
    world.lie(None)
    again, left = Work(world, refetch=bool(spared or edges)), {*truth.rows}
    for _ in range(TRUE_ANSWERS):
        if left:
            again.do()
            left = _differences(truth, state_of(world))
    # The proof of the whole session takes back what it does not hold, so none of what was believed may stay.
    believed = {key for key in left if key[0] == "minute_bar" and key[1] in spared and key not in truth.rows}
    found: dict[str, Collection[Any]] = {
        "rows_wrong": {*differ} - {*edges},
        "settled_wrongly": [cell for cell in _settled_wrongly(truth, after) if cell[1] not in spared],
        "unnamed": [cell for cell in lacking if not _is_named(cell, after, work.errors)],
        "not_healed": left,
        "untyped": [*work.untyped, *again.untyped],
    }
    told.add(f"seed {seed}", found, dict(Counter(lie.name for lie in lies)), tell)
    for key in [*wrong]:
        if name := believed_rows[key] or edges.get(key, ""):
            told.rows_believed[name] += 1
            told.beliefs.append(f"seed {seed}: {' '.join(map(str, key))}: {name}")
    told.named += len(lacking) - len(found["unnamed"])
    told.believed += len(believed)
    told.lies += len(lies)
    told.lies_uncontradictable += sum(lie.is_free or (lie.is_old and bool(work.undated)) for lie in lies) + len(edges)


def _lacking(truth: State, after: State) -> set[Row]:
    """Return the cells of which rows did not come, or that were not settled."""
    return {cell_of(key) for key in truth.rows if key not in after.rows} | (truth.settled.keys() - after.settled.keys())


def _settled_wrongly(truth: State, after: State) -> Iterator[Row]:
    for cell, said in after.settled.items():
        if truth.settled.get(cell) != said or _of(truth, cell) != _of(after, cell):
            yield cell


def _differences(truth: State, healed: State) -> set[Row]:
    """Return the rows that differ, with their source, and the cells that are settled otherwise."""
    pairs = ((truth.rows, healed.rows), (truth.sources, healed.sources), (truth.settled, healed.settled))
    return {key for one, other in pairs for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _spared(lies: Iterable[Lie], undated: set[str], seed: int) -> set[str]:
    """Return the codes about which something was said that nothing contradicts."""
    about = {
        code for lie in lies for code in (undated if lie.is_old else lie.codes if lie.name == "other_code" else ())
    }
    acted = {code for lie in lies if lie.name == "wrong_action" for code in lie.codes if is_chosen(seed, code)}
    return about | acted


def _believed(
    key: Row, row: Row, lies: Iterable[Lie], undated: set[str], seed: int, before: Mapping[str, set[Row]]
) -> str:
    """Return the lie that this wrong row is, if it is one that nothing contradicts; empty otherwise.

    A row of the session before under the date of Friday is one only as it stands: with all figures of that session.
    """
    dataset, code, session = key
    old = (dataset, session) == ("daily_bar", FRIDAY) and code in undated and row in before[code]
    for lie in lies:
        acted = lie.name == "wrong_action" and is_chosen(seed, code)
        if (old and lie.is_old) or (code in lie.codes and (lie.name == "other_code" or acted)):
            return f"{lie.name} of {lie.path.rpartition('/')[-1]}"
    return ""


def figures_of(world: World, session: date) -> dict[str, set[Row]]:
    """Return by code what the servers truly say of a session: KIS, and KRX the morning after."""
    world.lie(None)
    world.at(MONDAY)
    with world.kis() as kis, world.krx() as krx:
        bars = [*kis.daily_bars(CODES, session, session), *krx.market_bars(session)]
    names = ("open", "high", "low", "close", "volume", "trading_value", "change")
    found: dict[str, set[Row]] = {code: set() for code in CODES}
    for bar in bars:
        found[bar.stock_code].add(tuple(getattr(bar, name) for name in names))
    return found


def _is_edge(world: World, key: Row, after: State) -> bool:
    """Return whether a daily bar stands where the warehouse does not know the bars on both sides of it."""
    dataset, code, session = key
    calendar = world.server.view.calendar
    beside = (calendar.previous_session(session), calendar.next_session(session)) if dataset == "daily_bar" else ()
    return any((dataset, code, day) not in after.rows for day in beside)


def _is_named(cell: Row, after: State, errors: Iterable[str]) -> bool:
    dataset, code, session = cell
    held = {(dataset, code, session), (dataset, None, session), (dataset, code, None)}
    failed = any(dataset == one and first <= session <= last for one, first, last in after.failed)
    said = any(code in error or str(session) in error for error in errors)
    return cell in after.missing or bool(held & after.held) or failed or said


def _of(state: State, cell: Row) -> dict[Row, Row]:
    return {key: row for key, row in state.rows.items() if cell_of(key) == cell}
