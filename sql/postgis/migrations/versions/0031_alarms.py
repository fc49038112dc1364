"""Alarms: rules of thresholds, occurrences, who was told."""

revision = "0031_alarms"
down_revision = "0030_hazard_sources"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
