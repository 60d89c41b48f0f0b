"""A second store that counts calls of the same key is noticed where both are on record, and said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.coordination.identity import SharedBudget
from data_pipeline.engine.counted import counted_by
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.loading.rows.ingest_run import start_run


class Source:
    """A source that counts its calls in this folder, under these keys."""

    def __init__(self, folder: Path, *keys: str) -> None:
        self.budget = SharedBudget(FileStore(folder), keys)

    def shared_budget(self) -> SharedBudget:
        return self.budget


def load(connection: Any, source: Any) -> None:
    """Put one load of this source on record."""
    start_run(connection, "daily_bar", "kis", counted=counted_by(source, Warehouse(connection)))


def test_two_stores_for_one_key_are_said_once(connection: Any, tmp_path: Path, caplog: Any) -> None:
    """However many loads follow, in whatever processes; each side says it, because each may have another reader."""
    for _ in range(3):
        load(connection, Source(tmp_path / "a", "key-1", "key-2"))
    assert caplog.messages == []
    for _ in range(3):
        load(connection, Source(tmp_path / "b", "key-2"))
        load(connection, Source(tmp_path / "a", "key-1", "key-2"))
    assert len(caplog.messages) == 2
    assert all("Name one place for all in COORDINATION_URL" in said for said in caplog.messages)


def test_stores_of_different_keys_are_no_second_ones(connection: Any, tmp_path: Path, caplog: Any) -> None:
    """Two keys have two budgets wherever they are kept."""
    for name in ("a", "b", "a"):
        load(connection, Source(tmp_path / name, f"key-{name}"))
    assert caplog.messages == []


def test_a_load_says_who_counted_it(connection: Any, tmp_path: Path) -> None:
    """Keys, store and host stand in its row; a source without a quota leaves them empty."""
    source = Source(tmp_path, "key-1")
    load(connection, source)
    start_run(connection, "daily_bar", "mock")
    with connection.cursor() as cursor:
        cursor.execute("SELECT budget_keys, budget_store, budget_host FROM market.ingest_run ORDER BY run_id")
        assert cursor.fetchall() == [
            (["key-1"], source.budget.store_id(), source.budget.host),
            (None, None, None),
        ]


def test_a_store_keeps_its_name(tmp_path: Path) -> None:
    """Every process reads the same one; another place has another."""
    names = [Source(tmp_path / where).budget.store_id() for where in ("a", "a", "b")]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize("times", [3])
def test_it_is_told_once_for_each_other_store(tmp_path: Path, times: int) -> None:
    """Also by processes that remember nothing."""
    told = [Source(tmp_path).budget.tell_once(other) for _ in range(times) for other in ("x", "y")]
    assert told == [True, True, False, False, False, False]
