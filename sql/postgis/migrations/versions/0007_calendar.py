"""The working calendar of a city, editable; and the reports of what a change of it moved."""

from alembic import op

revision = "0007_calendar"
down_revision = "0006_engine"
branch_labels = None
depends_on = None

SOURCES = "'seed', 'edited', 'import'"


def upgrade() -> None:
    _calendar()
    _recomputes()


def _calendar() -> None:
    op.execute("CREATE SEQUENCE city.calendar_version")
    op.execute(
        """
        CREATE TABLE city.calendar (
            city_code text CONSTRAINT pk_calendar PRIMARY KEY,
            version bigint NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        f"""
        CREATE TABLE city.calendar_day (
            city_code text CONSTRAINT fk_calendar_day_city_code REFERENCES city.calendar,
            day date,
            working boolean NOT NULL,
            name_zh text,
            name_en text,
            source text NOT NULL CONSTRAINT ck_calendar_day_source CHECK (source IN ({SOURCES})),
            changed_by integer CONSTRAINT fk_calendar_day_changed_by REFERENCES city.person,
            changed_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_calendar_day PRIMARY KEY (city_code, day)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.calendar_hours (
            city_code text CONSTRAINT fk_calendar_hours_city_code REFERENCES city.calendar,
            since date,
            until date,
            shifts text NOT NULL,
            changed_by integer CONSTRAINT fk_calendar_hours_changed_by REFERENCES city.person,
            changed_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_calendar_hours PRIMARY KEY (city_code, since),
            CONSTRAINT ck_calendar_hours_until CHECK (until >= since)
        )
        """
    )


def _recomputes() -> None:
    op.execute(
        """
        CREATE TABLE city.recompute (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_recompute PRIMARY KEY,
            at timestamptz NOT NULL,
            calendar_version bigint NOT NULL,
            checked integer NOT NULL,
            moved integer NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.recompute_move (
            recompute_id bigint CONSTRAINT fk_recompute_move_recompute_id REFERENCES city.recompute,
            case_id bigint CONSTRAINT fk_recompute_move_case_id REFERENCES city.case,
            old_deadline_at timestamptz,
            new_deadline_at timestamptz,
            old_due_at timestamptz,
            new_due_at timestamptz,
            CONSTRAINT pk_recompute_move PRIMARY KEY (recompute_id, case_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_recompute_move_case_id ON city.recompute_move (case_id)")
