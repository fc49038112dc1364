"""Construction zones of the metro, and what they do to cases."""

from alembic import op

revision = "0033_construction"
down_revision = "0032_metro"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(ZONES)
    op.execute(TO_CASES)
    op.execute(RULES)


ZONES = """
CREATE TABLE city.construction_zone (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_construction_zone PRIMARY KEY,
    code text NOT NULL,
    version integer NOT NULL,
    recorded tstzrange NOT NULL,
    recorded_by integer CONSTRAINT fk_construction_zone_recorded_by REFERENCES city.person (id),
    name_zh text NOT NULL,
    name_en text,
    project text NOT NULL,
    permit_number text,
    owner text,
    contractor text NOT NULL,
    supervisor text,
    department_code varchar CONSTRAINT fk_construction_zone_department_code REFERENCES city.department (code),
    metro_department_code varchar
        CONSTRAINT fk_construction_zone_metro_department_code REFERENCES city.department (code),
    first_day date NOT NULL,
    last_day date,
    valid tstzrange NOT NULL,
    road text,
    width_left_m double precision CONSTRAINT ck_construction_zone_width CHECK (width_left_m BETWEEN 0 AND 200),
    works_from time,
    works_until time,
    night_permits jsonb NOT NULL DEFAULT '[]',
    points text[] NOT NULL DEFAULT '{}',
    patrols smallint NOT NULL DEFAULT 2 CONSTRAINT ck_construction_zone_patrols CHECK (patrols BETWEEN 0 AND 24),
    illustrative boolean NOT NULL DEFAULT false,
    geom geometry(MultiPolygon, 4490) NOT NULL,
    CONSTRAINT ck_construction_zone_days CHECK (last_day IS NULL OR first_day <= last_day),
    CONSTRAINT ck_construction_zone_hours CHECK ((works_from IS NULL) = (works_until IS NULL)),
    CONSTRAINT uq_construction_zone_version UNIQUE (code, version)
);
CREATE INDEX ix_construction_zone_geom ON city.construction_zone USING gist (geom);
CREATE UNIQUE INDEX uq_construction_zone_now ON city.construction_zone (code) WHERE upper_inf(recorded);

CREATE TABLE city.construction_phase (
    zone_id bigint NOT NULL CONSTRAINT fk_construction_phase_zone_id REFERENCES city.construction_zone (id),
    kind text NOT NULL CONSTRAINT ck_construction_phase_kind CHECK (
        kind IN ('hoarding', 'utilities', 'excavation', 'structure', 'backfill', 'restored')),
    place smallint NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    valid tstzrange NOT NULL,
    CONSTRAINT pk_construction_phase PRIMARY KEY (zone_id, kind),
    CONSTRAINT ck_construction_phase_days CHECK (first_day <= last_day)
);

CREATE TABLE city.construction_line (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_construction_line PRIMARY KEY,
    zone_id bigint NOT NULL CONSTRAINT fk_construction_line_zone_id REFERENCES city.construction_zone (id),
    kind text NOT NULL CONSTRAINT ck_construction_line_kind CHECK (kind IN ('closure', 'narrowed', 'diversion')),
    words text,
    first_day date,
    last_day date,
    valid tstzrange NOT NULL,
    geom geometry(LineString, 4490) NOT NULL
);
CREATE INDEX ix_construction_line_zone_id ON city.construction_line (zone_id);
CREATE INDEX ix_construction_line_geom ON city.construction_line USING gist (geom);

CREATE TABLE city.emergency_route (
    code text CONSTRAINT pk_emergency_route PRIMARY KEY,
    name_zh text NOT NULL,
    name_en text,
    illustrative boolean NOT NULL DEFAULT false,
    geom geometry(MultiLineString, 4490) NOT NULL
);
CREATE INDEX ix_emergency_route_geom ON city.emergency_route USING gist (geom);

CREATE TABLE city.construction_patrol (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_construction_patrol PRIMARY KEY,
    zone_code text NOT NULL,
    at timestamptz NOT NULL,
    way text NOT NULL CONSTRAINT ck_construction_patrol_way CHECK (way IN ('act', 'track')),
    person_id integer CONSTRAINT fk_construction_patrol_person_id REFERENCES city.person (id),
    key text,
    note text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_construction_patrol_key UNIQUE (person_id, key)
);
CREATE INDEX ix_construction_patrol_zone_code ON city.construction_patrol (zone_code, at);
"""

TO_CASES = """
CREATE TABLE city.case_zone (
    case_id bigint CONSTRAINT pk_case_zone PRIMARY KEY CONSTRAINT fk_case_zone_case_id REFERENCES city.case (id),
    zone_id bigint CONSTRAINT fk_case_zone_zone_id REFERENCES city.construction_zone (id),
    phase text,
    structure text,
    protection text,
    approximate boolean,
    CONSTRAINT ck_case_zone_some CHECK (zone_id IS NOT NULL OR structure IS NOT NULL),
    CONSTRAINT ck_case_zone_structure CHECK ((structure IS NULL) = (protection IS NULL)),
    CONSTRAINT ck_case_zone_protection CHECK (protection IN ('special', 'control', 'planned'))
);
CREATE INDEX ix_case_zone_zone_id ON city.case_zone (zone_id);

CREATE TABLE city.zone_rule (
    kind text NOT NULL CONSTRAINT ck_zone_rule_kind CHECK (kind IN ('component', 'matter')),
    class_code text NOT NULL CONSTRAINT ck_zone_rule_class_code CHECK (class_code ~ '^([0-9]{2}|[0-9]{4,5})?$'),
    protection text NOT NULL CONSTRAINT ck_zone_rule_protection
        CHECK (protection IN ('', 'special', 'control', 'planned')),
    phase text NOT NULL CONSTRAINT ck_zone_rule_phase CHECK (
        phase IN ('', 'hoarding', 'utilities', 'excavation', 'structure', 'backfill', 'restored')),
    to_contractor boolean NOT NULL,
    severity text NOT NULL CONSTRAINT ck_zone_rule_severity CHECK (severity IN ('ordinary', 'serious', 'urgent')),
    limit_value integer CONSTRAINT ck_zone_rule_limit_value CHECK (limit_value BETWEEN 1 AND 1000),
    limit_unit text CONSTRAINT ck_zone_rule_limit_unit CHECK (
        limit_unit IN ('urgent_hour', 'working_hour', 'urgent_day', 'working_day')),
    source text NOT NULL CONSTRAINT ck_zone_rule_source CHECK (source <> ''),
    CONSTRAINT ck_zone_rule_limit CHECK ((limit_value IS NULL) = (limit_unit IS NULL)),
    CONSTRAINT pk_zone_rule PRIMARY KEY (kind, class_code, protection, phase)
);
"""

RULES = """
INSERT INTO city.zone_rule
    (kind, class_code, protection, phase, to_contractor, severity, limit_value, limit_unit, source)
VALUES
    ('matter', '08', '', '', true, 'ordinary', NULL, NULL,
     'ours: GB/T 47678.5-2026 major class 08, Construction management; the limit of the filing condition'),
    ('matter', '08', 'control', '', true, 'serious', NULL, NULL,
     'ours: works in a control protection zone need the operator''s agreement and monitoring (order 8/2018)'),
    ('matter', '08', 'special', '', true, 'urgent', 2, 'urgent_hour',
     'ours: in a special protection zone only few works are allowed; verify with the city''s own regulation');
"""
