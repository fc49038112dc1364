"""Applications for permits: what is asked for, whether it can be, and what the protection zones say to it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.geo import SRID
from webgis.metro import permit_rules
from webgis.metro.permit_rules import LONGEST_NAME, LONGEST_TEXT, PURPOSES, WORKS, bad_field

LONGEST_DAYS = 5 * 366
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 12, 31)
MOST_CORNERS = 5_000
LARGEST_M2 = 5e6
"""A work that covers more than 5 km2 is a wrong outline."""


@dataclass(frozen=True)
class Application:
    """What is applied for. `ground`: polygon or multipolygon in CGCS2000 degrees; `starts` to `ends`: days of the
    work, both included."""

    project: str
    applicant: str
    work: str
    purpose: str
    ground: Any
    starts: date
    ends: date
    contractor: str | None = None
    description: str | None = None


CHANGEABLE = ("project", "applicant", "contractor", "work", "purpose", "description", "starts", "ends")
"""What an application says besides its ground."""


_TOUCHED = text(
    """
    SELECT s.code AS structure, z.structure_kind, s.name_zh, s.name_en, z.kind, z.metres, z.approximate,
           round(ST_Distance(s.geom::geography, g.geom::geography)::numeric, 1)::float8 AS away_m,
           round(ST_Area(ST_Intersection(z.geom, g.geom)::geography)::numeric)::float8 AS m2,
           (SELECT l.department_code FROM city.metro_line l
            WHERE l.department_code IS NOT NULL AND (l.code = s.line_code OR EXISTS (
                SELECT FROM city.metro_stop p WHERE p.line_code = l.code AND p.structure_code = s.code))
            ORDER BY l.place, l.code LIMIT 1) AS operator
    FROM (SELECT ST_SetSRID(ST_GeomFromWKB(:wkb), 4490) AS geom) g
    JOIN city.metro_zone z ON ST_Intersects(z.geom, g.geom) AND z.valid && tstzrange(:since, :until)
    JOIN city.metro_structure s ON s.code = z.structure_code
    ORDER BY fn.metro_zone_turn(z.kind), 8, s.code
    """
)


def check(session: Session, ground: Any, purpose: str, starts: date, ends: date) -> list[dict[str, Any]]:
    """The protection zones that work on this ground touches on these days, the strictest first, and what each `allows`:
    "agreement" (of the operator) or "excluded". Distances are in metres, to the structure as it is known."""
    _check_days(starts, ends)
    since, until = _span(session, starts, ends)
    rows = session.execute(_TOUCHED, {"wkb": shapely.to_wkb(ground), "since": since, "until": until})
    return [dict(row._mapping) | {"allows": permit_rules.allowed(row.kind, purpose)} for row in rows]


def _check_days(starts: date, ends: date) -> None:
    if not EARLIEST <= starts <= LATEST:
        raise bad_field("starts", starts.isoformat(), f"a day from {EARLIEST} to {LATEST}")
    if not 0 <= (ends - starts).days <= LONGEST_DAYS:
        raise bad_field("ends", ends.isoformat(), "the first day or a later one, at most five years after it")


def _span(session: Session, starts: date, ends: date) -> tuple[datetime, datetime]:
    zone = session.info["settings"].zone
    first = datetime.combine(starts, datetime.min.time(), zone)
    return first, datetime.combine(ends + timedelta(days=1), datetime.min.time(), zone)


def day_of(session: Session, at: datetime) -> date:
    """The day that it is in the city at a moment."""
    return at.astimezone(session.info["settings"].zone).date()


_CELL = text("SELECT (fn.cell_at(ST_PointOnSurface(ST_SetSRID(ST_GeomFromWKB(:wkb), 4490)), :at)).code")


def values_of(session: Session, actor: Actor, asked: Application, at: datetime) -> dict[str, Any]:
    """What is kept of an application, once every field is right and its ground is of the person's area."""
    place = _checked(session, asked, at)
    cell = session.scalar(_CELL, {"wkb": shapely.to_wkb(place), "at": at})
    permissions.require_area(actor, [cell or ""])
    zones = check(session, place, asked.purpose, asked.starts, asked.ends)
    return {name: getattr(asked, name) for name in CHANGEABLE} | {
        "project": asked.project.strip(),
        "applicant": asked.applicant.strip(),
        "geom": from_shape(place, srid=SRID),
        "cell_code": cell,
        "operator_code": next((zone["operator"] for zone in zones if zone["operator"]), None),
        "checked": zones,
    }


def _checked(session: Session, asked: Application, at: datetime) -> Any:
    """The ground of an application as a multipolygon, once every field is right."""
    for field, longest in (("project", LONGEST_NAME), ("applicant", LONGEST_NAME), ("contractor", LONGEST_NAME),
                           ("description", LONGEST_TEXT)):  # fmt: skip
        said = getattr(asked, field)
        needed = field in ("project", "applicant")
        if (needed and not (said or "").strip()) or len(said or "") > longest:
            raise bad_field(field, said and said[:50], f"{'1' if needed else '0'} to {longest} characters")
    for field, known in (("work", WORKS), ("purpose", PURPOSES)):
        if getattr(asked, field) not in known:
            raise bad_field(field, getattr(asked, field), list(known))
    _check_days(asked.starts, asked.ends)
    if asked.ends < day_of(session, at):
        raise bad_field("ends", asked.ends.isoformat(), "a day from today on")
    return ground(asked.ground)


def ground(given: Any) -> Any:
    """The ground of a work as a multipolygon, or `Invalid` for what is none."""
    if fault := geo.fault(given, ("Polygon", "MultiPolygon"), MOST_CORNERS):
        raise bad_field("ground", *fault)
    made = shapely.multipolygons(shapely.get_parts(shapely.force_2d(given)))
    west, south, east, north = made.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise bad_field("ground", [west, south], "degrees")
    m2 = shapely.area(made) * geo.area_of_degrees(made.centroid.y)
    if m2 > LARGEST_M2:
        raise bad_field("ground", f"about {m2 / 1e6:.1f} km2", f"at most {LARGEST_M2 / 1e6:g} km2")
    return made
