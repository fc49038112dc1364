"""Counts of cases by place, class and time, and the log of changes from which they are folded.

Every case that is there is written to the log: counts are right at once, and the first fold makes sums of it.
"""

from alembic import op

revision = "0016_rollups"
down_revision = "0015_event_digest"
branch_labels = None
depends_on = None

MEASURES = """
        reported integer NOT NULL,
        open integer NOT NULL,
        closed integer NOT NULL,
        on_time integer NOT NULL
"""


def upgrade() -> None:
    op.execute(
        f"""
        CREATE TABLE city.case_change (
            id bigint GENERATED ALWAYS AS IDENTITY,
            day date NOT NULL,
            bin bigint NOT NULL,
            cell_id bigint NOT NULL,
            area bigint NOT NULL,
            kind text NOT NULL,
            class_code text NOT NULL, {MEASURES},
            CONSTRAINT pk_case_change PRIMARY KEY (id)
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
        CREATE TABLE city.day_count (
            day date NOT NULL, {MEASURES},
            bin bigint NOT NULL,
            cell_id bigint NOT NULL,
            area bigint NOT NULL,
            kind text NOT NULL,
            class_code text NOT NULL,
            CONSTRAINT pk_day_count PRIMARY KEY (day, kind, class_code, bin, cell_id)
        ) WITH (fillfactor = 90);
        CREATE INDEX ix_day_count_cell_id_day ON city.day_count (cell_id, day);
        CREATE TABLE city.bin_count (
            bin bigint NOT NULL,
            area bigint NOT NULL,
            start date NOT NULL, {MEASURES},
            level smallint NOT NULL,
            grain smallint NOT NULL,
            kind text NOT NULL,
            class_code text NOT NULL,
            CONSTRAINT pk_bin_count PRIMARY KEY (level, kind, class_code, grain, start, bin, area)
        ) WITH (fillfactor = 90);
        CREATE TABLE city.cell_count (
            cell_id bigint NOT NULL,
            start date NOT NULL, {MEASURES},
            kind text NOT NULL,
            class_code text NOT NULL,
            CONSTRAINT pk_cell_count PRIMARY KEY (cell_id, kind, class_code, start)
        ) WITH (fillfactor = 90);
        CREATE TABLE city.rollup (
            one boolean NOT NULL DEFAULT true,
            folded bigint NOT NULL,
            folded_at timestamptz NOT NULL,
            CONSTRAINT pk_rollup PRIMARY KEY (one),
            CONSTRAINT ck_rollup_one CHECK (one)
        );
        INSERT INTO city.rollup (folded, folded_at) VALUES (0, now());
        """
    )
    op.execute(
        """
        CREATE FUNCTION city.spread_then(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            value := (value | (value << 8)) & 16711935;
            value := (value | (value << 4)) & 252645135;
            value := (value | (value << 2)) & 858993459;
            RETURN (value | (value << 1)) & 1431655765;
        END $$;
        INSERT INTO city.case_change (day, bin, cell_id, area, kind, class_code, reported, open, closed, on_time)
        SELECT to_date(substr(c.number, 7, 8), 'YYYYMMDD'),
               city.spread_then(floor((ST_X(c.geom) + 180) / 360 * 65536)::bigint & 65535)
               | (city.spread_then(floor((1 - asinh(tan(radians(ST_Y(c.geom)))) / pi()) / 2 * 65536)::bigint) << 1),
               c.cell_id, left(c.cell_code, 12)::bigint, c.kind, c.class_code, 1, (c.outcome IS NULL)::integer,
               (c.outcome IS NOT DISTINCT FROM 'closed')::integer,
               (c.outcome IS NOT DISTINCT FROM 'closed'
                AND coalesce(c.resolved_at <= c.deadline_at, c.deadline_at IS NULL))::integer
        FROM city.case c;
        DROP FUNCTION city.spread_then(bigint);
        """
    )
