"""To be filled."""

revision = "0010_evidence"
down_revision = "0009_register"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
