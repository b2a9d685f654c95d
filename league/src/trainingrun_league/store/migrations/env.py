"""What alembic runs around the migrations: they get the connection of ``store.migrating``."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    render_as_batch=True,  # SQLite cannot alter a column: alembic copies the table
)
context.run_migrations()
