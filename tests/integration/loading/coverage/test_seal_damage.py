"""Whatever happens to a sealed warehouse past its triggers is found, and named by dataset and session."""

from contextlib import ExitStack, closing

import psycopg2
import pytest

from data_pipeline.loading.coverage.seals import (
    SEALED,
    months_to_verify,
    verify_month,
    verify_seals,
    verify_side_by_side,
)
from tests.support.seal_damage import DAYS, Damage, every_damage, fill

DAMAGE = list(every_damage())


@pytest.fixture(scope="module")
def sealed(shared):
    """A database with sealed sessions; no test commits to it."""
    with shared.connect() as connection:
        fill(connection)
        connection.commit()
    return shared


def test_there_are_more_than_200_kinds_of_damage():
    """Each is of another name, and so another test."""
    assert len({damage.name for damage in DAMAGE}) == len(DAMAGE) >= 200


def test_an_undamaged_warehouse_is_as_sealed(sealed):
    """Without damage nothing is named: three sessions of each dataset, read by who can only read."""
    with sealed.connect("reader") as connection:
        verified = list(verify_seals(connection, months_to_verify(connection)))
    assert [finding for one in verified for finding in one.findings] == []
    assert sum(one.sessions for one in verified) == len(SEALED) * len(DAYS)
    assert sum(one.rows for one in verified) == len(DAYS) * (4 * 3 + 4 * 6)


def test_months_side_by_side_are_told_in_order(sealed):
    """Three connections tell the same of the same months, in the order asked, as one does."""
    with ExitStack() as stack:
        connections = [stack.enter_context(sealed.connect("reader")) for _ in range(3)]
        months = months_to_verify(connections[0])
        assert list(verify_side_by_side(connections, months)) == list(verify_seals(connections[0], months))


def test_a_month_that_cannot_be_read_ends_the_others(sealed):
    """An error of one connection is raised, not left out, and the connections are free again."""
    with sealed.connect("reader") as whole, sealed.connect("reader") as cut:
        months = months_to_verify(whole)
        cut.close()
        with pytest.raises(psycopg2.InterfaceError):
            list(verify_side_by_side([whole, cut], months))
        assert list(verify_seals(whole, months))


@pytest.mark.thorough
@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_damage_is_found_and_named(sealed, damage: Damage):
    """The damaged sessions are named with what differs, and no other session of any dataset is."""
    with closing(psycopg2.connect(sealed.url("admin"))) as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger runs
        for statement in damage.statements:
            cursor.execute(statement)
            assert cursor.rowcount != 0, statement
        cursor.execute("SET LOCAL ROLE market_reader")
        findings = [one for month in months_to_verify(connection) for one in verify_month(connection, month).findings]
        connection.rollback()
    assert {(one.dataset, one.session): one.difference for one in findings} == damage.named
    assert len(findings) == len(damage.named)
