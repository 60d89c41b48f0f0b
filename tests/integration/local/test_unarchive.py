"""`data-pipeline unarchive`: what it prints, how it ends, and what it warns of."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from data_pipeline.cli import _parser
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.unarchive import unarchive
from data_pipeline.market.seoul import SEOUL
from data_pipeline.read.archive.let_go import drop_month, keep_in_file
from tests.support.old_months import fill_minutes, fill_moments

NOW = datetime(2026, 12, 1, 21, tzinfo=SEOUL)
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


@dataclass(frozen=True)
class Unarchiving:
    """The command against one warehouse, and where the files are."""

    folder: Path
    home: Home
    environ: dict[str, str]

    def __call__(self, *words, **more):
        """Return the exit code and what was printed; ``more`` are settings."""
        out = StringIO()
        options = _parser().parse_args(["unarchive", *words])
        code = unarchive(options, self.home, self.environ | more, NOW, Console(file=out, width=200))
        return code, out.getvalue()


@pytest.fixture
def unarchived(database, connection, tmp_path):
    """The command, where minutes and trades of September and October are archived."""
    fill_minutes(connection)
    fill_moments(connection)
    folder = tmp_path / "files"
    with database.connect("owner") as owner:
        for dataset in ("minute_bar", "trade"):
            for month in (SEPTEMBER, OCTOBER):
                drop_month(owner, dataset, month, keep_in_file(owner, dataset, month, folder))
    environ = {"MARKET_DB_URL": database.url("owner"), "ARCHIVE_FOLDER": str(folder)}
    return Unarchiving(folder, Home(tmp_path / "home"), environ)


def test_months_come_back(database, unarchived):
    """Those that are named; the others stay in their files."""
    assert unarchived("minute_bar", "2026-09", "2026-10") == (0, "2 months, 16 rows are stored again.\n")
    assert database.rows("SELECT count(*) FROM market.minute_bar") == [(24,)]
    assert database.rows("SELECT dataset FROM market.archive WHERE dropped_at IS NOT NULL") == [("trade",)] * 2


def test_it_prints_json(unarchived):
    """Rows and outcome of each month; a second time there is nothing to do."""
    said = [unarchived("trade", "2026-09", "--json") for _ in range(2)]
    first, second = ([*json.loads(out)["months"]] for _, out in said)
    assert [code for code, _ in said] == [0, 0]
    assert first == [{"dataset": "trade", "month": "2026-09", "rows": 6, "outcome": "stored again"}]
    assert second == [{"dataset": "trade", "month": "2026-09", "rows": 0, "outcome": "is stored already"}]


def test_what_would_go_again_is_said(unarchived, capsys):
    """Trades are kept for twelve months unless told, minutes for good."""
    unarchived("trade", "2026-09")
    assert "let" not in capsys.readouterr().err
    unarchived("trade", "2026-10", KEEP_TRADE_MONTHS="1")
    said = " ".join(capsys.readouterr().err.split())
    assert "KEEP_TRADE_MONTHS is 1: the DAG `stream_day` and `archive` will let older months go again" in said
    unarchived("minute_bar", "2026-10", KEEP_MINUTE_BAR_MONTHS="1")
    assert "KEEP_MINUTE_BAR_MONTHS is 1: `archive` will" in " ".join(capsys.readouterr().err.split())


def test_a_month_whose_file_differs_stays(unarchived):
    """The others come back, and the exit code says that not all did."""
    wrong = unarchived.folder / "minute_bar" / "minute_bar-2026-09.parquet"
    wrong.write_bytes((unarchived.folder / "minute_bar" / "minute_bar-2026-10.parquet").read_bytes())
    code, out = unarchived("minute_bar", "2026-09", "2026-10", "--json")
    september, october = json.loads(out)["months"]
    assert code == 1
    assert september["outcome"].startswith("stays archived: ")
    assert october["outcome"] == "stored again"


def test_what_is_not_meant_is_refused(unarchived, tmp_path):
    """A month that is none, and a folder that nobody named or that has no files."""
    with pytest.raises(InvalidRequestError, match="name a month as 2024-03, not '2026-9'"):
        unarchived("minute_bar", "2026-9")
    with pytest.raises(ConfigurationError, match="ARCHIVE_FOLDER"):
        unarchived("minute_bar", "2026-09", ARCHIVE_FOLDER="")
    with pytest.raises(ConfigurationError, match="which is not there"):
        unarchived("minute_bar", "2026-09", "--from", str(tmp_path))
