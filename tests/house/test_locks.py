"""The two lock files: what is developed with is what runs, and what tests add."""

from __future__ import annotations

import re

import pytest

from tests.support.project import ROOT

RUNTIME, DEVELOPMENT = "data_pipeline/requirements.txt", "requirements-dev.txt"
CELERY = "data_pipeline/requirements-celery.txt"


def entries(path: str) -> dict[str, str]:
    """Each locked version with its marker, and the lines of its hashes."""
    found = re.findall(
        r"^([a-z0-9][^\\\n]+) \\\n((?: +--hash=\S+(?: \\)?\n)*)", (ROOT / path).read_text(), re.MULTILINE
    )
    return dict(found)


def versions(path: str) -> dict[str, set[str]]:
    """Each locked package without its extras, and its versions."""
    found: dict[str, set[str]] = {}
    for entry in entries(path):
        name, _, version = entry.partition("==")
        found.setdefault(name.partition("[")[0], set()).add(version.partition(" ")[0])
    return found


@pytest.mark.parametrize("path", [RUNTIME, DEVELOPMENT, CELERY])
def test_every_entry_has_hashes_and_no_host(path: str) -> None:
    """Pip takes nothing that was not locked, from whichever index it is told to ask."""
    lines = (ROOT / path).read_text().splitlines()
    assert len(entries(path)) == len([line for line in lines if "==" in line]) > 10
    assert [name for name, hashes in entries(path).items() if not hashes] == []
    assert [line for line in lines if "://" in line or line.startswith("--")] == []


@pytest.mark.parametrize(("path", "beside"), [(DEVELOPMENT, RUNTIME), (CELERY, "requirements.txt")])
def test_the_other_locks_add_to_the_runtime_lock(path: str, beside: str) -> None:
    """They begin with that lock, and what stands in both has one version, so that they can never disagree."""
    assert (ROOT / path).read_text().splitlines()[0] == f"-r {beside}"
    runtime = versions(RUNTIME)
    assert {name: found for name, found in versions(path).items() if not found <= runtime.get(name, found)} == {}
