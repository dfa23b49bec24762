"""Run by Alembic: hands it the connection, or the dialect whose SQL is to be written."""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
if context.is_offline_mode():
    context.configure(
        dialect_name=attributes["dialect"], literal_binds=True, transactional_ddl=True
    )
else:
    context.configure(connection=attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
