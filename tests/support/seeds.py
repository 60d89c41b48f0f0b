"""Which seeds the tests take that draw at random."""

from __future__ import annotations

import os

import pytest


def seeded(*usual: int) -> pytest.MarkDecorator:
    """Return the parameter ``seed``: each of the variable ``SEEDS`` (numbers with commas), else the usual ones.

    `make test-full` gives other seeds on every commit. Hypothesis takes its own, ``--hypothesis-seed``.
    """
    named = [int(word) for word in os.environ.get("SEEDS", "").replace(",", " ").split()]
    return pytest.mark.parametrize("seed", [pytest.param(one, marks=pytest.mark.seeded) for one in named or usual])
