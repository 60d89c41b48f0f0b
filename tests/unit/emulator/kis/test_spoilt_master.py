"""Lies about stock master files: a seed tells each of them, and what it tells is no list any more."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from datetime import date

import pytest

from data_pipeline.emulator.hostile import lie_for
from data_pipeline.emulator.kis.master import lines_of, master_file
from data_pipeline.emulator.kis.spoilt_master import LIES, told

SESSION, PATH = date(2026, 11, 20), "/common/master/konex_code.mst.zip"
SAID = {seed: lie_for(seed, PATH, {"SESSION": str(SESSION)}, LIES) for seed in range(400)}


def test_each_lie_is_told_by_some_seed():
    """Three of four files are true; of the others every lie gets its turn."""
    said = Counter(SAID.values())
    assert {*said} - {""} == {*LIES}
    assert said[""] > 250


@pytest.mark.thorough
def test_a_file_that_is_no_longer_a_list(kis):
    """Rows are lost at either end, all gone, doubled, cut, or no zip: and the log names the lie."""
    view = kis.app.server.view
    _, rows = lines_of(master_file(view, "konex_code", SESSION))
    seen = {}
    for lie in ("", "empty", "short_newest", "short_oldest", "repeated", "field_dropped", "cut_letter"):
        seed = next(one for one, said in SAID.items() if said == lie)
        reply = told(view, seed, PATH, "konex_code", SESSION)
        assert reply.lie == lie
        seen[lie] = reply.body
    assert not zipfile.is_zipfile(io.BytesIO(seen.pop("cut_letter")))
    kept = {lie: lines_of(body)[1] for lie, body in seen.items()}
    assert (kept[""], kept["empty"]) == (rows, [])
    assert kept["short_newest"] == rows[-len(kept["short_newest"]) :] != rows
    assert kept["short_oldest"] == rows[: len(kept["short_oldest"])] != rows
    assert max(Counter(kept["repeated"]).values()) == 2
    assert min(map(len, kept["field_dropped"])) == 41
