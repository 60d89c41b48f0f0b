"""The same rows as pandas, Arrow and polars."""

import pyarrow as pa
import pytest

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.read import daily_bars, instruments
from tests.support.market_rows import FRI, SAMSUNG, THU


def test_arrow_has_the_rows_types_and_units(filled_reader):
    """Won as whole numbers; the unit stands in the field's metadata."""
    table = daily_bars(SAMSUNG, THU, FRI, adjusted=False, connection=filled_reader, as_="arrow")
    assert table.column("close").to_pylist() == [2_650_000, 51_900]
    assert table.schema.field("close").type == pa.int64()
    assert table.schema.field("close").metadata[b"unit"] == b"won"


def test_an_empty_answer_has_its_columns_in_arrow_too(filled_reader):
    """The 12th and 13th of September 2026 are a Saturday and a Sunday."""
    table = daily_bars(SAMSUNG, "2026-09-12", "2026-09-13", connection=filled_reader, as_="arrow")
    frame = daily_bars(SAMSUNG, "2026-09-12", "2026-09-13", connection=filled_reader)
    assert (table.num_rows, table.column_names) == (0, list(frame.columns))


def test_polars_is_only_needed_by_whoever_asks_for_it(filled_reader):
    """Without it the error says what to install; no other form loads it."""
    polars = pytest.importorskip("polars") if _has_polars() else None
    if polars is None:
        with pytest.raises(ConfigurationError, match="pip install polars, or take as_='arrow'"):
            instruments(connection=filled_reader, as_="polars")
    else:
        assert isinstance(instruments(connection=filled_reader, as_="polars"), polars.DataFrame)


def test_a_form_that_is_none_names_those_there_are(filled_reader):
    """Before anything is read."""
    with pytest.raises(InvalidRequestError, match="as_ must be one of pandas, arrow, polars, not 'spark'"):
        instruments(connection=filled_reader, as_="spark")


def _has_polars():
    from importlib.util import find_spec

    return find_spec("polars") is not None
