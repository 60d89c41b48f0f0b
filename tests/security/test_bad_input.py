"""Bad input of the command ends with code 2 and one sentence that names it: no traceback, no silence."""

from __future__ import annotations

import pytest

from data_pipeline.cli import main

RANGE = ("--first", "2026-09-10", "--last", "2026-09-11")
NOWHERE = "/proc/nowhere/home"
"""Nobody can make a folder there, root neither."""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["emulator", "--port", "99999"], "must be a whole number from 0 to 65535, not '99999'"),
        (["emulator", "--port", "many"], "must be a whole number from 0 to 65535, not 'many'"),
        (["emulator", "--port-file", f"{NOWHERE}/port"], f"cannot write {NOWHERE}/port"),
        (["emulator", "--keys", f"{NOWHERE}/keys"], f"{NOWHERE}/keys"),
        (["backfill", "--dataset", "daily_bar", *RANGE, "--codes", ",,,"], "',,,' names no stock code"),
        (["export", "daily_bars", *RANGE, "--codes", ",,,", "-o", f"{NOWHERE}/x"], "',,,' names no stock code"),
        (["coverage", "--first", "1900-01-01"], "--first 1900-01-01 is not on the trading calendar"),
        (["run"], f"the folder {NOWHERE} cannot be made"),
        (["up"], NOWHERE),
        (["down"], NOWHERE),
        (["coverage"], NOWHERE),
        (["adjust"], NOWHERE),
        (["quarantine", "retry"], NOWHERE),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_sentence_and_code_2(put, capsys, words, said):
    """Wrong numbers, lists of nothing, days of no calendar, and a home that cannot be written."""
    put(DATA_PIPELINE_HOME=NOWHERE)
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    told = " ".join("".join(capsys.readouterr()).split())
    assert (code, said in told, "Traceback" in told) == (2, True, False), told
