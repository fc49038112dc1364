"""Counts by cell lie in the order of their bins, so that a view reads a few ranges and not every cell of it."""

from alembic import op

revision = "0022_counts_by_bin"
down_revision = "0021_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.cell_count_by_bin (
            bin bigint NOT NULL,
            cell_id bigint NOT NULL,
            start date NOT NULL,
            reported integer NOT NULL,
            open integer NOT NULL,
            closed integer NOT NULL,
            on_time integer NOT NULL,
            kind text NOT NULL,
            class_code text NOT NULL
        ) WITH (fillfactor = 90);
        INSERT INTO city.cell_count_by_bin (bin, cell_id, start, reported, open, closed, on_time, kind, class_code)
        SELECT d.bin, d.cell_id, d.start, sum(d.reported), sum(d.open), sum(d.closed), sum(d.on_time),
               coalesce(d.kind, ''), coalesce(d.class_code, '')
        FROM (SELECT d.*, date_trunc('year', d.day::timestamp)::date AS start FROM city.day_count d) d
        GROUP BY d.bin, d.cell_id, d.start, GROUPING SETS ((), (d.kind), (d.kind, d.class_code))
        HAVING sum(d.reported) <> 0 OR sum(d.open) <> 0 OR sum(d.closed) <> 0 OR sum(d.on_time) <> 0
        ORDER BY 8, 9, 3, 1, 2;
        DROP TABLE city.cell_count;
        ALTER TABLE city.cell_count_by_bin RENAME TO cell_count;
        ALTER TABLE city.cell_count
            ADD CONSTRAINT pk_cell_count PRIMARY KEY (kind, class_code, start, bin, cell_id);
        CREATE INDEX ix_day_count_day_bin ON city.day_count (day, bin);
        DROP INDEX city.ix_day_count_cell_id_day;
        """
    )
