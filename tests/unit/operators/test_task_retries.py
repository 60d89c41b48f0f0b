"""How often a task is tried again."""

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.operators.defaults import task_retries


def test_four_times_unless_told():
    """An empty variable counts as not set."""
    assert [task_retries({}), task_retries({"TASK_RETRIES": ""}), task_retries({"TASK_RETRIES": "0"})] == [4, 4, 0]


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "101"])
def test_anything_but_a_small_number_is_refused(value):
    """The message names the variable."""
    with pytest.raises(ConfigurationError, match="TASK_RETRIES"):
        task_retries({"TASK_RETRIES": value})
