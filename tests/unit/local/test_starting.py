"""Which DAGs run by themselves once everything is up."""

import pytest

from data_pipeline.local.starting import served

KIS = {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180}
KRX = {"KRX_API_KEY": "R" * 40}
OF_KIS = [
    "current_prices", "daily_bars", "heal_gaps", "index_bars", "investor_flows", "market_reference", "minute_bars",
    "order_books", "proven_sessions",
]  # fmt: skip
OFFICIAL = ["daily_bars_official", "index_bars_official"]


@pytest.mark.parametrize(
    ("environ", "dags"),
    [
        ({}, OF_KIS),
        ({"DATA_SOURCE_TYPE": "mock", **KRX}, OF_KIS),
        ({**KIS, "KIS_USE_VIRTUAL_SERVER": "false"}, OF_KIS),
        ({**KIS, **KRX, "KIS_USE_VIRTUAL_SERVER": "false"}, sorted(OF_KIS + OFFICIAL)),
        (KRX, [*OFFICIAL, "proven_sessions"]),
    ],
    ids=["no key", "mock", "KIS", "both", "KRX"],
)
def test_a_source_is_asked_for_what_it_has(environ, dags):
    """KRX has no quotes and KIS no official figures; what is only started by hand is never unpaused."""
    assert served(environ) == dags
