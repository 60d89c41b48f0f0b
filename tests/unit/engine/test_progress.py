"""How far work has come and when it will end."""

from datetime import datetime

from data_pipeline.engine.progress import Progress
from data_pipeline.market.trading_calendar import SEOUL


def at_nine():
    """Nine in the evening."""
    return datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)


def test_the_rest_takes_as_long_a_part_as_what_is_done():
    """A quarter took ten minutes, so thirty more are left at 21:00."""
    seconds = iter([0.0, 600.0])
    progress = Progress("requests", lambda: next(seconds), at_nine)
    assert progress.line(300, 1200) == "25% of 1,200 requests, done at about 21:30"


def test_with_nothing_done_no_end_is_told():
    """Ten minutes have passed, and nothing says how long the rest takes."""
    seconds = iter([0.0, 600.0])
    assert Progress("cells", lambda: next(seconds), at_nine).line(0, 10) == "0% of 10 cells"


def test_work_of_nothing_is_done():
    """Nothing was asked for."""
    assert Progress("requests", lambda: 5.0, at_nine).line(0, 0) == "100% of 0 requests, done at about 21:00"


def test_a_line_is_due_every_half_minute():
    """After 10 s none, after 30 s one, and the next half a minute later."""
    seconds = iter([0.0, 10.0, 30.0, 30.0, 59.0, 60.0, 60.0])
    progress = Progress("cells", lambda: next(seconds), at_nine)
    assert [progress.is_due() for _ in range(4)] == [False, True, False, True]
