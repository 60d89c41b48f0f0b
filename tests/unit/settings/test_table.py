"""The table of settings: its pages, its values, and what is no setting."""

from __future__ import annotations

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.get_provider_info import KIS_FIELDS, KRX_FIELDS
from data_pipeline.settings import SETTINGS, nearest, require_known, value
from tests.support.project import ROOT
from tools.settings_pages import example_lines, page_lines


@pytest.mark.parametrize(
    ("path", "lines"), [(".env.example", example_lines), ("docs/reference/configuration.md", page_lines)]
)
def test_a_page_is_the_table(path, lines):
    """`python -m tools.settings_pages example|page` was run after the last change."""
    assert (ROOT / path).read_text("utf-8") == "\n".join(lines()) + "\n"


def test_the_forms_have_each_field_that_is_for_people():
    """What a setting is called in a form stands there under its field."""
    for form, connection in ((KIS_FIELDS, "kis"), (KRX_FIELDS, "krx")):
        shown = {one.field: one.label for one in SETTINGS.values() if one.connection == connection and one.label}
        assert {field: form[field]["label"] for field in shown} == shown


@pytest.mark.parametrize(("text", "number"), [("", None), ("1", 1), ("64", 64), ("3  # threads", 3), (" 2 ", 2)])
def test_a_whole_number(text, number):
    """Both bounds are included, empty is nothing where there is no default, and a comment behind it is dropped."""
    assert value({"FETCH_THREADS": text}, "FETCH_THREADS") == number


@pytest.mark.parametrize("text", ["0", "65", "2.5", "eight", "1_0", "٣", "nan", "inf", "1e400"])
def test_a_number_out_of_bounds_is_named(text):
    """The message says the variable, the bounds and what it held."""
    with pytest.raises(ConfigurationError, match="FETCH_THREADS must be a whole number from 1 to 64, not"):
        value({"FETCH_THREADS": text}, "FETCH_THREADS")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("KIS_APPKEY", "KIS_APP_KEY"),
        ("KIS_RATE_LIMIT", "KIS_API_RATE_LIMIT"),
        ("KIS_API_BASE_URL", "KIS_API_BASE_URL_REAL"),
        ("kis_app_key".upper() + "S", "KIS_APP_KEY"),
        ("KRX_KEY", "KRX_API_KEY"),
    ],
)
def test_a_variable_that_nearly_is_a_setting_is_refused(wrong, meant):
    """A misspelt name would silently mean the default, or no credentials and so synthetic data."""
    with pytest.raises(ConfigurationError, match=f"there is no setting {wrong}: did you mean {meant}"):
        require_known({"PATH": "/bin", wrong: "x"})


def test_a_variable_of_another_program_is_warned_of(caplog):
    """One like none of ours stops nothing; further keys have numbers, and other names are not ours to judge."""
    require_known({"KIS_HTS_ID": "x", "KIS_APP_KEY_7": "x", "KIS_APP_SECRET_7": "x", "DATA_SOURCE": "x"})
    assert [record.args for record in caplog.records] == [("KIS_HTS_ID",)]
    assert nearest("rate_limits", ["rate_limit", "queue_timeout"]) == "rate_limit"
