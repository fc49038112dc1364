"""When a row of the table of distances changed stands in the log of administrative acts; its own moment nobody read."""

from alembic import op

revision = "0037_distance_moment"
down_revision = "0036_zone_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE city.metro_distance DROP COLUMN changed_at")
