"""The two lock files: what is developed with is what runs, and what tests add."""

from __future__ import annotations

import re

import pytest

from tests.support.project import ROOT

RUNTIME, DEVELOPMENT = "data_pipeline/requirements.txt", "requirements-dev.txt"


def entries(path: str) -> dict[str, str]:
    """Each locked version with its marker, and the lines of its hashes."""
    found = re.findall(
        r"^([a-z0-9][^\\\n]+) \\\n((?: +--hash=\S+(?: \\)?\n)*)", (ROOT / path).read_text(), re.MULTILINE
    )
    return dict(found)


@pytest.mark.parametrize("path", [RUNTIME, DEVELOPMENT])
def test_every_entry_has_hashes_and_no_host(path: str) -> None:
    """Pip takes nothing that was not locked, from whichever index it is told to ask."""
    lines = (ROOT / path).read_text().splitlines()
    assert len(entries(path)) == len([line for line in lines if "==" in line]) > 10
    assert [name for name, hashes in entries(path).items() if not hashes] == []
    assert [line for line in lines if "://" in line or line.startswith("--")] == []


def test_the_development_lock_adds_to_the_runtime_lock() -> None:
    """It begins with that lock, and no package stands in both, so that they can never disagree."""
    assert (ROOT / DEVELOPMENT).read_text().splitlines()[0] == f"-r {RUNTIME}"
    names = [{entry.partition("==")[0] for entry in entries(path)} for path in (RUNTIME, DEVELOPMENT)]
    assert names[0] & names[1] == set()
