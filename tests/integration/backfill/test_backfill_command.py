"""`data-pipeline backfill` against the emulated KIS server: what it fills, what it refuses, and what a kill costs.

Facts: 2 January to 22 September 2026 hold 178 sessions, two chart calls an instrument; a chunk of 720 rows holds four
instruments.
"""

from __future__ import annotations

import os
import random
import re
import signal
from argparse import ArgumentParser
from datetime import date, datetime
from io import StringIO

import pytest
from rich.console import Console

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.arguments import add_backfill_options
from data_pipeline.local.backfill import backfill, wish_of
from data_pipeline.local.home import Home
from data_pipeline.market.dataset_names import WITH_PAST
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from tests.support.seeds import seeded

FIRST, LAST = "2026-01-02", "2026-09-22"
EVENING = datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)
ISSUES, CHUNK, CALLS = 24, 4, 2


@pytest.fixture
def contents(kis_list):
    """The instruments are there."""
    return kis_list


@pytest.fixture
def codes(database, command):
    """Issues that were listed all the while."""
    rows = database.rows(
        "SELECT stock_code FROM market.instrument WHERE listed_on < '2025-01-01' ORDER BY stock_code LIMIT %s", ISSUES
    )
    return [code for (code,) in rows]


def words(codes, *more):
    """The command line."""
    rows = str(CHUNK * 180)
    return ("backfill", "--dataset", "daily_bar", "--first", FIRST, "--last", LAST, "--codes", ",".join(codes),
            "--window-rows", rows, *more)  # fmt: skip


def sent(emulator):
    """Chart calls since the log was emptied."""
    return len(emulator.requests(path="inquire-daily-itemchartprice"))


@pytest.mark.slow
@seeded(1)
def test_a_killed_backfill_goes_on_where_it_was(database, command, codes, emulator, seed):
    """Killed four times at random: the same table, and no more than one chunk is asked again per kill."""
    emulator.forget_requests()
    assert command.run(*words(codes))[0] == 0
    assert sent(emulator) == ISSUES * CALLS
    undisturbed = command.digest()
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(ISSUES * 178,)]
    with database.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM market.daily_bar; DELETE FROM market.coverage_start")
        connection.commit()
    dice = random.Random(seed)
    emulator.forget_requests()
    for _ in range(4):
        stop_at = sent(emulator) + dice.randrange(1, 2 * CHUNK * CALLS)
        process = command.start(*words(codes))
        while process.poll() is None and sent(emulator) < stop_at:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert command.run(*words(codes))[0] == 0
    assert command.digest() == undisturbed
    assert ISSUES * CALLS <= sent(emulator) <= ISSUES * CALLS + 4 * CHUNK * CALLS


@pytest.mark.thorough
def test_a_dry_run_says_what_it_costs_and_asks_nothing(command, codes, emulator):
    """24 instruments at two calls each and a hundred calls a second."""
    emulator.forget_requests()
    code, output = command.run(*words(codes, "--dry-run"))
    assert code == 0
    # A machine that cannot handle a hundred says so, and the seconds are its own.
    assert re.search(r"24 instruments, 48 requests, about 0:00:\d\d, (held to \d+ .*, )?4,272 rows at most", output)
    assert emulator.summary()["total"] == 0


MANY = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,
        liquidation, preferred, source)
    SELECT 'Z' || to_char(n, 'FM00000'), 'KR7Z' || to_char(n, 'FM00000') || '003', 'issue', 'KOSPI', 'ST', '2026-09-22',
        '2020-01-02', false, false, false, false, 'kis-sandbox' FROM generate_series(1, 6500) n
"""


@pytest.fixture
def wish(command, database, tmp_path):
    """What the command does with typed words on the evening of 22 September 2026; returns its exit code and output."""
    before = dict(os.environ)
    os.environ.update(command.environment)

    def wish(*words):
        parser = ArgumentParser()
        add_backfill_options(parser)
        out = StringIO()
        typed = wish_of(parser.parse_args(words))
        code = backfill(typed, Home(tmp_path), command.environment, EVENING, Console(file=out, width=200))
        return code, out.getvalue()

    yield wish
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.slow
def test_more_than_five_million_requests_want_confirming(wish, database, emulator):
    """A year of minutes of 6,500 more instruments, 781 calls each: a dry run tells the cost, the command asks."""
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute(MANY)
    emulator.forget_requests()
    line = ("--dataset", "minute_bar", "--first", "2025-09-22", "--last", LAST)
    code, output = wish(*line, "--dry-run")
    assert code == 0
    assert re.search(r"instruments, 7,\d{3},\d{3} requests, about (\d+ days?, )?\d+:\d\d:\d\d, ", output)
    with pytest.raises(InvalidRequestError, match="more than 5,000,000; add --confirm-large to confirm"):
        wish(*line)
    assert emulator.summary()["total"] == 0
    assert database.rows("SELECT count(*) FROM market.ingest_run WHERE dataset = 'minute_bar'") == [(0,)]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("--dataset", "trade"),
            f"dataset must be one of {', '.join(WITH_PAST)}, not 'trade'",
        ),
        (("--first", "2026-09-23", "--last", "2026-09-22"), "the range is reversed"),
        (("--last", "2027-12-30"), "is beyond"),
        (("--codes", "999999"), "has never seen 999999 listed"),
        (("--codes", "5930"), "six characters"),
        (("--first", "22.09.2026"), "--first must be a date"),
        (("--first", "2026-09-19", "--last", "2026-09-20"), "no session of the exchange"),
        (("--source", "yahoo"), "source must be one of auto, kis, krx, mock, not 'yahoo'"),
        (("--window-rows", "0"), "--window-rows must be 1 or more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_wish_is_refused_in_one_sentence(command, codes, emulator, change, said):
    """The exit code is 2, nothing is asked, and no window is begun."""
    emulator.forget_requests()
    code, output = command.run(*words(codes[:1], *change))
    assert code == 2
    assert said in output
    assert len(output.strip().splitlines()) == 1
    assert emulator.summary()["total"] == 0


@pytest.mark.thorough
def test_a_holiday_costs_no_call(command, codes, emulator, database):
    """From 23 February to 3 March 2026 (the second was a holiday) there are six sessions and one call an instrument."""
    emulator.forget_requests()
    line = ("backfill", "--dataset", "daily_bar", "--first", "2026-02-23", "--last", "2026-03-03", "--codes", codes[0])
    assert command.run(*line)[0] == 0
    assert sent(emulator) == 1
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [
        (len(krx_calendar().sessions(date(2026, 2, 23), date(2026, 3, 3))),)
    ]


@pytest.mark.thorough
def test_open_days_are_filled_too(command, emulator, database):
    """One call tells 24 days from the last day of August on, so that all of September is there, and costs no other."""
    line = ("backfill", "--dataset", "trading_session", "--first", "2026-08-31", "--last", LAST)
    emulator.forget_requests()
    code, output = command.run(*line, "--dry-run")
    assert (code, "out of kis-sandbox: 17 sessions, 1 requests" in output) == (0, True), output
    assert emulator.summary()["total"] == 0
    code, output = command.run(*line)
    assert (code, "Everything of the range is there." in output) == (0, True), output
    code, output = command.run(*line)
    assert (code, "0 sessions, no requests" in output) == (0, True), output
    assert len(emulator.requests(path="chk-holiday")) == 1
    assert database.rows("SELECT min(day)::text, count(*) FROM market.trading_session WHERE day <= '2026-09-22'") == [
        ("2026-08-31", 23)
    ]


def test_open_days_that_one_call_does_not_tell_are_named(command, emulator):
    """From the third of August the call ends on the 26th: the exit code is 1, and tomorrow brings more."""
    emulator.forget_requests()
    code, output = command.run("backfill", "--dataset", "trading_session", "--first", "2026-08-03", "--last", LAST)
    assert code == 1, output
    assert "kis-sandbox has not said whether the market opens on 19 sessions from 2026-08-27 on" in output
    assert len(emulator.requests(path="chk-holiday")) == 1


def test_open_days_take_no_codes(command, codes, emulator):
    """They are of the whole market."""
    emulator.forget_requests()
    code, output = command.run(*words(codes[:1]), "--dataset", "trading_session")
    assert (code, "trading_session takes no stock codes" in output) == (2, True), output
    assert emulator.summary()["total"] == 0


@pytest.mark.thorough
def test_coverage_is_told_to_people(command, codes):
    """One instrument of three days: nothing is missing on them; a later day is."""
    assert command.run(*words(codes[:1]))[0] == 0
    code, output = command.run("coverage", "--dataset", "daily_bar", "--first", "2026-09-21", "--last", "2026-09-22")
    assert (code, "0 missing" in output) == (0, True)
    assert [line.split() for line in output.splitlines() if "daily_bar" in line] == [
        ["daily_bar", "2026-09-21", "1", "1", "0", "0", "0", "0"],
        ["daily_bar", "2026-09-22", "1", "1", "0", "0", "0", "0"],
    ]
    code, output = command.run("coverage", "--dataset", "daily_bar", "--first", "2026-09-23", "--last", "2026-09-23")
    assert (code, "1 missing" in output) == (1, True)
