"""Rows in quarantine whose cause was mended: they come in by a retry, as they were."""

from decimal import Decimal

from data_pipeline.datasets.findings import Finding, Severity
from data_pipeline.loading.checks.quarantine import as_rejection, keep_rejections
from data_pipeline.local.quarantine import retry_quarantine
from data_pipeline.market.records import CurrentPrice

PRICE = CurrentPrice(
    "005930", "x", 71500, 500, 0.70, 71000, 72000, 70500, 2000, 142_500_000, "2026-09-22T10:00:00+09:00", None
)


def test_a_price_is_tried_again_with_its_fractions(database, connection):
    """The rate of a price, kept as text, is a number again when a retry loads it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
    keep_rejections(connection, "price_snapshot", "mock", [as_rejection(Finding("x", Severity.ERROR, "x", PRICE))])
    connection.commit()
    assert retry_quarantine({"MARKET_DB_URL": database.url()})["loaded"] == 1
    assert database.rows("SELECT stock_code, change_rate FROM market.price_snapshot") == [("005930", Decimal("0.70"))]
