"""What counts as a new field: nothing that the documents show."""

import json

import pytest

from data_pipeline.market.rejections import FieldDrift
from data_pipeline.sources.kis.known_fields import KNOWN_FIELDS, field_names
from tests.support.project import SAMPLES

DOCUMENTED = sorted(path.stem for path in (SAMPLES / "kis").glob("*.json") if path.stem in KNOWN_FIELDS)


@pytest.mark.parametrize("call", DOCUMENTED)
def test_the_documented_answer_has_no_new_field(call):
    """Not even the name that KIS writes with a space, in every chart of days."""
    sample = json.loads((SAMPLES / "kis" / f"{call}.json").read_text(encoding="utf-8"))
    drift = FieldDrift(KNOWN_FIELDS)
    drift.note(call, field_names({**sample["outputs"], "rt_cd": "0"}))
    assert drift.counts == {}


def test_every_watched_call_has_a_sample():
    """So that a name is never only believed."""
    assert set(DOCUMENTED) == set(KNOWN_FIELDS)
