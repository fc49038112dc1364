"""Construction zones of the metro, and what they do to cases."""

revision = "0033_construction"
down_revision = "0032_metro"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
