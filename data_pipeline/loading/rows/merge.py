"""The SQL of one load: a staging table, which of its rows differ, and what writes those."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg2 import sql

from data_pipeline.datasets.table import Table

UNKNOWN = r"\N"
INSERT, UPDATE, KEEP = 0, 1, 2
"""What becomes of a staged row that differs."""


@dataclass(frozen=True)
class Merge:
    """Statements that bring staged rows of one source into a table.

    A staged row is written when it is new, or when its values or its source differ from the stored row and the stored
    row's source does not rank higher (``market.source_rank``). ``run_id`` and ``loaded_at`` alone are no difference.
    """

    table: Table
    source: str
    run_id: int | None
    first: date | None = None
    """First and last session staged; only the months between are looked at. None for tables without partitions."""
    last: date | None = None

    @property
    def staging(self) -> sql.Identifier:
        """The temporary table; it ends with its transaction, because a pooler's session goes to others afterwards."""
        return sql.Identifier("pg_temp", f"staged_{self.table.name}")

    @property
    def target(self) -> sql.Identifier:
        """The table in the warehouse."""
        return sql.Identifier("market", self.table.name)

    @property
    def differing(self) -> sql.Identifier:
        """The temporary table of the staged rows that are new or differ from the stored ones."""
        return sql.Identifier("pg_temp", f"differing_{self.table.name}")

    @property
    def ending(self) -> bytes:
        """What a line copied straight into the table ends with: the load's own columns."""
        return f"\t{self.source}\t{self.run_id or UNKNOWN}\n".encode()

    def create(self) -> sql.Composed:
        """Make the temporary tables unless this transaction has them, and tell whether they hold rows of a load."""
        statement = """
            CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ON COMMIT DROP AS
                SELECT {columns} FROM {target} WITH NO DATA;
            CREATE TEMPORARY TABLE IF NOT EXISTS {differing} ON COMMIT DROP AS
                SELECT {columns}, 0 AS becomes FROM {target} WITH NO DATA;
            SELECT EXISTS (SELECT FROM {staging})
        """
        return sql.SQL(statement).format(
            staged=sql.Identifier(f"staged_{self.table.name}"),
            differing=sql.Identifier(f"differing_{self.table.name}"),
            staging=self.staging,
            columns=self._list(self.table.columns),
            target=self.target,
        )

    def empty(self) -> sql.Composed:
        """Empty the temporary tables."""
        return sql.SQL("TRUNCATE {}, {}").format(self.staging, self.differing)

    def copy(self) -> sql.Composed:
        """Read COPY text into the staging table, whose types check codes, dates and numbers."""
        columns = self._list(self.table.columns)
        return sql.SQL("COPY {} ({}) FROM STDIN WITH (ENCODING 'UTF8')").format(self.staging, columns)

    def copy_straight(self) -> sql.Composed:
        """Read COPY text whose lines have this load's ``ending`` into the table itself."""
        return self._copy(self.target, "ENCODING 'UTF8'")

    def copy_month(self, first: date) -> sql.Composed:
        """Read binary COPY with this load's own columns into the partition of the month that begins on a day."""
        return self._copy(sql.Identifier("market", f"{self.table.name}_{first:%Y_%m}"), "FORMAT binary")

    def _copy(self, target: sql.Identifier, form: str) -> sql.Composed:
        columns = self._list((*self.table.columns, "source", "run_id"))
        return sql.SQL("COPY {} ({}) FROM STDIN WITH ({})").format(target, columns, sql.SQL(form))

    def duplicate(self) -> sql.Composed:
        """Find one key that more than one staged row has."""
        statement = "SELECT {0} FROM {1} GROUP BY {0} HAVING count(*) > 1 LIMIT 1"
        return sql.SQL(statement).format(self._list(self.table.key), self.staging)

    def any_stored(self) -> sql.Composed:
        """Tell whether one of the staged keys is stored: quickly when one of the first is."""
        return self._format("""
            SELECT EXISTS (SELECT FROM (SELECT * FROM {staging} LIMIT 1000) s JOIN {target} t ON {same_key})
                OR (SELECT count(*) FROM {staging} s JOIN {target} t ON {same_key}) > 0
        """)

    def compare(self) -> sql.Composed:
        """Pick the staged rows that differ, and count those to be inserted, to be updated and outranked.

        They lie in the order of the key, so that two loads that write the same rows seldom wait for each other.
        """
        statement = """
            WITH differing AS (
                INSERT INTO {differing}
                SELECT {staged}, CASE WHEN t.source IS NULL THEN {insert} WHEN {allowed} THEN {update} ELSE {keep} END
                FROM {staging} s LEFT JOIN {target} t ON {same_key}
                WHERE t.source IS NULL OR {differs} OR (t.source <> {source} AND {allowed})
                ORDER BY {key}
                RETURNING becomes
            )
            SELECT count(*) FILTER (WHERE becomes = {insert}), count(*) FILTER (WHERE becomes = {update}),
                count(*) FILTER (WHERE becomes = {keep})
            FROM differing
        """
        return self._format(statement)

    def update(self) -> sql.Composed:
        """Write the stored rows that ``compare`` found to differ, each only if it still does."""
        statement = """
            UPDATE {target} t
            SET {assignments}, source = {source}, run_id = {run_id}, loaded_at = statement_timestamp()
            FROM {differing} s
            WHERE s.becomes = {update} AND {same_key} AND {allowed} AND ({differs} OR t.source <> {source})
        """
        return self._format(statement)

    def insert(self) -> sql.Composed:
        """Write the rows that ``compare`` found to be new."""
        statement = """
            INSERT INTO {target} ({columns}, source, run_id, loaded_at)
            SELECT {staged}, {source}, {run_id}, statement_timestamp() FROM {differing} s WHERE s.becomes = {insert}
        """
        return self._format(statement)

    def at_once(self, rows: Sequence[tuple[object, ...]]) -> sql.Composed:
        """Compare and write a few rows without a temporary table, and count as ``compare`` does.

        It counts what should be written and what was: the two differ when another load came in between.
        """
        columns = self.table.columns
        text = json.dumps([dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False, default=str)
        statement = """
            WITH differing AS MATERIALIZED (
                SELECT {staged}, CASE WHEN t.source IS NULL THEN {insert} WHEN {allowed} THEN {update} ELSE {keep} END
                    AS becomes
                FROM json_populate_recordset(NULL::{target}, {rows}) s LEFT JOIN {target} t ON {same_key}
                WHERE t.source IS NULL OR {differs} OR (t.source <> {source} AND {allowed})
                ORDER BY {key}
            ), updated AS (
                UPDATE {target} t
                SET {assignments}, source = {source}, run_id = {run_id}, loaded_at = statement_timestamp()
                FROM differing s
                WHERE s.becomes = {update} AND {same_key} AND {allowed} AND ({differs} OR t.source <> {source})
                RETURNING 1
            ), inserted AS (
                INSERT INTO {target} ({columns}, source, run_id, loaded_at)
                SELECT {staged}, {source}, {run_id}, statement_timestamp() FROM differing s WHERE s.becomes = {insert}
                RETURNING 1
            )
            SELECT count(*) FILTER (WHERE becomes = {insert}), count(*) FILTER (WHERE becomes = {update}),
                count(*) FILTER (WHERE becomes = {keep}),
                (SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated)
            FROM differing
        """
        return self._format(statement, rows=sql.Literal(text))

    def _format(self, statement: str, **more: sql.Composable) -> sql.Composed:
        columns = self.table.columns
        others = [name for name in columns if name not in self.table.key]
        assign = [sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in others]
        return sql.SQL(statement).format(
            target=self.target,
            staging=self.staging,
            differing=self.differing,
            key=self._list(self.table.key, "s"),
            same_key=self._same_key(),
            allowed=self._allowed(),
            differs=self._differs(others),
            assignments=sql.SQL(", ").join(assign),
            columns=self._list(columns),
            staged=self._list(columns, "s"),
            source=sql.Literal(self.source),
            run_id=sql.Literal(self.run_id),
            insert=sql.Literal(INSERT),
            update=sql.Literal(UPDATE),
            keep=sql.Literal(KEEP),
            **more,
        )

    def _same_key(self) -> sql.Composed:
        same = [sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in self.table.key]
        if self.first is not None:  # constants, so that the other months' partitions are not even planned
            same.append(sql.SQL("t.session BETWEEN {} AND {}").format(sql.Literal(self.first), sql.Literal(self.last)))
        return sql.SQL("({})").format(sql.SQL(" AND ").join(same))

    def _differs(self, others: list[str]) -> sql.Composed:
        return sql.SQL("(({}) IS DISTINCT FROM ({}))").format(self._list(others, "t"), self._list(others, "s"))

    def _allowed(self) -> sql.Composed:
        return sql.SQL("market.source_rank({}) >= market.source_rank(t.source)").format(sql.Literal(self.source))

    @staticmethod
    def _list(names: list[str] | tuple[str, ...], alias: str | None = None) -> sql.Composed:
        path = [alias] if alias else []
        return sql.SQL(", ").join([sql.Identifier(*path, name) for name in names])
