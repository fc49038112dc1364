"""Each event holds the digest of the case's row as it left it, and of the row that it found altered.

Events from before have none, and keep their hash; no row is written.
"""

from alembic import op

revision = "0015_event_digest"
down_revision = "0014_gazetteer"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE city.case_event ADD COLUMN digest bytea, ADD COLUMN found_digest bytea")
