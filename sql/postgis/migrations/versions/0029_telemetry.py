"""Stations, their datastreams and what they tell."""

revision = "0029_telemetry"
down_revision = "0028_claims_told_and_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
