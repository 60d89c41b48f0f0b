"""The moments at which the date-sensitive part is run, and what is true at each of them.

Everything here was worked out by hand, from the exchange's holidays and hours: a session's figures are final at 20:00
(18:00 before 14 September 2026), quotes turn to a session at 08:00, and KRX publishes a session at 08:00 of the next
one. Which instruments come and go is the synthetic market's own choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data_pipeline.market.trading_calendar import SEOUL


def day(text: str) -> date:
    """Return a day."""
    return date.fromisoformat(text)


@dataclass(frozen=True)
class Moment:
    """One moment and its facts."""

    name: str
    why: str
    at: datetime
    listing: date
    """The session of the list of instruments that a run of ``market_reference`` is about."""
    quoted: date
    """The session that quotes are of."""
    final: date
    """The newest session whose figures are final."""
    published: date
    """The newest session that KRX has published."""
    week: tuple[date, ...]
    """The sessions of some days up to the final one, oldest first."""
    minutes: tuple[date, int]
    """The session that a run of ``minute_bars`` is about, and how many minutes a liquid instrument has of it."""
    codes: tuple[str, ...] = ("005930", "069500")
    """What is filled and healed; all of them are listed on the first session of the week."""
    comes: str | None = None
    """An instrument that was listed within the week."""
    goes: str | None = None
    """An instrument that left the list on the final session."""
    earlier: tuple[str, date, date, date] | None = None
    """A code that another instrument had: the code, its last session, the first that no longer listed it, and the
    first session of the instrument that has the code now."""

    def plus(self, minutes: int) -> str:
        """Return a moment some minutes later as ISO 8601."""
        return (self.at + timedelta(minutes=minutes)).isoformat()

    @property
    def is_quoted(self) -> bool:
        """Whether quotes show the newest final session, so that KIS has the whole market in a hundred calls."""
        return self.quoted == self.final

    @property
    def is_published(self) -> bool:
        """Whether KRX has published the newest final session."""
        return self.published == self.final


def moment(
    name: str,
    why: str,
    at: str,
    listing: str,
    quoted: str,
    final: str,
    published: str,
    week: str,
    minutes: tuple[str, int],
    **more: object,
) -> Moment:
    """Return the moment that these words mean; ``week`` holds the sessions before the final one."""
    sessions = (*(day(one) for one in week.split()), day(final))
    here = datetime.fromisoformat(at).replace(tzinfo=SEOUL)
    days = (day(listing), day(quoted), day(final), day(published))
    return Moment(name, why, here, *days, sessions, (day(minutes[0]), minutes[1]), **more)  # type: ignore[arg-type]


WHOLE = 381
"""Minutes of a whole session: 09:00 to 15:19, and the closing auction's."""
MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
BEFORE_MONDAY = "2026-11-18 2026-11-19 2026-11-20"
BEFORE_NEW_YEAR = "2026-12-28 2026-12-29"

MOMENTS: tuple[Moment, ...] = (
    moment("sunday", "no session for two days", "2026-11-22T14:00", "2026-11-20", "2026-11-20",
           "2026-11-20", "2026-11-19", "2026-11-18 2026-11-19", ("2026-11-20", WHOLE)),
    moment("holiday", "a Monday on which the exchange is closed", "2026-10-05T11:00", "2026-10-02", "2026-10-02",
           "2026-10-02", "2026-10-01", "2026-09-30 2026-10-01", ("2026-10-02", WHOLE)),
    moment("year-before-ten", "the year's first session opens at 10:00", "2027-01-04T09:30", "2027-01-04", "2027-01-04",
           "2026-12-30", "2026-12-30", BEFORE_NEW_YEAR, ("2026-12-30", WHOLE)),
    moment("year-after-ten", "half an hour after that opening", "2027-01-04T10:30", "2027-01-04", "2027-01-04",
           "2026-12-30", "2026-12-30", BEFORE_NEW_YEAR, ("2027-01-04", 30)),
    moment("csat", "on the day of the examination the market trades from 10:00 to 16:30", "2026-11-19T16:10",
           "2026-11-19", "2026-11-19", "2026-11-18", "2026-11-18", "2026-11-16 2026-11-17", ("2026-11-19", 370)),
    moment("listing", "an instrument is traded for the first time", "2026-12-17T20:40", "2026-12-17", "2026-12-17",
           "2026-12-17", "2026-12-16", "2026-12-14 2026-12-15 2026-12-16", ("2026-12-17", WHOLE), comes="0182M0"),
    moment("delisting", "an instrument has left the list", "2026-11-25T20:40", "2026-11-25", "2026-11-25",
           "2026-11-25", "2026-11-24", "2026-11-23 2026-11-24", ("2026-11-25", WHOLE),
           codes=("005930", "060480", "069500"), goes="060480"),
    # The DAGs begin with 2026, so the two weeks lie in the past, and are filled.
    moment("taken-over", "the past is filled, weeks included in which a code was given up and taken over",
           "2026-11-12T20:40", "2026-11-12", "2026-11-12", "2026-11-12", "2026-11-11",
           "2026-11-09 2026-11-10 2026-11-11",
           ("2026-11-12", WHOLE), earlier=("002730", day("2010-11-19"), day("2010-11-22"), day("2021-05-25"))),
    moment("0030", "half an hour after midnight", f"{TUESDAY}T00:30", MONDAY, MONDAY,
           MONDAY, "2026-11-20", BEFORE_MONDAY, (MONDAY, WHOLE)),
    moment("0730", "before KRX has published, and before quotes turn", f"{TUESDAY}T07:30", TUESDAY, MONDAY,
           MONDAY, "2026-11-20", BEFORE_MONDAY, (MONDAY, WHOLE)),
    moment("1100", "in session", f"{TUESDAY}T11:00", TUESDAY, TUESDAY,
           MONDAY, MONDAY, BEFORE_MONDAY, (TUESDAY, 120)),
    moment("1525", "in the closing auction", f"{TUESDAY}T15:25", TUESDAY, TUESDAY,
           MONDAY, MONDAY, BEFORE_MONDAY, (TUESDAY, 380)),
    moment("1700", "in the after-market", f"{TUESDAY}T17:00", TUESDAY, TUESDAY,
           MONDAY, MONDAY, BEFORE_MONDAY, (TUESDAY, WHOLE)),
    moment("2001", "the day has just become final", f"{TUESDAY}T20:01", TUESDAY, TUESDAY,
           TUESDAY, MONDAY, f"2026-11-19 2026-11-20 {MONDAY}", (TUESDAY, WHOLE)),
    moment("2026-12-31", "the year-end closing", "2026-12-31T12:00", "2026-12-30", "2026-12-30",
           "2026-12-30", "2026-12-29", BEFORE_NEW_YEAR, ("2026-12-30", WHOLE)),
    moment("2027-12-30", "the last session of a year", "2027-12-30T20:40", "2027-12-30", "2027-12-30",
           "2027-12-30", "2027-12-29", "2027-12-28 2027-12-29", ("2027-12-30", WHOLE)),
    moment("2028-01-03", "the first session of a year that KRX has not published", "2028-01-03T11:00", "2028-01-03",
           "2028-01-03", "2027-12-30", "2027-12-30", "2027-12-28 2027-12-29", ("2028-01-03", 60)),
    moment("2028-02-29", "a leap day", "2028-02-29T20:40", "2028-02-29", "2028-02-29",
           "2028-02-29", "2028-02-28", "2028-02-24 2028-02-25 2028-02-28", ("2028-02-29", WHOLE)),
)  # fmt: skip


def chosen(environ: Mapping[str, str]) -> list[Moment]:
    """Return the moments that the variable ``DAYS`` names, with commas; all of them when it is empty.

    Raises:
        ValueError: It names one that does not exist; the message lists those that do.
    """
    names = [name for name in environ.get("DAYS", "").replace(",", " ").split() if name]
    known = {one.name: one for one in MOMENTS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"DAYS names {', '.join(unknown)}; it can be any of {', '.join(known)}")
    return [known[name] for name in names] or list(MOMENTS)
