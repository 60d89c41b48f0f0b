"""The warehouse's reference page, made from the comments in the database.

`python -m data_pipeline.warehouse.describe > docs/reference/warehouse.md` writes it anew.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

INTRODUCTION = """# The warehouse

Schema `market`, Postgres 15 or newer. Every column says its unit and where it comes from; this page is made of the
comments in the database (`python -m data_pipeline.warehouse.describe`).
"""

COLUMNS = """
SELECT c.relname, obj_description(c.oid), CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, a.attname,
       format_type(coalesce(nullif(t.typbasetype, 0), t.oid), a.atttypmod), col_description(c.oid, a.attnum)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = 'market'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
ORDER BY c.relkind = 'v', c.relname, a.attnum
"""


def describe(connection: Connection) -> Iterator[str]:
    """Yield the page's lines: each table and view with its columns, their types, units and sources."""
    yield from INTRODUCTION.splitlines()
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        rows = cursor.fetchall()
    for (name, comment, kind), columns in groupby(rows, key=lambda row: row[:3]):
        yield from ("", f"## {name} ({kind})", "", str(comment), "", "| column | type | meaning |", "|---|---|---|")
        yield from (f"| `{column[3]}` | {column[4]} | {column[5]} |" for column in columns)


def main() -> int:
    """Print the page of a freshly migrated warehouse."""
    with tempfile.TemporaryDirectory(prefix="data-pipeline-describe-") as folder:
        server = EmbeddedPostgres(Path(folder, "postgres"), durable=False)
        server.start()
        try:
            migrate(server.url())
            with closing(connect(server.url())) as connection:
                sys.stdout.write("\n".join(describe(connection)) + "\n")
        finally:
            server.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
