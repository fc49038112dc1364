"""What is given of hazard sources, checked for many at once: kinds, departments, outlines, places, units, stations.

Each check looks at those that none before has refused, so the refusal of a source is the first of its own, whichever
others come with it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.errors import WebgisError
from webgis.geo import SRID
from webgis.grid import queries as grid
from webgis.hazards import grading, source_queries
from webgis.hazards.source_rules import bad_field, checked_credit_code
from webgis.hazards.source_wire import SourceGiven, outline, shape_of

FARTHEST = 20
"""Of so many places outside the city the nearest cell is told: far away finding it takes a third of a second."""


@dataclass
class One:
    """A source that is to be put: its code and what is given of it. Then what was found: its id and version (None: it
    is new), its outline as given and as stored (hexadecimal EWKB), its place; why it is refused, if it is; how many new
    grades it has, and whether other persons are in charge."""

    code: str
    given: SourceGiven
    id: int | None = None
    version: int | None = None
    shape: Any = None
    geom: str = ""
    place: Any = None
    refusal: WebgisError | None = None
    grades: int = 0
    persons: bool = False

    def columns(self) -> dict[str, Any]:
        """The columns of the source."""
        given = self.given
        return {
            "code": self.code,
            "kind": given.kind,
            "name_zh": given.name_zh,
            "name_en": given.name_en,
            "holder": given.holder,
            "credit_code": checked_credit_code(given.credit_code),
            "geom": self.geom,
            "cell_id": self.place.cell_id,
            "area_code": self.place.community_code,
            "department_code": given.department,
            "people_entered": given.people,
            "remark": given.remark,
            "source": given.source,
            "active": given.state == "active",
        }


def good(ones: Iterable[One]) -> list[One]:
    """Those that are not refused."""
    return [one for one in ones if one.refusal is None]


def each(ones: Iterable[One], check: Callable[[One], None]) -> None:
    """Look at those that are not refused; what is raised is why one is."""
    for one in good(ones):
        try:
            check(one)
        except WebgisError as error:
            one.refusal = error


def check_fields(session: Session, ones: Sequence[One], farthest: int = FARTHEST) -> None:
    """Kind, department, outline and place, credit code."""
    kinds = source_queries.kinds(session)
    departments = accounts.departments_among(session, [one.given.department for one in ones])

    def named(one: One) -> None:
        if one.given.kind not in kinds:
            raise bad_field("kind", one.given.kind, list(kinds))
        if one.given.department is not None and one.given.department not in departments:
            accounts.require_department(session, one.given.department)
        one.shape = shape_of(one.given)

    each(ones, named)
    _outline(session, ones)
    _place(session, ones, farthest)
    each(ones, lambda one: checked_credit_code(one.given.credit_code))


def _outline(session: Session, ones: Sequence[One]) -> None:
    """The outlines; circles in the metres of the cell in which they are, of the city outside the grid."""
    points = [one for one in good(ones) if one.shape.geom_type == "Point"]
    cells = grid.cell_codes_at(session, [(one.shape.x, one.shape.y) for one in points])
    srids = dict(zip(map(id, points), grading.srids(session, cells), strict=True))

    def outlined(one: One) -> None:
        one.shape = outline(one.shape, one.given.radius_m, srids.get(id(one)))
        one.geom = shapely.to_wkb(shapely.set_srid(one.shape, SRID), hex=True, include_srid=True)

    each(ones, outlined)


_PLACES = text(
    """
    WITH p AS MATERIALIZED (
        SELECT n.turn, ST_PointOnSurface(CAST(n.geom AS geometry)) AS place
        FROM unnest(CAST(:geoms AS text[])) WITH ORDINALITY n (geom, turn)
    )
    SELECT c.id AS cell_id, c.community_code, ST_X(p.place) AS lon, ST_Y(p.place) AS lat,
           EXISTS (SELECT 1 FROM city.area a WHERE ST_Intersects(a.geom, p.place)) AS in_city
    FROM p CROSS JOIN LATERAL fn.cell_at(p.place) c ORDER BY p.turn
    """
)


def _place(session: Session, ones: Sequence[One], farthest: int) -> None:
    """The cell in which a point of each lies; who lies outside the city is refused."""
    placed = good(ones)
    for one, place in zip(placed, session.execute(_PLACES, {"geoms": [one.geom for one in placed]}), strict=True):
        one.place = place
    outside = [one for one in placed if not one.place.in_city]
    for turn, one in enumerate(outside):
        near = grid.nearest_cell(session, one.place.lon, one.place.lat) if turn < farthest else None
        facts = {} if near is None else {"nearest": near[0].code, "distance_m": round(near[1], 1)}
        where = [one.place.lon, one.place.lat]
        one.refusal = bad_field("geometry", where, "an outline inside the city", **facts)


def check_units(one: One) -> None:
    """Units of different names, whose stocks can be graded."""
    names = [unit.name for unit in one.given.units]
    if len(set(names)) < len(names):
        raise bad_field("units", names, "units of different names")
    for unit in one.given.units:
        grading.check(unit.name, [stock.stock() for stock in unit.stocks])


_STATIONS = text("SELECT code FROM city.station WHERE code = ANY(:codes)")


def check_stations(session: Session, ones: Sequence[One]) -> None:
    """Stations that are registered."""
    asked = sorted({code for one in good(ones) for code in one.given.stations})
    known = set(session.scalars(_STATIONS, {"codes": asked})) if asked else set()

    def registered(one: One) -> None:
        if missing := sorted(set(one.given.stations) - known):
            raise bad_field("stations", missing, "codes of stations that are registered")

    each(ones, registered)
