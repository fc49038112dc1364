"""Emergency events: plans, tasks, resources, log."""

from alembic import op

revision = "0034_emergency"
down_revision = "0033_construction"
branch_labels = None
depends_on = None

KINDS = "'waterlogging', 'gas_leak', 'hazmat', 'fire', 'collapse', 'structure', 'metro', 'other'"
DEPARTMENT_KINDS = (
    "'urban_management', 'sanitation', 'municipal_works', 'drainage', 'landscaping', 'traffic_police', 'transport', "
    "'housing_construction', 'ecology_environment', 'water_affairs', 'power', 'telecom', 'gas', 'subdistrict', "
    "'public_security', 'emergency', 'market_regulation', 'civil_affairs', 'other'"
)


def upgrade() -> None:
    op.execute(EVENTS)
    op.execute(BESIDE)
    op.execute(
        """
        CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.emergency_event
            FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_table BEFORE TRUNCATE ON city.emergency_event
            FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
        """
    )


EVENTS = f"""
    CREATE TABLE city.emergency (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_emergency PRIMARY KEY,
        number text NOT NULL CONSTRAINT uq_emergency_number UNIQUE,
        kind text NOT NULL CONSTRAINT ck_emergency_kind CHECK (kind IN ({KINDS})),
        title text NOT NULL,
        level smallint NOT NULL CONSTRAINT ck_emergency_level CHECK (level BETWEEN 1 AND 4),
        exercise boolean NOT NULL,
        place geometry(Point, 4490) NOT NULL,
        radius_m double precision,
        area geometry(MultiPolygon, 4490) NOT NULL,
        cell_id bigint NOT NULL CONSTRAINT fk_emergency_cell_id_cell REFERENCES city.cell (id),
        cell_code text NOT NULL,
        address text,
        state text NOT NULL CONSTRAINT ck_emergency_state CHECK (state IN ('open', 'closed')),
        lead_code varchar CONSTRAINT fk_emergency_lead_code_department REFERENCES city.department (code),
        alarm_id bigint CONSTRAINT fk_emergency_alarm_id_alarm REFERENCES city.alarm (id),
        opened_at timestamptz NOT NULL,
        closed_at timestamptz,
        summary text,
        version integer NOT NULL DEFAULT 0,
        head bytea NOT NULL DEFAULT '',
        CONSTRAINT ck_emergency_closed CHECK ((state = 'closed') = (closed_at IS NOT NULL))
    );
    CREATE INDEX ix_emergency_area ON city.emergency USING gist (area);
    CREATE INDEX ix_emergency_opened_at ON city.emergency (opened_at);
    CREATE INDEX ix_emergency_open ON city.emergency (id) WHERE state = 'open';

    CREATE TABLE city.emergency_party (
        emergency_id bigint CONSTRAINT fk_emergency_party_emergency_id_emergency REFERENCES city.emergency (id),
        department_code varchar
            CONSTRAINT fk_emergency_party_department_code_department REFERENCES city.department (code),
        joined_at timestamptz NOT NULL,
        left_at timestamptz,
        CONSTRAINT pk_emergency_party PRIMARY KEY (emergency_id, department_code)
    );
    CREATE INDEX ix_emergency_party_department_code ON city.emergency_party (department_code);

    CREATE TABLE city.emergency_task (
        emergency_id bigint CONSTRAINT fk_emergency_task_emergency_id_emergency REFERENCES city.emergency (id),
        seq integer,
        words_zh text NOT NULL,
        words_en text,
        department_code varchar NOT NULL
            CONSTRAINT fk_emergency_task_department_code_department REFERENCES city.department (code),
        due_at timestamptz NOT NULL,
        state text NOT NULL
            CONSTRAINT ck_emergency_task_state CHECK (state IN ('todo', 'doing', 'done', 'dropped')),
        changed_at timestamptz NOT NULL,
        CONSTRAINT pk_emergency_task PRIMARY KEY (emergency_id, seq)
    );
    CREATE INDEX ix_emergency_task_department_code ON city.emergency_task (department_code);

    CREATE TABLE city.emergency_event (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_emergency_event PRIMARY KEY,
        emergency_id bigint NOT NULL
            CONSTRAINT fk_emergency_event_emergency_id_emergency REFERENCES city.emergency (id),
        seq integer NOT NULL,
        at timestamptz NOT NULL,
        action text NOT NULL,
        person_id integer CONSTRAINT fk_emergency_event_person_id_person REFERENCES city.person (id),
        role text NOT NULL,
        department_code varchar
            CONSTRAINT fk_emergency_event_department_code_department REFERENCES city.department (code),
        facts jsonb NOT NULL,
        hash bytea NOT NULL,
        CONSTRAINT uq_emergency_event_emergency_id_seq UNIQUE (emergency_id, seq)
    );

    CREATE TABLE city.emergency_case (
        emergency_id bigint CONSTRAINT fk_emergency_case_emergency_id_emergency REFERENCES city.emergency (id),
        case_id bigint CONSTRAINT fk_emergency_case_case_id_case REFERENCES city."case" (id),
        CONSTRAINT pk_emergency_case PRIMARY KEY (emergency_id, case_id)
    );
    CREATE INDEX ix_emergency_case_case_id ON city.emergency_case (case_id);
"""

BESIDE = f"""
    CREATE TABLE city.emergency_plan (
        kind text CONSTRAINT ck_emergency_plan_kind CHECK (kind IN ({KINDS})),
        seq integer,
        level smallint NOT NULL CONSTRAINT ck_emergency_plan_level CHECK (level BETWEEN 1 AND 4),
        department_kind text NOT NULL
            CONSTRAINT ck_emergency_plan_department_kind CHECK (department_kind IN ({DEPARTMENT_KINDS})),
        minutes integer NOT NULL CONSTRAINT ck_emergency_plan_minutes CHECK (minutes BETWEEN 1 AND 43200),
        words_zh text NOT NULL,
        words_en text NOT NULL,
        source text NOT NULL,
        CONSTRAINT pk_emergency_plan PRIMARY KEY (kind, seq)
    );

    CREATE TABLE city.resource (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_resource PRIMARY KEY,
        code text NOT NULL CONSTRAINT uq_resource_code UNIQUE,
        kind text NOT NULL CONSTRAINT ck_resource_kind CHECK (kind IN
            ('pump', 'rescue', 'shelter', 'hospital', 'depot', 'fire_station', 'other')),
        name_zh text NOT NULL,
        name_en text,
        geom geometry(Point, 4490) NOT NULL,
        department_code varchar
            CONSTRAINT fk_resource_department_code_department REFERENCES city.department (code),
        amount text,
        phone text,
        address text,
        source text NOT NULL,
        illustrative boolean NOT NULL DEFAULT false,
        active boolean NOT NULL DEFAULT true
    );
    CREATE INDEX ix_resource_geom ON city.resource USING gist (geom);

    CREATE TABLE city.cap_message (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_cap_message PRIMARY KEY,
        emergency_id bigint NOT NULL
            CONSTRAINT fk_cap_message_emergency_id_emergency REFERENCES city.emergency (id),
        seq integer NOT NULL,
        identifier text NOT NULL CONSTRAINT uq_cap_message_identifier UNIQUE,
        sender text NOT NULL,
        sent text NOT NULL,
        msg_type text NOT NULL,
        xml text NOT NULL,
        CONSTRAINT uq_cap_message_emergency_id_seq UNIQUE (emergency_id, seq)
    );

    CREATE TABLE city.cap_proposal (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_cap_proposal PRIMARY KEY,
        sender text NOT NULL,
        identifier text NOT NULL,
        sent text NOT NULL,
        told jsonb NOT NULL,
        xml text NOT NULL,
        area geometry(MultiPolygon, 4490),
        state text NOT NULL DEFAULT 'waiting'
            CONSTRAINT ck_cap_proposal_state CHECK (state IN ('waiting', 'accepted', 'declined')),
        received_at timestamptz NOT NULL,
        received_by integer CONSTRAINT fk_cap_proposal_received_by_person REFERENCES city.person (id),
        decided_at timestamptz,
        decided_by integer CONSTRAINT fk_cap_proposal_decided_by_person REFERENCES city.person (id),
        emergency_id bigint CONSTRAINT fk_cap_proposal_emergency_id_emergency REFERENCES city.emergency (id),
        CONSTRAINT uq_cap_proposal_sender_identifier_sent UNIQUE (sender, identifier, sent)
    );
    CREATE INDEX ix_cap_proposal_waiting ON city.cap_proposal (id) WHERE state = 'waiting';
"""
