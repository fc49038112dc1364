"""What the row of a case says is anchored too, beside its history."""

from alembic import op

revision = "0012_case_digest"
down_revision = "0011_channels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE city.audit_leaf ADD COLUMN digest bytea")
