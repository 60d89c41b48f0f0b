"""What can happen to a sealed warehouse past its triggers: some 250 kinds of damage, each with what must be named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data_pipeline.loading.coverage.seals import SEALED, Difference
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.index_records import IndexBar, IndexSnapshot
from data_pipeline.market.investor_records import KINDS, InvestorFlow, Traded
from data_pipeline.market.records import CurrentPrice, DailyBar, MinuteBar, OrderBook, OrderBookLevel
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from tests.support.tables import TABLES

MON, TUE, LATER = date(2026, 9, 14), date(2026, 9, 15), date(2026, 10, 1)
DAYS = (MON, TUE, LATER)
"""Two sessions of one month, as a broker told them, and one of the next, as the exchange did."""
CODES = ("000001", "000002", "000003")
MONTHS = {"2026_09": (MON, TUE), "2026_10": (LATER,)}
COUNTED = dict.fromkeys(SEALED, "volume") | {"order_book": "total_bid_volume"}
"""A column that differs from row to row and may be any number."""
TIMES = {
    "minute_bar": "at",
    "price_snapshot": "observed_at",
    "order_book": "observed_at",
    "index_snapshot": "observed_at",
}
VALUES = {
    "stock_code": "'00000Z'", "session": "DATE '2026-09-16'", "stock_name": "stock_name || ' '", "high": "high + 1",
    "low": "low - 1", "high_price": "high_price + 1", "low_price": "low_price - 1", "change_rate": "change_rate + 0.01",
    "bid_prices": "array_replace(bid_prices, 98::bigint, 97)", "bid_volumes": "bid_volumes[2:2] || bid_volumes[1:1]",
    "ask_prices": "ask_prices[1:1] || 999::bigint", "ask_volumes": "array_replace(ask_volumes, 0::bigint, 1)",
    "venue": "'NXT'", "traded_at": "traded_at + interval '1 second'", "side": "'sell'", "filled": "NOT filled",
    "market_class": "'30'", "hour_class": "'A'", "session_class": "'3'",
    "family": "'KRX'", "name": "'00000Z'",
    "market_cap": "NULL", "at": "at + interval '1 minute'", "observed_at": "observed_at + interval '1 microsecond'",
}  # fmt: skip
"""What another value of a column is, where it is not one more; the table's checks let each of them in."""


@dataclass(frozen=True)
class Damage:
    """One kind of damage."""

    name: str
    statements: tuple[str, ...]
    named: dict[tuple[str, date], Difference]
    """What verifying must find, and nothing else."""

    def __str__(self) -> str:
        return self.name


def fill(connection) -> None:
    """Load three codes on three sessions into each table: one bar, or two moments."""
    for day in DAYS:
        source = "krx" if day == LATER else "kis"
        for name, table in TABLES.items():
            if name in SEALED:
                upsert(connection, table, list(_records(name, day)), source)


def _flow(code: str, day: date, count: int) -> InvestorFlow:
    some, nobody = Traded(3 + count, 3 + count, 10**6, 10**6), Traded(0, 0, 0, 0)
    return InvestorFlow(code, day, 7 + count, some, nobody, nobody, dict.fromkeys(KINDS, nobody))


def _price(code: str, at: datetime, count: int) -> CurrentPrice:
    return CurrentPrice(code, "종목", 100, 1, 2.04, 100, 200, 50, 7 + count, 700, at.isoformat(), 10**12)


def _book(code: str, at: datetime, count: int) -> OrderBook:
    bids = (OrderBookLevel(99, 5), OrderBookLevel(98, 6))
    asks = (OrderBookLevel(101, 7), OrderBookLevel(102, 0))
    return OrderBook(code, "종목", bids, asks, 50 + count, 70, at.isoformat())


def _trade(code: str, day: date, count: int) -> Trade:
    at, counted = datetime(day.year, day.month, day.day, 9, tzinfo=SEOUL), (1, 1, 1, 1)
    return Trade(Venue.KRX, code, at, 100, 7 + count, 1000 + count, 700, Side.BUY, *counted, 101, 99, "20", "0", "2")


_OF_DAYS: dict[str, Callable[[str, date, int], object]] = {
    "daily_bar": lambda code, day, count: DailyBar(code, day, 100, 200, 50, 100, 7 + count, 700, 1),
    "index_bar": lambda code, day, count: IndexBar(
        "KOSPI", code, day, 100.25, 200.5, 50.0, 100.0, 1.0, 7 + count, 700, 10**12
    ),
    "investor_flow": _flow,
    "trade": _trade,
}
_OF_MOMENTS: dict[str, Callable[[str, datetime, int], object]] = {
    "minute_bar": lambda code, at, count: MinuteBar(code, at, 100, 200, 50, 100, 7 + count, 700),
    "index_snapshot": lambda code, at, count: IndexSnapshot(
        "KOSPI", code, at, 100.0, 1.0, 100.25, 200.5, 50.0, 7 + count, 700
    ),
    "price_snapshot": _price,
    "order_book": _book,
}


def _records(name: str, day: date) -> Iterator[object]:
    for number, code in enumerate(CODES, start=DAYS.index(day) * 10):
        if name in _OF_DAYS:
            yield _OF_DAYS[name](code, day, number)
        for minute in (0, 5) if name in _OF_MOMENTS else ():
            at = datetime(day.year, day.month, day.day, 9, minute, tzinfo=SEOUL)
            yield _OF_MOMENTS[name](code, at, 2 * number + minute)


def every_damage() -> Iterator[Damage]:
    """Yield every kind for every table; what is done through a table is done with its triggers off."""
    for name in SEALED:
        of_partitions = (_partitions, _restores) if TABLES[name].partitioned else (_emptied,)
        for kinds in (_columns, _rows, _pairs, _moves, _seals, *of_partitions):
            yield from kinds(name)


def _code(name: str) -> str:
    """The column that holds the codes."""
    return "stock_code" if "stock_code" in TABLES[name].columns else "name"


def _part(name: str, month: str) -> str:
    """Where the rows of a month stand."""
    return f"market.{name}_{month}" if TABLES[name].partitioned else f"market.{name}"


def _row(name: str, day: date, code: str = CODES[0]) -> str:
    time = f" AND {TIMES[name]} = '{day} 09:00+09'" if name in TIMES else ""
    return f"WHERE session = '{day}' AND {_code(name)} = '{code}'{time}"


def _columns(name: str) -> Iterator[Damage]:
    """One column of one row of each month: in the partition, or through the table where the row leaves its session."""
    for month, (day, *_) in MONTHS.items():
        where = _row(name, day)
        for column in TABLES[name].columns:
            if column == "session":
                continue
            change = f"UPDATE {_part(name, month)} SET {column} = {VALUES.get(column, f'{column} + 1')} {where}"
            yield Damage(f"{name} {day}: another {column}", (change,), {(name, day): Difference.CHANGED})
        other = "kis" if day == LATER else "krx"
        change = f"UPDATE {_part(name, month)} SET source = '{other}' {where}"
        yield Damage(f"{name} {day}: another source", (change,), {(name, day): Difference.SOURCE})


def _rows(name: str) -> Iterator[Damage]:
    """A row that is lost, all rows lost, a row that is there twice, and one lost while another is there twice."""
    for day in DAYS:
        partition = _part(name, f"{day:%Y_%m}")
        lose, lose_all = (
            f"DELETE FROM {partition} {_row(name, day)}",
            f"DELETE FROM {partition} WHERE session = '{day}'",
        )
        double = _inserted(name, partition, {_code(name): "'00000Z'"}, _row(name, day, CODES[1]))
        yield Damage(f"{name} {day}: a row lost", (lose,), {(name, day): Difference.LOST})
        yield Damage(f"{name} {day}: every row lost", (lose_all,), {(name, day): Difference.GONE})
        yield Damage(f"{name} {day}: a row twice", (double,), {(name, day): Difference.ADDED})
        yield Damage(f"{name} {day}: one lost, one twice", (lose, double), {(name, day): Difference.CHANGED})
        if time := TIMES.get(name):
            again = _inserted(name, partition, {time: f"{time} + interval '1 minute'"}, _row(name, day))
            yield Damage(f"{name} {day}: a row twice, later", (again,), {(name, day): Difference.ADDED})


def _inserted(name: str, into: str, changes: dict[str, str], where: str) -> str:
    columns = (*TABLES[name].columns, "source", "run_id", "loaded_at")
    chosen = ", ".join(changes.get(column, column) for column in columns)
    return f"INSERT INTO {into} ({', '.join(columns)}) SELECT {chosen} FROM market.{name} {where}"


def _pairs(name: str) -> Iterator[Damage]:
    """Two rows that swap a value, and two that change against each other, so that no sum tells."""
    column = COUNTED[name]
    for day in DAYS:
        one, other = _row(name, day, CODES[0]), _row(name, day, CODES[1])
        named = {(name, day): Difference.CHANGED}
        both = f"{one.replace('WHERE', 'WHERE (')}) OR ({other.removeprefix('WHERE ')})"
        total = f"(SELECT sum({column}) FROM market.{name} {both})"
        swap = f"UPDATE market.{name} SET {column} = {total} - {column} {both}"
        one_up = f"{column} + CASE {_code(name)} WHEN '{CODES[0]}' THEN 1 ELSE -1 END"
        shift = f"UPDATE market.{name} SET {column} = {one_up} {both}"
        yield Damage(f"{name} {day}: two rows swap {column}", (swap,), named)
        yield Damage(f"{name} {day}: two rows change {column} against each other", (shift,), named)


def _later(name: str, days: int) -> str:
    """What moves the moment of a row with its session, where the table holds the two together."""
    time = {"minute_bar": "at", "trade": "traded_at"}.get(name)
    return f", {time} = {time} + interval '{days} days'" if time else ""


def _moves(name: str) -> Iterator[Damage]:
    """A row that stands in another session, within the month or beyond."""
    for day, to in ((MON, TUE), (MON, LATER), (LATER, TUE)):
        time = _later(name, (to - day).days)
        move = f"UPDATE market.{name} SET {_code(name)} = '00000Z', session = '{to}'{time} {_row(name, day)}"
        named = {(name, day): Difference.LOST, (name, to): Difference.ADDED}
        yield Damage(f"{name} {day}: a row moved to {to}", (move,), named)
        empty = to + timedelta(days=1)
        time = _later(name, (empty - day).days)
        move = f"UPDATE market.{name} SET session = '{empty}'{time} WHERE session = '{day}'"
        named = {(name, day): Difference.GONE, (name, empty): Difference.UNSEALED}
        yield Damage(f"{name} {day}: the session moved to {empty}", (move,), named)


def _emptied(name: str) -> Iterator[Damage]:
    """A table without partitions that is empty."""
    everywhere = {(name, day): Difference.GONE for day in DAYS}
    yield Damage(f"{name} truncated", (f"TRUNCATE market.{name}",), everywhere)


def _partitions(name: str) -> Iterator[Damage]:
    """A month that is away, by each way there is."""
    for month, days in MONTHS.items():
        gone = {(name, day): Difference.GONE for day in days}
        partition = f"market.{name}_{month}"
        yield Damage(f"{partition} dropped", (f"DROP TABLE {partition}",), gone)
        yield Damage(f"{partition} truncated", (f"TRUNCATE {partition}",), gone)
        yield Damage(f"{partition} detached", (f"ALTER TABLE market.{name} DETACH PARTITION {partition}",), gone)
    everywhere = {(name, day): Difference.GONE for day in DAYS}
    yield Damage(f"{name} truncated", (f"TRUNCATE market.{name}",), everywhere)


def _seals(name: str) -> Iterator[Damage]:
    """A seal that is away or says something else."""
    for day in DAYS:
        which = f"WHERE dataset = '{name}' AND session = '{day}'"
        yield Damage(
            f"{name} {day}: the seal lost", (f"DELETE FROM market.seal {which}",), {(name, day): Difference.UNSEALED}
        )
        for change, difference in (
            ("rows = rows + 1", Difference.LOST), ("rows = rows - 1", Difference.ADDED),
            ("digest = mod(digest + 1, 2::numeric ^ 256)", Difference.CHANGED), ("official = 1", Difference.SOURCE),
            ("version = 2", Difference.FORM), ("session = session + 1", Difference.UNSEALED),
        ):  # fmt: skip
            named = {(name, day): difference}
            if difference is Difference.UNSEALED and day != MON:
                named[name, day + timedelta(days=1)] = Difference.GONE
            elif difference is Difference.UNSEALED:
                continue  # the next day has a seal already
            yield Damage(f"{name} {day}: a seal with {change}", (f"UPDATE market.seal SET {change} {which}",), named)
    yield Damage(
        f"{name}: every seal lost", (f"DELETE FROM market.seal WHERE dataset = '{name}'",),
        {(name, day): Difference.UNSEALED for day in DAYS},
    )  # fmt: skip


def _restores(name: str) -> Iterator[Damage]:
    """A backup that came back in part, or an older one over a newer warehouse."""
    september = f"market.{name}_2026_09"
    half = (
        f"CREATE TEMPORARY TABLE backup AS SELECT * FROM {september}", f"TRUNCATE {september}",
        f"INSERT INTO {september} SELECT * FROM backup WHERE stock_code <> '{CODES[2]}'",
    )  # fmt: skip
    lost = {(name, MON): Difference.LOST, (name, TUE): Difference.LOST}
    yield Damage(f"{name}: half of a month restored", half, lost)
    one_day = (*half[:2], f"INSERT INTO {september} SELECT * FROM backup WHERE session = '{MON}'")
    yield Damage(f"{name}: one session of two restored", one_day, {(name, TUE): Difference.GONE})
    older = (
        f"CREATE TEMPORARY TABLE backup AS SELECT * FROM {september}",
        f"UPDATE backup SET {COUNTED[name]} = {COUNTED[name]} + 1 WHERE session = '{TUE}'", f"TRUNCATE {september}",
        f"INSERT INTO {september} SELECT * FROM backup",
    )  # fmt: skip
    yield Damage(f"{name}: an older month restored", older, {(name, TUE): Difference.CHANGED})
    new = _inserted(name, f"market.{name}", _shifted(name), f"WHERE session = '{MON}'")
    yield Damage(
        f"{name}: a session loaded past the triggers", (new,), {(name, MON + timedelta(days=3)): Difference.UNSEALED}
    )
    beyond = (
        f"CREATE TABLE market.{name}_rest PARTITION OF market.{name} DEFAULT",
        new.replace("interval '3 days'", "interval '90 days'").replace("session + 3", "session + 90"),
    )
    found = {(name, MON + timedelta(days=90)): Difference.UNSEALED}
    yield Damage(f"{name}: rows in a partition of no month", beyond, found)


def _shifted(name: str) -> dict[str, str]:
    time = "traded_at" if name == "trade" else TIMES.get(name)
    return {"session": "session + 3"} | ({time: f"{time} + interval '3 days'"} if time else {})
