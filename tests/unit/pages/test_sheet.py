"""Pages that are packed once for many viewers."""

import gzip

import pytest
from fastapi import Request

from data_pipeline.pages.sheet import Sheet

TEXT = "<p>가격 71,000</p>" * 900 + "<input value=TOKEN><input value=OTHER>" + "<p>끝</p>" * 900 + "<input value=TOKEN>"
OWN = {"TOKEN": "1790000000.abc", "OTHER": ""}


def request(**headers):
    """What a browser asks with."""
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": told})


def test_the_packed_page_is_the_page_with_what_is_the_viewers_own():
    """One file of gzip, whose length and checksum are right, in every place its own."""
    answer = Sheet(TEXT, ["TOKEN", "OTHER"]).answer(request(accept_encoding="br, gzip"), OWN)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert gzip.decompress(answer.body).decode() == TEXT.replace("TOKEN", "1790000000.abc").replace("OTHER", "")
    assert len(answer.body) < len(TEXT.encode()) / 50


@pytest.mark.parametrize("headers", [{}, {"accept_encoding": "br"}])
def test_a_browser_that_unpacks_nothing_gets_it_plain(headers):
    """The same text, and the answer says that it depends on what the browser takes."""
    answer = Sheet(TEXT, ["TOKEN", "OTHER"]).answer(request(**headers), OWN)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert bytes(answer.body).decode() == TEXT.replace("TOKEN", "1790000000.abc").replace("OTHER", "")


def test_two_viewers_of_one_sheet_have_each_their_own():
    """What was sent to one stands in no answer to another."""
    sheet, asked = Sheet(TEXT, ["TOKEN", "OTHER"]), request(accept_encoding="gzip")
    first, second = (sheet.answer(asked, {**OWN, "TOKEN": own}).body for own in ("of kim", "of lee"))
    assert [gzip.decompress(one).decode().count("of kim") for one in (first, second)] == [2, 0]


def test_what_nobody_owns_needs_no_marks():
    """A file, with its kind and how long it may be kept."""
    answer = Sheet("a { color: red }").answer(
        request(), media_type="text/css", headers={"cache-control": "max-age=600"}
    )
    assert (answer.body, answer.headers["content-type"]) == (b"a { color: red }", "text/css; charset=utf-8")
    assert answer.headers["cache-control"] == "max-age=600"


def test_a_mark_without_anything_to_set_in_is_no_page():
    """Nobody is shown the mark itself."""
    with pytest.raises(KeyError):
        Sheet(TEXT, ["TOKEN", "OTHER"]).answer(request(), {"TOKEN": ""})
