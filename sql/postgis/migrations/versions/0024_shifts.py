"""Shifts that inspectors work: check-in and check-out, their track, and the time spent in each cell."""

from alembic import op

revision = "0024_shifts"
down_revision = "0023_logins"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.shift (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_shift PRIMARY KEY,
            person_id integer NOT NULL CONSTRAINT fk_shift_person_id REFERENCES city.person,
            key text NOT NULL,
            began_at timestamptz NOT NULL,
            ended_at timestamptz,
            ended_by text CONSTRAINT ck_shift_ended_by CHECK (ended_by IN ('person', 'engine')),
            last_at timestamptz,
            CONSTRAINT ck_shift_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
            CONSTRAINT ck_shift_order CHECK (ended_at >= began_at)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_shift_key ON city.shift (person_id, key)")
    op.execute("CREATE UNIQUE INDEX uq_shift_open ON city.shift (person_id) WHERE ended_at IS NULL")
    op.execute("CREATE INDEX ix_shift_began_at ON city.shift (began_at)")
    op.execute(
        """
        CREATE TABLE city.track (
            shift_id bigint NOT NULL
                CONSTRAINT fk_track_shift_id REFERENCES city.shift ON DELETE CASCADE,
            at timestamptz NOT NULL,
            geom geometry(Point, 4490) NOT NULL,
            accuracy_m double precision,
            cell_id bigint CONSTRAINT fk_track_cell_id REFERENCES city.cell,
            CONSTRAINT pk_track PRIMARY KEY (shift_id, at)
        )
        """
    )
    op.execute("CREATE INDEX ix_track_cell_id ON city.track (cell_id, at)")
    op.execute("CREATE INDEX ix_track_at ON city.track USING brin (at)")
    op.execute(
        """
        CREATE TABLE city.patrol_time (
            day date NOT NULL,
            cell_id bigint NOT NULL CONSTRAINT fk_patrol_time_cell_id REFERENCES city.cell,
            seconds integer NOT NULL,
            CONSTRAINT pk_patrol_time PRIMARY KEY (day, cell_id)
        )
        """
    )
