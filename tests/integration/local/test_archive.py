"""`data-pipeline archive`: what it says it would do, what it does, and a kill between the file and the drop."""

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from data_pipeline.cli import _parser
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.local.archive import archive
from data_pipeline.local.home import Home
from data_pipeline.local.verify import verify
from data_pipeline.market.seoul import SEOUL
from data_pipeline.read import minute_bars
from data_pipeline.read.archive.let_go import oldest_kept
from tests.support.market_rows import SAMSUNG, ZEROS
from tests.support.old_months import AUG, OCT, SEP, fill_minutes, fill_moments
from tests.support.project import ROOT, python_path

NOW = datetime(2026, 12, 1, 21, tzinfo=SEOUL)
KEEP_ONE = ("--dataset", "price_snapshot", "--keep", "1")
ALL = {"KEEP_ORDER_BOOK_MONTHS": "1200", "KEEP_TRADE_MONTHS": "1200"}
"""Every month of what has a limit of its own."""


class Archiving:
    """The command against one warehouse."""

    def __init__(self, url, folder):
        self.environ = {"MARKET_DB_URL": url}
        self.folder = folder

    def run(self, command, *words):
        """Return the exit code and what was printed."""
        out = StringIO()
        options = _parser().parse_args([command.__name__, *words])
        console = Console(file=out, width=200)
        more = (NOW,) if command is archive else ()
        code = command(options, Home(self.folder), self.environ, *more, console)
        return code, out.getvalue()

    def __call__(self, *words):
        """Return the exit code and what `--json` printed."""
        code, said = self.run(archive, *words, "--json")
        return code, json.loads(said)


@pytest.fixture
def archiving(database, connection, tmp_path):
    """The command as the owner of a warehouse with three old months."""
    fill_minutes(connection)
    fill_moments(connection)
    with connection.cursor() as cursor:  # coverage expects the sessions that are loaded, and no other
        cursor.execute("DELETE FROM market.calendar_session WHERE session <> ALL (%s)", ([AUG, SEP, OCT],))
    connection.commit()
    return Archiving(database.url("owner"), tmp_path / "home")


def outcomes(told):
    """The months and what became of them."""
    return [(one["month"], one["outcome"]) for one in told["months"]]


def test_it_says_what_would_go(database, archiving):
    """Months, rows and bytes by dataset; a login that can only read is enough, and nothing changes."""
    archiving.environ |= {"MARKET_DB_URL": database.url("reader"), "KEEP_MINUTE_BAR_MONTHS": "2", **ALL}
    code, told = archiving()
    assert (code, told["dry_run"]) == (0, True)
    assert told["keep"] == {"minute_bar": 2, "order_book": 1200, "trade": 1200}
    assert outcomes(told) == [("2026-08", "would go"), ("2026-09", "would go")]
    assert [one["rows"] for one in told["months"]] == [8, 8]
    assert all(one["bytes"] > 8000 for one in told["months"])
    assert database.rows("SELECT count(*) FROM market.archive") == [(0,)]
    code, said = archiving.run(archive)
    assert code == 0
    assert "2 months, 16 rows" in said
    assert "Nothing was changed" in said


def test_unless_told_books_are_kept_for_a_month_and_trades_for_a_year(archiving):
    """Minutes and prices stay for good; 1200 months are for good, too."""
    _, told = archiving()
    assert told["keep"] == {"order_book": 1, "trade": 12}
    assert {one["dataset"] for one in told["months"]} == {"order_book"}
    archiving.environ |= ALL
    assert archiving()[1]["months"] == []
    assert archiving.run(archive) == (0, "No month is older than what is kept.\n")


def test_files_alone_drop_nothing(database, archiving, tmp_path):
    """Each month is in a file that is proved, and still stored."""
    code, told = archiving(*KEEP_ONE, "--to", str(tmp_path / "files"))
    assert (code, set(outcomes(told))) == (
        0,
        {(f"2026-{month}", "in a file, still stored") for month in ("08", "09", "10")},
    )
    assert told["months"][0]["file"] == "price_snapshot/price_snapshot-2026-08.parquet"
    assert database.rows("SELECT count(*) FROM market.price_snapshot") == [(6,)]


def test_months_go_into_files_and_verify_is_clean(database, archiving, tmp_path):
    """Dropped months are proved out of their files; without the folder verify cannot, and says so."""
    files = str(tmp_path / "files")
    code, told = archiving(*KEEP_ONE, "--to", files, "--drop")
    assert code == 0
    assert outcomes(told) == [(f"2026-{month}", "dropped, in a file") for month in ("08", "09", "10")]
    assert database.rows("SELECT count(*) FROM market.price_snapshot") == [(0,)]
    assert database.rows("SELECT count(*) FROM market.restatement") == [(0,)]
    archiving.environ["ARCHIVE_FOLDER"] = files
    code, said = archiving.run(verify)
    assert code == 0
    assert "12 sessions, 54 rows" in said
    del archiving.environ["ARCHIVE_FOLDER"]
    code, said = archiving.run(verify)
    assert code == 1
    assert "archived in a file that cannot be read" in said
    assert archiving(*KEEP_ONE, "--to", files, "--drop")[1]["months"] == []


def test_a_month_that_lacks_something_stays(database, archiving):
    """Once it is archived nobody would ask for what it lacks; who wants that says so."""
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.proof WHERE session = %s AND stock_code = %s", (SEP, ZEROS))
    words = ("--dataset", "minute_bar", "--keep", "1", "--without-file", "--drop")
    code, told = archiving(*words)
    assert code == 1
    assert outcomes(told)[1] == ("2026-09", "stays: 1 cells are missing or unproven; fill them, or add --incomplete")
    code, told = archiving(*words, "--incomplete")
    assert (code, outcomes(told)) == (0, [("2026-09", "dropped")])


def test_a_month_that_is_not_as_sealed_stays(database, archiving, tmp_path):
    """The others go, and the exit code says that not all did."""
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.price_snapshot_2026_09 SET market_cap = 1")
    for where in (["--to", str(tmp_path)], ["--without-file"]):
        code, told = archiving(*KEEP_ONE, *where, "--drop")
        assert code == 1
        assert "sealed" in dict(outcomes(told))["2026-09"]
    assert database.rows("SELECT session FROM market.price_snapshot GROUP BY 1") == [(SEP,)]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--drop"], InvalidRequestError, "--without-file, which keeps them nowhere"),
        (["--without-file"], InvalidRequestError, "goes with --drop"),
        (["--keep", "0"], InvalidRequestError, "from 1 to 1200 months"),
        (["--dataset", "minute_bar"], InvalidRequestError, "set KEEP_MINUTE_BAR_MONTHS, or add --keep"),
        ([*KEEP_ONE, "--to", "/proc/nowhere"], ConfigurationError, "cannot be written"),
    ],
)
def test_what_is_not_meant_is_refused(archiving, words, error, said):
    """With one sentence that says what to do."""
    with pytest.raises(error, match=said):
        archiving(*words)


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        ("2026-12-01", 1, "2026-11-01"), ("2026-12-31", 2, "2026-10-01"), ("2026-01-15", 1, "2025-12-01"),
        ("2026-01-15", 24, "2024-01-01"),
    ],
)  # fmt: skip
def test_months_are_counted_back_from_this_one(today, months, first):
    """The present month is kept besides."""
    assert oldest_kept(datetime.fromisoformat(today).date(), months).isoformat() == first


@pytest.mark.thorough
def test_a_kill_between_file_and_drop_loses_nothing(database, archiving, tmp_path, monkeypatch):
    """A reader holds the drop up, the command is killed there; everything is readable, and a second run finishes it."""
    files = str(tmp_path / "files")
    monkeypatch.setenv("ARCHIVE_FOLDER", files)
    words = ["archive", "--dataset", "minute_bar", "--keep", "1", "--to", files, "--drop"]
    own = {"MARKET_DB_URL": database.url("owner"), "DATA_PIPELINE_HOME": str(tmp_path), "PYTHONPATH": python_path()}
    with database.connect("reader") as reader:
        before = minute_bars(None, AUG, OCT, complete=False, connection=reader)
        cursor = reader.cursor()
        cursor.execute("SELECT count(*) FROM market.minute_bar")  # and stays in its transaction
        command = subprocess.Popen(
            [sys.executable, "-m", "data_pipeline", *words], cwd=ROOT, env={**os.environ, **own},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for_the_drop(database, command)
        command.send_signal(signal.SIGKILL)
        command.wait()
        assert (tmp_path / "files" / "minute_bar" / "minute_bar-2026-08.parquet").exists()
        reader.rollback()
        pd.testing.assert_frame_equal(minute_bars(None, AUG, OCT, complete=False, connection=reader), before)
        reader.rollback()
        code, told = archiving(*words[1:])
        assert (code, outcomes(told)) == (0, [(f"2026-{month}", "dropped, in a file") for month in ("08", "09", "10")])
        pd.testing.assert_frame_equal(minute_bars(None, AUG, OCT, complete=False, connection=reader), before)
    assert database.rows("SELECT count(*) FROM market.minute_bar") == [(0,)]
    assert before["stock_code"].unique().tolist() == [ZEROS, SAMSUNG]


def wait_for_the_drop(database, command):
    """Return when a session of the command waits for the reader to leave."""
    waiting = (
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%drop_month%%' AND datname = %s"
    )
    while not database.rows(waiting, database.name):
        assert command.poll() is None
