"""`data-pipeline migrate`: bring the warehouse up to date, or say in advance what that would do to stored rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from rich.console import Console
from rich.table import Table

from data_pipeline.local.home import Home
from data_pipeline.local.logins_file import keep_logins
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import write_json
from data_pipeline.local.waiting import waiting
from data_pipeline.settings import text
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.locate import market_address
from data_pipeline.warehouse.logins import ROLES, make_logins
from data_pipeline.warehouse.migrate import migrate, newest_version, rehearse
from data_pipeline.warehouse.rehearsal import Rehearsal


def migrate_warehouse(
    home: Home, environ: Mapping[str, str], console: Console, *, dry_run: bool = False, as_json: bool = False
) -> int:
    """Migrate, or with ``dry_run`` only rehearse, and print the outcome; return the exit code 0.

    Raises:
        DataPipelineError: It cannot be done; nothing was changed.
    """
    with open_warehouse(home, environ, migrated=False) as warehouse:
        if dry_run:
            plan = rehearse(warehouse.owner_url)
            _show(plan, console)
            if as_json:
                write_json({"dry_run": True, "before": plan.before, "after": plan.after, "told": dict(plan.told),
                            "changes": list(plan.changes)})  # fmt: skip
            return 0
        with waiting("migrating"):
            migrate(warehouse.owner_url)
        if market_address(environ):  # the embedded server has made its own
            _make_logins(warehouse.owner_url, home, environ, console)
        with closing(connect(warehouse.reader_url)):
            console.print("The warehouse is up to date.")
    if as_json:
        write_json({"dry_run": False, "after": newest_version()})
    return 0


def _make_logins(url: str, home: Home, environ: Mapping[str, str], console: Console) -> None:
    def keep(urls: Mapping[str, str]) -> None:
        home.prepare()
        keep_logins(home.logins, urls)

    given = {role: text(environ, f"{role.upper()}_PASSWORD") for role in ROLES}
    done = make_logins(url, given, keep)
    if done.told:
        console.print(f"{' and '.join(done.told)} can log in with the passwords that the settings name.")
    if done.made:
        console.print(f"{' and '.join(done.made)} can log in; see {home.logins}", markup=False, soft_wrap=True)
    for statement in done.lacking:
        said = f"Nobody can log in as this role yet: let an administrator of the server run {statement}"
        console.print(said, markup=False, soft_wrap=True)


def _show(plan: Rehearsal, console: Console) -> None:
    if plan.before == plan.after:
        console.print(f"Nothing to do: the warehouse is at version {plan.after}.")
        return
    console.print(f"From version {plan.before or 'none'} to {plan.after}. This was a dry run: nothing was changed.")
    if plan.told:
        table = Table("what happens to stored data", box=None, header_style="bold")
        table.add_column("rows", justify="right")
        for what, rows in plan.told:
            table.add_row(what, f"{rows:,}")
        console.print(table)
    table = Table("table", box=None, header_style="bold", caption="partitions count as their table")
    for name in ("inserted", "updated", "deleted"):
        table.add_column(name, justify="right")
    for one in plan.changes:
        table.add_row(one.table, *(f"{rows:,}" for rows in (one.inserted, one.updated, one.deleted)))
    console.print(table if plan.changes else "No stored row changes.")
