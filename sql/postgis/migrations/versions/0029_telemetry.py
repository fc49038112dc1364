"""Stations, their datastreams and what they tell: an inbox, readings by month, counts, and silences."""

from alembic import op

revision = "0029_telemetry"
down_revision = "0028_claims_told_and_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_STATIONS)
    op.execute(_READINGS)
    op.execute(_MONTHS)


_STATIONS = """
    CREATE TABLE city.station (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_station PRIMARY KEY,
        code text NOT NULL CONSTRAINT uq_station_code UNIQUE
            CONSTRAINT ck_station_code CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
        name_zh text NOT NULL,
        name_en text,
        place text NOT NULL,
        geom geometry(Point, 4490) NOT NULL,
        cell_code text CONSTRAINT ck_station_cell_code CHECK (cell_code ~ '^[0-9]{15}$'),
        department_code varchar CONSTRAINT fk_station_department_code REFERENCES city.department,
        illustrative boolean NOT NULL DEFAULT false,
        active boolean NOT NULL DEFAULT true,
        made_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ix_station_geom ON city.station USING gist (geom);
    CREATE INDEX ix_station_cell_code ON city.station (cell_code text_pattern_ops);
    CREATE INDEX ix_station_department_code ON city.station (department_code);

    CREATE TABLE city.datastream (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_datastream PRIMARY KEY,
        code text NOT NULL CONSTRAINT uq_datastream_code UNIQUE
            CONSTRAINT ck_datastream_code CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
        station_id bigint NOT NULL CONSTRAINT fk_datastream_station_id REFERENCES city.station,
        quantity text NOT NULL,
        unit text NOT NULL,
        least double precision NOT NULL,
        most double precision NOT NULL,
        interval_s integer NOT NULL CONSTRAINT ck_datastream_interval_s CHECK (interval_s BETWEEN 1 AND 86400),
        active boolean NOT NULL DEFAULT true,
        made_at timestamptz NOT NULL DEFAULT now(),
        last_at timestamptz,
        last_value double precision,
        heard_at timestamptz,
        silent_since timestamptz,
        CONSTRAINT ck_datastream_range CHECK (least < most)
    ) WITH (fillfactor = 50);
    CREATE INDEX ix_datastream_station_id ON city.datastream (station_id);

    CREATE TABLE city.datastream_silence (
        datastream_id bigint NOT NULL CONSTRAINT fk_datastream_silence_datastream_id REFERENCES city.datastream,
        since timestamptz NOT NULL,
        noticed_at timestamptz NOT NULL,
        until timestamptz,
        CONSTRAINT pk_datastream_silence PRIMARY KEY (datastream_id, since)
    );
    CREATE INDEX ix_datastream_silence_now ON city.datastream_silence (datastream_id) WHERE until IS NULL;
"""

_READINGS = """
    CREATE TABLE city.reading (
        datastream_id bigint NOT NULL,
        at timestamptz NOT NULL,
        value double precision NOT NULL,
        arrived_at timestamptz NOT NULL,
        CONSTRAINT pk_reading PRIMARY KEY (datastream_id, at) INCLUDE (value)
    ) PARTITION BY RANGE (at);
    CREATE INDEX ix_reading_at ON city.reading USING brin (at);

    CREATE TABLE city.reading_inbox (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_reading_inbox PRIMARY KEY,
        arrived_at timestamptz NOT NULL DEFAULT now(),
        source text NOT NULL CONSTRAINT ck_reading_inbox_source CHECK (source IN ('http', 'mqtt', 'own')),
        datastreams bigint[] NOT NULL,
        moments timestamptz[] NOT NULL,
        vals double precision[] NOT NULL,
        error text,
        CONSTRAINT ck_reading_inbox_lengths
            CHECK (cardinality(moments) = cardinality(datastreams) AND cardinality(vals) = cardinality(datastreams))
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

    CREATE TABLE city.reading_count (
        datastream_id bigint NOT NULL,
        day date NOT NULL,
        taken bigint NOT NULL DEFAULT 0,
        reordered bigint NOT NULL DEFAULT 0,
        late bigint NOT NULL DEFAULT 0,
        doubled bigint NOT NULL DEFAULT 0,
        contradicted bigint NOT NULL DEFAULT 0,
        impossible bigint NOT NULL DEFAULT 0,
        ahead bigint NOT NULL DEFAULT 0,
        too_old bigint NOT NULL DEFAULT 0,
        unknown bigint NOT NULL DEFAULT 0,
        CONSTRAINT pk_reading_count PRIMARY KEY (datastream_id, day)
    ) WITH (fillfactor = 50);
"""

_MONTHS = """
    DO $$
    DECLARE month timestamp;
    BEGIN
        FOR offset_months IN -1..2 LOOP
            month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months);
            EXECUTE format(
                'CREATE TABLE city.reading_%s PARTITION OF city.reading FOR VALUES FROM (%L) TO (%L)'
                ' WITH (autovacuum_vacuum_insert_scale_factor = 0.02)',
                to_char(month, 'YYYYMM'), month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
            );
        END LOOP;
    END $$
"""
