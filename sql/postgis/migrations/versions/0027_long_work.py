"""Long work that administrators ask for: a file looked at, then taken over by a job, with what was found and done."""

from alembic import op

revision = "0027_long_work"
down_revision = "0026_classes_of_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.long_work (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_long_work PRIMARY KEY,
            name text NOT NULL CONSTRAINT uq_long_work_name UNIQUE,
            kind text NOT NULL,
            person_id integer NOT NULL CONSTRAINT fk_long_work_person_id REFERENCES city.person,
            given jsonb NOT NULL,
            state text NOT NULL CONSTRAINT ck_long_work_state
                CHECK (state IN ('looking', 'looked', 'taking', 'done', 'refused')),
            told jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            changed_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
