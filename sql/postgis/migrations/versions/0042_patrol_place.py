"""A patrol knows how far from the zone it was noted; null: nobody knows, as of those before."""

from alembic import op

revision = "0042_patrol_place"
down_revision = "0041_alarm_measures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE city.construction_patrol ADD COLUMN away_m double precision")
