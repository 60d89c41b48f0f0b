"""The dashboard of market data asks a real warehouse, by the login that can only read."""

import pytest

from tools.dashboards import CODES, MARKET_DATA

RANGE = {"$__timeFrom()": "'2026-09-01T00:00:00Z'::timestamptz", "$__timeTo()": "'2026-09-30T00:00:00Z'::timestamptz"}


@pytest.mark.parametrize(
    "ask", [CODES, *(one.ask for one in MARKET_DATA)], ids=["codes", *(p.title for p in MARKET_DATA)]
)
def test_each_panel_is_answered(shared, ask):
    """Every column that it names exists, the reader may read it, and a series has its time first."""
    for macro, value in {**RANGE, "$code": "005930"}.items():
        ask = ask.replace(macro, value)
    assert "$" not in ask
    with shared.connect("reader") as connection, connection.cursor() as cursor:
        cursor.execute(ask)
        names = [column.name for column in cursor.description]
    assert names[0] in ("time", "dataset", "__text")
