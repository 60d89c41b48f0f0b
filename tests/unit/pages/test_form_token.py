"""Tokens of forms."""

import pytest

from data_pipeline.pages.form_token import form_token, is_token

SECRET, NOW = b"of the server", 1_790_000_000.0


def token(**other):
    """A token that is right but for what is told."""
    return form_token(**{"secret": SECRET, "user": "kim", "action": "heal_gaps", "now": NOW, **other})


def test_a_form_of_this_page_is_known():
    """Up to eight hours after it was made, and no second longer."""
    assert is_token(token(), SECRET, "kim", "heal_gaps", NOW)
    assert is_token(token(), SECRET, "kim", "heal_gaps", NOW + 8 * 3600)
    assert not is_token(token(), SECRET, "kim", "heal_gaps", NOW + 8 * 3600 + 1)


@pytest.mark.parametrize(
    "wrong",
    [
        token(user="lee"),
        token(action="retry_quarantine"),
        token(secret=b"of another server"),
        token(now=NOW + 60),
        token().replace("1790000000", "1789999999"),
        "",
        ".",
        "1790000000",
        "1790000000.",
        "-1." + "0" * 64,
        "9" * 5000 + ".x",
        "١٧٩٠٠٠٠٠٠٠.x",
        "1790000000.\ud7ff",
    ],
)
def test_anything_else_is_refused(wrong):
    """Of another user, action, server or time, changed, or no token at all."""
    assert not is_token(wrong, SECRET, "kim", "heal_gaps", NOW)


def test_a_user_cannot_choose_a_name_that_signs_for_another_form():
    """The parts of what is signed cannot run into each other."""
    assert not is_token(token(user="kim\nheal_gaps", action="x"), SECRET, "kim", "x\nheal_gaps", NOW)
