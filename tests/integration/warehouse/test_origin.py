"""The warehouse's words for sources are those of `market/origin.py`."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date, timedelta

import pytest

from data_pipeline.market.origin import ORIGINS
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import migrate
from tests.support.old_warehouse import warehouse_before

MONDAY = date(2026, 9, 14)
LOADED = """
    INSERT INTO market.ingest_run (dataset, source, first, last, status, finished_at, rows_inserted)
    VALUES ('instrument', %s, %s, %s, 'success', %s, 1)
"""


def test_the_domain_knows_every_source_and_no_other(shared):
    """``market.source`` takes the names of the origins, and nothing else."""
    [(check,)] = shared.rows("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known_source'")
    assert set(re.findall("'([^']+)'", check)) == ORIGINS.keys()


@pytest.mark.parametrize("name", ORIGINS)
def test_rank_and_kind_are_those_of_the_origin(shared, name):
    """``is_made_up`` and ``source_rank`` say what the origin says."""
    one = ORIGINS[name]
    assert shared.rows("SELECT market.is_made_up(%s), market.source_rank(%s)", name, name) == [(one.made_up, one.rank)]


def test_the_voices_of_lists_are_those_of_the_origins(shared):
    """The tables of lists take the voices that an origin may have, and no other."""
    checks = shared.rows(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'instrument_%%_voice_check'"
    )
    assert len(checks) == 2
    for (check,) in checks:
        assert set(re.findall("'([^']+)'", check)) == {one.voice for one in ORIGINS.values()}


@pytest.fixture
def before_lists(server, tmp_path):
    """The address of a database as it was before lists had voices."""
    with warehouse_before(server, "0006", tmp_path) as url:
        yield url


@pytest.mark.thorough
@pytest.mark.parametrize("made_up", [False, True])
def test_lists_of_before_get_the_voice_of_their_origin(before_lists, made_up):
    """What the migration took for the exchange's voice is what the origin does."""
    names = [one.name for one in ORIGINS.values() if one.made_up is made_up and one.name != "replay"]  # newer
    days = [MONDAY + timedelta(days=number) for number in range(len(names))]
    with closing(connect(before_lists)) as connection:
        with connection.cursor() as cursor:
            cursor.executemany(LOADED, [*zip(names, days, days, days, strict=True)])
        connection.commit()
        migrate(before_lists)
        with connection.cursor() as cursor:
            cursor.execute("SELECT source, voice FROM market.instrument_list ORDER BY session")
            assert cursor.fetchall() == [(name, ORIGINS[name].voice) for name in names]
