"""The figures of the warehouse, with holes whose numbers are worked out by hand.

Facts: 14 to 18 September 2026 (Monday to Friday) are sessions, final at 20:00. Two instruments are listed since the
1st, and daily bars of both are expected from the 14th on.
"""

from datetime import datetime

import pytest

from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.metrics.stored import Stored
from tests.support.five_sessions import CODES, RUN, bars, prepare

NOW = datetime(2026, 9, 18, 21, 0, tzinfo=SEOUL)
REFUSED = (
    "INSERT INTO market.rejected_row (dataset, payload, reason, source, origin, settled_at, outcome)"
    " VALUES ('daily_bar', %s, %s, 'mock', 'record', %s, %s)"
)


@pytest.fixture(scope="module")
def prepared(shared):
    """An empty warehouse open to made-up rows, whose calendar is that week."""
    with shared.connect("owner") as connection, connection.cursor() as cursor:
        prepare(cursor)
        connection.commit()
        yield connection


@pytest.fixture
def owner(prepared):
    """A cursor whose changes are rolled back."""
    with prepared.cursor() as cursor:
        yield cursor
    prepared.rollback()


def figures(cursor, dataset="daily_bar"):
    """The figures of a dataset that have no other label."""
    found = Stored(krx_calendar(), NOW, 30).samples(cursor.connection)
    return {one.name: one.value for one in found if one.labels == {"dataset": dataset}}


def test_holes_are_counted(owner):
    """Of 2 x 5 cells the first instrument has five and the second three: the 15th and 16th are missing."""
    bars(owner, *((CODES[0], number) for number in range(14, 19)), *((CODES[1], number) for number in (14, 17, 18)))
    found = figures(owner)
    assert (found["cells_expected"], found["cells_missing"], found["cells_unproven"]) == (10, 2, 0)
    assert (found["rows_stored"], found["freshness_seconds"]) == (8, 0)
    # 18 September 00:00 in Seoul is the 17th 15:00 UTC: 20,713 days and 15 hours since 1970.
    assert found["newest_session_timestamp_seconds"] == 20_713 * 86_400 + 15 * 3600


def test_data_ages_from_the_first_session_that_did_not_come_whole(owner):
    """Half of Thursday and nothing of Friday came: at 21:00 on Friday, Thursday 20:00 is 25 hours ago."""
    bars(owner, *((code, number) for code in CODES for number in (14, 15, 16)), (CODES[0], 17))
    assert figures(owner)["freshness_seconds"] == 25 * 3600


def test_what_was_never_loaded_has_no_age(owner):
    """Nothing is expected of minutes, and a figure of 0 would say that they are fresh."""
    found = figures(owner, "minute_bar")
    assert (found["cells_expected"], found["cells_missing"], found["rows_stored"]) == (0, 0, 0)
    assert {*found} & {"freshness_seconds", "newest_session_timestamp_seconds", "sessions_without_run"} == set()


def test_a_cell_that_a_proof_doubts_is_unproven(owner):
    """Both bars of the 18th are stored, and one of them is doubted: missing as well as unproven; two more are holes."""
    bars(owner, *((code, number) for code in CODES for number in range(14, 19)))
    owner.execute(
        "INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source, ask_again)"
        " VALUES ('daily_bar', '005930', '2026-09-18', 'doubted', 'two answers differ', 1, 'mock', NULL),"
        " ('daily_bar', '0001A0', '2026-09-16', 'hole', 'asked in vain', 0, 'mock', '2026-09-19'),"
        " ('daily_bar', '0001A0', '2026-09-17', 'hole', 'asked in vain', 0, 'mock', '2026-09-19')"
    )
    owner.execute(
        "DELETE FROM market.daily_bar WHERE stock_code = '0001A0' AND session IN ('2026-09-16', '2026-09-17')"
    )
    found = figures(owner)
    assert (found["cells_missing"], found["cells_unproven"], found["cells_unproven_empty"]) == (1, 1, 2)
    assert found["freshness_seconds"] == 3600


def test_runs_that_did_not_happen_are_counted(owner):
    """The 14th and 15th were loaded together, the 17th failed and the 16th and 18th have no run: three lack one."""
    owner.execute(RUN, ("2026-09-14", "2026-09-15", "success", "2026-09-15T20:30+09:00", "2026-09-15T20:40+09:00"))
    owner.execute(RUN, ("2026-09-17", "2026-09-17", "failed", "2026-09-17T20:30+09:00", "2026-09-17T20:31+09:00"))
    owner.execute(RUN, ("2026-09-18", "2026-09-18", "running", "2026-09-18T20:30+09:00", None))
    found = figures(owner)
    assert (found["sessions_without_run"], found["last_run_success"]) == (3, 0)
    # 17 September 20:31 in Seoul is 11:31 UTC on day 20,713 since 1970.
    assert found["last_run_timestamp_seconds"] == 20_713 * 86_400 + 11 * 3600 + 31 * 60


def test_the_quarantine_is_counted_by_check_and_by_nothing_that_a_source_can_choose(owner):
    """Three rows wait: one for its limit, two whose reasons name no check; the settled one is past."""
    for number, (reason, settled, outcome) in enumerate(
        [
            ("limit: 30 % above the base price", None, None),
            ("invented: by a source", None, None),
            ("KIS daily of 005930: field x", None, None),
            ("limit: settled since", "2026-09-18T20:50+09:00", "loaded"),
        ]
    ):
        owner.execute(REFUSED, (f'{{"n": {number}}}', reason, settled, outcome))
    found = Stored(krx_calendar(), NOW, 30).samples(owner.connection)
    rows = {one.labels["reason"]: one.value for one in found if one.name == "rows_quarantined"}
    assert rows == {"limit": 1, "unreadable": 2}


def test_the_reader_may_ask_all_of_it(shared, prepared):
    """The login of `data-pipeline sql` is enough."""
    with shared.connect("reader") as connection:
        names = {one.name for one in Stored(krx_calendar(), NOW, 30).samples(connection)}
    assert {"cells_missing", "rows_stored", "freshness_seconds"} <= names
