"""Departments, people, logins and API keys."""

from alembic import op

revision = "0002_accounts"
down_revision = "0001_ground"
branch_labels = None
depends_on = None

# As they stood when this revision was written: a migration does not change with the code.
ROLES = "'inspector', 'acceptor', 'dispatcher', 'department', 'manager', 'administrator'"
KINDS = (
    "'urban_management', 'sanitation', 'municipal_works', 'drainage', 'landscaping', 'traffic_police', 'transport', "
    "'housing_construction', 'ecology_environment', 'water_affairs', 'power', 'telecom', 'gas', 'subdistrict', "
    "'public_security', 'emergency', 'market_regulation', 'civil_affairs', 'other'"
)


def upgrade() -> None:
    op.execute(
        f"""
        CREATE TABLE city.department (
            code varchar CONSTRAINT pk_department PRIMARY KEY,
            name_zh varchar NOT NULL,
            name_en varchar,
            kind varchar NOT NULL CONSTRAINT ck_department_kind CHECK (kind IN ({KINDS})),
            area_code varchar CONSTRAINT ck_department_area_code CHECK (area_code ~ '^[0-9]{{4,12}}$'),
            parent_code varchar CONSTRAINT fk_department_parent_code REFERENCES city.department
        )
        """
    )
    op.execute(
        f"""
        CREATE TABLE city.person (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_person PRIMARY KEY,
            login varchar NOT NULL,
            name varchar NOT NULL,
            role varchar NOT NULL CONSTRAINT ck_person_role CHECK (role IN ({ROLES})),
            department_code varchar CONSTRAINT fk_person_department_code REFERENCES city.department,
            password_hash varchar NOT NULL,
            active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT ck_person_department_of_role CHECK (role <> 'department' OR department_code IS NOT NULL)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_person_login ON city.person (lower(login))")
    op.execute(
        """
        CREATE TABLE city.login_session (
            token_hash bytea CONSTRAINT pk_login_session PRIMARY KEY,
            person_id integer NOT NULL CONSTRAINT fk_login_session_person_id REFERENCES city.person,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_login_session_person_id ON city.login_session (person_id)")
    op.execute(
        """
        CREATE TABLE city.api_key (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_api_key PRIMARY KEY,
            key_hash bytea NOT NULL CONSTRAINT uq_api_key_key_hash UNIQUE,
            person_id integer NOT NULL CONSTRAINT fk_api_key_person_id REFERENCES city.person,
            label varchar,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX ix_api_key_person_id ON city.api_key (person_id)")
