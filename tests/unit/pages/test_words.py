"""Both languages."""

import re
from string import Formatter

import pytest

from data_pipeline.pages.render import HERE
from data_pipeline.pages.words import WORDS, language


def gaps(text):
    """The names that a text wants filled in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_say_the_same():
    """The same texts, each with the same gaps to fill."""
    assert WORDS["en"].keys() == WORDS["ko"].keys()
    assert {key for key in WORDS["en"] if gaps(WORDS["en"][key]) != gaps(WORDS["ko"][key])} == set()


def test_each_text_that_a_template_asks_for_is_there():
    """Names that are put together are not looked at here; the pages' own tests meet them."""
    asked = {
        key
        for path in (HERE / "templates").glob("*.html")
        for key in re.findall(r"""\bt\(["']([a-z_0-9]+)["'][,)]""", path.read_text("utf-8"))
    }
    assert asked
    assert asked - WORDS["en"].keys() == set()


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [
        ("ko", "en", "ko"),
        ("en", "ko", "en"),
        (None, "ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        (None, "en-US,ko;q=0.9", "en"),
        (None, "de,ko;q=0.2,en;q=0.1", "ko"),
        ("fr", "de", "en"),
        (None, None, "en"),
        (None, "ko;q=x, en;q=0.1", "en"),
    ],
)
def test_which_language(asked, accepted, expected):
    """The address first, then what the browser likes most, else English. Source: RFC 9110, Accept-Language."""
    assert language(asked, accepted) == expected
