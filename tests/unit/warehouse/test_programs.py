"""Postgres's own programs: how they are told where to connect, and what their failure says."""

import re
from pathlib import Path

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.warehouse.programs import program, run_program

URL = "postgresql://me:se%20cret@db.example:5433/mine?sslmode=require"
LOOK = """
    cat "$PGSERVICEFILE" > "$1/service"; stat -c '%a' "$PGSERVICEFILE" > "$1/mode"
    tr '\\0' '\\n' < /proc/$$/environ > "$1/environment"; tr '\\0' '\\n' < /proc/$$/cmdline > "$1/arguments"
"""


def test_the_password_is_in_a_file_that_is_gone_afterwards(tmp_path):
    """Of mode 0600; neither arguments nor environment hold it, nor the keys of vendors."""
    environ = {"HOME": "/root", "KIS_APP_SECRET": "of the vendor", "MARKET_DB_URL": URL, "PGSSLROOTCERT": "/ca.pem"}
    run_program("sh", URL, ["-c", LOOK, "sh", str(tmp_path)], environ)
    said = {path.name: path.read_text() for path in tmp_path.iterdir()}
    head, *lines = said["service"].splitlines()
    assert head == "[warehouse]"
    assert {*lines} == {
        "user=me", "password=se cret", "host=db.example", "port=5433", "dbname=mine", "sslmode=require",
    }  # fmt: skip
    assert said["mode"] == "600\n"
    for seen in ("environment", "arguments"):
        assert not re.search("cret|vendor", said[seen]), seen
    assert "PGSSLROOTCERT=/ca.pem" in said["environment"]
    (where,) = re.findall("^PGSERVICEFILE=(.*)$", said["environment"], re.MULTILINE)
    assert not Path(where).exists()


def test_a_program_that_fails_has_the_last_word():
    """Its code and the end of what it wrote."""
    with pytest.raises(ConfigurationError, match=r"^sh ended with 3: nothing works$"):
        run_program("sh", URL, ["-c", "echo nothing works >&2; exit 3"], {})


def test_an_address_that_no_file_can_hold():
    """A line break would begin another parameter."""
    with pytest.raises(ConfigurationError, match="has a line break in it"):
        run_program("sh", "postgresql://me:a%0Ahost=evil@db.example/mine", ["-c", "true"], {})


def test_the_wheel_has_what_a_backup_needs():
    """And a program that is nowhere is said to be lacking."""
    assert [program(name).name for name in ("pg_dump", "pg_restore")] == ["pg_dump", "pg_restore"]
    with pytest.raises(ConfigurationError, match="no_such_program is not here: install the extra `embedded`"):
        program("no_such_program")
