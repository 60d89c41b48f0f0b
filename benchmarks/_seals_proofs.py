"""What proofs and seals add to a load, in seconds of CPU of loader and server from KIS's answers to the commit.

The answers are the emulator's, rendered once and parsed anew with each load. Loads with seals, without, and
with each row's SHA-256 alone take turns: the steps of the ledger are measured by themselves, and a seal is what the
writing takes longer with its triggers.
"""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import requests
from psycopg2.extensions import connection as Connection  # noqa: N812

from benchmarks._loading_server import LoadingServer
from benchmarks._seals_columns import columns
from benchmarks._truth_hostile_world import World
from data_pipeline.datasets import DATASETS
from data_pipeline.datasets.rows import Rows
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.loading.coverage.unjoined import doubt_unjoined
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.evidence import gathering
from data_pipeline.market.origin import SANDBOX
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.endpoints import Endpoint
from data_pipeline.sources.kis.history import History
from data_pipeline.sources.kis.minutes import Minutes
from data_pipeline.sources.kis.parse_answer import Answer, parse_answer
from data_pipeline.sources.kis.server_clock import ServerClock
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect

MOMENT = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
LAST = date(2026, 9, 22)


@dataclass(frozen=True)
class Shape:
    """What a load brings."""

    dataset: str
    codes: int
    """At most."""
    sessions: int
    again: bool = False
    """Whether the same was loaded and proved before."""


SHAPES = {
    "minute_bar": Shape("minute_bar", 21, 1),
    "minute_bar_again": Shape("minute_bar", 21, 1, again=True),
    "daily_bar": Shape("daily_bar", 100, 100),
    "daily_session": Shape("daily_bar", 2700, 1),
}
"""By the end of the figures' names."""
_KINDS = ("sealed", "plain", "digests")
"""The loads that take turns."""


class _Emulator(World):
    """KIS in this process, whose bodies are kept: the same call hears the same again, rendered once."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        super().__init__(connection, folder, SyntheticMarket())
        self.at(MOMENT)
        self._source = self.kis()
        self._bodies: dict[tuple[str, ...], bytes] = {}

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        """Return what KIS answers; of what was asked before, only the parsing takes time."""
        key = (endpoint.path, *params.values())
        if key not in self._bodies:
            self._source.client.call(endpoint, params, subject)
            self._bodies[key] = self.last_body
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(self._bodies[key])
        return parse_answer(response, f"KIS {endpoint.name} of {subject}", subject, MOMENT)


class Timed(Warehouse):
    """A warehouse that adds up the CPU of the ledger's steps, and of writing."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.spent: dict[str, float] = defaultdict(float)

    def do(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Take the step."""
        began = super().do(cpu)
        result = super().do(step, *args, **kwargs)
        proves = step is doubt_unjoined or isinstance(getattr(step, "__self__", None), Ledger)
        kind = "proofs" if proves else "writing" if step is upsert else "others"
        self.spent[kind] += super().do(cpu) - began
        return result


@dataclass
class _Spent:
    """Seconds of CPU of the loads of one shape, with seals and without."""

    whole: list[float] = field(default_factory=list)
    proofs: list[float] = field(default_factory=list)
    sealed: list[float] = field(default_factory=list)
    """Of writing, with seals ..."""
    plain: list[float] = field(default_factory=list)
    """... without ..."""
    digests: list[float] = field(default_factory=list)
    """... and where each new row's SHA-256 is worked out, and nothing done with it."""

    def shares(self, shape: str, *, again: bool) -> dict[str, float]:
        """Return the shares by figure; what comes again is not written, so it is not sealed."""
        whole, proofs = median(self.whole), median(self.proofs)
        plain = median(self.plain)
        seals, digests = (0.0 if again else median(kind) - plain for kind in (self.sealed, self.digests))
        return {
            f"proof_share_{shape}": round(proofs / whole, 4),
            f"seal_share_{shape}": round(seals / whole, 4),
            f"digest_share_{shape}": round(digests / whole, 4),
            f"cost_share_{shape}": round((proofs + seals) / whole, 4),
        }


def cost_shares(server: LoadingServer, folder: Path, rounds: int) -> dict[str, float]:
    """Return by shape which part of the CPU of a load goes into proofs, into seals and into both, of medians.

    Args:
        server: With nothing in it.
        folder: For the emulator's state.
        rounds: Loads with seals, as many without, and as many with each row's SHA-256 alone, in turn.
    """
    with closing(connect(server.url("owner"))) as connection, closing(_Emulator(connection, folder)) as kis:
        codes = _listed(connection)
        found: dict[str, float] = {}
        for name, shape in SHAPES.items():
            first = krx_calendar().sessions(date(2025, 1, 2), LAST)[-shape.sessions]
            window = Window(tuple(codes[: shape.codes]), first, LAST)
            ask = _asking(kis, shape.dataset, window)
            with gathering():
                found[f"rows_{name}"] = len([*ask()])
            spent = _Spent()
            for turn in range(3 * rounds):
                kind = _KINDS[turn % 3]
                server.empty()
                server.seal(wanted=kind == "sealed", table=shape.dataset)
                server.digest(wanted=kind == "digests", table=shape.dataset)
                if shape.again:
                    _load(connection, shape.dataset, window, ask)
                with columns(kind):
                    _add(spent, _load(connection, shape.dataset, window, ask, again=shape.again), kind)
            server.digest(wanted=False, table=shape.dataset)
            found |= spent.shares(name, again=shape.again)
        return found


def _listed(connection: Connection) -> list[str]:
    """Load the list of instruments, and return the codes that were listed long before."""
    load_window(
        connection,
        MockDataSource(clock=lambda: MOMENT),
        DATASETS["instrument"],
        Window((), LAST, LAST),
        Run(moment=MOMENT),
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT stock_code::text FROM market.instrument WHERE listed_on < '2020-01-01' ORDER BY 1")
        return [code for (code,) in cursor.fetchall()]


def _asking(kis: _Emulator, dataset: str, window: Window) -> Callable[[], Iterable[Any]]:
    """Return what asks for the records of a window, anew with each call."""
    clock, calendar, codes = ServerClock(lambda: MOMENT), krx_calendar(), window.stock_codes
    if dataset == "minute_bar":
        minutes = Minutes(kis.call, clock, calendar, virtual=False)
        return lambda: (bar for code in codes for bar in reversed([*minutes.bars(code, window.first, window.last)]))
    if window.first == window.last:
        return lambda: History(kis.call, clock, calendar).bars_of_session([*codes], window.last)
    days = History(kis.call, clock, calendar)
    return lambda: (bar for code in codes for bar in days.daily_bars(code, window.first, window.last))


def _load(
    connection: Connection, dataset: str, window: Window, ask: Callable[[], Iterable[Any]], *, again: bool = False
) -> dict[str, float]:
    """Load a window and return the seconds of CPU: of the whole, of proofs and of writing.

    Raises:
        RuntimeError: Not every row came as expected.
    """
    one, run = DATASETS[dataset], Run(moment=MOMENT, remember_empty=True)
    began = cpu(connection)
    with gathering() as evidence:
        records: list[Any] = [*ask()]
    parsed = cpu(connection) - began
    with closing(Timed(connection)) as warehouse:
        load = WindowLoad(warehouse, one, SANDBOX, window, run)
        load.start()
        warehouse.commit()
        rows = Rows(records)
        if one.sieve:  # which has read these columns before the ledger counts them
            rows.known("stock_code"), rows.known("session")
        if one.table.columnar:  # as the writing does
            rows.values("stock_code"), rows.values("session")
        counting = time.process_time()
        Ledger(one, (), window.sessions, remember_empty=True).watch(rows)
        counted = time.process_time() - counting
        load.take(Fetched(records, {}, Rejections(), evidence))
        warehouse.spent.clear()
        began = cpu(connection)
        counts = load.store()
        warehouse.commit_run(load.run_id)
        whole = parsed + cpu(connection) - began
    if counts["missing"] or counts["unchanged" if again else "inserted"] != len(records):
        raise RuntimeError(f"{dataset} of {window}: {counts} of {len(records)} rows")
    spent = warehouse.spent
    return {"whole": whole, "proofs": spent["proofs"] + counted, "writing": spent["writing"]}


def _add(spent: _Spent, found: Mapping[str, float], kind: str) -> None:
    spent.proofs.append(found["proofs"])
    if kind == "sealed":
        spent.whole.append(found["whole"])
    getattr(spent, kind).append(found["writing"])


def cpu(connection: Connection) -> float:
    """Return the seconds of CPU of this process and its server process; source: proc(5), /proc/pid/schedstat."""
    ran = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text("ascii").split()[0]
    return time.process_time() + int(ran) / 1e9
