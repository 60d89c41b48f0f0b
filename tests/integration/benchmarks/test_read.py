"""The benchmark's own methods: each reads the same rows."""

import pytest

from benchmarks._read_worker import METHODS
from tests.support.market_rows import FRI, THU


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reads_every_row(filled, method):
    """Six bars, whichever way they take."""
    assert METHODS[method](filled.url("reader"), THU.isoformat(), FRI.isoformat()) == 6
