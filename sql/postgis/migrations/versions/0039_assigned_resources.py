"""A task of an emergency may be to bring a resource, which is with that emergency then."""

from alembic import op

revision = "0039_assigned_resources"
down_revision = "0038_emergency_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.emergency_task ADD COLUMN resource_id bigint
            CONSTRAINT fk_emergency_task_resource_id REFERENCES city.resource (id);
        CREATE INDEX ix_emergency_task_resource_id ON city.emergency_task (resource_id)
            WHERE resource_id IS NOT NULL;
        """
    )
