"""Alembic's environment: plain SQL in the caller's transaction; `data_pipeline.warehouse.migrate` hands it in."""

from alembic import context

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("run migrations with data_pipeline.warehouse.migrate.migrate(url)")

context.configure(connection=connection, version_table="alembic_version", version_table_schema="market")
with context.begin_transaction():
    context.run_migrations()
