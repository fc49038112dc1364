"""The whole life of a case: more states, queues of open cases, requests, chained history, jurisdictions, machines."""

from alembic import op

revision = "0006_engine"
down_revision = "0005_cases"
branch_labels = None
depends_on = None

# As they stood when this revision was written: a migration does not change with the code.
ROLES = "'inspector', 'acceptor', 'dispatcher', 'department', 'manager', 'administrator', 'system'"
STATES = (
    "'reported', 'confirming', 'filed', 'dispatched', 'handling', 'suspended', 'split', 'resolved', 'verifying', "
    "'verified', 'closed', 'rejected', 'merged', 'void'"
)
OUTCOMES = "'closed', 'rejected', 'merged', 'void'"
LINK = """
    sha256(previous || convert_to(jsonb_build_array(e.case_id, e.seq, extract(epoch FROM e.at),
        extract(epoch FROM e.recorded_at), e.action, e.from_state, e.to_state, e.person_id, e.role, e.department_code,
        e.given, e.facts, encode(ST_AsEWKB(e.geom), 'hex'))::text, 'UTF8'))
"""


def upgrade() -> None:
    _people()
    _case()
    _history()
    _open_cases()
    _requests()
    _footprints()


def _people() -> None:
    op.execute("ALTER TABLE city.person DROP CONSTRAINT ck_person_role")
    op.execute(
        f"""
        ALTER TABLE city.person
            ADD CONSTRAINT ck_person_role CHECK (role IN ({ROLES})),
            ADD COLUMN area_code varchar CONSTRAINT ck_person_area_code CHECK (area_code ~ '^[0-9]{{4,12}}$')
        """
    )
    op.execute("CREATE INDEX ix_department_parent_code ON city.department (parent_code)")


def _case() -> None:
    for name in ("state", "department_code", "cell_code"):
        op.execute(f"DROP INDEX city.ix_case_{name}")
    op.execute("ALTER TABLE city.case DROP CONSTRAINT ck_case_state")
    op.execute(
        f"""
        ALTER TABLE city.case
            ALTER COLUMN reporter_id DROP NOT NULL,
            ADD COLUMN outcome text,
            ADD COLUMN parent_id bigint CONSTRAINT fk_case_parent_id REFERENCES city.case,
            ADD COLUMN relation text CONSTRAINT ck_case_relation CHECK (relation IN ('duplicate', 'task')),
            ADD COLUMN handler_id integer CONSTRAINT fk_case_handler_id REFERENCES city.person,
            ADD COLUMN inspector_id integer CONSTRAINT fk_case_inspector_id REFERENCES city.person,
            ADD COLUMN component_code text,
            ADD COLUMN confirmation text CONSTRAINT ck_case_confirmation
                CHECK (confirmation IN ('found', 'not_found')),
            ADD COLUMN flags text[] NOT NULL DEFAULT '{{}}',
            ADD COLUMN returned jsonb,
            ADD COLUMN ledger jsonb NOT NULL DEFAULT '[]',
            ADD COLUMN due_at timestamptz,
            ADD COLUMN paused_at timestamptz,
            ADD COLUMN resume_at timestamptz,
            ADD COLUMN extension_count smallint NOT NULL DEFAULT 0,
            ADD COLUMN head bytea,
            ADD CONSTRAINT ck_case_state CHECK (state IN ({STATES}))
        """
    )
    op.execute(
        """
        UPDATE city.case c SET
            outcome = CASE WHEN c.closed_at IS NOT NULL THEN c.state END,
            due_at = CASE WHEN c.closed_at IS NULL THEN coalesce(c.deadline_at, c.reported_at) END,
            ledger = coalesce((
                SELECT jsonb_agg(e ORDER BY e->>'at')
                FROM filing_condition f, LATERAL (VALUES
                    (jsonb_build_object('at', c.dispatched_at, 'entry', 'start', 'limit', f.limit_value,
                                        'unit', f.limit_unit)),
                    (CASE WHEN c.resolved_at IS NOT NULL
                          THEN jsonb_build_object('at', c.resolved_at, 'entry', 'stop') END)) AS entries (e)
                WHERE f.id = c.condition_id AND c.dispatched_at IS NOT NULL AND e IS NOT NULL), '[]')
        """.replace("FROM filing_condition", "FROM city.filing_condition")
    )
    op.execute(
        f"""
        ALTER TABLE city.case
            ADD CONSTRAINT ck_case_outcome CHECK (outcome IN ({OUTCOMES})),
            ADD CONSTRAINT ck_case_ended CHECK ((outcome IS NULL) = (closed_at IS NULL)),
            ADD CONSTRAINT ck_case_parent CHECK ((parent_id IS NULL) = (relation IS NULL))
        """
    )
    # State and deadline stand in no index of this table, so that a step rewrites no index: queues read open_case.
    op.execute("ALTER TABLE city.case SET (fillfactor = 70)")
    for definition in (
        "ix_case_outcome ON city.case (outcome, reported_at DESC, id DESC) WHERE outcome IS NOT NULL",
        "ix_case_department_code ON city.case (department_code, reported_at DESC, id DESC)",
        "ix_case_cell_code ON city.case (cell_code text_pattern_ops, reported_at)",
        "ix_case_parent_id ON city.case (parent_id) WHERE parent_id IS NOT NULL",
        "ix_case_component_code ON city.case (component_code) WHERE component_code IS NOT NULL",
    ):
        op.execute(f"CREATE INDEX {definition}")


def _history() -> None:
    op.execute("ALTER TABLE city.case_event DISABLE TRIGGER history_row")
    op.execute(
        """
        ALTER TABLE city.case_event
            ALTER COLUMN person_id DROP NOT NULL,
            ADD COLUMN seq integer,
            ADD COLUMN facts jsonb,
            ADD COLUMN hash bytea
        """
    )
    op.execute(
        f"""
        DO $$
        DECLARE e city.case_event; previous bytea; last_case bigint;
        BEGIN
            FOR e IN SELECT * FROM city.case_event ORDER BY case_id, id LOOP
                IF e.case_id IS DISTINCT FROM last_case THEN
                    previous := ''; last_case := e.case_id; e.seq := 0;
                END IF;
                SELECT count(*) INTO e.seq FROM city.case_event b WHERE b.case_id = e.case_id AND b.id <= e.id;
                previous := {LINK};
                UPDATE city.case_event SET seq = e.seq, hash = previous WHERE id = e.id;
                UPDATE city.case SET head = previous WHERE id = e.case_id;
            END LOOP;
        END $$
        """
    )
    op.execute("ALTER TABLE city.case_event ALTER COLUMN seq SET NOT NULL, ALTER COLUMN hash SET NOT NULL")
    op.execute("ALTER TABLE city.case_event ENABLE TRIGGER history_row")
    op.execute("DROP INDEX city.ix_case_event_case_id")
    op.execute("CREATE UNIQUE INDEX uq_case_event_seq ON city.case_event (case_id, seq)")
    op.execute("UPDATE city.case SET head = '' WHERE head IS NULL")
    op.execute("ALTER TABLE city.case ALTER COLUMN head SET NOT NULL")


def _open_cases() -> None:
    """Queues read this small table: its size is that of the open work, however many cases have ended."""
    op.execute(
        f"""
        CREATE TABLE city.open_case (
            case_id bigint CONSTRAINT pk_open_case PRIMARY KEY
                CONSTRAINT fk_open_case_case_id REFERENCES city.case,
            state text NOT NULL CONSTRAINT ck_open_case_state CHECK (state IN ({STATES})),
            kind text NOT NULL,
            class_code text NOT NULL,
            cell_code text NOT NULL,
            department_code varchar,
            reported_at timestamptz NOT NULL,
            due_at timestamptz NOT NULL,
            handler_id integer,
            inspector_id integer,
            claimed_by integer CONSTRAINT fk_open_case_claimed_by REFERENCES city.person,
            claimed_until timestamptz
        ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)
        """
    )
    op.execute(
        """
        INSERT INTO city.open_case
            (case_id, state, kind, class_code, cell_code, department_code, reported_at, due_at, handler_id,
             inspector_id)
        SELECT id, state, kind, class_code, cell_code, department_code, reported_at, due_at, handler_id, inspector_id
        FROM city.case WHERE outcome IS NULL
        """
    )
    for definition in (
        "ix_open_case_due ON city.open_case (due_at, case_id)",
        "ix_open_case_state ON city.open_case (state, due_at, case_id)",
        "ix_open_case_department_code ON city.open_case (department_code, due_at, case_id)",
        "ix_open_case_inspector_id ON city.open_case (inspector_id, due_at) WHERE inspector_id IS NOT NULL",
        "ix_open_case_handler_id ON city.open_case (handler_id, due_at) WHERE handler_id IS NOT NULL",
    ):
        op.execute(f"CREATE INDEX {definition}")


def _requests() -> None:
    op.execute(
        """
        CREATE TABLE city.case_request (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_case_request PRIMARY KEY,
            case_id bigint NOT NULL CONSTRAINT fk_case_request_case_id REFERENCES city.case,
            kind text NOT NULL CONSTRAINT ck_case_request_kind CHECK (kind IN ('extension', 'suspension', 'appeal')),
            state text NOT NULL CONSTRAINT ck_case_request_state
                CHECK (state IN ('asked', 'reviewed', 'granted', 'refused', 'withdrawn')),
            department_code varchar NOT NULL
                CONSTRAINT fk_case_request_department_code REFERENCES city.department,
            reason text NOT NULL,
            until_at timestamptz,
            asked_by integer NOT NULL CONSTRAINT fk_case_request_asked_by REFERENCES city.person,
            asked_at timestamptz NOT NULL,
            reviewed_by integer CONSTRAINT fk_case_request_reviewed_by REFERENCES city.person,
            reviewed_at timestamptz,
            review_note text,
            decided_by integer CONSTRAINT fk_case_request_decided_by REFERENCES city.person,
            decided_at timestamptz,
            decision_note text,
            CONSTRAINT ck_case_request_until CHECK ((kind = 'suspension') = (until_at IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_case_request_case_id ON city.case_request (case_id)")
    op.execute(
        "CREATE UNIQUE INDEX uq_case_request_waiting ON city.case_request (case_id)"
        " WHERE state IN ('asked', 'reviewed')"
    )
    op.execute("CREATE INDEX ix_case_request_state ON city.case_request (state, asked_at)")


def _footprints() -> None:
    op.execute(
        """
        CREATE TABLE city.case_footprint (
            case_id bigint CONSTRAINT pk_case_footprint PRIMARY KEY
                CONSTRAINT fk_case_footprint_case_id REFERENCES city.case,
            geom geometry(Geometry, 4490) NOT NULL,
            cells text[] NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_case_footprint_geom ON city.case_footprint USING gist (geom)")
