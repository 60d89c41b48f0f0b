"""What the benchmark of the live stream makes of what it sees."""

from __future__ import annotations

from benchmarks.stream import percentile


def test_a_percentile_is_the_lag_within_which_so_many_rows_were_committed():
    """Of a hundred rows 98 took 120 ms and one 200 ms, so that 99 were there after 200 ms."""
    lags = [(120, 98), (200, 1), (900, 1)]
    assert [percentile(lags, share) for share in (0.5, 0.98, 0.99, 1)] == [120, 120, 200, 900]


def test_without_rows_there_is_no_percentile():
    """A service that was killed tells no lags."""
    assert percentile([], 0.5) is None
