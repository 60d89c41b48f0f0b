"""The check that no test reads the date."""

from pathlib import Path

import pytest

from tests.check_no_date import findings, refused


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("from datetime import datetime\nx = datetime.now(SEOUL)", "datetime.datetime.now"),
        ("import datetime as dt\nx = dt.date.today()", "datetime.date.today"),
        ("from datetime import date as day\nx = [day.today]", "datetime.date.today"),
        ("import time\nx = time.time()", "time.time"),
        ("from time import time_ns\nx = time_ns()", "time.time_ns"),
        ("import pendulum\nx = pendulum.now('UTC')", "pendulum.now"),
        ("import pandas as pd\nx = pd.Timestamp.now()", "pandas.Timestamp.now"),
        (
            "from data_pipeline.market.clock import market_now\nx = market_now()",
            "data_pipeline.market.clock.market_now",
        ),
        ("rows('SELECT CURRENT_DATE')", "current_date"),
        ("rows(f'SELECT {x} FROM t WHERE at < now()')", "now()"),
        ("from x import EmulatorProcess\ny = EmulatorProcess(rate=2)", "EmulatorProcess without now="),
        ("from x import KRXDataSource\ny = KRXDataSource(settings, store)", "KRXDataSource without clock="),
    ],
)
def test_what_reads_the_date_is_found(source, what):
    """Under any name that it is imported by, in Python and in SQL, and hidden in what takes the machine's clock."""
    line = 1 if "\n" not in source else 2
    assert findings(source) == [(line, what)]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime(2026, 11, 25).date()",
        "import time\nx = time.monotonic()",
        "store.now() - clock.now()",
        '"""now() and current_date are words here."""',
        "rows('SELECT market.now()')",
        "rows('INSERT INTO t (current_price) VALUES (1)')",
        "from x import EmulatorProcess\ny = EmulatorProcess(now='2026-11-25T20:40')",
        "from x import KISDataSource\ny = KISDataSource(settings, store, adapter, clock, sleep)",
    ],
)
def test_clocks_that_are_handed_in_pass(source):
    """Written moments, clocks of fakes, the market's own in SQL, and seconds that only grow."""
    assert findings(source) == []


def test_the_place_is_named(tmp_path: Path):
    """The sentence says file, line and what reads the date."""
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "test_it.py").write_text("import time\nx = time.time()\n")
    assert list(refused(tmp_path)) == ["tests/unit/test_it.py:2: time.time reads the date"]


@pytest.mark.thorough
def test_no_test_reads_the_date():
    """None does but those that are listed."""
    assert list(refused()) == []
