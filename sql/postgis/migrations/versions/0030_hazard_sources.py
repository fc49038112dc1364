"""Hazard sources with their units, stocks and grades."""

revision = "0030_hazard_sources"
down_revision = "0029_telemetry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
