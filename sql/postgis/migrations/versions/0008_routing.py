"""To be filled."""

revision = "0008_routing"
down_revision = "0007_calendar"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
