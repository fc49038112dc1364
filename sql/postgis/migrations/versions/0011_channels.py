"""To be filled."""

revision = "0011_channels"
down_revision = "0010_evidence"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
