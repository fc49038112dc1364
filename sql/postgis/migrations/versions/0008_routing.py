"""Who handles it: versioned rule sets, beats with their cells and shifts, and which legal body a department is."""

from alembic import op

revision = "0008_routing"
down_revision = "0007_calendar"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _departments()
    _rules()
    _frozen()
    _beats()


def _departments() -> None:
    op.execute(
        "ALTER TABLE city.department ADD COLUMN credit_code varchar"
        " CONSTRAINT ck_department_credit_code CHECK (credit_code ~ '^[0-9A-Z]{18}$')"
    )
    op.execute("CREATE INDEX ix_department_credit_code ON city.department (credit_code)")


def _rules() -> None:
    op.execute(
        """
        CREATE TABLE city.routing_set (
            version integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_routing_set PRIMARY KEY,
            name text NOT NULL,
            state text NOT NULL CONSTRAINT ck_routing_set_state CHECK (state IN ('draft', 'active', 'retired')),
            based_on integer CONSTRAINT fk_routing_set_based_on REFERENCES city.routing_set ON DELETE SET NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            created_by integer CONSTRAINT fk_routing_set_created_by REFERENCES city.person,
            changed_at timestamptz NOT NULL DEFAULT now(),
            activated_at timestamptz,
            activated_by integer CONSTRAINT fk_routing_set_activated_by REFERENCES city.person,
            retired_at timestamptz
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_routing_set_active ON city.routing_set (state) WHERE state = 'active'")
    op.execute(
        """
        CREATE TABLE city.routing_rule (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_routing_rule PRIMARY KEY,
            version integer NOT NULL
                CONSTRAINT fk_routing_rule_version REFERENCES city.routing_set ON DELETE CASCADE,
            number integer NOT NULL CONSTRAINT ck_routing_rule_number CHECK (number > 0),
            priority smallint NOT NULL DEFAULT 100
                CONSTRAINT ck_routing_rule_priority CHECK (priority BETWEEN 0 AND 1000),
            kind text NOT NULL DEFAULT '' CONSTRAINT ck_routing_rule_kind CHECK (kind IN ('', 'component', 'matter')),
            class_code text NOT NULL DEFAULT ''
                CONSTRAINT ck_routing_rule_class_code CHECK (class_code ~ '^([0-9]{2}|[0-9]{4,5})?$'),
            area_code text NOT NULL DEFAULT ''
                CONSTRAINT ck_routing_rule_area_code
                CHECK (area_code ~ '^[0-9]*$' AND length(area_code) IN (0, 4, 6, 9, 12, 15)),
            geom geometry(MultiPolygon, 4490),
            owner_code text CONSTRAINT ck_routing_rule_owner_code CHECK (owner_code ~ '^[0-9A-Z]{18}$'),
            maintainer_code text CONSTRAINT ck_routing_rule_maintainer_code CHECK (maintainer_code ~ '^[0-9A-Z]{18}$'),
            days smallint[] CONSTRAINT ck_routing_rule_days
                CHECK (cardinality(days) > 0 AND days <@ '{1,2,3,4,5,6,7}'::smallint[]),
            from_time time,
            until_time time,
            first_day date,
            last_day date,
            zone text CONSTRAINT ck_routing_rule_zone CHECK (zone <> ''),
            department_code varchar NOT NULL
                CONSTRAINT fk_routing_rule_department_code REFERENCES city.department,
            remark text,
            CONSTRAINT uq_routing_rule_version_number UNIQUE (version, number),
            CONSTRAINT ck_routing_rule_hours CHECK ((from_time IS NULL) = (until_time IS NULL)),
            CONSTRAINT ck_routing_rule_period CHECK (first_day <= last_day)
        )
        """
    )
    op.execute("CREATE INDEX ix_routing_rule_match ON city.routing_rule (version, class_code, area_code)")


def _frozen() -> None:
    """What has been in force stays as it was: the reasons stored with cases name its rules."""
    op.execute(
        """
        CREATE FUNCTION city.refuse_rule_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM city.routing_set s WHERE s.state <> 'draft'
                       AND s.version IN (OLD.version, NEW.version)) THEN
                RAISE EXCEPTION 'rules are changed in a draft only: % on %', TG_OP, TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN coalesce(NEW, OLD);
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER draft_only BEFORE INSERT OR UPDATE OR DELETE ON city.routing_rule"
        " FOR EACH ROW EXECUTE FUNCTION city.refuse_rule_change()"
    )
    op.execute(
        """
        CREATE FUNCTION city.refuse_set_removal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state <> 'draft' THEN
                RAISE EXCEPTION 'a rule set that was in force is kept: % on %', TG_OP, TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN OLD;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER kept BEFORE DELETE ON city.routing_set FOR EACH ROW EXECUTE FUNCTION city.refuse_set_removal()"
    )


def _beats() -> None:
    op.execute(
        """
        CREATE TABLE city.beat (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_beat PRIMARY KEY,
            code text NOT NULL CONSTRAINT ck_beat_code CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$'),
            name_zh text NOT NULL,
            name_en text,
            area_code text NOT NULL CONSTRAINT fk_beat_area_code REFERENCES city.area,
            valid tstzrange NOT NULL CONSTRAINT ck_beat_valid CHECK (
                lower_inc(valid) AND NOT upper_inc(valid) AND NOT lower_inf(valid) AND NOT isempty(valid)),
            geom geometry(MultiPolygon, 4490)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_beat_code ON city.beat (code) WHERE upper_inf(valid)")
    op.execute("CREATE INDEX ix_beat_area_code ON city.beat (area_code text_pattern_ops)")
    op.execute(
        """
        CREATE TABLE city.beat_cell (
            beat_id integer CONSTRAINT fk_beat_cell_beat_id REFERENCES city.beat,
            cell_code text CONSTRAINT ck_beat_cell_cell_code CHECK (cell_code ~ '^[0-9]{15}$'),
            CONSTRAINT pk_beat_cell PRIMARY KEY (beat_id, cell_code)
        )
        """
    )
    op.execute("CREATE INDEX ix_beat_cell_cell_code ON city.beat_cell (cell_code)")
    op.execute(
        """
        CREATE TABLE city.beat_shift (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_beat_shift PRIMARY KEY,
            beat_id integer NOT NULL CONSTRAINT fk_beat_shift_beat_id REFERENCES city.beat,
            days smallint[] NOT NULL CONSTRAINT ck_beat_shift_days
                CHECK (cardinality(days) > 0 AND days <@ '{1,2,3,4,5,6,7}'::smallint[]),
            from_time time NOT NULL,
            until_time time NOT NULL,
            person_id integer NOT NULL CONSTRAINT fk_beat_shift_person_id REFERENCES city.person
        )
        """
    )
    op.execute("CREATE INDEX ix_beat_shift_beat_id ON city.beat_shift (beat_id)")
    op.execute("CREATE INDEX ix_beat_shift_person_id ON city.beat_shift (person_id)")
