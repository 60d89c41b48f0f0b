"""Loads lists of instruments in any order: every list is kept, and the history is worked out from all of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, LoadError
from data_pipeline.loading.instruments import store
from data_pipeline.loading.instruments.history import Facts, Run, observe
from data_pipeline.loading.instruments.listing import offer_days
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.market.origin import BROKER, EXCHANGE, origin_of
from data_pipeline.market.records import Instrument
from data_pipeline.warehouse.errors import said_plainly

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('market.instrument'))"
_DIFFERENCES = """
    SELECT field, count(*), (array_agg(stock_code::text ORDER BY stock_code))[:10] FROM market.instrument_difference
    WHERE %s BETWEEN first AND last GROUP BY field ORDER BY field
"""
_A_MONTH = 30
_ALWAYS_MAY_LEAVE = 3
_LEAST_COMPARED = 100
"""Instruments of a market from which on it is judged by itself; of fewer, 5 % may leave on an ordinary day."""


@dataclass(frozen=True)
class KeptList:
    """What loading one list did."""

    counts: LoadCounts = field(default_factory=LoadCounts)
    left: int = 0
    """Instruments of the list before that are not on this one."""
    reused: Sequence[str] = ()
    """Codes whose stays on the list are others now, so that their adjusted prices have to be worked out again."""


@dataclass(frozen=True)
class Difference:
    """A field in which the exchange and the brokers contradict each other on one session."""

    field: str
    issues: int
    """How many instruments are concerned."""
    stock_codes: Sequence[str]
    """The first ten of them."""

    def __str__(self) -> str:
        more = ", ..." if self.issues > len(self.stock_codes) else ""
        return f"{self.field} of {self.issues} instruments ({', '.join(self.stock_codes)}{more})"


def keep_list(
    connection: Connection,
    records: Iterable[object],
    source: str,
    run_id: int | None = None,
    *,
    complete: bool = True,
    at_most: float = 0.05,
) -> KeptList:
    """Load the list of one session; never commits, and loading the same list again changes nothing.

    Lists of KRX and of KIS may come in any order: the history is the same in the end. An instrument that is missing
    from a complete list was not listed on that session. If both vendors have a list of a session, the exchange is
    believed in ISIN, name, board, listing day and shares, and the brokers in the rest;
    ``market.instrument_difference`` shows where they disagree.

    Args:
        connection: Not in autocommit mode; user ``market_loader`` or better.
        records: Instruments with the same ``as_of``, each code once, in any order.
        source: What the rows carry in ``source``.
        run_id: The ``ingest_run`` that the written rows refer to.
        complete: Whether instruments that are not on the list were not listed.
        at_most: The share of the listed instruments of which fewer must disappear within a month, 0 to 1; three always
            may. It holds for the list, and for each market that had 100 instruments on the newest list before. What
            moves to another market is still there. A first list has nothing to be compared with.

    Raises:
        IncompleteDataError: More have disappeared, so the list must have been cut short; the caller rolls back, and
            nothing of the list is stored. Loading it again helps when the source has the whole list.
        InvalidRequestError: The connection is in autocommit mode, or a record is of another class or session.
        SyntheticDataRefusedError: Synthetic rows for a warehouse that holds real ones, or the reverse.
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        TransientError: Connection lost, a deadlock or timeout; trying again can help.
        LoadError: Two records share a code, or Postgres refuses a row.
    """
    if connection.autocommit:
        raise InvalidRequestError("a load needs a transaction: turn autocommit off")
    what = f"instrument from {source}"
    with said_plainly(what), connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source(%s)", (source,))
        instruments = _by_code(records, what)
        if not instruments:
            return KeptList()
        cursor.execute(_LOCK)
        return _List(cursor, instruments, source, run_id, complete=complete, at_most=at_most).keep()


def differences(connection: Connection, session: date) -> list[Difference]:
    """Return the fields in which the exchange and the brokers contradict each other on a session."""
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, (session,))
        return [Difference(*row) for row in cursor.fetchall()]


def listed_sessions(connection: Connection, source: str, first: date, last: date) -> set[date]:
    """Return the sessions of a range, both ends included, of which the source's voice has a complete list here."""
    with said_plainly("instrument"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT session FROM market.instrument_list WHERE voice = %s AND complete AND session BETWEEN %s AND %s",
            (origin_of(source).voice, first, last),
        )
        return {session for (session,) in cursor.fetchall()}


def _by_code(records: Iterable[object], what: str) -> dict[str, Instrument]:
    instruments: dict[str, Instrument] = {}
    for one in records:
        if type(one) is not Instrument:
            raise InvalidRequestError(f"instrument takes Instrument, not {type(one).__name__}")
        if one.stock_code in instruments:
            raise LoadError(f"{what}: two records of one load have the key stock_code {one.stock_code}")
        instruments[one.stock_code] = one
    if len(sessions := {one.as_of for one in instruments.values()}) > 1:
        raise InvalidRequestError(f"{what}: a list is of one session, not of {min(sessions)} and {max(sessions)}")
    return instruments


class _List:
    """One list on its way in."""

    def __init__(
        self,
        cursor: Cursor,
        instruments: Mapping[str, Instrument],
        source: str,
        run_id: int | None,
        *,
        complete: bool,
        at_most: float,
    ) -> None:
        self.cursor, self.instruments, self.source, self.run_id = cursor, instruments, source, run_id
        self.complete, self.at_most = complete, at_most
        self.voice = origin_of(source).voice
        self.session = next(iter(instruments.values())).as_of
        self.facts = {code: Facts.of(one) for code, one in instruments.items()}

    def keep(self) -> KeptList:
        """Return what the list did."""
        lists = store.read_lists(self.cursor)
        before = lists[self.voice]
        around = store.runs_around(self.cursor, self.voice, self.session, None if self.complete else self.instruments)
        vanished = self._vanished(around, before) if self.complete else set()
        again = before.complete if self.complete else before.told
        said = {
            code for code, facts in self.facts.items()
            if self.session in again and facts in [run.facts for run in around.get(code, ()) if self._within(run)]
        }  # fmt: skip
        store.note_list(
            self.cursor,
            self.voice,
            self.session,
            len(self.instruments),
            self.source,
            self.run_id,
            complete=self.complete,
        )
        lists[self.voice] = now = before.with_(self.session, complete=self.complete)
        changed = self._observe(around, now, again=self.session in again)
        changed |= vanished if self.session in again else vanished | self._other_news(lists, before)
        changed |= store.reused_codes(self.cursor, self.instruments)
        changed |= store.told_by_exchange_alone(self.cursor) if lists[BROKER].complete else set()
        known = self._known()
        offers = offer_days(self.cursor, changed)
        written, reused = store.work_out(self.cursor, changed, lists)
        reused |= store.adjusted_on(self.cursor, offer_days(self.cursor, changed) - offers)
        written |= self._touch()
        inserted = self.instruments.keys() & written - known
        updated = self.instruments.keys() & written & known
        unchanged = said - written
        counts = LoadCounts(
            len(inserted), len(updated), len(unchanged), len(self.instruments) - len(inserted | updated | unchanged)
        )
        return KeptList(counts, len(vanished), sorted(reused))

    def _observe(self, around: Mapping[str, Sequence[Run]], lists: store.Lists, *, again: bool) -> set[str]:
        """Write the runs that the list changes; return the codes whose history that may change.

        A run that only grows longer tells nothing new, unless the same list came before without the instrument.
        """
        changes = {}
        for code in self.facts.keys() | around.keys():
            old = around.get(code, [])
            runs = observe(old, self.session, self.facts.get(code), lists.told, lists.complete)
            if runs != old:
                changes[code] = (old, runs)
        changed = store.write_runs(self.cursor, self.voice, changes, self.source, self.run_id)
        return changed | changes.keys() if again else changed

    def _vanished(self, around: Mapping[str, Sequence[Run]], lists: store.Lists) -> set[str]:
        """Return the codes that were on the list before and are not on this one.

        Raises:
            IncompleteDataError: There are so many of them that this list must have been cut short.
        """
        told_again = self.session in lists.complete
        last = None if told_again else self._newest_before(lists.complete) or self._newest_before(lists.told)
        following = next(iter(lists.told[bisect_right(lists.told, self.session) :]), None)
        listed = {code: run for code, runs in around.items() for run in runs if self._listed(run, last)}
        coming = {code: runs[0] for code, runs in around.items() if self._was_listed_already(runs, following)}
        months = max(1.0, (self.session - last).days / _A_MONTH) if last else 1.0
        self._require_whole({code: run.facts.market for code, run in (coming | listed).items()}, months)
        return listed.keys() - self.instruments.keys()

    def _require_whole(self, before: Mapping[str, str], months: float) -> None:
        """Compare the list, and each large market of it, with the codes that must be on it and their markets."""
        now = {code: one.market for code, one in self.instruments.items()}
        for market in (None, *sorted(set(before.values()))):
            known = {code for code, its in before.items() if market in {None, its}}
            absent = known - now.keys()
            too_small = market is not None and len(known) < _LEAST_COMPARED
            if too_small or len(absent) <= _ALWAYS_MAY_LEAVE or len(absent) / len(known) < self.at_most * months:
                continue
            there = (
                f"{sum(market in {None, its} for its in now.values())} instruments{f' of {market}' if market else ''}"
            )
            raise IncompleteDataError(
                f"the list of {self.session} from {self.source} holds {there} and lacks {len(absent)} of "
                f"{len(known)} listed instruments: it was cut short, nothing of it is stored; load it again when the "
                "source has the whole list"
            )

    def _newest_before(self, sessions: Sequence[date]) -> date | None:
        place = bisect_left(sessions, self.session)
        return sessions[place - 1] if place else None

    def _listed(self, run: Run, last: date | None) -> bool:
        return self._within(run) or (last is not None and last <= run.last < self.session)

    def _was_listed_already(self, runs: Sequence[Run], following: date | None) -> bool:
        """Return whether the next list has the instrument with a listing day that puts it on this list too."""
        first = runs[0]
        listed_on = first.facts.listed_on
        return first.first == following and listed_on is not None and listed_on <= self.session

    def _within(self, run: Run) -> bool:
        return run.first <= self.session <= run.last

    def _other_news(self, lists: Mapping[str, store.Lists], before: store.Lists) -> set[str]:
        other = BROKER if self.voice == EXCHANGE else EXCHANGE
        place = bisect_left(before.told, self.session)
        after = before.told[place - 1] if place else None
        until = before.told[place] if place < len(before.told) else None
        return store.codes_with_events(self.cursor, other, lists[other], after, until)

    def _known(self) -> set[str]:
        self.cursor.execute(
            "SELECT stock_code FROM market.instrument WHERE stock_code = ANY(%s)", (list(self.instruments),)
        )
        return {code for (code,) in self.cursor.fetchall()}

    def _touch(self) -> set[str]:
        rows = [
            (code, self.session, one.base_price, self.source, self.run_id) for code, one in self.instruments.items()
        ]
        return store.touch_present(self.cursor, rows)
