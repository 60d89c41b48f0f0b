"""Lists of both voices against a real Postgres: the order in which they come never shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.instruments.lists import differences, keep_list
from data_pipeline.loading.rows.upsert import LoadCounts
from data_pipeline.market.records import Instrument

MON, TUE, WED, THU, FRI = DAYS = [date(2026, 9, day) for day in (14, 15, 16, 17, 18)]
ANCHOR = Instrument("000660", "KR7000660001", "SK하이닉스", "KOSPI", "ST", MON, date(1996, 12, 26), 728_002_365, 5000.0)
FIRST = Instrument("012340", "KR7012340006", "갑전자", "KOSDAQ", "ST", MON, date(2015, 3, 2), 100, 500.0)
MOVED = replace(FIRST, market="KOSPI", listed_on=WED)
SECOND = replace(FIRST, isin="KR7012340014", name="을바이오", listed_on=THU, listed_shares=77)
RENAMED = replace(FIRST, name="갑테크", listed_shares=120)
SAID = st.sampled_from([FIRST, MOVED, RENAMED, SECOND, None])
LISTS = st.dictionaries(st.tuples(st.sampled_from(DAYS), st.sampled_from(["kis", "krx"])), SAID, min_size=2, max_size=6)
STATE = (
    "SELECT valid_from, valid_to, isin, name FROM market.instrument_history WHERE stock_code = '012340' ORDER BY 1",
    "SELECT listed_from, delisted_on, isin, last_seen FROM market.listing WHERE stock_code = '012340' ORDER BY 2",
    "SELECT voice, first_told, last_told, name FROM market.instrument_report WHERE stock_code = '012340' ORDER BY 1, 2",
    "SELECT as_of, name, market, halted, delisted_on FROM market.instrument WHERE stock_code = '012340'",
)


def listed(session, *issues, **changes):
    """A list of one session, which always has the anchor."""
    return [replace(one, as_of=session, **changes) for one in (ANCHOR, *issues)]


def keep(connection, session, source, said):
    """Load one list; the exchange does not say who is halted."""
    unknown = {"halted": None, "managed": None, "liquidation": None} if source == "krx" else {}
    return keep_list(connection, listed(session, *([said] if said else []), **unknown), source)


def state(connection):
    """All that is known of the code."""
    with connection.cursor() as cursor:
        found = []
        for query in STATE:
            cursor.execute(query)
            found.append(cursor.fetchall())
        return found


@pytest.mark.thorough
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=LISTS, random=st.randoms(use_true_random=False))
def test_any_order_leaves_the_same_rows(connection, lists, random):
    """Lists of five days from KIS and KRX, in order of the calendar and shuffled, each told twice."""
    shuffled = [*lists.items(), *lists.items()]
    random.shuffle(shuffled)
    seen = []
    for order in (sorted(lists.items(), key=lambda one: one[0]), shuffled):
        for (session, source), said in order:
            keep(connection, session, source, said)
        seen.append(state(connection))
        connection.rollback()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("order", [("kis", "krx"), ("krx", "kis")])
def test_an_issue_that_left_before_the_brokers_began_to_tell(database, connection, order):
    """KIS's first list lacks what KRX's newest, of the day before, still has: it is listed no longer."""
    told = {"kis": (TUE, None), "krx": (MON, FIRST)}
    for source in order:
        session, said = told[source]
        keep(connection, session, source, said)
    connection.commit()
    assert database.rows("SELECT delisted_on FROM market.instrument WHERE stock_code = '012340'") == [(TUE,)]


def test_both_lists_of_a_day_and_both_again(database, connection):
    """KIS then KRX: one range, with the best of both; the same two again leave nothing, not even a time."""
    kis = listed(MON, replace(FIRST, name="갑 전자", halted=True), base_price=100)
    krx = listed(MON, FIRST, halted=None, managed=None, liquidation=None, base_price=None, face_value=None)
    assert keep_list(connection, kis, "kis").counts == LoadCounts(inserted=2)
    assert keep_list(connection, krx, "krx").counts == LoadCounts(updated=2)
    connection.commit()
    rows = database.rows("SELECT * FROM market.instrument ORDER BY stock_code")
    ranges = database.rows("SELECT * FROM market.instrument_history ORDER BY stock_code")
    reports = database.rows("SELECT * FROM market.instrument_report ORDER BY stock_code, voice")
    assert [(row[2], row[10], row[8], row[9]) for row in rows] == [
        ("SK하이닉스", False, 5000, 100),
        ("갑전자", True, 500, 100),
    ]
    assert len(ranges) == 2
    assert keep_list(connection, kis, "kis").counts == LoadCounts(unchanged=2)
    assert keep_list(connection, krx, "krx").counts == LoadCounts(unchanged=2)
    connection.commit()
    assert database.rows("SELECT * FROM market.instrument ORDER BY stock_code") == rows
    assert database.rows("SELECT * FROM market.instrument_history ORDER BY stock_code") == ranges
    assert database.rows("SELECT * FROM market.instrument_report ORDER BY stock_code, voice") == reports


def test_differences_are_counted_and_named(connection):
    """KRX and KIS spell a name differently and count shares differently; what KRX does not say is no difference."""
    keep_list(connection, listed(MON, replace(FIRST, name="갑 전자", listed_shares=99)), "kis")
    assert differences(connection, MON) == []
    keep_list(connection, listed(MON, FIRST, halted=None, face_value=None), "krx")
    assert [str(one) for one in differences(connection, MON)] == [
        "listed_shares of 1 instruments (012340)",
        "name of 1 instruments (012340)",
    ]
    assert differences(connection, TUE) == []


def test_whole_thousands_contradict_no_exact_number(database, connection):
    """KIS tells 27,931 thousand of what KRX counts as 27,931,470: no difference, and the exact number stays."""
    exact = replace(FIRST, listed_shares=27_931_470)
    rounded = replace(FIRST, listed_shares=27_931_000)
    keep_list(connection, listed(MON, exact, halted=None), "krx")
    keep_list(connection, listed(TUE, rounded), "kis")
    keep_list(connection, listed(TUE, exact, halted=None), "krx")
    keep_list(connection, listed(WED, replace(rounded, listed_shares=28_500_000)), "kis")
    connection.commit()
    assert differences(connection, TUE) == []
    assert database.rows(
        "SELECT DISTINCT valid_from < %s, listed_shares FROM market.instrument_history WHERE stock_code = '012340'"
        " ORDER BY 2",
        WED,
    ) == [(True, 27_931_470), (False, 28_500_000)]


@pytest.mark.parametrize(("broker", "found"), [(27_932_000, 0), (27_933_000, 1), (27_931_469, 1), (27_930_000, 1)])
def test_how_far_thousands_may_lie(connection, broker, found):
    """Cut off or rounded up, less than a thousand; a number of KIS that is no whole thousand must be the very same."""
    keep_list(connection, listed(MON, replace(FIRST, listed_shares=27_931_470), halted=None), "krx")
    keep_list(connection, listed(MON, replace(FIRST, listed_shares=broker)), "kis")
    assert sum(one.issues for one in differences(connection, MON)) == found


def test_an_issue_on_one_list_only_is_a_difference(connection):
    """KRX's list of Tuesday no longer has it and KIS's still does: the exchange is believed, and it is named."""
    keep_list(connection, listed(MON, FIRST), "krx")
    keep_list(connection, listed(TUE, FIRST), "kis")
    keep_list(connection, listed(TUE), "krx")
    assert [str(one) for one in differences(connection, TUE)] == ["listed of 1 instruments (012340)"]
    assert state(connection)[1] == [(date(2015, 3, 2), TUE, FIRST.isin, MON)]


def test_a_lasting_difference_leaves_one_range_over_a_week(database, connection):
    """Each morning KIS's list of the day, then KRX's of the day before, which spells the name its own way."""
    for before, session in zip([None, *DAYS], DAYS, strict=False):
        if before is not None:
            keep_list(connection, listed(before, FIRST, halted=None, managed=None, liquidation=None), "krx")
        keep_list(connection, listed(session, replace(FIRST, name="갑 전자")), "kis")
    connection.commit()
    assert database.rows(
        "SELECT valid_from, valid_to, name FROM market.instrument_history WHERE stock_code = '012340'"
    ) == [(MON, None, "갑전자")]
    assert database.rows("SELECT as_of, name, halted FROM market.instrument WHERE stock_code = '012340'") == [
        (FRI, "갑전자", False)
    ]


def test_a_fund_is_not_delisted_by_the_exchange(database, connection):
    """KRX has no base info of funds: that its list lacks one says nothing."""
    fund = replace(FIRST, stock_code="069500", isin="KR7069500007", name="KODEX 200", security_group="EF")
    keep_list(connection, listed(MON, fund), "kis")
    assert keep_list(connection, listed(MON), "krx").left == 0
    assert keep_list(connection, listed(TUE), "krx").left == 0
    connection.commit()
    assert database.rows("SELECT stock_code FROM market.listing WHERE delisted_on IS NULL ORDER BY 1") == [
        ("000660",),
        ("069500",),
    ]


def test_a_list_in_the_middle_that_was_cut_short(database, connection):
    """Most of the instruments that the lists before and after have are not on it: refused, and nothing is written."""
    issues = [replace(FIRST, stock_code=f"{number:06d}") for number in range(20)]
    for session in (MON, WED):
        keep_list(connection, listed(session, *issues), "krx")
    connection.commit()
    with pytest.raises(IncompleteDataError, match="lacks 10 of 21 listed instruments"):
        keep_list(connection, listed(TUE, *issues[:10]), "krx")
    connection.rollback()
    assert database.rows("SELECT count(*) FROM market.instrument_history") == [(21,)]


def test_delisted_on_is_the_first_session_without_it(database, connection):
    """Its last day on the list is Tuesday, so it is delisted on Wednesday, although Thursday's list came first."""
    keep_list(connection, listed(MON, FIRST), "krx")
    keep_list(connection, listed(THU), "krx")
    assert state(connection)[1] == [(date(2015, 3, 2), THU, FIRST.isin, MON)]
    keep_list(connection, listed(WED), "krx")
    keep_list(connection, listed(TUE, FIRST), "krx")
    assert state(connection)[1] == [(date(2015, 3, 2), WED, FIRST.isin, TUE)]
