"""Rows set aside on the way, and fields that nobody documented."""

import logging
from contextvars import copy_context
from threading import Thread

import pytest

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.rejections import FieldDrift, collecting, keep_good


def number(text):
    """A parser of one row."""
    if text.isdigit():
        return int(text)
    error = PayloadError(f"field x is not a number: {text}")
    error.payload, error.origin = {"x": text}, "KIS call"
    raise error


def test_without_a_collector_the_first_bad_row_raises():
    """An interactive caller sees the error and no shorter list."""
    with pytest.raises(PayloadError, match="not a number: b"):
        list(keep_good(number, ["1", "b", "3"]))


def test_a_collector_takes_the_bad_row_and_the_rest_goes_on():
    """The row is kept with its reason, code and origin."""
    with collecting() as held:
        assert list(keep_good(number, ["1", "b", "3"], lambda _: "005930")) == [1, 3]
    ((row),) = held.rows
    assert (row.payload, row.stock_code, row.origin) == ({"x": "b"}, "005930", "KIS call")
    assert row.reason == "field x is not a number: b"


def test_an_error_about_a_whole_answer_is_not_set_aside():
    """Without a row there is nothing to keep, so the window fails."""

    def broken(_):
        raise PayloadError("not JSON")

    with collecting() as held, pytest.raises(PayloadError, match="not JSON"):
        list(keep_good(broken, ["1"]))
    assert held.rows == []


def test_collectors_nest_and_end():
    """The innermost one takes the row; after the block nobody does."""
    with collecting() as outer, collecting() as inner:
        list(keep_good(number, ["a"]))
    assert (len(outer.rows), len(inner.rows)) == (0, 1)
    with pytest.raises(PayloadError):
        list(keep_good(number, ["a"]))


def test_a_thread_that_runs_in_the_copied_context():
    """A source with threads of its own reaches the collector through copy_context."""
    with collecting() as held:
        thread = Thread(target=copy_context().run, args=(lambda: list(keep_good(number, ["a"])),))
        thread.start()
        thread.join()
    assert len(held.rows) == 1


def test_a_new_field_is_logged_once_and_counted(caplog):
    """Three answers with one new field: one line in the log, three in the count, in the window's count as well."""
    drift = FieldDrift({"inquire-price": frozenset({"stck_prpr"})})
    with collecting() as held, caplog.at_level(logging.WARNING):
        for _ in range(3):
            drift.note("inquire-price", ["stck_prpr", "brand_new"])
    assert [record.getMessage() for record in caplog.records] == [
        "new fields, not in the documents and not used: inquire-price.brand_new"
    ]
    assert drift.counts == held.unknown_fields == {"inquire-price.brand_new": 3}


def test_a_call_without_a_document_is_not_watched(caplog):
    """Nothing is known about it, so nothing is new."""
    drift = FieldDrift({})
    drift.note("other", ["anything"])
    assert (drift.counts, caplog.records) == ({}, [])
