"""Logins as people live with them: what a login still needs, its device, failures, second factor, keys with limits; and
the log of administrative acts, which is only added to."""

from alembic import op

revision = "0023_logins"
down_revision = "0022_counts_by_bin"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.person
            ADD must_change boolean NOT NULL DEFAULT false,
            ADD language varchar CONSTRAINT ck_person_language CHECK (language IN ('zh_CN', 'en')),
            ADD totp_secret bytea,
            ADD totp_since timestamptz,
            ADD totp_step bigint NOT NULL DEFAULT 0,
            ADD oidc_subject varchar CONSTRAINT uq_person_oidc_subject UNIQUE
        """
    )
    op.execute(
        """
        ALTER TABLE city.login_session
            ADD id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT uq_login_session_id UNIQUE,
            ADD needs varchar CONSTRAINT ck_login_session_needs CHECK (needs IN ('second', 'password', 'enrol')),
            ADD device varchar,
            ADD address varchar,
            ADD seen_at timestamptz NOT NULL DEFAULT now()
        """
    )
    op.execute(
        """
        ALTER TABLE city.api_key
            ADD read_only boolean NOT NULL DEFAULT false,
            ADD actions varchar[],
            ADD expires_at timestamptz,
            ADD used_at timestamptz
        """
    )
    op.execute(
        """
        CREATE TABLE city.recovery_code (
            code_hash bytea CONSTRAINT pk_recovery_code PRIMARY KEY,
            person_id integer NOT NULL CONSTRAINT fk_recovery_code_person_id REFERENCES city.person
        )
        """
    )
    op.execute("CREATE INDEX ix_recovery_code_person_id ON city.recovery_code (person_id)")
    op.execute(
        """
        CREATE TABLE city.login_failure (
            login varchar CONSTRAINT pk_login_failure PRIMARY KEY,
            failures integer NOT NULL,
            last_at timestamptz NOT NULL DEFAULT now(),
            locked_until timestamptz
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.admin_event (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_admin_event PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT now(),
            person_id integer CONSTRAINT fk_admin_event_person_id REFERENCES city.person,
            who varchar NOT NULL,
            action varchar NOT NULL,
            subject varchar NOT NULL,
            before jsonb,
            after jsonb
        )
        """
    )
    op.execute("CREATE INDEX ix_admin_event_action ON city.admin_event (action, id)")
    op.execute("CREATE INDEX ix_admin_event_subject ON city.admin_event (subject, id)")
    op.execute(
        "CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.admin_event"
        " FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER history_table BEFORE TRUNCATE ON city.admin_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change()"
    )
