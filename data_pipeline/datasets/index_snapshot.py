"""The main indices at a moment (현재지수)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from data_pipeline.datasets.beside import INDICES_BEFORE_MOMENTS
from data_pipeline.datasets.dataset import Dataset, Due, MarketSize, No, Present
from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity
from data_pipeline.datasets.frame import MOMENT, SESSION, SOURCE, VALUE, VOLUME, Column, Frame, Type, text
from data_pipeline.datasets.index_checks import BASE_REVISED, MOST_MOVED
from data_pipeline.datasets.row_checks import check_time
from data_pipeline.datasets.table import Table
from data_pipeline.market.index_records import MAIN_INDICES, IndexSnapshot, main_labels
from data_pipeline.market.seoul import seoul_date

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

_SEEN = ("family", "name", "observed_at")
_FIGURES = ("level", "change", "open", "high", "low", "volume", "trading_value")
_COLUMNS = (*_SEEN, "session", *_FIGURES)
_seen, _figures = attrgetter(*_SEEN), attrgetter(*_FIGURES)


def _values(one: IndexSnapshot) -> tuple[object, ...]:
    return (*_seen(one), seoul_date(one.observed_at), *_figures(one))


def check_index_snapshot(one: IndexSnapshot, earlier: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with an index at a moment: its time, its move, or a base that is not the close before."""
    yield from check_time(one, one.observed_at, context)
    base = one.level - one.change
    if abs(one.change) > MOST_MOVED * abs(base):
        yield Finding("limit", Severity.ERROR, f"moved by {one.change} from {base:.2f}", one)
    session = context.calendar.quoted_session(one.observed_at)
    before = earlier.of(one.label, context.calendar.previous_session(session))
    if before is not None and abs(base - before.close) > BASE_REVISED * before.close:
        yield Finding("base", Severity.ERROR, f"base {base:.2f} after close {before.close}", one)


def check_every_index(
    found: Sequence[IndexSnapshot], expected: Collection[Cell], _earlier: Earlier, _context: Context
) -> Iterator[Finding]:
    """Yield which main indices did not come."""
    if lacking := sorted({label for label, _ in expected} - {one.label for one in found}):
        yield Finding("missing", Severity.FATAL, f"{', '.join(lacking)} did not come")


INDEX_SNAPSHOT = Dataset(
    title="indices at a moment (현재지수)",
    about="the level of one main index at the moment at which it was asked for, and its day so far, in points",
    table=Table("index_snapshot", IndexSnapshot, _COLUMNS, _COLUMNS[:4], _values, day="session", sealed=True),
    due=Due.MAIN_NOW,
    ask=lambda source, _: source.index_snapshots(),
    market_day=No("KRX's Open API tells of finished sessions only"),
    size=MarketSize(len(MAIN_INDICES), main_labels, lambda *_: len(MAIN_INDICES), lambda _: 1),
    beside=INDICES_BEFORE_MOMENTS,
    check=check_index_snapshot,
    check_window=check_every_index,
    sieve=No("its rows are few"),
    follows=No("nothing is made of it, least of all a bar"),
    second_chance=No("the next one comes in a minute"),
    past=No("what was not seen then cannot be asked for later"),
    present=Present(timedelta(minutes=5), lambda *_: len(MAIN_INDICES), of_universe=False),
    frame=Frame(
        "index_snapshots",
        "index_snapshot",
        [
            text("family", "whose index it is (계열구분): KOSPI or KOSDAQ"),
            text("name", "Korean name (지수명), unique within its family"),
            MOMENT,
            SESSION,
            *(Column(name, Type.REAL, "points", f"b.{name}::float8") for name in ("level", "change")),
            *(
                Column(name, Type.REAL, "points", f"b.{name}::float8", nullable=True)
                for name in ("open", "high", "low")
            ),
            VOLUME,
            VALUE,
            SOURCE,
        ],
        "b.family, b.name, b.observed_at, b.session",
    ),
    archive=No("it has no months of its own, and is small"),
    loaded_by=("current_prices",),
)
