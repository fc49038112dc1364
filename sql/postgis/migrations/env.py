"""Alembic's environment: runs on the connection that `webgis.db` passes in. There is no offline mode."""

import re

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import text

from webgis.db import Base, import_models

import_models()


def _ours(name, kind, parents):
    """Schema `city` and what is in it, but for the months of readings, which are made as time goes on."""
    if kind == "schema":
        return name == "city"
    return not (kind == "table" and re.fullmatch(r"reading_\d{6}", name))


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
