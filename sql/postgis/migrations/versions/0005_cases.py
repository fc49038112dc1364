"""Cases, their history that nobody can change, photos, numbers, and keys of done requests."""

from alembic import op

revision = "0005_cases"
down_revision = "0004_catalog"
branch_labels = None
depends_on = None

STATES = "'reported', 'filed', 'dispatched', 'handling', 'resolved', 'verified', 'closed', 'rejected'"


def upgrade() -> None:
    _case()
    _history()
    _photos()
    _keys()


def _case() -> None:
    op.execute(
        f"""
        CREATE TABLE city.case (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_case PRIMARY KEY,
            number text NOT NULL CONSTRAINT uq_case_number UNIQUE,
            kind text NOT NULL CONSTRAINT ck_case_kind CHECK (kind IN ('component', 'matter')),
            standard text NOT NULL,
            class_code text NOT NULL,
            description text NOT NULL,
            address text,
            geom geometry(Point, 4490) NOT NULL,
            crs text NOT NULL,
            accuracy_m double precision,
            cell_id bigint NOT NULL CONSTRAINT fk_case_cell_id REFERENCES city.cell,
            cell_code text NOT NULL,
            source text NOT NULL,
            reporter_id integer NOT NULL CONSTRAINT fk_case_reporter_id REFERENCES city.person,
            state text NOT NULL CONSTRAINT ck_case_state CHECK (state IN ({STATES})),
            condition_id bigint CONSTRAINT fk_case_condition_id REFERENCES city.filing_condition,
            department_code varchar CONSTRAINT fk_case_department_code REFERENCES city.department,
            resolver_id integer CONSTRAINT fk_case_resolver_id REFERENCES city.person,
            reported_at timestamptz NOT NULL,
            dispatched_at timestamptz,
            deadline_at timestamptz,
            resolved_at timestamptz,
            closed_at timestamptz,
            changed_at timestamptz NOT NULL,
            rework_count smallint NOT NULL DEFAULT 0,
            version integer NOT NULL DEFAULT 1,
            CONSTRAINT ck_case_number CHECK (number ~ '^[0-9]{{19}}$'),
            CONSTRAINT ck_case_deadline CHECK (deadline_at IS NULL OR department_code IS NOT NULL)
        )
        """
    )
    for name, definition in (
        ("newest", "(reported_at DESC, id DESC)"),
        ("state", "(state, reported_at DESC, id DESC)"),
        ("department_code", "(department_code, state, reported_at DESC, id DESC)"),
        ("class", "(kind, class_code, reported_at DESC, id DESC)"),
        ("cell_code", "(cell_code text_pattern_ops)"),
        ("cell_id", "(cell_id)"),
        ("geom", "USING gist (geom)"),
        ("words", "USING gin (description gin_trgm_ops, address gin_trgm_ops)"),
    ):
        using = definition if definition.startswith("USING") else f"USING btree {definition}"
        op.execute(f"CREATE INDEX ix_case_{name} ON city.case {using}")
    op.execute(
        """
        CREATE TABLE city.case_counter (
            county_code text NOT NULL,
            day date NOT NULL,
            last integer NOT NULL CONSTRAINT ck_case_counter_last CHECK (last BETWEEN 1 AND 99999),
            CONSTRAINT pk_case_counter PRIMARY KEY (county_code, day)
        )
        """
    )


def _history() -> None:
    op.execute(
        """
        CREATE TABLE city.case_event (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_case_event PRIMARY KEY,
            case_id bigint NOT NULL CONSTRAINT fk_case_event_case_id REFERENCES city.case,
            at timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            action text NOT NULL,
            from_state text,
            to_state text NOT NULL,
            person_id integer NOT NULL CONSTRAINT fk_case_event_person_id REFERENCES city.person,
            role text NOT NULL,
            department_code varchar CONSTRAINT fk_case_event_department_code REFERENCES city.department,
            given jsonb NOT NULL,
            geom geometry(Point, 4490)
        )
        """
    )
    op.execute("CREATE INDEX ix_case_event_case_id ON city.case_event (case_id, id)")
    op.execute(
        """
        CREATE FUNCTION city.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'history is added to, never changed: % on %', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.case_event"
        " FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER history_table BEFORE TRUNCATE ON city.case_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change()"
    )


def _photos() -> None:
    op.execute(
        """
        CREATE TABLE city.photo (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_photo PRIMARY KEY,
            case_id bigint NOT NULL CONSTRAINT fk_photo_case_id REFERENCES city.case,
            event_id bigint NOT NULL CONSTRAINT fk_photo_event_id REFERENCES city.case_event,
            sha256 text NOT NULL,
            media_type text NOT NULL,
            width integer NOT NULL,
            height integer NOT NULL,
            bytes integer NOT NULL,
            taken_at timestamptz,
            geom geometry(Point, 4490)
        )
        """
    )
    op.execute("CREATE INDEX ix_photo_case_id ON city.photo (case_id, id)")
    op.execute("CREATE INDEX ix_photo_event_id ON city.photo (event_id)")


def _keys() -> None:
    op.execute(
        """
        CREATE TABLE city.idempotency_key (
            person_id integer NOT NULL CONSTRAINT fk_idempotency_key_person_id REFERENCES city.person,
            key text NOT NULL,
            fingerprint bytea NOT NULL,
            number text,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_idempotency_key PRIMARY KEY (person_id, key)
        )
        """
    )
    op.execute("CREATE INDEX ix_idempotency_key_created_at ON city.idempotency_key (created_at)")
