"""`make audit` never says that nothing is known when nobody has looked."""

import json

import pytest

from tools.audit import LOCK, locked, verdict

LOCKED = "aa==1.0 \\\n    --hash=sha256:0\nbb[x]==2.0 \\\n    --hash=sha256:1\ncc==3 ; sys_platform == 'win32' \\\n"


def answer(*packages):
    """What pip-audit writes of these packages."""
    return json.dumps({"dependencies": [*packages], "fixes": []})


def package(name, *ids):
    """One package and its weaknesses."""
    return {"name": name, "version": "1.0", "vulns": [{"id": one} for one in ids]}


@pytest.mark.parametrize(
    ("found", "said", "code", "sentence"),
    [
        (answer(package("aa"), package("bb")), "", 0, "No known weakness in 2 locked packages"),
        (answer(package("aa", "CVE-1"), package("bb")), "", 1, "aa 1.0: CVE-1"),
        (answer(), "No known vulnerabilities found", 2, "NOBODY HAS LOOKED at 2 of 2 locked packages: aa, bb"),
        (answer(package("aa")), "", 2, "NOBODY HAS LOOKED at 1 of 2 locked packages: bb"),
        (answer(package("aa"), {"name": "bb", "skip_reason": "?"}), "", 2, "NOBODY HAS LOOKED at 1 of 2"),
        ("", "ERROR: Name or service not known", 2, "could not ask a database of weaknesses: ERROR: Name"),
        ("", "", 2, "it said nothing"),
        ("null", "", 2, "NOBODY HAS LOOKED"),
    ],
)
def test_silence_is_no_verdict(found, said, code, sentence):
    """Only an answer about every locked package counts."""
    assert verdict(LOCKED, found, said)[0] == code
    assert sentence in verdict(LOCKED, found, said)[1]


def test_the_lock_is_read():
    """Whatever is locked for every machine is looked for."""
    assert len(locked(LOCK.read_text("ascii"))) > 100
