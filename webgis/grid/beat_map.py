"""What the map of beats asks: the cells or the beats in view, and the ground of some cells. Reads only."""

from collections.abc import Sequence

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.geo import Box

_CELLS_IN = text(
    """
    SELECT c.code, ST_AsGeoJSON(c.geom, 6, 0)::jsonb AS geometry,
           ARRAY(SELECT b.code FROM city.beat_cell k JOIN city.beat b ON b.id = k.beat_id
                 WHERE k.cell_code = c.code AND upper_inf(b.valid) ORDER BY b.code) AS beats
    FROM city.cell c
    WHERE upper_inf(c.valid) AND c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    LIMIT :most
    """
)


def cells_in(session: Session, box: Box, most: int) -> Sequence[Row]:
    """Valid cells that touch a box of degrees (west, south, east, north), at most so many: code, geometry, and the
    beats that have them now."""
    return session.execute(_CELLS_IN, _within(box, most)).all()


_OUTLINES_IN = text(
    """
    SELECT b.code, ST_AsGeoJSON(ST_Simplify(b.geom, 0.0001, true), 5, 0)::jsonb AS geometry FROM city.beat b
    WHERE upper_inf(b.valid) AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490) LIMIT :most
    """
)


def outlines_in(session: Session, box: Box, most: int) -> Sequence[Row]:
    """Beats of now that touch a box of degrees, at most so many: code and simplified geometry."""
    return session.execute(_OUTLINES_IN, _within(box, most)).all()


def _within(box: Box, most: int) -> dict[str, float]:
    return dict(zip(("west", "south", "east", "north"), box, strict=True)) | {"most": most}


_GROUND_OF = text(
    "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT ST_Extent(c.geom) AS e FROM city.cell c"
    " WHERE upper_inf(c.valid) AND c.code = ANY(CAST(:codes AS text[]))) AS one"
)


def ground_of(session: Session, codes: Sequence[str]) -> Box | None:
    """The box of degrees that holds these cells, None when none of them is valid."""
    found = session.execute(_GROUND_OF, {"codes": list(codes)}).one()
    return None if found[0] is None else tuple(found)
