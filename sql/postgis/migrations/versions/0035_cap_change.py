"""What happens to CAP messages that came in stands in one row with the log of emergencies, to be told as it happens."""

from alembic import op

revision = "0035_cap_change"
down_revision = "0034_emergency"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.cap_proposal ADD COLUMN change bigint;
        CREATE INDEX ix_cap_proposal_change ON city.cap_proposal (change);
        """
    )
