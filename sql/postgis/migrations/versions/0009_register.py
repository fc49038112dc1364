"""The register of components, its history, and surveys on their way in.

No component changes in silence, whoever writes: a change has to raise `version`, and the version a component stands at
has to have its line in `component_event`, which nobody can alter. Both are constraints of the tables.

The index (geom, class_number) serves boxes and the nearest of all classes too. The other order, (class, geom), takes
six times as long to build on text and answers 50 times slower at 500,000 components (measured): GiST splits pages by
the first column.
"""

from alembic import op

revision = "0009_register"
down_revision = "0008_routing"
branch_labels = None
depends_on = None

STATES = "'intact', 'damaged', 'lost', 'abandoned', 'removed'"


def upgrade() -> None:
    _component()
    _history()
    _surveys()


def _component() -> None:
    op.execute(
        f"""
        CREATE TABLE city.component (
            code text CONSTRAINT pk_component PRIMARY KEY,
            standard text NOT NULL,
            kind text NOT NULL DEFAULT 'component' CONSTRAINT ck_component_kind CHECK (kind = 'component'),
            class_code text NOT NULL,
            class_number integer NOT NULL GENERATED ALWAYS AS (class_code::integer) STORED,
            name text NOT NULL,
            second_code text,
            former_code text,
            authority_code text,
            authority_name text,
            owner_code text,
            owner_name text,
            maintainer_code text,
            maintainer_name text,
            cell_code text NOT NULL,
            subdistrict_code text NOT NULL GENERATED ALWAYS AS (left(cell_code, 9)) STORED,
            community_code text NOT NULL GENERATED ALWAYS AS (left(cell_code, 12)) STORED,
            state text NOT NULL DEFAULT 'intact' CONSTRAINT ck_component_state CHECK (state IN ({STATES})),
            surveyed_on date,
            changed_on date,
            source text,
            remark text,
            accuracy_class text CONSTRAINT ck_component_accuracy_class CHECK (accuracy_class IN ('A', 'B', 'C')),
            geom geometry(Geometry, 4490) NOT NULL,
            version integer NOT NULL DEFAULT 1,
            CONSTRAINT ck_component_code CHECK (code ~ '^[0-9]{{17}}$' AND right(code, 6) <> '000000'
                AND substr(code, 7, 5) = class_code),
            CONSTRAINT ck_component_cell_code CHECK (cell_code ~ '^[0-9]{{15}}$'),
            CONSTRAINT ck_component_units CHECK (authority_code ~ '^[0-9A-Z]{{18}}$'
                AND owner_code ~ '^[0-9A-Z]{{18}}$' AND maintainer_code ~ '^[0-9A-Z]{{18}}$'),
            CONSTRAINT ck_component_lengths CHECK (length(name) BETWEEN 1 AND 30 AND length(second_code) <= 64
                AND length(former_code) <= 64 AND length(authority_name) <= 100 AND length(owner_name) <= 100
                AND length(maintainer_name) <= 100 AND length(source) <= 30 AND length(remark) <= 1000),
            CONSTRAINT ck_component_geom CHECK (NOT ST_IsEmpty(geom)
                AND GeometryType(geom) IN ('POINT', 'LINESTRING', 'POLYGON')),
            CONSTRAINT fk_component_class_code FOREIGN KEY (standard, kind, class_code)
                REFERENCES city.class (standard, kind, code)
        )
        """
    )
    for name, definition in (
        ("place", "USING gist (geom, class_number)"),
        ("cell_code", "(cell_code text_pattern_ops, code)"),
        ("class_code", "(class_code, code)"),
        ("maintainer_code", "(maintainer_code, code) WHERE maintainer_code IS NOT NULL"),
        ("not_intact", "(state, code) WHERE state <> 'intact'"),
        ("second_code", "(second_code text_pattern_ops) WHERE second_code IS NOT NULL"),
        ("former_code", "(former_code text_pattern_ops) WHERE former_code IS NOT NULL"),
        ("remark", "USING gin (remark gin_trgm_ops) WHERE remark IS NOT NULL"),
    ):
        op.execute(f"CREATE INDEX ix_component_{name} ON city.component {definition}")


def _history() -> None:
    op.execute(
        f"""
        CREATE TABLE city.component_event (
            component_code text NOT NULL
                CONSTRAINT fk_component_event_component_code REFERENCES city.component,
            version integer NOT NULL,
            at timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            action text NOT NULL CONSTRAINT ck_component_event_action CHECK
                (action IN ('registered', 'surveyed', 'edited', 'case_opened', 'case_closed', 'regridded')),
            state text NOT NULL CONSTRAINT ck_component_event_state CHECK (state IN ({STATES})),
            changes jsonb NOT NULL,
            person_id integer CONSTRAINT fk_component_event_person_id REFERENCES city.person,
            survey_id bigint,
            reason text,
            CONSTRAINT pk_component_event PRIMARY KEY (component_code, version)
        )
        """
    )
    op.execute("CREATE INDEX ix_component_event_survey_id ON city.component_event (survey_id)")
    op.execute(
        "CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.component_event"
        " FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
    )
    for table in ("component_event", "component"):
        op.execute(
            f"CREATE TRIGGER history_table BEFORE TRUNCATE ON city.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER stays BEFORE DELETE ON city.component FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER told BEFORE UPDATE ON city.component FOR EACH ROW"
        " WHEN (NEW.version <> OLD.version + 1 OR NEW.code <> OLD.code) EXECUTE FUNCTION city.refuse_change()"
    )
    op.execute(
        "ALTER TABLE city.component ADD CONSTRAINT fk_component_version FOREIGN KEY (code, version)"
        " REFERENCES city.component_event (component_code, version) DEFERRABLE INITIALLY DEFERRED"
    )


def _surveys() -> None:
    op.execute(
        """
        CREATE TABLE city.component_survey (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_component_survey PRIMARY KEY,
            file text NOT NULL,
            crs text NOT NULL,
            encoding text,
            rows integer NOT NULL,
            notes jsonb NOT NULL DEFAULT '[]',
            state text NOT NULL DEFAULT 'staged'
                CONSTRAINT ck_component_survey_state CHECK (state IN ('staged', 'taken_over', 'discarded')),
            staged_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,
            person_id integer CONSTRAINT fk_component_survey_person_id REFERENCES city.person,
            outcome jsonb
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.component_survey_row (
            survey_id bigint NOT NULL
                CONSTRAINT fk_component_survey_row_survey_id REFERENCES city.component_survey,
            row integer NOT NULL,
            code text,
            fields jsonb NOT NULL,
            geom geometry(Geometry, 4490),
            faults jsonb NOT NULL DEFAULT '[]',
            storable boolean NOT NULL,
            CONSTRAINT pk_component_survey_row PRIMARY KEY (survey_id, row)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_component_survey_row_faulty ON city.component_survey_row (survey_id, row) WHERE faults <> '[]'"
    )
    op.execute(
        "ALTER TABLE city.component_event ADD CONSTRAINT fk_component_event_survey_id FOREIGN KEY (survey_id)"
        " REFERENCES city.component_survey"
    )
