"""What is to be verified of the shipped distances is the city's own regulation, not Chengdu's, whichever city it is."""

from alembic import op

revision = "0043_own_regulation"
down_revision = "0042_patrol_place"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("metro_distance", "metro_zone"):
        op.execute(
            f"UPDATE city.{table} SET source = replace(source, '成都本地规定', '本市规定')"
            " WHERE source LIKE '%成都本地规定%'"
        )
