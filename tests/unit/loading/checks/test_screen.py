"""Which rows are kept for codes that were left out."""

from __future__ import annotations

from data_pipeline.exceptions import PayloadError, UnknownStockError
from data_pipeline.loading.checks.screen import rows_at_fault
from data_pipeline.market.rejections import Rejection


def wrong(reason, payload):
    """An error about a row, or about an answer as a whole when there is none."""
    error = PayloadError(reason)
    error.payload, error.origin = payload, "KRX call"
    return error


def test_a_row_that_several_codes_fail_for_is_kept_once_and_is_nobodys():
    """One error of a whole market's answer left two codes out: its row is there once, without a code."""
    shared = wrong("both", {"x": "1"})
    assert rows_at_fault({"000020": shared, "000660": shared}) == [
        Rejection({"x": "1"}, "both", None, origin="KRX call")
    ]


def test_the_row_of_one_code_is_that_codes():
    """Each has its own error and its own row; an unknown code and a broken answer have none."""
    failed = {
        "000020": wrong("mine", {"x": "1"}),
        "000660": UnknownStockError("000660", "KRX call"),
        "005930": wrong("the answer is cut off", None),
    }
    assert rows_at_fault(failed) == [Rejection({"x": "1"}, "mine", "000020", origin="KRX call")]
