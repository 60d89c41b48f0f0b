"""A hidden text is shown by none who prints a frame, and serves wherever text is used."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from psycopg2.extensions import adapt

from data_pipeline.settings.hidden import Hidden, hidden, hidden_within, hide_login
from data_pipeline.sources.kis.settings import KisSettings

SECRET = Hidden("s3cret")
SETTINGS = KisSettings("k" * 36, "s" * 180)


@pytest.mark.parametrize(
    "keep", [copy.copy, copy.deepcopy, pickle.dumps, lambda _: asdict(SETTINGS), lambda _: copy.deepcopy(SETTINGS)]
)
def test_nothing_keeps_one(keep):
    """Copies, pickles and dictionaries of settings are refused in a sentence."""
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        keep(SECRET)


def test_it_is_text_for_whoever_sends_it():
    """A child's environment, JSON, SQL, and settings of which one value is changed."""
    show = "import os; print(os.environ['HELD'])"
    told = subprocess.run(
        [sys.executable, "-c", show], env={**os.environ, "HELD": SECRET}, capture_output=True, text=True, check=True
    )
    assert told.stdout == "s3cret\n"
    assert json.dumps({SECRET: SECRET}) == '{"s3cret": "s3cret"}'
    assert adapt(SECRET).getquoted() == b"'s3cret'"
    assert replace(SETTINGS, timeout=5.0).app_key == "k" * 36


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("KIS_APP_SECRT", "x", False),
        ("KIS_ACCOUNT_NUMBER", "x", False),
        ("KRX_API_KEI", "x", False),
        ("KIS_API_BASE_URL_REAL", "https://kis.example", True),
        ("KIS_API_BASE_URL_REAL", "https://key:secret@kis.example", False),
        ("HOME", "/home/x", True),
    ],
)
def test_what_is_hidden_of_an_environment(name, value, shown):
    """Whatever may hold a secret, spelled wrongly too; an address only when a login stands in it."""
    assert (value in repr(hidden({name: value}))) is shown


def test_texts_within_json():
    """Keys and values at any depth, and an address with a login."""
    assert repr(hidden_within({"a": ["b", {"c": 1}], "d": None})) == (
        "{<hidden>: [<hidden>, {<hidden>: 1}], <hidden>: None}"
    )
    assert (repr(hide_login("https://u:p@h")), hide_login("https://h")) == ("<hidden>", "https://h")
