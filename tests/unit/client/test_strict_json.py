"""What counts as a JSON object that a vendor may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.client.strict_json import quick_object, slow_object, strict_object


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


WHOLE = '{"a":"나","b":{"c":"\\u00e9\\n"},"d":[{"e":"1:2","f":""},{}],"g":1}'.encode()
TEXTS = WHOLE.replace(b"1:2", b"12").replace(b',"g":1', b"")
PIECES = st.one_of(
    st.binary(max_size=2), st.sampled_from([b'"', b'"x":"y",', b"{}", b"\\ud800", b"\xed\xa0\x80", b"NaN"])
)


@given(st.sampled_from([WHOLE, TEXTS]), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 2), PIECES), max_size=3))
def test_the_quick_reading_says_what_the_slow_one_says(content, changes):
    """However the bytes are spoilt, it keeps silent or returns the very same object."""
    spoilt = bytearray(content)
    for place, length, piece in changes:
        spoilt[place : place + length] = piece
    found = quick_object(bytes(spoilt))
    assert found is None or found == slow_object(bytes(spoilt))


def test_texts_are_read_quickly():
    """Objects of texts, and lists of them, are what the quick reading knows; it says no to a colon inside of a text."""
    assert quick_object(TEXTS) == {"a": "나", "b": {"c": "é\n"}, "d": [{"e": "12", "f": ""}, {}]}
    assert quick_object(b'{"at":"12:30"}') is None
    assert quick_object(b'{"a":"1","a":"2"}') is None
