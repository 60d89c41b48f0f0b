"""Hostile seeds about index bars and investor flows: a backfill, an evening, a healing, against an emulator that lies.

The bars of the instruments, and the indices of the first session, are told truly: flows are held against the one, and
levels against the other. A row may end as in the undisturbed run, or missing and named; the same work without lies must
then leave what the undisturbed run left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from itertools import islice

from benchmarks._truth_hostile_server import empty_warehouse, quiet
from benchmarks._truth_hostile_told import ToldOfSeeds
from benchmarks._truth_hostile_world import (
    CODES,
    FRIDAY,
    MONDAY,
    NEXT_EVENING,
    THAT_EVENING,
    THURSDAY,
    Lie,
    Row,
    World,
    asked,
    prepared,
)
from data_pipeline.backfill.healing import healing
from data_pipeline.backfill.load import fill
from data_pipeline.backfill.plan import plan_backfill
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Backfill
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.many_windows import Loader
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.coverage.cells import missing_cells
from data_pipeline.market.index_records import MAIN_INDICES
from data_pipeline.market.sector_indices import SECTOR_INDICES
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.market import SyntheticMarket

BEGIN = date(2026, 10, 1)
"""To Thursday there are 33 sessions: a page of flows and some rows."""
_DATASETS = ("investor_flow", "index_bar")
_OLD = date(2000, 1, 1)
_TABLES = ("index_bar", "investor_flow", "proof", "rejected_row", "restatement", "ingest_run")
_OF_ANOTHER = ("other_code", "other_code_row")
"""Lies about flows that nothing contradicts where the other instrument traded about as many shares."""


class IndexedMarket(SyntheticMarket):
    """The six instruments of the other seeds and four old stocks of each board, so that each index moves."""

    @cached_property
    def _issues(self) -> dict[str, Issue]:
        market = SyntheticMarket()
        codes = {*CODES}
        for board in ("KOSPI", "KOSDAQ"):
            old = (one.stock_code for one in market.instruments(FRIDAY) if one.market == board)
            codes |= {*islice((code for code in old if market.listed_on(code) < _OLD), 4)}
        return {code: issue for code, issue in market._issues.items() if code in codes}  # noqa: SLF001


@dataclass
class ToldOfFlows(ToldOfSeeds):
    """What the seeds about index bars and flows counted.

    Nothing contradicts rows of another instrument, which traded about as much, or of another index where nothing was
    stored before.
    """

    wrong = ("rows_wrong", *ToldOfSeeds.wrong)

    rows_wrong: int = 0
    """Stored rows that differ from the undisturbed run, or that it does not have."""


class Work:
    """The same work of two days, whoever answers."""

    def __init__(self, world: World, *, refetch: bool = False) -> None:
        self.world, self.cells = world, "all" if refetch else "unstored"
        self.errors: list[str] = []
        self.untyped: list[str] = []

    def do(self) -> None:
        """Do all of it; a step that fails does not stop the next."""
        for moment, step in ((THAT_EVENING, self._past), (NEXT_EVENING, self._evening), (MONDAY, self._heal)):
            self.world.at(moment)
            for dataset in _DATASETS:
                self._do(partial(step, dataset, Run(moment=moment)))

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except DataPipelineError as error:
            self.world.connection.rollback()
            self.errors.append(str(error))
        except Exception as error:  # noqa: BLE001 - it is what this looks for
            self.world.connection.rollback()
            self.untyped.append(f"{type(error).__name__}: {error}")

    def _past(self, dataset: str, run: Run) -> None:
        with self.world.kis() as source:
            self._fill(source, Backfill(dataset, self._codes(dataset), BEGIN, THURSDAY, source.name, self.cells), run)

    def _evening(self, dataset: str, run: Run) -> None:
        with self.world.kis() as source:
            window = Window(self._codes(dataset), FRIDAY, FRIDAY)
            load_window(self.world.connection, source, DATASETS[dataset], window, run, threads=1)

    def _codes(self, dataset: str) -> tuple[str, ...]:
        return codes_of(self.world) if dataset == "investor_flow" else ()

    def _heal(self, dataset: str, run: Run) -> None:
        with self.world.kis() as source:
            for backfill in healing(self.world.connection, source.name, FRIDAY):
                if backfill.dataset == dataset:
                    self._fill(source, backfill, run)

    def _fill(self, source: KISDataSource, backfill: Backfill, run: Run) -> None:
        plan = plan_backfill(self.world.connection, backfill, Sources(source), run.due)
        if plan.requests:
            fill(plan, [source], Loader(self.world.connection, run, threads=1))


def hostile_flows(count: int, tell: Callable[[str], None] = lambda _: None) -> ToldOfFlows:
    """Run so many seeds on a Postgres that is deleted afterwards, and return what they counted."""
    with empty_warehouse() as (connection, folder):
        world = prepared(World(connection, folder, IndexedMarket()))
        return judged(world, range(1, count + 1), undisturbed(world), tell)


def codes_of(world: World) -> tuple[str, ...]:
    """Return every code that is listed on the last session, in order."""
    return tuple(one.stock_code for one in world.server.view.market.instruments(FRIDAY))


def begin(world: World) -> None:
    """Leave the lists, the daily bars and the indices of the session before the first, all of them true."""
    world.lie(None)
    with world.connection, world.connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DELETE FROM market.{table}")
    world.at(NEXT_EVENING)
    before = world.server.view.calendar.previous_session(BEGIN)
    with world.kis() as source:
        days = Window(codes_of(world), BEGIN, FRIDAY)
        run = Run(moment=NEXT_EVENING)
        load_window(world.connection, source, DATASETS["daily_bar"], days, run, threads=1)
        load_window(world.connection, source, DATASETS["index_bar"], Window((), before, before), run, threads=1)


def undisturbed(world: World) -> dict[Row, Row]:
    """Return the rows that the work leaves when nobody lies.

    Raises:
        RuntimeError: Some are missing.
    """
    begin(world)
    work = Work(world)
    with quiet():
        work.do()
    if wrong := [*work.errors, *work.untyped, *_missing(world)]:
        raise RuntimeError(f"the undisturbed run is not whole: {wrong[:3]}")
    return rows_of(world)


def judged(
    world: World, seeds: Iterable[int], truth: dict[Row, Row], tell: Callable[[str], None] = lambda _: None
) -> ToldOfFlows:
    """Return what became of these seeds."""
    told = ToldOfFlows()
    with quiet():
        for seed in seeds:
            _judge(world, seed, truth, told, tell)
            told.seeds += 1
    return told


def _judge(world: World, seed: int, truth: dict[Row, Row], told: ToldOfFlows, tell: Callable[[str], None]) -> None:
    begin(world)
    world.lie(seed)
    work = Work(world)
    work.do()
    lies, after = world.lies(), rows_of(world)
    missing, held, failed = _missing(world), _held(world), _failed(world)
    spared = {*_of_another(lies)}
    differ = [key for key, row in after.items() if truth.get(key) != row and key[:2] not in spared]
    lacking = [key for key in truth if key not in after]
    world.lie(None)
    again = Work(world, refetch=True)
    again.do()
    found = {
        "rows_wrong": differ,
        "unnamed": [key for key in lacking if key not in missing | held and not _is_told(key, failed, work.errors)],
        "not_healed": {key for key, row in rows_of(world).items() ^ truth.items()},
        "untyped": [*work.untyped, *again.untyped],
    }
    told.add(f"flows of seed {seed}", found, [(lie.name, lie.codes) for lie in lies], tell)
    told.named += len(lacking) - len(found["unnamed"])
    told.lies += len(lies)
    told.lies_uncontradictable += sum(truth.get(key) != row for key, row in after.items()) - len(differ)


def _of_another(lies: Iterable[Lie]) -> Iterator[Row]:
    """Yield the dataset and code, or every index, about which rows of another were told."""
    labels = [one.label for one in (*MAIN_INDICES, *SECTOR_INDICES)]
    for lie in lies:
        if lie.name in _OF_ANOTHER and "investor" in lie.path:
            yield from (("investor_flow", code) for code in lie.codes)
        elif lie.name == "other_code":
            yield from (("index_bar", label) for label in labels)


def rows_of(world: World) -> dict[Row, Row]:
    """Return the rows by dataset, code or label, and session."""
    flows = asked(world.connection, "SELECT stock_code::text, session, to_jsonb(f) FROM market.investor_flow f")
    bars = asked(world.connection, "SELECT family || ' ' || name, session, to_jsonb(b) FROM market.index_bar b")
    world.connection.rollback()
    return {
        (dataset, of, session): tuple(sorted((name, str(value)) for name, value in row.items() if name not in _LOADS))
        for dataset, rows in (("investor_flow", flows), ("index_bar", bars))
        for of, session, row in rows
    }


_LOADS = ("run_id", "loaded_at")


def _missing(world: World) -> set[Row]:
    calendar = world.server.view.calendar
    found: set[Row] = set()
    for code, gaps in missing_cells(world.connection, "investor_flow", None, BEGIN, FRIDAY).items():
        days = (day for first, last in gaps for day in calendar.sessions(first, last))
        found |= {("investor_flow", code, day) for day in days}
    query = "SELECT label, session FROM market.index_bar_cells(%s, %s) WHERE state = 'missing'"
    found |= {("index_bar", *cell) for cell in asked(world.connection, query, (BEGIN, FRIDAY))}
    world.connection.rollback()
    return found


def _held(world: World) -> set[Row]:
    """Return the cells of the quarantine; an index is named by its record, or by the reason."""
    held = asked(
        world.connection, "SELECT dataset, stock_code::text, session, reason, payload FROM market.rejected_row"
    )
    labels = [one.label for one in (*MAIN_INDICES, *SECTOR_INDICES)]
    found = {(dataset, code, session) for dataset, code, session, _, _ in held}
    for dataset, _, session, reason, payload in held:
        of_record = f"{payload.get('family')} {payload.get('name')}"
        named = [one for one in labels if one == of_record or f"index {one}:" in reason or f"index {one}," in reason]
        found |= {(dataset, label, session) for label in named}
    return found


def _failed(world: World) -> list[Row]:
    return asked(world.connection, "SELECT dataset, first, last FROM market.ingest_run WHERE status = 'failed'")


def _is_told(key: Row, failed: Iterable[Row], errors: Iterable[str]) -> bool:
    dataset, of, session = key
    return any(dataset == one and first <= session <= last for one, first, last in failed) or any(
        of in error or str(session) in error for error in errors
    )
