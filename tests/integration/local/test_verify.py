"""`data-pipeline verify`: what it says, as a table and as JSON, and how it ends."""

import json
from datetime import date
from io import StringIO

import psycopg2
import pytest
from rich.console import Console

from data_pipeline.cli import _parser, main
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.local.home import Home
from data_pipeline.local.verify import verify
from data_pipeline.market.records import DailyBar
from tests.support.old_warehouse import warehouse_before
from tests.support.tables import DAILY_BAR

SEP, OCT = date(2026, 9, 14), date(2026, 10, 1)
BARS = [
    DailyBar(code, day, 70, 72, 69, 71, volume, 700, 1)
    for day in (SEP, OCT)
    for volume, code in enumerate(("005930", "000660"), start=1)
]


class Verifying:
    """The command against one warehouse."""

    def __init__(self, url, folder):
        self.url, self.folder = url, folder

    def __call__(self, *words):
        """Return its exit code and the words of each line it wrote."""
        out = StringIO()
        options = _parser().parse_args(["verify", *words])
        code = verify(options, Home(self.folder), {"MARKET_DB_URL": self.url}, Console(file=out, width=120))
        return code, [" ".join(line.split()) for line in out.getvalue().splitlines()]


@pytest.fixture
def verifying(database, connection, tmp_path):
    """The command as the reader of a warehouse with two bars on each of two sessions."""
    upsert(connection, DAILY_BAR, BARS, "kis", 7)
    connection.commit()
    return Verifying(database.url("reader"), tmp_path)


@pytest.fixture
def damaged(database, verifying):
    """The same, after a bar of October was lost past the triggers."""
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.daily_bar_2026_10 WHERE stock_code = '005930'")
        owner.commit()
    return verifying


def test_all_as_sealed(verifying):
    """Two sessions of two rows that fit their seals end with 0 and one line."""
    code, (line,) = verifying()
    assert code == 0
    assert line.startswith("2 sessions, 4 rows in ")
    assert line.endswith(" s: all as sealed.")


def test_a_lost_row_is_named(damaged):
    """The session that lost one of its two bars is named with both numbers, and the command ends with 1."""
    code, lines = damaged()
    assert code == 1
    assert lines[1] == "daily_bar 2026-10-01 rows lost 2 1"
    assert lines[2].startswith("2 sessions, 3 rows in ")
    assert lines[2].endswith(" s: 1 differ.")


def test_json(damaged):
    """One object, with the digests in hexadecimal; of one remaining bar it is the bar's own SHA-256."""
    code, (line,) = damaged("--json")
    told = json.loads(line)
    (found,) = told.pop("findings")
    assert code == 1
    assert {name: told[name] for name in ("sessions", "rows")} == {"sessions": 2, "rows": 3}
    assert found.pop("sealed_digest") != found["stored_digest"]
    assert found == {
        "dataset": "daily_bar", "session": "2026-10-01", "difference": "lost", "sealed_rows": 2, "stored_rows": 1,
        # printf of the 66 bytes that docs/explanation/seals.md describes, into sha256sum
        "stored_digest": "c33860191fae935bd29c275c0a42ddab4b004d44eeb9bccba68d32f709e63be5",
    }  # fmt: skip


def test_sealed_again(database, damaged):
    """After a meant change the owner seals what differs as it stands; it is told once more, and never again."""
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        damaged("--seal-again")
    code, lines = Verifying(database.url("owner"), damaged.folder)("--seal-again")
    assert code == 1
    assert lines[1] == "daily_bar 2026-10-01 rows lost 2 1"
    assert damaged()[0] == 0


@pytest.mark.parametrize(("words", "code"), [
    (("--first", "2026-10-02"), 0), (("--last", "2026-09-30"), 0), (("--first", "2026-10-01"), 1),
    (("--first", "2026-09-14", "--last", "2026-10-01"), 1), (("--dataset", "minute_bar"), 0),
    (("--dataset", "daily_bar"), 1),
])  # fmt: skip
def test_a_range_and_a_dataset(damaged, words, code):
    """Only what is asked for is looked at; both ends are included."""
    assert damaged(*words)[0] == code


def test_a_session_between_others_of_its_month_is_looked_at_alone(damaged):
    """One session of a month counts its own rows and no other's."""
    _, lines = damaged("--first", "2026-09-14", "--last", "2026-09-14")
    assert lines[0].startswith("1 sessions, 2 rows in ")


@pytest.mark.parametrize("words", [
    ("--dataset", "instrument"), ("--dataset", "nothing"), ("--first", "yesterday"),
    ("--first", "2026-10-02", "--last", "2026-10-01"),
])  # fmt: skip
def test_what_cannot_be_asked(verifying, words):
    """A dataset without seals, a malformed day and a reversed range are errors that change nothing."""
    with pytest.raises(InvalidRequestError):
        verifying(*words)


def test_a_warehouse_older_than_its_seals(server, tmp_path):
    """It cannot be verified before it is migrated, and the error says so."""
    with warehouse_before(server, "0008", tmp_path) as url, pytest.raises(ConfigurationError, match="migrate"):
        Verifying(url, tmp_path)()


def test_what_could_not_be_done_ends_with_2(verifying, monkeypatch):
    """The command itself ends with 2 for an error and 0 for a sound warehouse."""
    monkeypatch.setenv("MARKET_DB_URL", verifying.url)
    assert main(["verify", "--dataset", "nothing"]) == 2
    assert main(["verify"]) == 0


def test_a_month_that_cannot_be_read_is_named(database, verifying):
    """When the server cannot read a month, each sealed session of it is named, and other months are verified."""
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("""
            CREATE OR REPLACE FUNCTION market.daily_bar_digests(first date, last date)
                RETURNS TABLE (session date, rows bigint, official bigint, run_id bigint, digest numeric)
                LANGUAGE plpgsql STABLE AS $$
            BEGIN
                IF first >= '2026-10-01' THEN
                    RAISE EXCEPTION 'invalid page in block 3 of relation base/5/1234' USING ERRCODE = 'data_corrupted';
                END IF;
                RETURN QUERY SELECT s.session::date, s.rows, s.official, s.run_id, s.digest
                    FROM market.seal s WHERE s.session BETWEEN first AND last;
            END
            $$
        """)
        owner.commit()
    code, lines = verifying("--dataset", "daily_bar")
    assert code == 1
    assert lines[1] == "daily_bar 2026-10-01 rows that the server cannot read 2 -"
    assert lines[2].startswith("2 sessions, 2 rows in ")
