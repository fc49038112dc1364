"""Alembic's environment: runs on the connection that `webgis.db` passes in. There is no offline mode."""

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import text

from webgis.db import Base, import_models

import_models()


def _ours(name, kind, parents):
    return name == "city" if kind == "schema" else True


connection = context.config.attributes["connection"]
connection.execute(text("CREATE SCHEMA IF NOT EXISTS city"))
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table_schema="city",
    include_schemas=True,
    include_name=_ours,
    include_object=alembic_helpers.include_object,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    transaction_per_migration=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
