"""Structures of the metro, protection zones, permits for work in them."""

revision = "0032_metro"
down_revision = "0031_alarms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
