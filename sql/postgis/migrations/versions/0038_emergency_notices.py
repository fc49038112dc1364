"""Notices may be about an emergency, whose page they name; who is told of what happens to one; when a task of one was
put on the board and its deadline told. Tasks whose deadline is past already are told no more."""

from alembic import op

revision = "0038_emergency_notices"
down_revision = "0037_distance_moment"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.notice ALTER COLUMN case_id DROP NOT NULL;
        ALTER TABLE city.notice ADD COLUMN page text;
        ALTER TABLE city.notice ADD CONSTRAINT ck_notice_about CHECK (num_nonnulls(case_id, page) = 1);
        CREATE TABLE city.emergency_listener (
            event text NOT NULL CONSTRAINT ck_emergency_listener_event CHECK (
                event IN ('joined', 'task', 'task_off', 'changed', 'due_soon', 'overdue', 'released', 'closed')),
            who text NOT NULL CONSTRAINT ck_emergency_listener_who CHECK (
                who IN ('department', 'lead', 'dispatcher', 'manager')),
            CONSTRAINT pk_emergency_listener PRIMARY KEY (event, who)
        );
        INSERT INTO city.emergency_listener (event, who)
        SELECT unnest('{joined,task,task_off,changed,due_soon,overdue,released,closed}'::text[]), 'department'
        UNION ALL VALUES ('overdue', 'lead');
        ALTER TABLE city.emergency_task ADD COLUMN put_at timestamptz, ADD COLUMN near_told_at timestamptz,
            ADD COLUMN late_told_at timestamptz;
        UPDATE city.emergency_task t SET
            put_at = least((SELECT e.opened_at FROM city.emergency e WHERE e.id = t.emergency_id), t.due_at),
            near_told_at = CASE WHEN t.due_at < now() THEN now() END,
            late_told_at = CASE WHEN t.due_at < now() THEN now() END;
        ALTER TABLE city.emergency_task ALTER COLUMN put_at SET NOT NULL;
        """
    )
