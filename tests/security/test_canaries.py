"""Secrets planted in all that holds one come out in no way in which a program shows what it holds.

A path is one secret, one thing that holds it or fails with it, and one way of showing that. Each is looked at: there
are thousands, made from three tables, and a test is one thing with all its ways and secrets.
"""

from __future__ import annotations

import pytest

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.settings import require_key_characters
from tests.support import planted, planted_failures
from tests.support.canaries import OF_ERRORS, OF_OBJECTS, SECRETS, found_in

DELIBERATE = {
    "its text": {"str", "format", "percent", "JSON", "log"},
    "headers of a call": {"JSON"},
}
"""What is the secret itself, made to be sent: asked for as text, it is one."""


SLOW = ("traceback with locals", "rich traceback with locals", "like cgitb")
"""Ways that show every variable of every frame, and write megabytes for one error."""
UNHIDDEN = (
    "settings of KIS by hand shows app key, app secret, account number",
    "settings of KRX by hand shows KRX key",
)
"""The one exception: a program that hands plain text to a class of settings, whose generated `__init__` holds the
arguments as they came. Settings read from an environment or a connection hand over hidden ones."""


@pytest.fixture(scope="module")
def held(put, tmp_path_factory):
    """Everything that holds a secret, by its name."""
    return planted.objects(tmp_path_factory.mktemp("held"), put)


@pytest.fixture(scope="module")
def failed(put, tmp_path_factory):
    """Every failure, by its name."""
    return {name: error_of(fail) for name, fail in planted_failures.failures(tmp_path_factory.mktemp("failed"), put)}


def error_of(fail):
    """Return what is raised, be it an interruption; None when nothing is."""
    try:
        fail()
    except BaseException as error:  # noqa: BLE001 - an interruption is one of them
        return error
    return None


def leaks(things, ways, deliberate=None):
    """Return what shows which secret in which way."""
    return [
        f"{name} shows {', '.join(secrets)} by {way}"
        for name, thing in things.items()
        for way, show in ways.items()
        if way not in (deliberate or {}).get(name, ())
        if (secrets := found_in(show(thing)))
    ]


def test_nothing_that_holds_a_secret_shows_it(held):
    """Neither printed, logged, pickled nor in a traceback with local variables."""
    assert leaks(held, OF_OBJECTS, DELIBERATE) == []


def test_nothing_that_fails_shows_a_secret(failed):
    """Neither the message, its causes, nor what it carries along."""
    assert leaks(failed, {way: show for way, show in OF_ERRORS.items() if way not in SLOW}) == []


@pytest.mark.slow
@pytest.mark.parametrize("way", SLOW)
def test_nothing_that_fails_shows_a_secret_at_length(failed, way):
    """Nor does a printer that takes every variable of every frame apart, but for what cannot be hidden."""
    assert leaks(failed, {way: OF_ERRORS[way]}) == [f"{one} by {way}" for one in UNHIDDEN]


def test_every_planted_fault_is_one(failed):
    """Each fails, and with an error of this package or by interruption, so that no path is empty."""
    meant = (planted_failures.InterruptedTaskError, DataPipelineError)
    assert {name: error for name, error in failed.items() if not isinstance(error, meant)} == {}


def test_there_are_five_thousand_paths(held, failed):
    """Secrets, things and ways multiply; a table that shrinks is noticed."""
    assert len(SECRETS) * (len(held) * len(OF_OBJECTS) + len(failed) * len(OF_ERRORS)) >= 5_000


def test_a_leak_would_be_found():
    """Each way shows a secret that nobody hides, in an object and in an error, whole, cut, coded and escaped."""
    secret = SECRETS["app secret"]
    assert [way for way, show in OF_OBJECTS.items() if not found_in(show([secret]))] == []

    def fail():
        held = secret
        raise ValueError(held)

    with pytest.raises(ValueError, match="CANARY") as caught:
        fail()
    blind = [way for way, show in OF_ERRORS.items() if not found_in(show(caught.value))]
    assert blind == ["attributes", "like cgitb"]  # nothing is attached, and frames of tests are left out
    silent = error_of(lambda: require_key_characters("KIS_APP_SECRET", f"'{secret}'"))
    assert [way for way, show in OF_ERRORS.items() if found_in(show(silent))] == [
        "traceback with locals", "rich traceback with locals", "like cgitb",
    ]  # fmt: skip
