"""Hazard sources with their units, stocks and grades, the persons in charge, and the stations that watch them."""

from alembic import op

revision = "0030_hazard_sources"
down_revision = "0029_telemetry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_SOURCES)
    op.execute(_UNITS)
    op.execute(_GRADES)
    op.execute(_PERSONS)


_SOURCES = """
    CREATE TABLE city.hazard_kind (
        code text CONSTRAINT pk_hazard_kind PRIMARY KEY
            CONSTRAINT ck_hazard_kind_code CHECK (code ~ '^[a-z][a-z0-9_]{1,39}$'),
        name_zh text NOT NULL CONSTRAINT ck_hazard_kind_name_zh CHECK (name_zh <> ''),
        name_en text
    );

    CREATE TABLE city.hazard_source (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hazard_source PRIMARY KEY,
        code text NOT NULL CONSTRAINT uq_hazard_source_code UNIQUE
            CONSTRAINT ck_hazard_source_code CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
        kind text NOT NULL CONSTRAINT ck_hazard_source_kind CHECK (kind <> ''),
        name_zh text NOT NULL CONSTRAINT ck_hazard_source_name_zh CHECK (name_zh <> ''),
        name_en text,
        holder text NOT NULL CONSTRAINT ck_hazard_source_holder CHECK (holder <> ''),
        credit_code text CONSTRAINT ck_hazard_source_credit_code CHECK (credit_code ~ '^[0-9A-Z]{18}$'),
        geom geometry(MultiPolygon, 4490) NOT NULL,
        cell_id bigint CONSTRAINT fk_hazard_source_cell_id REFERENCES city.cell,
        area_code text CONSTRAINT fk_hazard_source_area_code REFERENCES city.area,
        department_code varchar CONSTRAINT fk_hazard_source_department_code REFERENCES city.department,
        people_entered integer CONSTRAINT ck_hazard_source_people_entered CHECK (people_entered >= 0),
        remark text,
        source text,
        illustrative boolean NOT NULL DEFAULT false,
        active boolean NOT NULL DEFAULT true,
        version integer NOT NULL DEFAULT 1,
        major boolean,
        level smallint CONSTRAINT ck_hazard_source_level CHECK (level BETWEEN 1 AND 4),
        unsettled text,
        made_at timestamptz NOT NULL DEFAULT now(),
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_hazard_source_graded CHECK (level IS NULL OR major)
    );
    CREATE INDEX ix_hazard_source_geom ON city.hazard_source USING gist (geom);
    CREATE INDEX ix_hazard_source_area_code ON city.hazard_source (area_code text_pattern_ops);
    CREATE INDEX ix_hazard_source_cell_id ON city.hazard_source (cell_id);
    CREATE INDEX ix_hazard_source_department_code ON city.hazard_source (department_code);

    CREATE TABLE city.hazard_source_station (
        source_id bigint NOT NULL CONSTRAINT fk_hazard_source_station_source_id REFERENCES city.hazard_source,
        station_id bigint NOT NULL CONSTRAINT fk_hazard_source_station_station_id REFERENCES city.station,
        CONSTRAINT pk_hazard_source_station PRIMARY KEY (source_id, station_id)
    );
    CREATE INDEX ix_hazard_source_station_station_id ON city.hazard_source_station (station_id);
"""

_UNITS = """
    CREATE TABLE city.hazard_unit (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hazard_unit PRIMARY KEY,
        source_id bigint NOT NULL CONSTRAINT fk_hazard_unit_source_id REFERENCES city.hazard_source,
        name text NOT NULL CONSTRAINT ck_hazard_unit_name CHECK (name <> ''),
        kind text NOT NULL CONSTRAINT ck_hazard_unit_kind CHECK (kind IN ('storage', 'production')),
        place integer NOT NULL DEFAULT 0,
        active boolean NOT NULL DEFAULT true,
        CONSTRAINT uq_hazard_unit_source_id_name UNIQUE (source_id, name)
    );

    CREATE TABLE city.hazard_stock (
        unit_id bigint NOT NULL CONSTRAINT fk_hazard_stock_unit_id REFERENCES city.hazard_unit,
        place integer NOT NULL,
        name text NOT NULL CONSTRAINT ck_hazard_stock_name CHECK (name <> ''),
        quantity_t numeric NOT NULL CONSTRAINT ck_hazard_stock_quantity_t CHECK (quantity_t >= 0),
        cas text,
        row_number smallint,
        classes text[] NOT NULL DEFAULT '{}',
        checked boolean NOT NULL DEFAULT false,
        CONSTRAINT pk_hazard_stock PRIMARY KEY (unit_id, place)
    );
"""

_GRADES = """
    CREATE TABLE city.hazard_grade (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hazard_grade PRIMARY KEY,
        unit_id bigint NOT NULL CONSTRAINT fk_hazard_grade_unit_id REFERENCES city.hazard_unit,
        at timestamptz NOT NULL,
        why text[] NOT NULL CONSTRAINT ck_hazard_grade_why
            CHECK (cardinality(why) > 0 AND why <@ '{first,stocks,outline,population,people,tables}'::text[]),
        s double precision NOT NULL,
        major boolean NOT NULL,
        r double precision,
        alpha double precision,
        people integer,
        people_from text CONSTRAINT ck_hazard_grade_people_from CHECK (people_from IN ('population', 'entered')),
        parts jsonb NOT NULL DEFAULT '[]',
        level smallint CONSTRAINT ck_hazard_grade_level CHECK (level BETWEEN 1 AND 4),
        lines jsonb NOT NULL,
        built_on jsonb NOT NULL,
        person_id integer CONSTRAINT fk_hazard_grade_person_id REFERENCES city.person,
        CONSTRAINT ck_hazard_grade_major CHECK (major = (r IS NOT NULL) AND major = (level IS NOT NULL))
    );
    CREATE INDEX ix_hazard_grade_unit_id ON city.hazard_grade (unit_id, id);
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON city.hazard_grade
        FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON city.hazard_grade
        FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
"""

_PERSONS = """
    CREATE TABLE city.hazard_person (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hazard_person PRIMARY KEY,
        source_id bigint NOT NULL CONSTRAINT fk_hazard_person_source_id REFERENCES city.hazard_source,
        duty text NOT NULL CONSTRAINT ck_hazard_person_duty CHECK (duty IN ('chief', 'technical', 'operation', 'duty')),
        place integer NOT NULL DEFAULT 0,
        sealed_with text NOT NULL,
        name bytea,
        phone bytea
    );
    CREATE INDEX ix_hazard_person_source_id ON city.hazard_person (source_id, place);

    CREATE TABLE city.hazard_look (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hazard_look PRIMARY KEY,
        source_id bigint NOT NULL CONSTRAINT fk_hazard_look_source_id REFERENCES city.hazard_source,
        person_id integer NOT NULL CONSTRAINT fk_hazard_look_person_id REFERENCES city.person,
        role text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ix_hazard_look_source_id ON city.hazard_look (source_id, id);
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON city.hazard_look
        FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON city.hazard_look
        FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
"""
