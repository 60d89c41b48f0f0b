"""The files of an embedded Postgres."""

import subprocess

import pytest

from data_pipeline.warehouse.account import Account
from data_pipeline.warehouse.cluster import Cluster


class Outsider(Account):
    """An account that cannot enter the folder where the wheel is installed, as in a clone under /root."""

    def can_execute(self, program):
        """Return False for every program."""
        return False


@pytest.mark.thorough
def test_programs_out_of_reach_are_copied_with_their_libraries(tmp_path):
    """The copy runs from where it lies, also beside an older one."""
    account = Account.current()
    cluster = Cluster(tmp_path, Outsider(account.uid, account.gid, account.switched))
    program = cluster.program("initdb")
    assert tmp_path in program.parents
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("initdb (PostgreSQL)")) == (0, True), done.stderr


def test_programs_within_reach_are_used_where_they_are(tmp_path):
    """Nothing is copied for an account that can run them in place."""
    account = Account.current()
    program = Cluster(tmp_path, Account(account.uid, account.gid, switched=False)).program("initdb")
    assert tmp_path not in program.parents
