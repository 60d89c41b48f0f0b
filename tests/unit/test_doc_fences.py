"""Every fenced command of the docs can be parsed, and one that no test runs says why."""

import ast
import subprocess

import pytest

from tests.support.fences import KINDS, PAGES, blocks

BLOCKS = [block for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_it_can_be_parsed(block):
    """By bash or by Python, and a mark is one of those that there are; SQL ends with a semicolon."""
    assert block.kind in ("", *KINDS)
    if block.language == "python":
        ast.parse(block.text)
    elif block.language == "sql":
        assert block.text.rstrip().endswith(";")
    else:
        subprocess.run(["bash", "-n", "-c", block.text], check=True, capture_output=True)


def test_most_are_run():
    """What is only checked for syntax is the smaller part."""
    marked = [block for block in BLOCKS if block.kind not in ("", "settings")]
    assert len([block for block in BLOCKS if not block.kind]) > len(marked)


def test_a_mark_and_the_lines_of_a_block_are_read(tmp_path):
    """The mark stands in the line above; what goes on in the next line is one command, and comments are none."""
    page = tmp_path / "page.md"
    page.write_text(
        "a\n\n<!-- checked only: docker -->\n```bash\ndocker ps\n```\n\n   ```bash\n   # no\n   one \\\n      two\n"
        '   sql "SELECT\n   1" # yes\n   ```\n'
    )
    first, second = blocks(page)
    assert (first.kind, first.lines) == ("docker", ["docker ps"])
    assert (second.kind, second.lines) == ("", ["one two", 'sql "SELECT\n1" # yes'])
