"""Counts by cell are kept by month too, and those of a day lie in the order of their bins."""

from alembic import op

revision = "0025_counts_by_month"
down_revision = "0024_shifts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.cell_count ADD COLUMN grain smallint NOT NULL DEFAULT 1;
        ALTER TABLE city.cell_count ALTER COLUMN grain DROP DEFAULT;
        ALTER TABLE city.cell_count DROP CONSTRAINT pk_cell_count;
        INSERT INTO city.cell_count (bin, cell_id, start, grain, reported, open, closed, on_time, kind, class_code)
        SELECT d.bin, d.cell_id, d.start, 12, sum(d.reported), sum(d.open), sum(d.closed), sum(d.on_time),
               coalesce(d.kind, ''), ''
        FROM (SELECT d.*, date_trunc('month', d.day::timestamp)::date AS start FROM city.day_count d) d
        GROUP BY d.bin, d.cell_id, d.start, GROUPING SETS ((), (d.kind))
        HAVING sum(d.reported) <> 0 OR sum(d.open) <> 0 OR sum(d.closed) <> 0 OR sum(d.on_time) <> 0
        ORDER BY 9, 3, 1, 2;
        ALTER TABLE city.cell_count
            ADD CONSTRAINT pk_cell_count PRIMARY KEY (kind, class_code, grain, start, bin, cell_id);
        DROP INDEX city.ix_day_count_day_bin;
        ALTER TABLE city.day_count DROP CONSTRAINT pk_day_count;
        ALTER TABLE city.day_count ADD CONSTRAINT pk_day_count PRIMARY KEY (day, bin, cell_id, kind, class_code);
        CREATE INDEX ix_day_count_class ON city.day_count (day, kind, class_code, bin);
        """
    )
