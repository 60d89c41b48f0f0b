"""`data-pipeline export` and the file it writes."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import psycopg2
import pyarrow.parquet as pq
import pytest

from data_pipeline import read
from data_pipeline.cli import main
from data_pipeline.exceptions import ConfigurationError, IncompleteDataError, InvalidRequestError
from data_pipeline.local.arguments import EXPORTS
from data_pipeline.read.parquet import export
from data_pipeline.read.plans import plan_daily_bars, plan_instruments
from tests.support.market_rows import FRI, SAMSUNG, THU
from tests.support.project import ROOT, python_path

RANGE = ("--first", "2026-09-10", "--last", "2026-09-11")


@pytest.fixture
def command(filled, monkeypatch, capsys):
    """The command on this test's warehouse; returns its exit code and what it wrote."""
    monkeypatch.setenv("MARKET_DB_URL", filled.url("reader"))
    handler = signal.getsignal(signal.SIGTERM)

    def run(*words):
        code = main(["export", *map(str, words)])
        return code, " ".join("".join(capsys.readouterr()).split())

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("adjusted", [True, False])
def test_the_file_is_the_frame(command, filled_reader, tmp_path, adjusted):
    """Read back with pandas alone, values and types are those of the reader."""
    path = tmp_path / "bars.parquet"
    code, said = command("daily_bars", *RANGE, *(["--adjusted"] if adjusted else []), "-o", path)
    assert code == 0
    assert f"6 rows, {path.stat().st_size:,} bytes in {path}" in said
    expected = read.daily_bars(None, THU, FRI, adjusted, connection=filled_reader)
    pd.testing.assert_frame_equal(pd.read_parquet(path), expected)
    assert [*tmp_path.iterdir()] == [path]


def as_link(path):
    """Make a link to a file that is there."""
    path.with_name("kept").write_text("kept")
    path.symlink_to(path.with_name("kept"))


SPECIAL = {
    "a folder": Path.mkdir,
    "a symbolic link": as_link,
    "a symbolic link to nothing": lambda path: path.symlink_to(path.with_name("nowhere")),
    "a pipe": os.mkfifo,
    "a device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3)),  # /dev/null
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
}


@pytest.mark.parametrize("name", ["bars.parquet", "bars.parquet.part"])
@pytest.mark.parametrize("kind", SPECIAL)
def test_only_a_regular_file_is_replaced(command, tmp_path, kind, name):
    """With --force too, what is no regular file stays what it is, also under the name of the unfinished file."""
    special = tmp_path / name
    try:
        SPECIAL[kind](special)
    except PermissionError:
        pytest.skip("only root may make a device")
    before = {path.name: path.lstat() for path in tmp_path.iterdir()}
    code, said = command("daily_bars", *RANGE, "--force", "-o", tmp_path / "bars.parquet")
    assert code == 2
    assert f"{name} is {kind.removesuffix(' to nothing')}, which an export never replaces" in said
    after = {path.name: path.lstat() for path in tmp_path.iterdir()}
    assert {name: (one.st_ino, one.st_mode, one.st_size) for name, one in after.items()} == {
        name: (one.st_ino, one.st_mode, one.st_size) for name, one in before.items()
    }


def test_every_dataset(command, filled_reader, tmp_path):
    """Nullable whole numbers, flags and zones come back too, from empty files as from full ones."""
    frames = {
        "daily_bars": read.daily_bars(None, THU, FRI, adjusted=False, complete=False, connection=filled_reader),
        "minute_bars": read.minute_bars(None, THU, FRI, complete=False, connection=filled_reader),
        "price_snapshots": read.price_snapshots(None, THU, FRI, complete=False, connection=filled_reader),
        "order_books": read.order_books(None, THU, FRI, complete=False, connection=filled_reader),
        "instruments": read.instruments(connection=filled_reader),
        "index_bars": read.index_bars(THU, FRI, complete=False, connection=filled_reader),
        "investor_flows": read.investor_flows(None, THU, FRI, complete=False, connection=filled_reader),
        "trades": read.frame("trade", None, THU, FRI, complete=False, connection=filled_reader),
    }
    assert {*frames} == {*EXPORTS}
    for name, frame in frames.items():
        path = tmp_path / f"{name}.parquet"
        words = () if name == "instruments" else (*RANGE, "--incomplete")
        assert command(name, *words, "-o", path)[0] == 0
        pd.testing.assert_frame_equal(pd.read_parquet(path), frame)


def test_the_file_says_its_units_and_what_was_asked(command, tmp_path):
    """Won, shares and the zone are in the schema; codes, range and adjustment in the file's metadata."""
    path = tmp_path / "bars.parquet"
    command("daily_bars", *RANGE, "--codes", SAMSUNG, "--as-of", "2030-01-01T00:00+09:00", "-o", path)
    schema = pq.read_schema(path)
    units = {name: schema.field(name).metadata[b"unit"].decode() for name in ("close", "volume", "session")}
    assert units == {"close": "won", "volume": "shares", "session": "date in Seoul"}
    said = {key[14:].decode(): value.decode() for key, value in schema.metadata.items() if key.startswith(b"data_")}
    del said["exported_at"], said["version"]
    assert said == {
        "dataset": "daily_bars", "codes": "005930", "first": "2026-09-10", "last": "2026-09-11",
        "adjusted": "false", "as_of": "2030-01-01T00:00:00+09:00", "complete": "true",
    }  # fmt: skip
    assert command("minute_bars", *RANGE, "--incomplete", "-o", tmp_path / "m.parquet")[0] == 0
    assert str(pq.read_schema(tmp_path / "m.parquet").field("at").type) == "timestamp[us, tz=Asia/Seoul]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("daily_bars", "--first", "2026-09-11", "--last", "2026-09-10"), "the range is reversed"),
        (("daily_bars", "--first", "2026-09-10"), "daily_bars needs --first and --last"),
        (("daily_bars", *RANGE, "--codes", "5930"), "six characters"),
        (
            ("daily_bars", *RANGE, "--codes", "999999"),
            "UnknownStockError: the warehouse does not know",
        ),
        (("daily_bars", *RANGE, "--as-of", "2026-09-10"), "a moment with its zone"),
        (("minute_bars", *RANGE), "IncompleteDataError: minute_bar from 2026-09-10 to 2026-09-11: 6 cells"),
        (("minute_bars", *RANGE, "--adjusted"), "--adjusted does not go with minute_bars"),
        (("instruments", "--first", "2026-09-10"), "--first does not go with instruments"),
        (("instruments", "--on", "2020-01-02"), "the instruments of 2020-01-02 are not known"),
        (("instruments", "--timeout", "0"), "--timeout must be from 1 to 86400 seconds, not 0"),
    ],
)
def test_errors_are_one_sentence_and_leave_nothing(command, tmp_path, words, said):
    """Exit code 2, the reason, and an empty folder."""
    code, output = command(*words, "-o", tmp_path / "out.parquet")
    assert code == 2
    assert said in output
    assert "Traceback" not in output
    assert [*tmp_path.iterdir()] == []


def test_an_existing_file_is_kept_unless_forced(command, tmp_path):
    """Refused without --force; with it, replaced only by a whole file."""
    path = tmp_path / "bars.parquet"
    path.write_text("mine")
    code, said = command("daily_bars", *RANGE, "-o", path)
    assert (code, path.read_text()) == (2, "mine")
    assert "--force" in said
    assert command("minute_bars", *RANGE, "-o", path, "--force")[0] == 2
    assert path.read_text() == "mine"
    assert command("daily_bars", *RANGE, "-o", path, "--force")[0] == 0
    assert len(pd.read_parquet(path)) == 6
    assert [*tmp_path.iterdir()] == [path]


def test_a_place_that_cannot_be_written(filled_reader, tmp_path):
    """A folder that is not there, and one in the file's place, are named."""
    for path in (tmp_path / "none" / "bars.parquet", tmp_path):
        with pytest.raises(InvalidRequestError, match="name a file in a folder that exists"):
            export(plan_instruments(), path, filled_reader)
    with pytest.raises(ConfigurationError, match=r"/proc/bars\.parquet cannot be written"):
        export(plan_instruments(), Path("/proc/bars.parquet"), filled_reader)


def test_a_full_disk_leaves_nothing(filled_reader, tmp_path):
    """An error of the file system while rows come is told with its reason, and the connection goes on."""

    def full(rows, size):
        raise OSError(28, "No space left on device")

    path = tmp_path / "bars.parquet"
    with pytest.raises(ConfigurationError, match=r"bars\.parquet cannot be written: No space left on device"):
        export(plan_daily_bars(None, THU, FRI, adjusted=False), path, filled_reader, progress=full, block=1)
    assert [*tmp_path.iterdir()] == []
    assert export(plan_daily_bars(None, THU, FRI, adjusted=False), path, filled_reader).rows == 6


def test_two_exports_into_one_file(filled_reader, filled, tmp_path):
    """The second is refused while the first one writes, and the first one's file is whole."""
    path = tmp_path / "bars.parquet"
    plan = plan_daily_bars(None, THU, FRI, adjusted=False)
    refused = []

    def meanwhile(rows, size):
        with pytest.raises(InvalidRequestError, match="another export is writing") as caught:
            export(plan, path, filled.url("reader"))
        refused.append(caught.value)

    assert export(plan, path, filled_reader, progress=meanwhile).rows == 6
    assert len(refused) == 1
    assert len(pd.read_parquet(path)) == 6


def test_a_file_that_appears_meanwhile_is_kept(filled_reader, tmp_path):
    """What somebody else put there while rows came is not replaced unasked."""
    path = tmp_path / "bars.parquet"
    with pytest.raises(InvalidRequestError, match="exists"):
        export(plan_instruments(), path, filled_reader, progress=lambda *_: path.write_text("mine"))
    assert path.read_text() == "mine"
    assert [*tmp_path.iterdir()] == [path]


def test_memory_is_one_block_whatever_the_rows(filled_reader, tmp_path):
    """Every block is one row group: written and let go before the next one is parsed."""
    seen = []
    path = tmp_path / "bars.parquet"
    plan = plan_daily_bars(None, THU, FRI, adjusted=False)
    export(plan, path, filled_reader, progress=lambda rows, size: seen.append((rows, size)), block=1)
    assert [rows for rows, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert [size for _, size in seen] == sorted({size for _, size in seen})
    assert pq.ParquetFile(path).metadata.num_row_groups == 6
    pd.testing.assert_frame_equal(
        pd.read_parquet(path), read.daily_bars(None, THU, FRI, False, connection=filled_reader)
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_leaves_no_file(filled, tmp_path, how):
    """Ended while it waits for its rows: nothing under the name, and the next try succeeds and cleans up."""
    path = tmp_path / "bars.parquet"
    environ = {**os.environ, "MARKET_DB_URL": filled.url("reader"), "PYTHONPATH": python_path()}
    command = [sys.executable, "-m", "data_pipeline", "export", "daily_bars", *RANGE, "-o", str(path)]
    with closing(psycopg2.connect(filled.url("owner"))) as blocker, blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE market.daily_bar IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while not filled.rows("SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
                                " WHERE datname = current_database())"):  # fmt: skip
            assert process.poll() is None, process.communicate()[0]
        process.send_signal(how)
        if how is signal.SIGKILL:
            process.communicate(timeout=60)
        blocker.rollback()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not path.exists()
    if how is not signal.SIGKILL:
        assert [*tmp_path.iterdir()] == []
    assert subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False).returncode == 0
    assert [*tmp_path.iterdir()] == [path]
    assert len(pd.read_parquet(path)) == 6


def test_the_help_has_examples(capsys):
    """`--help` shows whole commands and the exit codes."""
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    said = capsys.readouterr().out
    assert "data-pipeline export daily_bars --first 2024-01-02" in said
    assert "Exit codes" in said


def test_an_incomplete_read_makes_no_file(filled_reader, tmp_path):
    """What the frame refuses the file refuses."""
    with pytest.raises(IncompleteDataError):
        export(plan_daily_bars(None, THU, "2026-09-14", adjusted=True), tmp_path / "x.parquet", filled_reader)
    assert [*tmp_path.iterdir()] == []
