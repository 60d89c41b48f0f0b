"""A real server of the Redis protocol stands still, by SIGSTOP and by CLIENT PAUSE, while processes send."""

from __future__ import annotations

import json

import pytest

from benchmarks.stalls import main


@pytest.mark.slow
def test_a_server_that_stands_still_lets_no_second_hold_more_than_the_quota(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 24 stalls of 1.6 to 4 s none shows more than 18 sends in a second; within ten seconds 0.95 of them come."""
    assert main(["--trials", "24", "--at-once", "4"]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]
    assert [row["trials"] for row in rows] == [12, 12]
    assert all(row["most"] <= 18 and row["recovered_s"] <= 10 for row in rows)
