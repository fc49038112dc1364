"""Classes by standard, the crosswalk, filing standards and their conditions."""

from alembic import op

revision = "0004_catalog"
down_revision = "0003_grid"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.class (
            standard varchar NOT NULL,
            kind varchar NOT NULL CONSTRAINT ck_class_kind CHECK (kind IN ('component', 'matter')),
            code varchar NOT NULL CONSTRAINT ck_class_code CHECK (code ~ '^[0-9]{4,5}$'),
            major_code varchar NOT NULL,
            major_zh varchar NOT NULL,
            major_en varchar NOT NULL,
            name_zh varchar NOT NULL CONSTRAINT ck_class_name_zh CHECK (length(name_zh) BETWEEN 1 AND 30),
            name_en varchar,
            extension boolean NOT NULL DEFAULT false,
            CONSTRAINT pk_class PRIMARY KEY (standard, kind, code)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.crosswalk (
            from_standard varchar NOT NULL,
            from_kind varchar NOT NULL,
            from_code varchar NOT NULL,
            to_standard varchar NOT NULL,
            to_kind varchar NOT NULL,
            to_code varchar,
            change varchar NOT NULL,
            note varchar NOT NULL,
            CONSTRAINT pk_crosswalk PRIMARY KEY (from_standard, from_kind, from_code, to_standard),
            CONSTRAINT fk_crosswalk_from_code FOREIGN KEY (from_standard, from_kind, from_code)
                REFERENCES city.class (standard, kind, code)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.filing_standard (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_filing_standard PRIMARY KEY,
            city_code varchar NOT NULL
                CONSTRAINT ck_filing_standard_city_code CHECK (city_code ~ '^[0-9]{4}([0-9]{2})?$'),
            code varchar NOT NULL,
            version integer NOT NULL CONSTRAINT ck_filing_standard_version CHECK (version > 0),
            name_zh varchar NOT NULL,
            name_en varchar,
            standard varchar NOT NULL,
            source varchar,
            digest varchar NOT NULL,
            active boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT uq_filing_standard_city_code_code_version UNIQUE (city_code, code, version),
            CONSTRAINT uq_filing_standard_id_standard UNIQUE (id, standard)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_filing_standard_active ON city.filing_standard (city_code) WHERE active")
    op.execute(
        """
        CREATE TABLE city.filing_condition (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_filing_condition PRIMARY KEY,
            filing_standard_id integer NOT NULL,
            standard varchar NOT NULL,
            kind varchar NOT NULL,
            class_code varchar NOT NULL,
            seq smallint NOT NULL,
            text_zh varchar NOT NULL CONSTRAINT ck_filing_condition_text_zh CHECK (text_zh <> ''),
            text_en varchar,
            limit_value integer NOT NULL CONSTRAINT ck_filing_condition_limit_value CHECK (limit_value > 0),
            limit_unit varchar NOT NULL CONSTRAINT ck_filing_condition_limit_unit
                CHECK (limit_unit IN ('urgent_hour', 'working_hour', 'urgent_day', 'working_day')),
            closing_zh varchar NOT NULL,
            closing_en varchar,
            department_kind varchar,
            CONSTRAINT uq_filing_condition_filing_standard_id_kind_class_code_seq
                UNIQUE (filing_standard_id, kind, class_code, seq),
            CONSTRAINT fk_filing_condition_filing_standard_id FOREIGN KEY (filing_standard_id, standard)
                REFERENCES city.filing_standard (id, standard),
            CONSTRAINT fk_filing_condition_class_code FOREIGN KEY (standard, kind, class_code)
                REFERENCES city.class (standard, kind, code)
        )
        """
    )
    _conditions_are_final()


def _conditions_are_final() -> None:
    """Cases point at a condition for its limit: its words and figures never change under them, for any writer."""
    op.execute(
        """
        CREATE FUNCTION city.refuse_change_of_condition() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a filing condition is never changed: import the filing standard as a new version'
                USING ERRCODE = 'restrict_violation', SCHEMA = 'city', TABLE = 'filing_condition';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER final BEFORE UPDATE ON city.filing_condition "
        "FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change_of_condition()"
    )
