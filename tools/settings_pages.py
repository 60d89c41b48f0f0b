"""Writes `.env.example` and the reference page of the settings out of their table.

python -m tools.settings_pages example > .env.example
python -m tools.settings_pages page > docs/reference/configuration.md
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby

from data_pipeline.settings import SETTINGS, Setting

WIDTH = 120
EXAMPLE_HEAD = (
    "Every setting of the data pipeline, written by `python -m tools.settings_pages example`. Copy it to .env and "
    "change what you need; a line left as it is, or left out, means the default, and so does an empty one. Read by "
    "python-dotenv, by `env_file` and by `docker compose`: no spaces around =, no quotes, comments on lines of their "
    "own. Keep .env to yourself: it holds secrets and is not committed."
)
EXAMPLE_NOTES = {
    "Docker compose only": "Containers get secrets, those further up included, as files: docker/make-secrets.sh writes "
    "them out of this file, and draws a password that is empty here. Letters and digits only, for they go into URLs."
}

PAGE_HEAD = """# Configuration

Written by `python -m tools.settings_pages page` from the table in `data_pipeline/settings/`, as `.env.example` is.

Every setting is an environment variable, read from the environment first and then from `.env`. An empty one is the
default. A wrong value stops the program with one sentence that names the variable; so does a variable whose name is
nearly that of a setting (`KIS_APPKEY`), and one that begins with `KIS_` or `KRX_` and is like none is warned of.
`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` mean what they mean everywhere, but what runs on this machine, and a host of
`KIS_ALLOWED_HOSTS`, is never asked through a proxy.

*Field* is the field of the Airflow connection `kis_default` or `krx_default` that says the same; *Variable* means that
an Airflow Variable of the same name takes precedence in tasks. `make run` and `make up` make both connections out of
the environment, and so does `docker-compose.yaml`."""

PAGE_NOTES = {
    "KRX (Korea Exchange Open API)": "How backfills choose: [fill the past](../how-to/fill-the-past.md"
    "#which-source-is-asked).",
    "Warehouse and shared state": "Corrections: [refresh the calendar](../how-to/refresh-the-calendar.md). A fixed "
    "clock: [the emulator](../how-to/test-against-the-emulator.md#on-another-day).",
    "How strict the checks of a load are": "What they are: [checks of a load](../explanation/checks.md). Where a share "
    "and a number of rows belong together, both must be exceeded.",
    "Docker compose only": "Containers get secrets as files ([how](../how-to/run-with-compose.md)). Passwords go into "
    "URLs, so they hold letters and digits only. Every other setting above goes into the containers as well, so the "
    "command works there: `docker compose exec airflow-scheduler with-secrets data-pipeline budget`.",
}

PAGE_TAIL = """
## As Airflow connections

An installation of Airflow of your own takes them from its UI, or from variables. As JSON, where nothing needs escaping
but `"` and `\\`:

<!-- checked only: settings -->
```bash
AIRFLOW_CONN_KIS_DEFAULT='{"conn_type": "kis", "login": "APP KEY", "password": "APP SECRET",
  "extra": {"environment": "real", "rate_limit": 15}}'
AIRFLOW_CONN_KRX_DEFAULT='{"conn_type": "krx", "password": "KEY"}'
AIRFLOW_CONN_MOCK_DEFAULT='{"conn_type": "mock", "extra": {"seed": 7}}'
AIRFLOW_CONN_MARKET_DB='{"conn_type": "postgres", "host": "db", "port": 5432, "schema": "market",
  "login": "market_loader", "password": "PASSWORD", "extra": {"sslmode": "verify-full"}}'
```

As a URI, where the login and the password are percent-encoded (a secret of KIS holds `/`, `+` and `=`: `%2F`, `%2B`,
`%3D`), and extra fields follow the `?`:

<!-- checked only: settings -->
```bash
AIRFLOW_CONN_KIS_DEFAULT='kis://APPKEY:APP%2FSECRET%3D@/?environment=real&rate_limit=15'
AIRFLOW_CONN_KRX_DEFAULT='krx://:KEY@'
AIRFLOW_CONN_MOCK_DEFAULT='mock://?seed=7'
AIRFLOW_CONN_MARKET_DB='postgres://market_loader:PASSWORD@db:5432/market?sslmode=verify-full'
```

`python3 -c "import urllib.parse as u; print(u.quote(input(), safe=''))"` encodes one. A variable that Airflow cannot
read is named in the error, and nothing of it is repeated. An unknown extra field is an error that names the nearest
one. The KIS form has two fields more than the table: `environment` (real or virtual) says what `use_virtual_server`
says, and `base_url` is the address of the server that is chosen; the mock form has `seed` and `now`."""


def example_lines() -> Iterator[str]:
    """Yield `.env.example` line by line."""
    yield from _comment(EXAMPLE_HEAD)
    for section, settings in groupby(SETTINGS.values(), lambda one: one.section):
        yield ""
        yield f"# --- {section} ".ljust(WIDTH - 1, "-")
        if note := EXAMPLE_NOTES.get(section):
            yield from _comment(note)
        yield ""
        for one in settings:
            said = f"{one.help} {_when_empty(one)}".replace("`", "") if "python3" not in one.help else one.help
            yield from _comment(said.strip())
            yield f"{'' if one.shown else '# '}{one.name}={one.default}"


def page_lines() -> Iterator[str]:
    """Yield the reference page line by line."""
    yield PAGE_HEAD
    for section, settings in groupby(SETTINGS.values(), lambda one: one.section):
        yield from ("", f"## {section}", "")
        if note := PAGE_NOTES.get(section):
            yield from (*textwrap.wrap(note, WIDTH, break_on_hyphens=False, break_long_words=False), "")
        yield from ("| variable | default | value | field | meaning |", "|---|---|---|---|---|")
        for one in settings:
            yield f"| `{one.name}` | {_default(one)} | {_value(one)} | {_field(one)} | {one.help} |"
    yield PAGE_TAIL


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_on_hyphens=False, break_long_words=False)]


def _when_empty(one: Setting) -> str:
    bounds = f"{_value(one).capitalize()}. " if _value(one) not in ("text", "secret", "address") else ""
    return f"{bounds}Empty: {one.empty}." if one.empty else bounds


def _default(one: Setting) -> str:
    return one.empty or (f"`{one.default}`" if one.default else "none: it must be set")


def _value(one: Setting) -> str:
    return "secret" if one.secret else re.sub(r"^an? ", "", one.meant)


def _field(one: Setting) -> str:
    named = f"`{one.field}`" if one.field else ""
    return ", ".join(filter(None, (named, "Variable" if one.variable else ""))) or "-"


if __name__ == "__main__":
    wanted = {"example": example_lines, "page": page_lines}[sys.argv[1]]
    sys.stdout.write("\n".join(wanted()) + "\n")
