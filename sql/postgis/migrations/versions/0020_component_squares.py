"""In which square of the map a component is counted, so that tiles of a whole city need not look at each."""

from alembic import op

revision = "0020_component_squares"
down_revision = "0018_hotspots"
branch_labels = None
depends_on = None

_PLACE = """CASE GeometryType(geom) WHEN 'POINT' THEN geom WHEN 'LINESTRING' THEN ST_LineInterpolatePoint(geom, 0.5)
            ELSE ST_PointOnSurface(geom) END"""


def upgrade() -> None:
    op.execute(
        f"""
        ALTER TABLE city.component
            ADD COLUMN square_x integer NOT NULL
                GENERATED ALWAYS AS (floor((ST_X({_PLACE}) + 180) / 360 * 524288)::integer) STORED,
            ADD COLUMN square_y integer NOT NULL
                GENERATED ALWAYS AS (floor((1 - asinh(tan(radians(
                    least(greatest(ST_Y({_PLACE}), -85.05), 85.05)))) / pi()) / 2 * 524288)::integer) STORED
        """
    )
    op.execute("CREATE INDEX ix_component_square ON city.component (square_x, square_y) INCLUDE (state, class_code)")
