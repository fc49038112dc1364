"""Alarms: rules of thresholds, what is watched by which, occurrences, who was told."""

from alembic import op

revision = "0031_alarms"
down_revision = "0030_hazard_sources"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.threshold_rule (
            key text CONSTRAINT pk_threshold_rule PRIMARY KEY
                CONSTRAINT ck_threshold_rule_key CHECK (key ~ '^[a-z0-9_.]{3,64}$'),
            name_zh text NOT NULL,
            name_en text NOT NULL,
            quantity text NOT NULL,
            place text NOT NULL,
            unit text NOT NULL,
            least double precision NOT NULL,
            most double precision NOT NULL,
            late_s integer NOT NULL DEFAULT 600 CONSTRAINT ck_threshold_rule_late CHECK (late_s BETWEEN 0 AND 86400),
            silence_s integer NOT NULL DEFAULT 1800
                CONSTRAINT ck_threshold_rule_silence CHECK (silence_s BETWEEN 0 AND 864000),
            levels jsonb NOT NULL,
            kind text NOT NULL,
            class_code text NOT NULL,
            version integer NOT NULL DEFAULT 1,
            shipped boolean NOT NULL DEFAULT true,
            changed_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE city.watch (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_watch PRIMARY KEY,
            datastream_id bigint NOT NULL CONSTRAINT fk_watch_datastream_id REFERENCES city.datastream (id),
            rule_key text NOT NULL CONSTRAINT fk_watch_rule_key REFERENCES city.threshold_rule (key),
            department_code text CONSTRAINT fk_watch_department_code REFERENCES city.department (code),
            numbered integer NOT NULL DEFAULT 0,
            active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT uq_watch_datastream_id_rule_key UNIQUE (datastream_id, rule_key)
        );
        CREATE INDEX ix_watch_rule_key ON city.watch (rule_key);
        CREATE TABLE city.watch_state (
            watch_id bigint CONSTRAINT pk_watch_state PRIMARY KEY
                CONSTRAINT fk_watch_state_watch_id REFERENCES city.watch (id),
            rule_version integer NOT NULL,
            state jsonb NOT NULL
        ) WITH (fillfactor = 50);
        CREATE TABLE city.alarm (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_alarm PRIMARY KEY,
            watch_id bigint NOT NULL CONSTRAINT fk_alarm_watch_id REFERENCES city.watch (id),
            datastream_id bigint NOT NULL CONSTRAINT fk_alarm_datastream_id REFERENCES city.datastream (id),
            rule_key text NOT NULL CONSTRAINT fk_alarm_rule_key REFERENCES city.threshold_rule (key),
            number integer NOT NULL,
            state text NOT NULL CONSTRAINT ck_alarm_state CHECK (state IN ('open', 'reset', 'withdrawn')),
            level text NOT NULL,
            rank integer NOT NULL,
            advice text CONSTRAINT ck_alarm_advice CHECK (advice IN ('slowed', 'closed')),
            raised_at timestamptz NOT NULL,
            reset_at timestamptz,
            told_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            peak double precision,
            kind text NOT NULL,
            class_code text NOT NULL,
            department_code text CONSTRAINT fk_alarm_department_code REFERENCES city.department (code),
            geom geometry(Point, 4490) NOT NULL,
            cell_code text,
            case_id bigint CONSTRAINT fk_alarm_case_id REFERENCES city.case (id),
            case_told bigint NOT NULL DEFAULT 0,
            no_case text,
            CONSTRAINT uq_alarm_watch_id_number UNIQUE (watch_id, number),
            CONSTRAINT ck_alarm_reset CHECK ((state = 'open') = (reset_at IS NULL) OR state = 'withdrawn')
        );
        CREATE UNIQUE INDEX uq_alarm_case_id ON city.alarm (case_id) WHERE case_id IS NOT NULL;
        CREATE INDEX ix_alarm_open ON city.alarm (rank, id) WHERE state = 'open';
        CREATE INDEX ix_alarm_datastream_id ON city.alarm (datastream_id, id);
        CREATE INDEX ix_alarm_raised_at ON city.alarm (raised_at, id);
        CREATE INDEX ix_alarm_geom ON city.alarm USING gist (geom) WHERE state = 'open';
        CREATE TABLE city.alarm_event (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_alarm_event PRIMARY KEY,
            alarm_id bigint NOT NULL CONSTRAINT fk_alarm_event_alarm_id REFERENCES city.alarm (id),
            at timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            action text NOT NULL CONSTRAINT ck_alarm_event_action CHECK (action IN (
                'raised', 'escalated', 'reset', 'amended', 'withdrawn', 'dismissed', 'case_opened', 'told',
                'acknowledged', 'passed_on')),
            level text,
            person_id integer CONSTRAINT fk_alarm_event_person_id REFERENCES city.person (id),
            facts jsonb
        );
        CREATE INDEX ix_alarm_event_alarm_id ON city.alarm_event (alarm_id, id);
        CREATE INDEX ix_alarm_event_recorded_at ON city.alarm_event USING brin (recorded_at);
        CREATE TABLE city.alarm_ladder (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_alarm_ladder PRIMARY KEY,
            rule_key text NOT NULL DEFAULT '',
            rank integer NOT NULL CONSTRAINT ck_alarm_ladder_rank CHECK (rank BETWEEN 1 AND 9),
            step integer NOT NULL CONSTRAINT ck_alarm_ladder_step CHECK (step BETWEEN 1 AND 9),
            who text NOT NULL CONSTRAINT ck_alarm_ladder_who CHECK (
                who IN ('department', 'acceptor', 'dispatcher', 'manager')),
            minutes integer NOT NULL CONSTRAINT ck_alarm_ladder_minutes CHECK (minutes BETWEEN 1 AND 1440),
            source text NOT NULL,
            CONSTRAINT uq_alarm_ladder_rule_key_rank_step UNIQUE (rule_key, rank, step)
        );
        CREATE TABLE city.alarm_notice (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_alarm_notice PRIMARY KEY,
            alarm_id bigint NOT NULL CONSTRAINT fk_alarm_notice_alarm_id REFERENCES city.alarm (id),
            rank integer NOT NULL,
            step integer NOT NULL,
            who text NOT NULL,
            made_at timestamptz NOT NULL,
            due_at timestamptz NOT NULL,
            told_at timestamptz,
            acknowledged_at timestamptz,
            acknowledged_by integer CONSTRAINT fk_alarm_notice_acknowledged_by REFERENCES city.person (id),
            overdue_at timestamptz,
            CONSTRAINT uq_alarm_notice_alarm_id_rank_step UNIQUE (alarm_id, rank, step)
        );
        CREATE INDEX ix_alarm_notice_waiting ON city.alarm_notice (due_at)
            WHERE acknowledged_at IS NULL AND overdue_at IS NULL;
        """
    )
    op.execute(
        "CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.alarm_event"
        " FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER history_table BEFORE TRUNCATE ON city.alarm_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change()"
    )
