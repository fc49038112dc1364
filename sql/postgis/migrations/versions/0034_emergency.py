"""Emergency events: plans, tasks, resources, log."""

revision = "0034_emergency"
down_revision = "0033_construction"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
