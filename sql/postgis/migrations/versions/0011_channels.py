"""Reporters' contacts, calls, links to follow, machines' reports, and notices with their messages."""

from alembic import op

revision = "0011_channels"
down_revision = "0010_evidence"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _contacts()
    _intake()
    _notices()


def _contacts() -> None:
    op.execute(
        """
        CREATE TABLE city.contact (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_contact PRIMARY KEY,
            case_id bigint NOT NULL CONSTRAINT fk_contact_case_id REFERENCES city.case,
            sealed_with text NOT NULL,
            name bytea,
            phone bytea,
            email bytea,
            phone_hash bytea,
            channel text NOT NULL CONSTRAINT ck_contact_channel CHECK (channel IN ('none', 'sms', 'email')),
            language text NOT NULL CONSTRAINT ck_contact_language CHECK (language IN ('zh', 'en')),
            created_at timestamptz NOT NULL DEFAULT now(),
            erased_at timestamptz,
            CONSTRAINT ck_contact_erased
                CHECK (erased_at IS NULL OR num_nonnulls(name, phone, email, phone_hash) = 0)
        )
        """
    )
    op.execute("CREATE INDEX ix_contact_case_id ON city.contact (case_id)")
    op.execute("CREATE INDEX ix_contact_phone_hash ON city.contact (phone_hash) WHERE phone_hash IS NOT NULL")
    op.execute("CREATE INDEX ix_contact_kept ON city.contact (id) WHERE erased_at IS NULL")
    op.execute(
        """
        CREATE TABLE city.contact_look (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_contact_look PRIMARY KEY,
            contact_id bigint NOT NULL CONSTRAINT fk_contact_look_contact_id REFERENCES city.contact,
            person_id integer NOT NULL CONSTRAINT fk_contact_look_person_id REFERENCES city.person,
            role text NOT NULL,
            at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX ix_contact_look_contact_id ON city.contact_look (contact_id, id)")
    op.execute(
        "CREATE TRIGGER look_row BEFORE UPDATE OR DELETE ON city.contact_look"
        " FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER look_table BEFORE TRUNCATE ON city.contact_look"
        " FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change()"
    )


def _intake() -> None:
    op.execute(
        """
        CREATE TABLE city.hotline_call (
            case_id bigint CONSTRAINT pk_hotline_call PRIMARY KEY
                CONSTRAINT fk_hotline_call_case_id REFERENCES city.case,
            call_number text NOT NULL,
            operator_id integer NOT NULL CONSTRAINT fk_hotline_call_operator_id REFERENCES city.person,
            called_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_hotline_call_call_number ON city.hotline_call (call_number)")
    op.execute(
        """
        CREATE TABLE city.follow (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_follow PRIMARY KEY,
            case_id bigint NOT NULL CONSTRAINT fk_follow_case_id REFERENCES city.case,
            contact_id bigint CONSTRAINT fk_follow_contact_id REFERENCES city.contact,
            secret_hash bytea NOT NULL CONSTRAINT uq_follow_secret_hash UNIQUE,
            form_hash bytea CONSTRAINT uq_follow_form_hash UNIQUE,
            created_at timestamptz NOT NULL DEFAULT now(),
            satisfaction text CONSTRAINT ck_follow_satisfaction
                CHECK (satisfaction IN ('satisfied', 'partly', 'unsatisfied')),
            satisfaction_words text,
            rated_at timestamptz,
            objection text,
            objected_at timestamptz,
            CONSTRAINT ck_follow_rated CHECK ((satisfaction IS NULL) = (rated_at IS NULL)),
            CONSTRAINT ck_follow_objected CHECK ((objection IS NULL) = (objected_at IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_follow_case_id ON city.follow (case_id)")
    op.execute("CREATE INDEX ix_follow_contact_id ON city.follow (contact_id) WHERE contact_id IS NOT NULL")
    op.execute(
        """
        CREATE TABLE city.signal (
            person_id integer NOT NULL CONSTRAINT fk_signal_person_id REFERENCES city.person,
            external_id text NOT NULL,
            case_id bigint CONSTRAINT fk_signal_case_id REFERENCES city.case,
            confidence double precision CONSTRAINT ck_signal_confidence CHECK (confidence BETWEEN 0 AND 1),
            at timestamptz NOT NULL,
            CONSTRAINT pk_signal PRIMARY KEY (person_id, external_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_signal_case_id ON city.signal (case_id)")


def _notices() -> None:
    op.execute(
        """
        CREATE TABLE city.notice_address (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_notice_address PRIMARY KEY,
            person_id integer NOT NULL CONSTRAINT fk_notice_address_person_id REFERENCES city.person,
            channel text NOT NULL CONSTRAINT ck_notice_address_channel CHECK (channel IN ('sms', 'email')),
            sealed_with text NOT NULL,
            address bytea,
            language text NOT NULL CONSTRAINT ck_notice_address_language CHECK (language IN ('zh', 'en')),
            digest_minutes smallint CONSTRAINT ck_notice_address_digest CHECK (digest_minutes BETWEEN 0 AND 1440),
            CONSTRAINT uq_notice_address_person_id_channel UNIQUE (person_id, channel)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.message (
            id uuid CONSTRAINT pk_message PRIMARY KEY,
            contact_id bigint CONSTRAINT fk_message_contact_id REFERENCES city.contact,
            address_id integer CONSTRAINT fk_message_address_id REFERENCES city.notice_address,
            channel text NOT NULL CONSTRAINT ck_message_channel CHECK (channel IN ('sms', 'email')),
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            failed_at timestamptz,
            error text,
            CONSTRAINT ck_message_recipient CHECK (num_nonnulls(contact_id, address_id) = 1)
        )
        """
    )
    op.execute("CREATE INDEX ix_message_created_at ON city.message (created_at)")
    op.execute(
        """
        CREATE TABLE city.notice (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_notice PRIMARY KEY,
            key uuid NOT NULL,
            case_id bigint NOT NULL CONSTRAINT fk_notice_case_id REFERENCES city.case,
            event text NOT NULL,
            facts jsonb NOT NULL,
            contact_id bigint CONSTRAINT fk_notice_contact_id REFERENCES city.contact,
            address_id integer CONSTRAINT fk_notice_address_id REFERENCES city.notice_address,
            at timestamptz NOT NULL DEFAULT now(),
            due_at timestamptz NOT NULL,
            message_id uuid CONSTRAINT fk_notice_message_id REFERENCES city.message,
            CONSTRAINT ck_notice_recipient CHECK (num_nonnulls(contact_id, address_id) = 1),
            CONSTRAINT uq_notice_contact UNIQUE (key, contact_id),
            CONSTRAINT uq_notice_address UNIQUE (key, address_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_notice_message_id ON city.notice (message_id) WHERE message_id IS NOT NULL")
    op.execute("CREATE INDEX ix_notice_contact_waiting ON city.notice (contact_id, id) WHERE message_id IS NULL")
    op.execute("CREATE INDEX ix_notice_address_waiting ON city.notice (address_id, id) WHERE message_id IS NULL")
    op.execute("CREATE INDEX ix_person_department_code ON city.person (department_code, id)")
    op.execute(
        """
        CREATE TABLE city.due_told (
            case_id bigint NOT NULL CONSTRAINT fk_due_told_case_id REFERENCES city.case,
            event text NOT NULL CONSTRAINT ck_due_told_event CHECK (event IN ('due_soon', 'overdue')),
            due_at timestamptz NOT NULL,
            CONSTRAINT pk_due_told PRIMARY KEY (case_id, event, due_at)
        )
        """
    )
