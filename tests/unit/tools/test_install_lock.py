"""A lock that several pips install side by side."""

import re
import sys

import pytest

from tools.install_lock import install, parts

LOCK = """\
alpha==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:aa \\
    --hash=sha256:ab
alpha==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:ac
beta[extra]==1.5 \\
    --hash=sha256:ba
gamma==3.0 \\
    --hash=sha256:ca
"""


def test_each_package_is_in_one_part_with_its_hashes():
    """Under all its markers, so that no two pips touch one package."""
    alpha, beta, gamma = re.split(r"(?=^beta|^gamma)", LOCK, flags=re.MULTILINE)
    assert parts(LOCK, 2) == [alpha + gamma, beta]
    assert "".join(parts(LOCK, 1)) == LOCK
    assert parts(LOCK, 4)[3] == ""


@pytest.mark.parametrize("wrong", ["alpha", "beta", "gamma"])
def test_one_part_that_cannot_be_installed_fails_all(tmp_path, wrong):
    """Whichever it is; the hashes are asked for, and nothing beside the lock."""
    lock, told = tmp_path / "lock.txt", tmp_path / "told"
    lock.write_text(LOCK)
    pip = (
        "import sys; from pathlib import Path; asked = sys.argv[1:]; part = Path(asked[-1]).read_text();"
        f"open({str(told)!r}, 'a').write(' '.join(asked[:-2]) + chr(10)); sys.exit(3 if {wrong!r} in part else 0)"
    )
    assert install(lock, (sys.executable, "-c", pip), count=3) == 3
    assert {"--require-hashes", "--no-deps"} < {*told.read_text().splitlines()[0].split()}
    assert len(told.read_text().splitlines()) == 3


def test_all_parts_make_the_lock(tmp_path):
    """Nobody fails: 0."""
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    assert install(lock, (sys.executable, "-c", ""), count=2) == 0
