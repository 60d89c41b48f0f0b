"""The SQL of one load: a staging table, what its rows would do, and the MERGE that does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg2 import sql

from data_pipeline.loading.tables import Table


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
        """The temporary table; it stays for the connection's life and is emptied by every commit."""
        return sql.Identifier("pg_temp", f"staged_{self.table.name}")

    @property
    def target(self) -> sql.Identifier:
        """The table in the warehouse."""
        return sql.Identifier("market", self.table.name)

    def create(self) -> sql.Composed:
        """Make the staging table where this connection has none; its types check codes, dates and numbers."""
        name = sql.Identifier(f"staged_{self.table.name}")
        statement = "CREATE TEMPORARY TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA"
        return sql.SQL(statement).format(name, self._list(self.table.columns), self.target)

    def copy(self) -> sql.Composed:
        """Read COPY text into the staging table."""
        columns = self._list(self.table.columns)
        return sql.SQL("COPY {} ({}) FROM STDIN WITH (ENCODING 'UTF8')").format(self.staging, columns)

    def duplicate(self) -> sql.Composed:
        """Find one key that more than one staged row has."""
        statement = "SELECT {0} FROM {1} GROUP BY {0} HAVING count(*) > 1 LIMIT 1"
        return sql.SQL(statement).format(self._list(self.table.key), self.staging)

    def count(self) -> sql.Composed:
        """Count staged rows that would be inserted, be updated, stay unchanged and be outranked."""
        statement = """
            SELECT count(*) FILTER (WHERE t.source IS NULL),
                count(*) FILTER (WHERE t.source IS NOT NULL AND {changes}),
                count(*) FILTER (WHERE t.source IS NOT NULL AND NOT {changes} AND NOT {differs}),
                count(*) FILTER (WHERE t.source IS NOT NULL AND NOT {changes} AND {differs})
            FROM {staging} s LEFT JOIN {target} t ON {same_key}
        """
        return self._format(statement)

    def merge(self, *, ordered: bool = False) -> sql.Composed:
        """Write what is new or different; ``ordered`` goes by key, so that two writers do not wait for each other."""
        statement = """
            MERGE INTO {target} t USING (SELECT * FROM {staging} {order}) s ON {same_key}
            WHEN MATCHED AND {changes} THEN
                UPDATE SET {assignments}, source = {source}, run_id = {run_id}, loaded_at = statement_timestamp()
            WHEN NOT MATCHED THEN
                INSERT ({columns}, source, run_id, loaded_at)
                VALUES ({staged}, {source}, {run_id}, statement_timestamp())
        """
        order = sql.SQL("ORDER BY {}").format(self._list(self.table.key)) if ordered else sql.SQL("")
        return self._format(statement, order=order)

    def _format(self, statement: str, **more: sql.Composable) -> sql.Composed:
        columns = self.table.columns
        others = [name for name in columns if name not in self.table.key]
        assign = [sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in others]
        return sql.SQL(statement).format(
            target=self.target,
            staging=self.staging,
            same_key=self._same_key(),
            changes=self._changes(others),
            differs=self._differs(others),
            assignments=sql.SQL(", ").join(assign),
            columns=self._list(columns),
            staged=self._list(columns, "s"),
            source=sql.Literal(self.source),
            run_id=sql.Literal(self.run_id),
            **more,
        )

    def _same_key(self) -> sql.Composed:
        same = [sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in self.table.key]
        if self.first is not None:  # constants, so that the other months' partitions are not even planned
            same.append(sql.SQL("t.session BETWEEN {} AND {}").format(sql.Literal(self.first), sql.Literal(self.last)))
        return sql.SQL("({})").format(sql.SQL(" AND ").join(same))

    def _differs(self, others: list[str]) -> sql.Composed:
        return sql.SQL("(({}) IS DISTINCT FROM ({}))").format(self._list(others, "t"), self._list(others, "s"))

    def _changes(self, others: list[str]) -> sql.Composed:
        allowed = sql.SQL("market.source_rank({}) >= market.source_rank(t.source)").format(sql.Literal(self.source))
        if self.table.newest is not None:
            newest = sql.Identifier(self.table.newest)
            allowed = sql.SQL("(s.{0} > t.{0} OR (s.{0} = t.{0} AND {1}))").format(newest, allowed)
        different = sql.SQL("({} OR t.source <> {})").format(self._differs(others), sql.Literal(self.source))
        return sql.SQL("({} AND {})").format(allowed, different)

    @staticmethod
    def _list(names: list[str] | tuple[str, ...], alias: str | None = None) -> sql.Composed:
        path = [alias] if alias else []
        return sql.SQL(", ").join([sql.Identifier(*path, name) for name in names])
