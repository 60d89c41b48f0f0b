"""Reads the runs of both voices out of the warehouse, and writes what follows from them."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.loading.instruments.history import FIELDS, Facts, Range, Run, Stay, Voice, history, stays
from data_pipeline.market.origin import BROKER, EXCHANGE

_COLUMNS = ", ".join(FIELDS).replace("face_value", "face_value::float8")
_AROUND = f"""
    SELECT stock_code, first_told, last_told, {_COLUMNS} FROM (
        SELECT *, row_number() OVER (PARTITION BY stock_code ORDER BY first_told DESC) AS place
        FROM market.instrument_report
        WHERE voice = %(voice)s AND first_told <= %(session)s
            AND (%(codes)s::text[] IS NULL OR stock_code = ANY(%(codes)s))
    ) before WHERE place <= 2
    UNION ALL
    SELECT stock_code, first_told, last_told, {_COLUMNS} FROM (
        SELECT DISTINCT ON (stock_code) * FROM market.instrument_report
        WHERE voice = %(voice)s AND first_told > %(session)s
            AND (%(codes)s::text[] IS NULL OR stock_code = ANY(%(codes)s))
        ORDER BY stock_code, first_told
    ) after
    ORDER BY stock_code, first_told
"""  # noqa: S608 - columns of the schema
_ALL = f"""
    SELECT stock_code, voice, source, run_id, first_told, last_told, {_COLUMNS} FROM market.instrument_report
    WHERE stock_code = ANY(%s) ORDER BY stock_code, first_told
"""  # noqa: S608 - as above
_EVENTS = """
    SELECT DISTINCT stock_code FROM market.instrument_report WHERE voice = %(voice)s AND (
        (first_told > %(after)s AND first_told <= %(until)s)
        OR (last_told >= %(since)s AND last_told < %(newest)s AND last_told <= %(until)s))
"""
_RUN = ("stock_code", "voice", "first_told", "last_told", *FIELDS, "source", "run_id")
_RUNS = "json_populate_recordset(NULL::market.instrument_report, %s)"
_NEW_RUNS = f"""
    INSERT INTO market.instrument_report ({", ".join(_RUN)}) SELECT {", ".join(_RUN)} FROM {_RUNS}
"""  # noqa: S608 - as above
_OLD_RUNS = f"""
    DELETE FROM market.instrument_report r USING {_RUNS} AS gone
    WHERE r.stock_code = gone.stock_code AND r.voice = gone.voice AND r.first_told = gone.first_told
"""  # noqa: S608 - as above
_LONGER_RUNS = f"""
    UPDATE market.instrument_report r SET last_told = longer.last_told FROM {_RUNS} AS longer
    WHERE r.stock_code = longer.stock_code AND r.voice = longer.voice AND r.first_told = longer.first_told
"""  # noqa: S608 - as above
_STATED = (*FIELDS, "as_of", "listed_from", "delisted_on", "source")
_ASSIGNED = ", ".join(f"{name} = EXCLUDED.{name}" for name in _STATED)
_INSTRUMENT = ("stock_code", *_STATED, "run_id")
_INSTRUMENTS = f"""
    INSERT INTO market.instrument AS i ({", ".join(_INSTRUMENT)})
    SELECT {", ".join(_INSTRUMENT)} FROM json_populate_recordset(NULL::market.instrument, %s)
    ON CONFLICT (stock_code) DO UPDATE SET {_ASSIGNED}, run_id = EXCLUDED.run_id, loaded_at = statement_timestamp(),
        base_price = CASE WHEN i.as_of = EXCLUDED.as_of THEN i.base_price END
    WHERE ({", ".join(f"i.{name}" for name in _STATED)})
        IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in _STATED)})
    RETURNING stock_code
"""  # noqa: S608 - as above
_PRESENCE = ("stock_code", "session", "base_price", "source", "run_id")
_PRESENT = """
    UPDATE market.instrument i SET as_of = new.session, run_id = new.run_id, loaded_at = statement_timestamp(),
        base_price = coalesce(new.base_price, CASE WHEN i.as_of = new.session THEN i.base_price END),
        source = CASE WHEN i.as_of < new.session OR market.source_rank(new.source) > market.source_rank(i.source)
            THEN new.source::market.source ELSE i.source END
    FROM json_to_recordset(%s) AS new (stock_code text, session date, base_price bigint, source text, run_id bigint)
    WHERE i.stock_code = new.stock_code AND (i.delisted_on IS NULL OR new.session < i.delisted_on)
        AND (i.as_of < new.session OR (i.as_of = new.session
        AND (coalesce(new.base_price, i.base_price) IS DISTINCT FROM i.base_price
            OR market.source_rank(new.source) > market.source_rank(i.source))))
    RETURNING i.stock_code
"""
_EARLIER = ("stock_code", "delisted_on", "listed_from", "isin", "last_seen")
_EARLIER_STAYS = f"""
    INSERT INTO market.earlier_listing ({", ".join(_EARLIER)})
    SELECT {", ".join(_EARLIER)} FROM json_populate_recordset(NULL::market.earlier_listing, %s)
"""  # noqa: S608 - as above


@dataclass(frozen=True)
class Lists:
    """The sessions of one voice's lists, oldest first."""

    told: Sequence[date] = ()
    """All of them."""
    complete: Sequence[date] = ()
    """Those whose list was complete."""

    def with_(self, session: date, *, complete: bool) -> Lists:
        """Return these sessions and one more."""
        return Lists(sorted({*self.told, session}), sorted({*self.complete, session}) if complete else self.complete)


def read_lists(cursor: Cursor) -> dict[str, Lists]:
    """Return the lists of both voices."""
    cursor.execute("SELECT voice, session, complete FROM market.instrument_list ORDER BY session")
    rows = cursor.fetchall()
    return {
        voice: Lists(
            [session for one, session, _ in rows if one == voice],
            [session for one, session, complete in rows if one == voice and complete],
        )
        for voice in (EXCHANGE, BROKER)
    }


def runs_around(cursor: Cursor, voice: str, session: date, stock_codes: Collection[str] | None) -> dict[str, list[Run]]:
    """Return the runs that a list of this session may change, by code; ``stock_codes`` None means every code."""
    codes = None if stock_codes is None else list(stock_codes)
    cursor.execute(_AROUND, {"voice": voice, "session": session, "codes": codes})
    found: dict[str, list[Run]] = defaultdict(list)
    for code, first, last, *facts in cursor.fetchall():
        found[code].append(Run(first, last, Facts(*facts)))
    return found


def note_list(
    cursor: Cursor, voice: str, session: date, count: int, source: str, run_id: int | None, *, complete: bool
) -> None:
    """Record that a list was loaded; one that was complete stays so."""
    cursor.execute(
        """
        INSERT INTO market.instrument_list AS l (session, voice, complete, issues, source, run_id)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (session, voice) DO UPDATE SET complete = l.complete OR EXCLUDED.complete,
            issues = CASE WHEN EXCLUDED.complete THEN EXCLUDED.issues ELSE l.issues END
        WHERE (l.complete, l.issues) IS DISTINCT FROM (l.complete OR EXCLUDED.complete,
            CASE WHEN EXCLUDED.complete THEN EXCLUDED.issues ELSE l.issues END)
        """,
        (session, voice, complete, count, source, run_id),
    )


def write_runs(
    cursor: Cursor,
    voice: str,
    changes: Mapping[str, tuple[Sequence[Run], Sequence[Run]]],
    source: str,
    run_id: int | None,
) -> set[str]:
    """Replace old runs by new ones, and return the codes whose runs did more than grow longer.

    ``changes`` holds the old and the new runs of each code.
    """
    longer, gone, new, changed = [], [], [], set()
    for code, (old, runs) in changes.items():
        if [(run.first, run.facts) for run in old] == [(run.first, run.facts) for run in runs]:
            longer += [(code, voice, run.first, run.last) for run in set(runs) - set(old)]
            continue
        changed.add(code)
        gone += [(code, voice, run.first) for run in set(old) - set(runs)]
        new += [(code, voice, run.first, run.last, *_values(run.facts), source, run_id) for run in set(runs) - set(old)]
    _run(cursor, _LONGER_RUNS, _RUN, longer)
    _run(cursor, _OLD_RUNS, _RUN, gone)
    _run(cursor, _NEW_RUNS, _RUN, new)
    return changed


def codes_with_events(cursor: Cursor, voice: str, lists: Lists, after: date | None, until: date | None) -> set[str]:
    """Return the codes about which a voice said something new after one session, until another, included."""
    after, until = after or date.min, until or date.max
    since = max((session for session in lists.complete if session <= after), default=date.min)
    newest = lists.complete[-1] if lists.complete else date.min
    cursor.execute(_EVENTS, {"voice": voice, "after": after, "until": until, "since": since, "newest": newest})
    return {code for (code,) in cursor.fetchall()}


def told_by_exchange_alone(cursor: Cursor) -> set[str]:
    """Return the codes that were on no list of the brokers: each of those lists says that they were not listed."""
    cursor.execute(
        "SELECT stock_code FROM market.instrument_report GROUP BY stock_code HAVING bool_and(voice = %s)", (EXCHANGE,)
    )
    return {code for (code,) in cursor.fetchall()}


def reused_codes(cursor: Cursor, stock_codes: Collection[str]) -> set[str]:
    """Return the codes that had more than one stay on the list."""
    cursor.execute("SELECT stock_code FROM market.earlier_listing WHERE stock_code = ANY(%s)", (list(stock_codes),))
    return {code for (code,) in cursor.fetchall()}


def adjusted_on(cursor: Cursor, days: Collection[tuple[str, date]]) -> set[str]:
    """Return the codes whose prices are adjusted on one of these sessions."""
    cursor.execute(
        "SELECT a.stock_code FROM market.price_adjustment a JOIN unnest(%s::text[], %s::date[]) d (stock_code, session)"
        " ON d.stock_code = a.stock_code AND d.session = a.session",
        ([code for code, _ in days], [day for _, day in days]),
    )
    return {code for (code,) in cursor.fetchall()}


def work_out(cursor: Cursor, stock_codes: Collection[str], lists: Mapping[str, Lists]) -> tuple[set[str], set[str]]:
    """Work out the history of these codes again and write what changed.

    Returns:
        The codes whose row in ``market.instrument`` changed, and those whose earlier stays on the list changed.
    """
    codes = sorted(stock_codes)
    if not codes:
        return set(), set()
    cursor.execute(_ALL, (codes,))
    told: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for code, *rest in cursor.fetchall():
        told[code].append(tuple(rest))
    known = [_Told(code, told[code], lists) for code in codes]
    rows = [row for one in known for row in one.history_rows()]
    cursor.execute("SELECT market.replace_instrument_history(%s, %s)", (codes, json.dumps(rows, default=str)))
    present = [one.instrument_row() for one in known if one.stays]
    written = _run(cursor, _INSTRUMENTS, _INSTRUMENT, present)
    never = [one.code for one in known if not one.stays]
    cursor.execute(
        "UPDATE market.instrument SET delisted_on = as_of"
        " WHERE stock_code = ANY(%s) AND delisted_on IS DISTINCT FROM as_of",
        (never,),
    )
    return written, _replace_earlier(cursor, codes, [row for one in known for row in one.earlier_rows()])


def touch_present(cursor: Cursor, rows: Iterable[tuple[str, date, int | None, str, int | None]]) -> set[str]:
    """Date present rows by a list that is at least as new, set their base price, and return the codes that changed."""
    return _run(cursor, _PRESENT, _PRESENCE, rows)


def _replace_earlier(cursor: Cursor, codes: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> set[str]:
    cursor.execute(
        f"SELECT {', '.join(_EARLIER)} FROM market.earlier_listing WHERE stock_code = ANY(%s)",  # noqa: S608 - as above
        (list(codes),),
    )
    held = set(cursor.fetchall())
    if changed := {row[0] for row in held ^ set(rows)}:
        cursor.execute("DELETE FROM market.earlier_listing WHERE stock_code = ANY(%s)", (sorted(changed),))
        _run(cursor, _EARLIER_STAYS, _EARLIER, [row for row in rows if row[0] in changed])
    return changed


class _Told:
    """All that both voices said about one code, and the rows that follow from it."""

    def __init__(self, code: str, told: Sequence[tuple[Any, ...]], lists: Mapping[str, Lists]) -> None:
        self.code = code
        self._told, self._lists = told, lists
        runs: dict[str, list[Run]] = {EXCHANGE: [], BROKER: []}
        for voice, _, _, first, last, *facts in told:
            runs[voice].append(Run(first, last, Facts(*facts)))
        exchange = Voice(runs[EXCHANGE], lists[EXCHANGE].complete if runs[EXCHANGE] else ())
        self.ranges: list[Range] = history(exchange, Voice(runs[BROKER], lists[BROKER].complete))
        self.stays: list[Stay] = stays(self.ranges)

    def history_rows(self) -> list[dict[str, object]]:
        return [self._history_row(one) for one in self.ranges]

    def _history_row(self, one: Range) -> dict[str, object]:
        source, run_id = self._teller(one.valid_from)
        facts = dict(zip(FIELDS, _values(one.facts), strict=True))
        days = {"valid_from": one.valid_from, "valid_to": one.valid_to}
        return {"stock_code": self.code, **days, **facts, "source": source, "run_id": run_id, "loaded_at": "now"}

    def instrument_row(self) -> tuple[object, ...]:
        stay, facts = self.stays[-1], self.ranges[-1].facts
        as_of = self._last_seen(stay)
        source, run_id = self._teller(as_of)
        return self.code, *_values(facts), as_of, stay.listed_from, stay.delisted_on, source, run_id

    def earlier_rows(self) -> list[tuple[object, ...]]:
        return [
            (self.code, stay.delisted_on, stay.listed_from, stay.isin, self._last_seen(stay))
            for stay in self.stays[:-1]
        ]

    def _last_seen(self, stay: Stay) -> date:
        end = stay.delisted_on or date.max
        before = {voice: lists.told[: bisect_left(lists.told, end)] for voice, lists in self._lists.items()}
        seen: list[date] = [
            last if last < end else before[voice][-1] for voice, _, _, first, last, *_ in self._told if first < end
        ]
        return max(seen)

    def _teller(self, session: date) -> tuple[str, int | None]:
        """Return the source that told of a session, the exchange if both did, and the run that loaded it."""
        at = [row for row in self._told if row[3] <= session <= row[4]] or list(self._told)
        _, source, run_id, *_ = min(at, key=lambda row: row[0] != EXCHANGE)
        return source, run_id


def _values(facts: Facts) -> tuple[object, ...]:
    return tuple(getattr(facts, name) for name in FIELDS)


def _run(cursor: Cursor, statement: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> set[str]:
    """Execute a statement with all rows, which may lack the last columns, and return the codes that it returns.

    The rows travel as one JSON value: quoting each value of thousands of rows took longer than Postgres's own work.
    """
    named = [dict(zip(columns, row, strict=False)) for row in rows]
    if not named:
        return set()
    cursor.execute(statement, (json.dumps(named, default=str),))
    return {code for (code,) in cursor.fetchall()} if cursor.description else set()
