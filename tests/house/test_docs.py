"""Everything that has a name has its line in the reference: DAGs, commands, settings, errors.

The columns of the warehouse are held to their page by ``tests/integration/warehouse/test_describe.py``.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from data_pipeline import exceptions, http_exceptions
from data_pipeline.settings import SETTINGS
from tests.support.project import ROOT, syntax
from tools import wire_evidence_page
from tools.commands_page import lines

REFERENCE = ROOT / "docs" / "reference"
TABLE = ROOT / "data_pipeline" / "settings"
CODE = [
    path
    for folder in ("data_pipeline", "dags", "plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if TABLE not in path.parents
]
ENVIRONMENTS = re.compile(r"environ|environment|variables|var\.value")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|UNIVERSE")
OTHERS = {"AIRFLOW__CORE__FERNET_KEY", "XDG_STATE_HOME", "HOSTNAME", "NO_PROXY", "MARKET_CLS_CODE"}
"""Variables of others that the code or a container reads, and a field of KIS's stream that looks like one."""


def documented(page: str) -> set[str]:
    """The words that a page sets in code, whole and in parts."""
    return {word for code in re.findall(r"`([^`]+)`", (REFERENCE / page).read_text("utf-8")) for word in code.split()}


def keys(path: Path) -> Iterator[str]:
    """What a file looks up in something that it calls an environment."""
    for node in syntax(path):
        where: ast.expr
        if isinstance(node, ast.Subscript):
            where, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            where, key = node.func.value, node.args[0]
        else:
            continue
        if isinstance(key, ast.Constant) and ENVIRONMENTS.search(ast.unparse(where)):
            yield str(key.value)


def named(path: Path, families: tuple[str, ...]) -> Iterator[str]:
    """What a file writes that begins like a setting, such as the names in a table of defaults."""
    for node in syntax(path):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and VARIABLE.fullmatch(text) and text.startswith(families):
            yield text


@functools.cache
def settings() -> frozenset[str]:
    """The variables of the example, of the containers and of the code."""
    example = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    containers = set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", (ROOT / "docker-compose.yaml").read_text("utf-8")))
    families = ("KIS_API_", "KIS_CACHE_", "KIS_APP_", "KRX_API_", "MARKET_", "CHECK_", "DATA_SOURCE_", "COORDINATION_")
    code = {key for path in CODE for key in (*keys(path), *named(path, families)) if VARIABLE.fullmatch(key)}
    return frozenset((example | containers | code) - OTHERS)


def test_every_dag_is_on_its_page() -> None:
    """Each file of dags/ is one DAG of that name, and the table has a row for it."""
    rows = set(re.findall(r"^\| `(\w+)` \|", (REFERENCE / "dags.md").read_text("utf-8"), re.MULTILINE))
    assert {path.stem for path in (ROOT / "dags").glob("*.py")} - rows == set()


def test_every_command_and_option_is_on_its_page() -> None:
    """`python -m tools.commands_page > docs/reference/commands.md` was run after the last change of a parser."""
    assert (REFERENCE / "commands.md").read_text("utf-8") == "\n".join(lines()) + "\n"


def test_the_page_of_evidence_is_the_register() -> None:
    """`python -m tools.wire_evidence_page > docs/reference/wire-evidence.md` was run after the last change."""
    written = (REFERENCE / "wire-evidence.md").read_text("utf-8")
    assert written == "\n".join(wire_evidence_page.lines()) + "\n"


def test_every_setting_is_on_its_page() -> None:
    """A variable that is read somewhere, or that the example offers, is explained."""
    assert {"KIS_APP_KEY", "MARKET_CLOCK", "CHECK_BASE_RATIO", "UNIVERSE", "REDIS_PASSWORD"} <= settings()
    told = {re.sub(r"^(KIS_APP_(?:KEY|SECRET))_[3-9]$", r"\1_2", name) for name in settings()}
    assert told - documented("configuration.md") == set()
    assert told - set(SETTINGS) == set()


def test_every_error_is_on_its_page() -> None:
    """Whatever may be caught is named."""
    tree = {
        name
        for module in (exceptions, http_exceptions)
        for name, value in vars(module).items()
        if not name.startswith("_") and isinstance(value, type) and issubclass(value, exceptions.DataPipelineError)
    }
    assert len(tree) > 20
    assert tree - documented("errors.md") == set()
