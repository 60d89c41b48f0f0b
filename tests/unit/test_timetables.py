"""The timetables as plain objects, and through Airflow's own encoding.

Facts: in 2026 KRX is closed on 24 and 25 September (Chuseok) and on 5 October; 19 November is the examination day, with
trading from 10:00 to 16:30.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta

import pendulum
import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction

from data_pipeline.timetables import KrxIntradayTimetable, KrxSessionTimetable
from tests.support.project import SAMPLES

CLOSURE_LIST = SAMPLES / "krx" / "closures.json"
SEOUL = pendulum.timezone("Asia/Seoul")


def kst(text):
    """A time of day in Seoul."""
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=SEOUL))


def utc(text):
    """A time of day in UTC."""
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=pendulum.UTC))


def evening(now="2026-09-23 12:00", **changes):
    """The timetable of 20:30, at this time."""
    return KrxSessionTimetable(time(20, 30), clock=lambda: kst(now), **changes)


def everything_between(timetable, earliest, latest):
    """All runs of a range, asked for as Airflow does for a backfill."""
    restriction = TimeRestriction(earliest, latest, catchup=True)
    found, last = [], None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
        found.append(info)
        last = info.data_interval
    return found


def starts(infos):
    """The days in Seoul of some runs."""
    return [info.logical_date.in_timezone(SEOUL).to_date_string() for info in infos]


def day(text):
    """The interval of one day in Seoul."""
    start = kst(text)
    return DataInterval(start, start.add(days=1))


def test_next_run_skips_holidays_and_weekends():
    """After the session before Chuseok comes the Monday after it, as one whole day in Seoul."""
    info = evening().next_dagrun_info(
        last_automated_data_interval=day("2026-09-23"), restriction=TimeRestriction(None, None, catchup=True)
    )
    assert info.data_interval == DataInterval(kst("2026-09-28"), kst("2026-09-29"))
    assert info is not None
    assert info.run_after == kst("2026-09-28 20:30")


def test_a_range_of_utc_dates_holds_the_sessions_of_both_ends():
    """What `airflow backfill create --from-date 2026-09-21 --to-date 2026-10-06` asks for: ten sessions less three."""
    infos = everything_between(evening(), utc("2026-09-21"), utc("2026-10-06"))
    assert starts(infos) == [
        "2026-09-21", "2026-09-22", "2026-09-23", "2026-09-28", "2026-09-29", "2026-09-30",
        "2026-10-01", "2026-10-02", "2026-10-06",
    ]  # fmt: skip


def test_a_range_of_seoul_midnights_holds_the_sessions_of_both_ends():
    """The day before the first midnight is not part of the range."""
    infos = everything_between(evening(), kst("2026-09-22"), kst("2026-09-28"))
    assert starts(infos) == ["2026-09-22", "2026-09-23", "2026-09-28"]


def test_without_catchup_only_the_newest_overdue_run_is_made():
    """A scheduler that was away for days makes up for the last due session alone."""
    info = evening("2026-09-23 20:31").next_dagrun_info(
        last_automated_data_interval=day("2026-09-14"),
        restriction=TimeRestriction(kst("2026-01-01"), None, catchup=False),
    )
    assert starts([info]) == ["2026-09-23"]


def test_without_catchup_a_run_that_is_not_due_yet_comes_after_the_newest_due_one():
    """At 20:29 today's run is not due: yesterday's has run, so today's is next."""
    info = evening("2026-09-23 20:29").next_dagrun_info(
        last_automated_data_interval=day("2026-09-22"),
        restriction=TimeRestriction(kst("2026-01-01"), None, catchup=False),
    )
    assert info is not None
    assert info.run_after == kst("2026-09-23 20:30")


def test_first_run_ever_is_the_newest_due_one_within_the_start_date():
    """A DAG that starts in the future waits for its first session."""
    restriction = TimeRestriction(kst("2026-09-24"), None, catchup=False)
    info = evening("2026-09-23 21:00").next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert starts([info]) == ["2026-09-28"]


def test_sessions_later_counts_sessions_not_days():
    """The official figures of the session before Chuseok are due on the Monday after it."""
    (info,) = KrxSessionTimetable(time(8, 30), 1).runs(kst("2026-09-23").date())
    assert info is not None
    assert info.run_after == kst("2026-09-28 08:30")
    assert info.data_interval == day("2026-09-23")


@pytest.mark.parametrize(
    ("when", "session"),
    [
        ("2026-09-23 20:30", "2026-09-23"),
        ("2026-09-23 20:29", "2026-09-22"),
        ("2026-09-27 13:07", "2026-09-23"),
        ("2026-09-23 00:00", "2026-09-23"),
        ("2026-09-23 09:00", "2026-09-23"),
        ("2026-09-24 09:00", "2026-09-23"),
    ],
    ids=["due", "not due", "sunday", "midnight of Seoul", "midnight of UTC", "midnight of a holiday"],
)
def test_manual_run_is_about_the_newest_due_session(when, session):
    """A manual run takes the session that was due, unless its logical date is a bare date, which names its session."""
    assert evening().infer_manual_data_interval(run_after=kst(when)) == day(session)


def test_no_next_run_beyond_the_calendar():
    """The scheduler is told that there is no run rather than being given a guess about unknown holidays."""
    far = TimeRestriction(kst("2091-01-01"), None, catchup=True)
    assert evening().next_dagrun_info(last_automated_data_interval=None, restriction=far) is None


def test_intraday_runs_hold_opening_and_close():
    """A regular session has a run at 09:00, at 15:30 and every five minutes between: 79 in all."""
    infos = KrxIntradayTimetable(5).runs(kst("2026-09-23").date())
    assert (infos[0].run_after, infos[1].run_after, infos[-1].run_after, len(infos)) == (
        kst("2026-09-23 09:00"), kst("2026-09-23 09:05"), kst("2026-09-23 15:30"), 79,
    )  # fmt: skip


def test_intraday_runs_follow_special_hours():
    """On the examination day the market opens and closes an hour later."""
    infos = KrxIntradayTimetable(30).runs(kst("2026-11-19").date())
    assert (infos[0].run_after, infos[-1].run_after) == (kst("2026-11-19 10:00"), kst("2026-11-19 16:30"))


def test_intraday_goes_from_the_close_to_the_next_opening():
    """After the last run before Chuseok comes the opening on Monday."""
    info = KrxIntradayTimetable(5).next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(kst("2026-09-23 15:30")),
        restriction=TimeRestriction(kst("2026-01-01"), None, catchup=True),
    )
    assert info is not None
    assert info.run_after == kst("2026-09-28 09:00")


def test_intraday_makes_up_for_the_newest_run_only():
    """Without catchup, an hour's outage costs eleven runs that are not repeated: their moment has passed."""
    info = KrxIntradayTimetable(5, clock=lambda: kst("2026-09-23 11:03")).next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(kst("2026-09-23 10:00")),
        restriction=TimeRestriction(None, None, catchup=False),
    )
    assert info is not None
    assert info.run_after == kst("2026-09-23 11:00")


def test_intraday_starts_within_a_session():
    """A range that begins at 11:02 has its first run at 11:05; the session's earlier ones are before it."""
    info = KrxIntradayTimetable(5).next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(kst("2026-09-23 11:02"), None, catchup=True),
    )
    assert info is not None
    assert info.run_after == kst("2026-09-23 11:05")


def test_at_the_close_follows_special_hours():
    """Without a time of day a run is due at the close: 15:30, an hour later on the examination day, 15:00 long ago."""
    dues = [
        KrxSessionTimetable().runs(kst(text).date())[0].run_after for text in ("2026-09-23", "2026-11-19", "2016-07-29")
    ]
    assert dues == [kst("2026-09-23 15:30"), kst("2026-11-19 16:30"), kst("2016-07-29 15:00")]


def test_one_more_run_after_the_close():
    """The last run of an ordinary day and of the examination day is the one in the evening, after the close's own."""
    timetable = KrxIntradayTimetable(5, time(20, 40))
    for text, close in (("2026-09-23", "15:30"), ("2026-11-19", "16:30")):
        infos = timetable.runs(kst(text).date())
        assert [info.run_after for info in infos[-2:]] == [kst(f"{text} {close}"), kst(f"{text} 20:40")]


def test_one_more_run_must_come_after_every_close():
    """At 16:00 the market still trades on an examination day."""
    with pytest.raises(ValueError, match="also_at"):
        KrxIntradayTimetable(5, time(16))


ALL_YEARS = (utc("2016-01-01"), utc("2026-12-31 23:59"))


@pytest.mark.thorough
def test_runs_fall_on_sessions_only_from_2016_to_2026():
    """Every weekday that the exchange did not publish as closed has its run, on that day, and no other day has one."""
    published = json.loads(CLOSURE_LIST.read_text("utf-8"))
    closed = {f"{year}-{day}" for year, days in published.items() for day in days.split()}
    every = [date(2016, 1, 1) + timedelta(days=number) for number in range(4018)]
    expected = [day.isoformat() for day in every if day.weekday() < 5 and day.isoformat() not in closed]
    assert every[-1] == date(2026, 12, 31)
    infos = everything_between(evening(), *ALL_YEARS)
    assert starts(infos) == expected
    assert [info.run_after.in_timezone(SEOUL).to_date_string() for info in infos] == expected


def test_runs_around_the_hardest_days():
    """Elections, temporary holidays, substitutes and year's ends from 2016 to 2026, written by hand."""
    expected = {
        ("2016-04-12", "2016-04-14"): ["2016-04-12", "2016-04-14"],
        ("2017-09-29", "2017-10-10"): ["2017-09-29", "2017-10-10"],
        ("2018-12-28", "2019-01-02"): ["2018-12-28", "2019-01-02"],
        ("2020-08-14", "2020-08-18"): ["2020-08-14", "2020-08-18"],
        ("2021-10-01", "2021-10-12"): [
            "2021-10-01", "2021-10-05", "2021-10-06", "2021-10-07", "2021-10-08", "2021-10-12",
        ],
        ("2024-09-30", "2024-10-04"): ["2024-09-30", "2024-10-02", "2024-10-04"],
        ("2025-01-24", "2025-01-31"): ["2025-01-24", "2025-01-31"],
        ("2025-06-02", "2025-06-04"): ["2025-06-02", "2025-06-04"],
        ("2026-06-02", "2026-06-04"): ["2026-06-02", "2026-06-04"],
        ("2026-07-16", "2026-07-20"): ["2026-07-16", "2026-07-20"],
        ("2026-12-30", "2027-01-04"): ["2026-12-30", "2027-01-04"],
    }  # fmt: skip
    found = {(first, last): starts(everything_between(evening(), kst(first), kst(last))) for first, last in expected}
    assert found == expected


def test_an_interval_of_no_minutes_is_refused():
    """Zero minutes would never reach the close."""
    with pytest.raises(ValueError, match="minutes"):
        KrxIntradayTimetable(0)


@pytest.mark.parametrize(
    "timetable",
    [
        KrxSessionTimetable(time(8, 30), 1),
        KrxSessionTimetable(),
        KrxIntradayTimetable(5),
        KrxIntradayTimetable(5, time(20, 40)),
    ],
)
def test_airflow_encodes_and_decodes_it(timetable):
    """The scheduler gets the timetable that the DAG file wrote; this fails when the plugin does not register it."""
    decoded = decode_timetable(encode_timetable(timetable))
    assert type(decoded) is type(timetable)
    assert decoded.serialize() == timetable.serialize()
    assert decoded.summary == timetable.summary


def test_years_that_are_not_published_have_runs():
    """By law: after the last session of 2027 comes 3 January, and 29 February 2028 is one."""
    after = evening("2027-12-30 20:31").next_dagrun_info(
        last_automated_data_interval=day("2027-12-30"), restriction=TimeRestriction(None, None, catchup=False)
    )
    assert starts([after]) == ["2028-01-03"]
    infos = everything_between(evening(), kst("2028-02-28"), kst("2028-03-02"))
    assert starts(infos) == ["2028-02-28", "2028-02-29", "2028-03-02"]


@pytest.mark.parametrize(
    ("timetable", "newest"),
    [
        (KrxSessionTimetable(time(20, 30), clock=lambda: kst("2040-12-28 20:31")), "2040-12-28"),
        (KrxSessionTimetable(time(8, 30), 1, clock=lambda: kst("2040-12-28 20:31")), "2040-12-27"),
        (KrxIntradayTimetable(5, time(20, 10), clock=lambda: kst("2040-12-28 20:31")), "2040-12-28"),
    ],
)
def test_the_calendars_last_session_runs_like_any_other(timetable, newest):
    """The newest run that is due is found, also when the next one lies beyond the calendar, and then there is none."""
    restriction = TimeRestriction(kst("2026-01-01"), None, catchup=False)
    info = timetable.next_dagrun_info(last_automated_data_interval=day("2040-12-21"), restriction=restriction)
    assert starts([info]) == [newest]
    assert timetable.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=restriction) is None
    manual = timetable.infer_manual_data_interval(run_after=kst("2040-12-31 12:00"))
    assert manual.start.in_timezone(SEOUL).to_date_string() == newest
