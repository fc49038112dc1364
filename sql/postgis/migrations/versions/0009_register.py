"""To be filled."""

revision = "0009_register"
down_revision = "0008_routing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
