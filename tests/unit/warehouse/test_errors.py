"""The page of errors and the meanings of SQLSTATEs."""

from data_pipeline.warehouse.errors import PLAIN
from tests.support.project import ROOT


def test_every_meaning_is_documented():
    """Each SQLSTATE that has a meaning of its own stands on the page."""
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    assert [code for code in PLAIN if f"`{code}`" not in page] == []
