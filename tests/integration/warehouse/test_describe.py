"""The reference page of the warehouse."""

from data_pipeline.warehouse.describe import describe
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "reference" / "warehouse.md"


def test_the_page_says_what_the_database_says(database):
    """`python -m data_pipeline.warehouse.describe > docs/reference/warehouse.md` was run after the last migration."""
    with database.connect("owner") as connection:
        assert "\n".join(describe(connection)) + "\n" == PAGE.read_text("utf-8")
