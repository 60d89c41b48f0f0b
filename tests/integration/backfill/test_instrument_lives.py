"""The lives of instruments through HTTP: today's list from the emulated KIS, the past from the emulated KRX.

Facts of the synthetic market: 004920 was renamed on 2025-03-04, 009310 moved from KOSDAQ to KOSPI on 2023-09-01, 008430
has a tenth more shares since 2025-06-02, and 002730 was one instrument until 2010-11-22, another since 2021-05-25.
"""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.loading.prices.price_adjustment import adjust_all
from tests.support.command import Command
from tests.support.database import copied

pytestmark = pytest.mark.slow

RANGES = [
    ("2010-11-19", "2010-11-22"),
    ("2021-05-24", "2021-05-25"),
    ("2023-08-31", "2023-09-01"),
    ("2025-02-28", "2025-03-04"),
    ("2025-05-30", "2025-06-02"),
]
"""Newest first in the test, so that all of it is older than what is known."""
LISTS = ("backfill", "--dataset", "instrument", "--source", "krx")
BARS = ("backfill", "--dataset", "daily_bar", "--source", "krx", "--codes")


@pytest.fixture(scope="module")
def both(settings, emulator):
    """The variables that lead to both emulated servers."""
    return {**settings, "KRX_API_KEY": API_KEY, "KRX_API_BASE_URL": emulator.url}


class Lives(Command):
    """The command, and how its runs ended and what they said."""

    said: list[tuple[int, str]]
    loaded: list[tuple[int, str]]


@pytest.fixture(scope="module")
def lives(server, kis_list, both, tmp_path_factory):
    """A warehouse with today's list from KIS and lists around five days of the past from KRX, and what was said."""
    with copied(server, kis_list) as database:
        command = Lives(database, both, tmp_path_factory.mktemp("home"))
        command.said = [command.run(*LISTS, "--first", first, "--last", last) for first, last in reversed(RANGES)]
        yield command


@pytest.fixture(scope="module")
def loaded(lives):
    """The same, with the bars around the end of the first life of a code and the start of its second."""
    lives.loaded = [
        lives.run(*BARS, "002730", "--first", first, "--last", last)
        for first, last in (("2010-11-18", "2010-11-24"), ("2021-05-21", "2021-05-26"))
    ]
    return lives


def history(command, code, column):
    """The values that one column had, and the session since which it is known to have each."""
    rows = command.database.rows(
        f"SELECT valid_from, {column} FROM market.instrument_history WHERE stock_code = %s ORDER BY 1", code
    )
    return [row for before, row in zip([(None, None), *rows], rows, strict=False) if before[1] != row[1]]


def test_every_list_is_loaded(lives):
    """Two lists each, three calls a list (two before KONEX opened), all of them there."""
    for code, output in lives.said:
        assert (code, "Every list of the range is there." in output) == (0, True), output
    calls = lives.database.rows(
        "SELECT sum(requests) FROM market.ingest_run WHERE dataset = 'instrument' AND source = 'krx-sandbox'"
    )
    assert calls == [(2 * 2 + 8 * 3,)]


def test_the_cost_is_said_beforehand(lives):
    """Sixteen years cost more than a day's calls; nothing is asked."""
    code, output = lives.run(*LISTS, "--first", "2010-01-04", "--last", "2026-09-21", "--dry-run")
    assert code == 0
    assert "4,106 lists, 12,318 requests" in output
    assert "2 days of the key's 10,000 calls" in output


def test_what_is_there_is_not_asked_again(lives):
    """The same range again costs nothing."""
    code, output = lives.run(*LISTS, "--first", "2025-02-28", "--last", "2025-03-04")
    assert (code, "0 lists, no requests" in output) == (0, True)


def test_a_rename_a_move_and_new_shares(lives):
    """Each has its day, although the newest list came first; KRX and KIS say the same of today."""
    old = date(2010, 11, 19)
    assert history(lives, "004920", "name") == [(old, "옛태온온소프트"), (date(2025, 3, 4), "태온온소프트")]
    assert history(lives, "009310", "market") == [(old, "KOSDAQ"), (date(2023, 9, 1), "KOSPI")]
    assert history(lives, "008430", "listed_shares") == [(old, 134_147_700), (date(2025, 6, 2), 149_053_000)]
    assert lives.database.rows("SELECT * FROM market.instrument_difference") == []


def test_a_move_is_one_stay(lives):
    """The instrument that moved has been listed since 2005, whatever listing day its new board gives it."""
    assert lives.database.rows("SELECT listed_from, delisted_on FROM market.listing WHERE stock_code = '009310'") == [
        (date(2005, 6, 29), None)
    ]


def test_both_lives_of_a_code(lives):
    """Two instruments, each with its ISIN, its first day, and the first session that no longer listed it."""
    assert lives.database.rows(
        "SELECT listed_from, delisted_on, isin, last_seen FROM market.listing WHERE stock_code = '002730' ORDER BY 1"
    ) == [
        (date(1994, 2, 14), date(2010, 11, 22), "KR7002730018", date(2010, 11, 19)),
        (date(2021, 5, 25), None, "KR7002730000", date(2026, 9, 22)),
    ]


def test_bars_of_both_lives(loaded):
    """A range over the end of the first life loads what there was; one over the start of the second as well."""
    for code, output in loaded.loaded:
        assert (code, "Everything of the range is there." in output) == (0, True), output
    bars = loaded.database.rows("SELECT session FROM market.daily_bar WHERE stock_code = '002730' ORDER BY 1")
    assert [day for (day,) in bars] == [
        date(2010, 11, 18), date(2010, 11, 19), date(2021, 5, 25), date(2021, 5, 26)
    ]  # fmt: skip
    assert loaded.database.rows("SELECT count(*) FROM market.rejected_row") == [(0,)]
    assert loaded.database.rows("SELECT count(*) FROM market.no_data") == [(0,)]


def test_prices_of_one_life_are_not_adjusted_by_the_other(loaded):
    """The two lines are told apart by a row of kind listing, and each bar of the first keeps its own price."""
    assert loaded.database.rows(
        "SELECT session, kind FROM market.price_adjustment WHERE stock_code = '002730' ORDER BY 1"
    ) == [(date(2021, 5, 25), "listing")]
    assert loaded.database.rows(
        "SELECT bool_and(a.close = b.close AND a.factor = 1) FROM market.daily_bar_adjusted a"
        " JOIN market.daily_bar b USING (stock_code, session) WHERE stock_code = '002730' AND session < '2011-01-01'"
    ) == [(True,)]
    with loaded.database.connect() as connection:
        assert adjust_all(connection, ["002730"]) == 0


def test_coverage_expects_a_life_only_while_it_lasts(loaded):
    """Of the sessions around the end of the first life and the start of the second, four are expected, and there."""
    cells = loaded.database.rows(
        "SELECT session, state FROM market.coverage_cell WHERE dataset = 'daily_bar' AND stock_code = '002730'"
        " AND (session BETWEEN '2010-11-18' AND '2010-11-24' OR session BETWEEN '2021-05-21' AND '2021-05-26')"
        " ORDER BY 1"
    )
    assert cells == [(date(2010, 11, 18), "loaded"), (date(2010, 11, 19), "loaded"),
                     (date(2021, 5, 25), "loaded"), (date(2021, 5, 26), "loaded")]  # fmt: skip


def test_a_range_after_the_delisting_is_refused_with_its_day(lives):
    """057750 left the list between two lists; nobody is asked for what cannot exist."""
    code, output = lives.run(*BARS, "057750", "--first", "2022-01-03", "--last", "2022-01-10")
    assert code == 2
    assert "057750 was delisted on 2021-05-24: nothing of it exists from 2022-01-03 on" in output
    assert "UnknownStock" not in output


def test_kis_knows_no_list_of_the_past(lives):
    """It is said before any call which source has one."""
    code, output = lives.run("backfill", "--dataset", "instrument", "--source", "kis", "--first", "2025-03-04")
    assert (code, "no instrument of past sessions; name another source" in output) == (2, True)
