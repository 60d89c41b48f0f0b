"""Instruments: the present list, what held before, and what left the list."""

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.rows.upsert import LoadCounts
from data_pipeline.market.records import Instrument
from tests.support.market_rows import keep_some

MONDAY, TUESDAY, WEDNESDAY = date(2026, 9, 14), date(2026, 9, 15), date(2026, 9, 16)
SAMSUNG = Instrument(
    "005930", "KR7005930003", "삼성전자", "KOSPI", "ST", MONDAY, date(1975, 6, 11), 5_969_782_550, 100.0, 69580
)
LETTERS = Instrument(
    "0001A0", "KR70001A0004", "덕양에너젠", "KOSDAQ", "ST", MONDAY, date(2026, 1, 30), 24_000_000, 500.0, 21000
)


def load(connection, instruments, source="kis", run_id=None):
    """One load, committed."""
    counts = keep_some(connection, instruments, source, run_id)
    connection.commit()
    return counts


def history(database, code="005930"):
    """The validity ranges of one instrument, oldest first."""
    return database.rows(
        "SELECT valid_from, valid_to, name, listed_shares FROM market.instrument_history"
        " WHERE stock_code = %s ORDER BY valid_from",
        code,
    )


def test_first_list_opens_a_range(database, connection):
    """An instrument seen first on Monday is valid from Monday on."""
    assert load(connection, [SAMSUNG, LETTERS]) == LoadCounts(inserted=2)
    assert history(database) == [(MONDAY, None, "삼성전자", 5_969_782_550)]


def test_same_list_again_changes_nothing(database, connection):
    """The same list of the same session again is unchanged."""
    load(connection, [SAMSUNG])
    assert load(connection, [SAMSUNG]) == LoadCounts(unchanged=1)
    assert history(database) == [(MONDAY, None, "삼성전자", 5_969_782_550)]


def test_new_base_price_opens_no_range(database, connection):
    """The next session's list updates as_of and base price; what holds is still the same range."""
    load(connection, [SAMSUNG])
    assert load(connection, [replace(SAMSUNG, as_of=TUESDAY, base_price=71000)]) == LoadCounts(updated=1)
    assert history(database) == [(MONDAY, None, "삼성전자", 5_969_782_550)]
    assert database.rows("SELECT as_of, base_price, face_value::text FROM market.instrument") == [
        (TUESDAY, 71000, "100.0")
    ]


def test_rename_and_new_shares_close_a_range(database, connection):
    """A new name on Tuesday and new shares on Wednesday make three ranges that touch and do not overlap."""
    load(connection, [SAMSUNG])
    load(connection, [replace(SAMSUNG, as_of=TUESDAY, name="삼성")])
    load(connection, [replace(SAMSUNG, as_of=WEDNESDAY, name="삼성", listed_shares=6_000_000_000)])
    assert history(database) == [
        (MONDAY, TUESDAY, "삼성전자", 5_969_782_550),
        (TUESDAY, WEDNESDAY, "삼성", 5_969_782_550),
        (WEDNESDAY, None, "삼성", 6_000_000_000),
    ]


def test_correction_of_the_same_session_replaces_the_range(database, connection):
    """Another name for the same session corrects the range instead of making an empty one."""
    load(connection, [SAMSUNG])
    assert load(connection, [replace(SAMSUNG, name="삼성")]) == LoadCounts(updated=1)
    assert history(database) == [(MONDAY, None, "삼성", 5_969_782_550)]


def test_older_list_tells_what_held_before(database, connection):
    """Monday's list loaded after Tuesday's changes nothing of the present, whatever its source, and tells of Monday."""
    load(connection, [replace(SAMSUNG, as_of=TUESDAY, name="삼성")], "kis")
    assert load(connection, [SAMSUNG], "krx") == LoadCounts(outranked=1)
    assert database.rows("SELECT as_of, name, source FROM market.instrument") == [(TUESDAY, "삼성", "kis")]
    assert history(database) == [
        (MONDAY, TUESDAY, "삼성전자", 5_969_782_550),
        (TUESDAY, None, "삼성", 5_969_782_550),
    ]


def test_newer_list_of_a_lower_source_counts(connection):
    """Tuesday's list from KIS replaces Monday's from KRX; for the same session KRX stays."""
    load(connection, [SAMSUNG], "krx")
    assert load(connection, [replace(SAMSUNG, as_of=TUESDAY)], "kis") == LoadCounts(updated=1)
    load(connection, [replace(SAMSUNG, as_of=TUESDAY)], "krx")
    assert load(connection, [replace(SAMSUNG, as_of=TUESDAY, name="삼성")], "kis") == LoadCounts(outranked=1)


def test_issue_missing_from_a_complete_list_is_delisted(database, connection):
    """What Tuesday's complete list lacks is delisted on Tuesday, once; when it comes back a new range begins."""
    load(connection, [SAMSUNG, LETTERS])
    tuesday = [replace(SAMSUNG, as_of=TUESDAY)]
    assert (keep_list(connection, tuesday, "kis").left, keep_list(connection, tuesday, "kis").left) == (1, 0)
    connection.commit()
    assert database.rows("SELECT stock_code, delisted_on FROM market.instrument ORDER BY 1") == [
        ("0001A0", TUESDAY),
        ("005930", None),
    ]
    assert history(database, "0001A0") == [(MONDAY, TUESDAY, "덕양에너젠", 24_000_000)]
    load(connection, [replace(LETTERS, as_of=WEDNESDAY)])
    assert database.rows("SELECT delisted_on FROM market.instrument WHERE stock_code = '0001A0'") == [(None,)]
    assert history(database, "0001A0") == [
        (MONDAY, TUESDAY, "덕양에너젠", 24_000_000),
        (WEDNESDAY, None, "덕양에너젠", 24_000_000),
    ]


def test_the_same_list_again_with_what_it_lacked_takes_the_delisting_back(database, connection):
    """Tuesday's list came without one of the two, and then whole: it was never delisted."""
    load(connection, [SAMSUNG, LETTERS])
    keep_list(connection, [replace(SAMSUNG, as_of=TUESDAY)], "kis")
    gone = "SELECT stock_code FROM market.listing WHERE delisted_on IS NOT NULL"
    connection.commit()
    assert database.rows(gone) == [("0001A0",)]
    keep_list(connection, [replace(one, as_of=TUESDAY) for one in (SAMSUNG, LETTERS)], "kis")
    connection.commit()
    assert database.rows(gone) == []
    assert history(database, "0001A0") == [(MONDAY, None, "덕양에너젠", 24_000_000)]


def test_list_cut_short_delists_nobody(database, connection):
    """A list that lacks most instruments is not believed."""
    load(connection, [replace(LETTERS, stock_code=f"{n:06d}") for n in range(20)])
    some = [replace(LETTERS, stock_code=f"{n:06d}", as_of=TUESDAY) for n in range(10)]
    with pytest.raises(IncompleteDataError, match="lacks 10 of 20 listed instruments"):
        keep_list(connection, some, "kis")
    connection.rollback()
    assert database.rows("SELECT count(*) FROM market.instrument WHERE delisted_on IS NOT NULL") == [(0,)]


def listed(session, kospi, konex):
    """A list of so many instruments of KOSPI and of KONEX."""
    large = [replace(LETTERS, stock_code=f"1{n:05d}", market="KOSPI") for n in range(kospi)]
    small = [replace(LETTERS, stock_code=f"2{n:05d}", market="KONEX") for n in range(konex)]
    return [replace(one, as_of=session) for one in large + small]


@pytest.mark.thorough
@pytest.mark.parametrize(("kospi", "konex", "said"), [
    (2850, 120, "holds 2850 instruments of KOSPI and lacks 150 of 3000 listed instruments"),
    (3000, 114, "holds 114 instruments of KONEX and lacks 6 of 120 listed instruments"),
    (3000, 0, "holds 0 instruments of KONEX and lacks 120 of 120 listed instruments"),
])  # fmt: skip
def test_one_market_cut_short_is_refused(database, connection, kospi, konex, said):
    """A market that is 5 % shorter than before is refused, however little of the list that is; all is as it was."""
    keep_list(connection, listed(MONDAY, 3000, 120), "kis")
    connection.commit()
    with pytest.raises(IncompleteDataError, match=said) as caught:
        keep_list(connection, listed(TUESDAY, kospi, konex), "kis")
    connection.rollback()
    assert "the list of 2026-09-15 from kis" in str(caught.value)
    assert "load it again when the source has the whole list" in str(caught.value)
    assert database.rows("SELECT session, issues FROM market.instrument_list") == [(MONDAY, 3120)]
    assert database.rows("SELECT count(*) FROM market.instrument WHERE delisted_on IS NULL") == [(3120,)]
    assert keep_list(connection, listed(TUESDAY, 3000, 120), "kis").left == 0


@pytest.mark.thorough
@pytest.mark.parametrize(("before", "after", "left"), [
    ((1000, 0), (951, 0), 49), ((1000, 99), (1000, 90), 9), ((1000, 120), (1000, 115), 5), ((50, 0), (47, 0), 3),
])  # fmt: skip
def test_a_few_may_leave(connection, before, after, left):
    """Under 5 % of a market, a tenth of one below 100 instruments, or three: they have left the list."""
    keep_list(connection, listed(MONDAY, *before), "kis")
    assert keep_list(connection, listed(TUESDAY, *after), "kis").left == left


def test_what_moves_to_another_market_has_not_left(connection):
    """Thirty of 120 KONEX instruments on KOSPI the next day are no gap."""
    keep_list(connection, listed(MONDAY, 300, 120), "kis")
    moved = [replace(one, market="KOSPI") if one.stock_code < "200030" else one for one in listed(TUESDAY, 300, 120)]
    assert keep_list(connection, moved, "kis").left == 0


@pytest.mark.thorough
def test_the_other_voice_is_not_compared(connection):
    """KRX lists no funds: its list is compared with its own list before, not with KIS's."""
    keep_list(connection, listed(MONDAY, 1000, 0), "kis")
    assert keep_list(connection, listed(TUESDAY, 700, 0), "krx").left == 0
    with pytest.raises(IncompleteDataError, match="from krx holds 665 instruments and lacks 35 of 700"):
        keep_list(connection, listed(WEDNESDAY, 665, 0), "krx")


def test_a_part_of_a_list_does_not_hide_the_whole_one(connection):
    """One instrument loaded by itself in between: the list is still compared with the whole one before."""
    keep_list(connection, listed(MONDAY, 1000, 0), "kis")
    keep_some(connection, listed(TUESDAY, 1, 0), "kis")
    with pytest.raises(IncompleteDataError, match="lacks 50 of 1000 listed instruments"):
        keep_list(connection, listed(WEDNESDAY, 950, 0), "kis")


def test_a_part_of_a_list_does_not_keep_what_left(database, connection):
    """The same, and two leave: they are delisted on the day of the whole list."""
    keep_list(connection, listed(MONDAY, 1000, 0), "kis")
    keep_some(connection, listed(TUESDAY, 1, 0), "kis")
    assert keep_list(connection, listed(WEDNESDAY, 998, 0), "kis").left == 2
    connection.commit()
    assert database.rows("SELECT stock_code, delisted_on FROM market.instrument WHERE delisted_on IS NOT NULL") == [
        ("100998", WEDNESDAY),
        ("100999", WEDNESDAY),
    ]
