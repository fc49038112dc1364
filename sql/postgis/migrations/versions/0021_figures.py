"""Counts of what was reported, filed, reopened and closed by day, area, class, department and source, and their log.

Every case that is there is written to the log: figures are right at once, and the first fold makes sums of them. Days
of closing are those of the city's time zone that the connection names (`webgis.zone`).
"""

from alembic import op

revision = "0021_figures"
down_revision = "0020_component_squares"
branch_labels = None
depends_on = None

KEY = """
        area bigint NOT NULL,
        kind text NOT NULL,
        class_code text NOT NULL,
        department text NOT NULL,
        source text NOT NULL
"""
MEASURES = """
        reported integer NOT NULL,
        filed integer NOT NULL,
        reopened integer NOT NULL,
        closed integer NOT NULL,
        on_time integer NOT NULL
"""


def upgrade() -> None:
    op.execute(
        f"""
        CREATE TABLE city.figure_change (
            id bigint GENERATED ALWAYS AS IDENTITY,
            day date NOT NULL, {KEY}, {MEASURES},
            CONSTRAINT pk_figure_change PRIMARY KEY (id)
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
        CREATE TABLE city.figure_count (
            start date NOT NULL, {MEASURES},
            dims smallint NOT NULL,
            grain smallint NOT NULL, {KEY},
            CONSTRAINT pk_figure_count PRIMARY KEY (dims, grain, start, area, kind, class_code, department, source)
        ) WITH (fillfactor = 90);
        CREATE INDEX ix_case_closed_at ON city.case (closed_at) WHERE outcome = 'closed';
        """
    )
    op.execute(
        """
        INSERT INTO city.figure_change (day, area, kind, class_code, department, source, reported, filed, reopened,
                                        closed, on_time)
        SELECT to_date(substr(c.number, 7, 8), 'YYYYMMDD'), left(c.cell_code, 12)::bigint, c.kind, c.class_code,
               coalesce(c.department_code, ''), c.source, 1, (c.condition_id IS NOT NULL)::integer,
               ('reopened' = ANY(c.flags))::integer, 0, 0
        FROM city.case c
        UNION ALL
        SELECT (c.closed_at AT TIME ZONE
                    coalesce(nullif(current_setting('webgis.zone', true), ''), 'Asia/Shanghai'))::date,
               left(c.cell_code, 12)::bigint, c.kind, c.class_code, coalesce(c.department_code, ''), c.source, 0, 0, 0,
               1, coalesce(c.resolved_at <= c.deadline_at, c.deadline_at IS NULL)::integer
        FROM city.case c WHERE c.outcome = 'closed'
        """
    )
