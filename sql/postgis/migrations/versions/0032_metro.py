"""Structures of the metro, protection zones, permits for work in them."""

from alembic import op

revision = "0032_metro"
down_revision = "0031_alarms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _structures()
    _zones()
    _permits()
    _findings()


def _structures() -> None:
    op.execute(
        """
        CREATE TABLE city.metro_line (
            code text CONSTRAINT pk_metro_line PRIMARY KEY
                CONSTRAINT ck_metro_line_code CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$'),
            name_zh text NOT NULL,
            name_en text,
            colour text NOT NULL CONSTRAINT ck_metro_line_colour CHECK (colour ~ '^#[0-9a-f]{6}$'),
            operator text,
            department_code text CONSTRAINT fk_metro_line_department_code REFERENCES city.department,
            source text NOT NULL,
            place integer NOT NULL DEFAULT 0
        );
        CREATE TABLE city.metro_structure (
            code text CONSTRAINT pk_metro_structure PRIMARY KEY
                CONSTRAINT ck_metro_structure_code CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$'),
            kind text NOT NULL,
            name_zh text NOT NULL,
            name_en text,
            line_code text CONSTRAINT fk_metro_structure_line_code REFERENCES city.metro_line,
            geom geometry(Geometry, 4490) NOT NULL,
            surveyed boolean NOT NULL,
            source text NOT NULL,
            since timestamptz NOT NULL DEFAULT now(),
            until timestamptz,
            CONSTRAINT ck_metro_structure_until CHECK (until > since)
        );
        CREATE INDEX ix_metro_structure_line_code ON city.metro_structure (line_code);
        CREATE INDEX ix_metro_structure_geom ON city.metro_structure USING gist (geom);
        CREATE TABLE city.metro_stop (
            line_code text CONSTRAINT fk_metro_stop_line_code REFERENCES city.metro_line,
            path integer,
            place integer,
            structure_code text NOT NULL CONSTRAINT fk_metro_stop_structure_code REFERENCES city.metro_structure,
            CONSTRAINT pk_metro_stop PRIMARY KEY (line_code, path, place)
        );
        CREATE INDEX ix_metro_stop_structure_code ON city.metro_stop (structure_code);
        """
    )


def _zones() -> None:
    op.execute(
        """
        CREATE TABLE city.metro_distance (
            structure_kind text,
            zone_kind text CONSTRAINT ck_metro_distance_zone_kind
                CHECK (zone_kind IN ('special', 'control', 'planned')),
            metres double precision NOT NULL CONSTRAINT ck_metro_distance_metres CHECK (metres > 0 AND metres <= 1000),
            measured_from text NOT NULL CONSTRAINT ck_metro_distance_measured_from
                CHECK (measured_from IN ('outline', 'centre_line')),
            source text NOT NULL CONSTRAINT ck_metro_distance_source CHECK (source <> ''),
            sureness text NOT NULL CONSTRAINT ck_metro_distance_sureness CHECK (sureness IN ('H', 'M', 'L')),
            changed_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_metro_distance PRIMARY KEY (structure_kind, zone_kind)
        );
        CREATE TABLE city.metro_zone (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_metro_zone PRIMARY KEY,
            structure_code text NOT NULL CONSTRAINT fk_metro_zone_structure_code REFERENCES city.metro_structure,
            structure_kind text NOT NULL,
            kind text NOT NULL CONSTRAINT ck_metro_zone_kind CHECK (kind IN ('special', 'control', 'planned')),
            metres double precision NOT NULL,
            source text NOT NULL,
            approximate boolean NOT NULL,
            geom geometry(MultiPolygon, 4490) NOT NULL,
            held geometry(MultiPolygon, 4490),
            valid tstzrange NOT NULL
                CONSTRAINT ck_metro_zone_valid CHECK (NOT isempty(valid) AND NOT lower_inf(valid))
        );
        CREATE INDEX ix_metro_zone_geom ON city.metro_zone USING gist (geom);
        CREATE INDEX ix_metro_zone_structure_code ON city.metro_zone (structure_code, kind);
        """
    )


def _permits() -> None:
    op.execute(
        """
        CREATE TABLE city.metro_permit (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_metro_permit PRIMARY KEY,
            number text NOT NULL CONSTRAINT uq_metro_permit_number UNIQUE,
            state text NOT NULL DEFAULT 'applied' CONSTRAINT ck_metro_permit_state
                CHECK (state IN ('applied', 'returned', 'granted', 'refused', 'withdrawn', 'revoked', 'finished',
                                 'expired')),
            project text NOT NULL,
            applicant text NOT NULL,
            contractor text,
            work text NOT NULL CONSTRAINT ck_metro_permit_work
                CHECK (work IN ('building', 'demolition', 'excavation', 'drilling', 'piling', 'blasting', 'jacking',
                                'grouting', 'anchors', 'pipes', 'dewatering', 'earthworks', 'load', 'dredging',
                                'hoisting', 'hot_work', 'other')),
            purpose text NOT NULL CONSTRAINT ck_metro_permit_purpose
                CHECK (purpose IN ('metro', 'municipal', 'landscape', 'sanitation', 'defence', 'rebuilding', 'other')),
            description text,
            geom geometry(MultiPolygon, 4490) NOT NULL,
            cell_code text,
            starts date NOT NULL,
            ends date NOT NULL,
            department_code text CONSTRAINT fk_metro_permit_department_code REFERENCES city.department,
            operator_code text CONSTRAINT fk_metro_permit_operator_code REFERENCES city.department,
            person_id integer CONSTRAINT fk_metro_permit_person_id REFERENCES city.person,
            conditions text,
            checked jsonb NOT NULL DEFAULT '[]',
            created_at timestamptz NOT NULL DEFAULT now(),
            granted_at timestamptz,
            ended_at timestamptz,
            CONSTRAINT ck_metro_permit_days CHECK (ends >= starts),
            CONSTRAINT ck_metro_permit_granted
                CHECK ((state <> 'granted') OR (granted_at IS NOT NULL AND ended_at IS NULL))
        );
        CREATE INDEX ix_metro_permit_geom ON city.metro_permit USING gist (geom);
        CREATE INDEX ix_metro_permit_state ON city.metro_permit (state, ends);
        CREATE INDEX ix_metro_permit_cell_code ON city.metro_permit (cell_code text_pattern_ops);
        CREATE TABLE city.metro_permit_event (
            permit_id bigint CONSTRAINT fk_metro_permit_event_permit_id REFERENCES city.metro_permit,
            position integer,
            at timestamptz NOT NULL,
            person_id integer CONSTRAINT fk_metro_permit_event_person_id REFERENCES city.person,
            action text NOT NULL,
            from_state text,
            to_state text NOT NULL,
            note text,
            CONSTRAINT pk_metro_permit_event PRIMARY KEY (permit_id, position)
        );
        CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.metro_permit_event
            FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_table BEFORE TRUNCATE ON city.metro_permit_event
            FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
        CREATE TABLE city.metro_permit_file (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_metro_permit_file PRIMARY KEY,
            permit_id bigint NOT NULL CONSTRAINT fk_metro_permit_file_permit_id REFERENCES city.metro_permit,
            name text NOT NULL,
            sha256 text NOT NULL,
            media_type text NOT NULL,
            bytes integer NOT NULL,
            person_id integer CONSTRAINT fk_metro_permit_file_person_id REFERENCES city.person,
            added_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ix_metro_permit_file_permit_id ON city.metro_permit_file (permit_id);
        CREATE TABLE city.metro_permit_datastream (
            permit_id bigint CONSTRAINT fk_metro_permit_datastream_permit_id REFERENCES city.metro_permit,
            datastream_id bigint CONSTRAINT fk_metro_permit_datastream_datastream_id REFERENCES city.datastream,
            CONSTRAINT pk_metro_permit_datastream PRIMARY KEY (permit_id, datastream_id)
        );
        CREATE INDEX ix_metro_permit_datastream_datastream_id ON city.metro_permit_datastream (datastream_id);
        """
    )


def _findings() -> None:
    op.execute(
        """
        CREATE TABLE city.metro_finding (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_metro_finding PRIMARY KEY,
            found_by text NOT NULL
                CONSTRAINT ck_metro_finding_found_by CHECK (found_by IN ('case', 'component', 'site')),
            reference text NOT NULL,
            class_key text,
            at timestamptz NOT NULL,
            found_at timestamptz NOT NULL DEFAULT now(),
            geom geometry(Point, 4490) NOT NULL,
            cell_code text,
            structure_code text NOT NULL CONSTRAINT fk_metro_finding_structure_code REFERENCES city.metro_structure,
            zone_kind text NOT NULL CONSTRAINT ck_metro_finding_zone_kind
                CHECK (zone_kind IN ('special', 'control', 'planned')),
            state text NOT NULL DEFAULT 'open' CONSTRAINT ck_metro_finding_state
                CHECK (state IN ('open', 'permitted', 'no_work', 'stopped')),
            settled_by integer CONSTRAINT fk_metro_finding_settled_by REFERENCES city.person,
            settled_at timestamptz,
            note text,
            CONSTRAINT uq_metro_finding_found_by_reference UNIQUE (found_by, reference),
            CONSTRAINT ck_metro_finding_settled CHECK ((state = 'open') = (settled_at IS NULL))
        );
        CREATE INDEX ix_metro_finding_state ON city.metro_finding (state, at);
        CREATE INDEX ix_component_event_recorded_at ON city.component_event USING brin (recorded_at);
        """
    )
