"""Schemas, extensions, and the outbox of jobs."""

from alembic import op

revision = "0001_ground"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for extension in ("postgis", "pg_trgm", "btree_gist"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.execute(
        """
        CREATE TABLE city.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_outbox PRIMARY KEY,
            queue text NOT NULL,
            task text NOT NULL,
            args jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            due_at timestamptz NOT NULL DEFAULT now(),
            attempts smallint NOT NULL DEFAULT 0,
            error text,
            dead_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX ix_outbox_due ON city.outbox (queue, due_at) WHERE dead_at IS NULL")
