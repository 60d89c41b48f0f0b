"""What counts as a JSON object that a vendor may send."""

from __future__ import annotations

import pytest

from data_pipeline.client.strict_json import strict_object


def test_an_object_is_returned():
    """Text in UTF-8, numbers as they are."""
    assert strict_object('{"이름": "값", "n": 1.5}'.encode()) == {"이름": "값", "n": 1.5}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b'{"a": NaN}', b'{"a": 1e400}', b'{"a": "\xb0\xa1"}'],
    ids=str,
)
def test_anything_else_is_refused(content):
    """Nothing, a list, a key twice at any depth, NaN, a number without end, bytes of another encoding."""
    with pytest.raises(ValueError):
        strict_object(content)


def test_endless_nesting_is_refused():
    """A body made to exhaust the stack is an error, not a crash."""
    with pytest.raises((ValueError, RecursionError)):
        strict_object(b'{"a":' * 100_000)
