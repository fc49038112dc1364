"""A protection zone knows what it was built on, so that only zones are worked out anew for which that is another."""

from alembic import op

revision = "0040_zone_marks"
down_revision = "0039_assigned_resources"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE city.metro_zone ADD COLUMN built_on text")
