"""To be filled."""

revision = "0007_calendar"
down_revision = "0006_engine"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
