"""Secrets that an answer repeats are taken out of it, however they are spelled."""

from __future__ import annotations

import pytest
import requests

from data_pipeline.client.scrub import scrubbed

SECRET = "ab+cd/ef="


def said(content: bytes, *secrets: str) -> bytes:
    """Return what is left of an answer."""
    response = requests.Response()
    response._content = content
    return scrubbed(response, secrets).content


@pytest.mark.parametrize("spelled", [rb"ab+cd/ef=", rb"ab\u002Bcd\/ef=", rb"ab%2bcd%2Fef%3d", rb"ab\+cd/ef%3D"])
def test_every_spelling_is_found(spelled):
    """As it is, as JSON may write it, as a URL may, and mixed."""
    assert said(b'{"told": "' + spelled + b'", "by": "us"}', SECRET) == b'{"told": "***", "by": "us"}'


def test_a_secret_of_signs_alone_is_found():
    """There is no part of it that has one spelling only."""
    assert said(rb"( %2F%2b\/+\u002f+ )", "/+/+/+") == b"( *** )"


def test_each_of_several_secrets_is_found_and_all_else_stays():
    """Parts of a secret are no secret."""
    assert said(b"ab cd ef, 0123456789 and ab+cd/ef=", SECRET, "0123456789") == b"ab cd ef, *** and ***"
    assert said(b"ab cd ef", SECRET) == b"ab cd ef"
