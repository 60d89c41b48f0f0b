"""What `make run` loads: the runs of the DAGs, and the rows that must be there afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from data_pipeline.emulator.lively import REFUSED
from data_pipeline.local.dag_runs import PlannedRun
from data_pipeline.market.origin import origin_of
from data_pipeline.market.publication import last_published
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.watch_list import watch_list

HISTORY_SESSIONS = 100


@dataclass(frozen=True)
class RunPlan:
    """One session to load, and the history of a watch list before it."""

    session: date
    """The last session that is final by the calendar."""
    listing: date
    """The session whose list of instruments the source shows at present."""
    first: date
    """The first session of the history."""
    codes: Sequence[str]
    official: bool = False
    """Whether KRX alone is asked, which has bars of whole sessions, the next morning, and no books."""
    lively: bool = False
    """Whether the emulator tells a few things wrongly, so that there is something to see."""

    def dag_runs(self) -> list[PlannedRun]:
        """Return the runs in the order in which they depend on one another."""
        history = {
            "dataset": "daily_bar",
            "stock_codes": list(self.codes),
            "first": self.first.isoformat(),
            "last": self.session.isoformat(),
        }
        if self.official:
            morning = _at(krx_calendar().opens_again_on(self.session), time(8, 0))
            return [
                PlannedRun("daily_bars_official", morning, {"session": self.session.isoformat()}),
                PlannedRun("backfill", morning, history),
            ]
        evening = _at(self.session, time(20, 30))
        return [
            PlannedRun("market_reference", _at(self.listing, time(7, 30))),
            PlannedRun("daily_bars", evening),
            PlannedRun("backfill", evening, history),
            PlannedRun("order_books", evening, {"stock_codes": list(self.codes)}),
        ]


def make_plan(now: datetime, vendor: str, environ: Mapping[str, str], *, lively: bool = False) -> RunPlan:
    """Return the plan for this moment.

    Args:
        now: An aware time; decides which session is the last final one, or at KRX the last published one.
        vendor: kis or krx; empty for the emulator, whose clock stands on the evening of that session.
        environ: May hold ``WATCH_LIST``.
        lively: Whether the first load of a market that is made up has something of everything: the history of what a
            check refuses, so that it is asked for again, and that of an instrument with a split. Only without a vendor.
    """
    calendar = krx_calendar()
    official = vendor == "krx"
    session = last_published(origin_of(vendor), now) if official else calendar.last_final_session(now)
    first = session
    for _ in range(HISTORY_SESSIONS - 1):
        first = calendar.previous_session(first)
    listing = calendar.quoted_session(now) if vendor == "kis" else session
    codes, lively = watch_list(environ), lively and not vendor
    if lively:
        codes = tuple(dict.fromkeys([*codes, REFUSED, *changed_shares(first, session)]))
    return RunPlan(session, listing, first, codes, official, lively)


def changed_shares(first: date, last: date) -> list[str]:
    """Return the code of one synthetic instrument that was split or merged between two sessions, if there is one."""
    from data_pipeline.sources.mock.market import SyntheticMarket

    market = SyntheticMarket()
    codes = [one.stock_code for one in market.instruments(last) if market.listed_on(one.stock_code) < first]
    return [code for code in codes if market.listed_shares(code, first) != market.listed_shares(code, last)][:1]


def market_evening(now: datetime) -> datetime:
    """Return the moment at which the synthetic market stands still: the evening of the last final session."""
    return datetime.combine(krx_calendar().last_final_session(now), time(20, 30), SEOUL)


def _at(session: date, moment: time) -> str:
    return datetime.combine(session, moment, SEOUL).isoformat()
