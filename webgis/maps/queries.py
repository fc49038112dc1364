"""What maps ask: first view, boundaries, cells of a view, cases as points, the days of works. Reads only.

Boxes are (west, south, east, north) in CGCS2000 degrees, which a web map may take as WGS 84 (they differ by less than
a metre). Every question about cases passes `cases.queries.visible`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from geoalchemy2 import Geometry
from sqlalchemy import Row, Select, func, literal, null, or_, select, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import listing
from webgis.cases import queries as cases
from webgis.cases.models import Case
from webgis.errors import Invalid
from webgis.geo import SRID, Box
from webgis.grid.models import CELL_CODE_LENGTH, CODE_LENGTHS, Area, Cell

LEVELS = ("county", "subdistrict", "community")
DETAILS = {"far": 0.0004, "middle": 0.00005, "near": 0.00001}
"""Degrees to which boundaries are simplified, alike for all levels: about a pixel at the zooms each is drawn at."""

MOST_CELLS = 3000
"""Cells in one answer: a large screen at zoom 16 shows about 900 of 100 m."""

NEWEST, MOST_COUNTED = 50, 10000
"""Of a selection: so many of the newest are told, and so far it is counted."""

MOST_FOUND = 8

CHINA: Box = (73.0, 17.5, 135.5, 54.0)
"""The first view of a database without areas."""

_AREAS = text("SELECT fn.areas_geojson(:level, :west, :south, :east, :north, :tolerance)")
_CELLS = text("SELECT fn.cells_geojson(:west, :south, :east, :north, :most)")


def areas_geojson(session: Session, level: str, box: Box, detail: str = "far") -> str:
    """Areas of a level that touch the box, as GeoJSON text: code, level, name_zh, name_en, label."""
    _one_of("level", level, LEVELS)
    _one_of("detail", detail, DETAILS)
    return session.scalar(_AREAS, _named(box) | {"level": level, "tolerance": DETAILS[detail]})


def area_names(session: Session, level: str, box: Box) -> Sequence[Row]:
    """Names of the areas of a level that touch the box, each with a place inside for it: code, names, lon, lat."""
    _one_of("level", level, LEVELS)
    inside = func.ST_PointOnSurface(Area.geom)
    place = (func.ST_X(inside).label("lon"), func.ST_Y(inside).label("lat"))
    named = select(Area.code, Area.name_zh, Area.name_en, *place)
    touching = Area.geom.op("&&")(func.ST_MakeEnvelope(*box, SRID, type_=Geometry))
    return session.execute(named.where(Area.level == level, touching).order_by(Area.code)).all()


def _one_of(field: str, got: str, known: Iterable[str]) -> None:
    if got not in known:
        accepted = " or ".join(known)
        raise Invalid("maps.bad-field", f"{field}: {accepted}", field=field, got=got, accepted=accepted)


def cells_geojson(session: Session, box: Box, most: int = MOST_CELLS) -> str:
    """Cells valid now that touch the box, as GeoJSON text: code, area_zh, area_en; at most `most`, see `truncated`."""
    return session.scalar(_CELLS, _named(box) | {"most": most})


class Inside(NamedTuple):
    """The newest cases of a selection, how many there are, and whether there are more than were counted."""

    rows: Sequence[Row]
    count: int
    more: bool


def cases_inside(session: Session, actor: Actor, filters: listing.Filters, newest: int = NEWEST) -> Inside:
    """Cases that this person may see, by filters and a drawn polygon or box: the newest, and how many."""
    page = listing.list_cases(session, actor, filters, limit=newest)
    count = len(page.rows)
    if page.next:
        count = listing.count_cases(session, actor, filters, MOST_COUNTED + 1)
    return Inside(page.rows, min(count, MOST_COUNTED), count > MOST_COUNTED)


_CASE_VERSION = text("SELECT fn.case_version()")
_LIVE_VERSION = text("SELECT fn.layer_version('{alarms,sensors,emergency}', true)")


def case_version(session: Session) -> int:
    """A number that is another one after every change that maps and figures show of cases."""
    return session.scalar(_CASE_VERSION)


def live_version(session: Session) -> str:
    """A text that is another one after every change of what maps keep fresh."""
    return session.scalar(_LIVE_VERSION)


class Found(NamedTuple):
    """Something that was searched for: `kind` is case, cell or an area's level; a box to look at, in degrees."""

    kind: str
    code: str
    name_zh: str | None
    name_en: str | None
    box: Box


def find(session: Session, actor: Actor, words: str) -> list[Found]:
    """A case by its number (as far as this person may see it), cells and areas by code, areas by name."""
    if words.isdigit():
        return _case_found(session, actor, words) + _cells_found(session, words) + _areas_found(session, words)
    part = f"%{db.like(words)}%"
    named = select(*_FOUND_AREA).where(or_(Area.name_zh.ilike(part), Area.name_en.ilike(part)))
    return _found(session, named.order_by(func.length(Area.code), Area.code).limit(MOST_FOUND))


def _case_found(session: Session, actor: Actor, number: str) -> list[Found]:
    place = select(literal("case"), Case.number, null(), null(), *_box_of(Case.geom))
    return _found(session, place.where(Case.number == number, cases.visible(actor)))


def _cells_found(session: Session, code: str) -> list[Found]:
    if not CODE_LENGTHS["community"] < len(code) <= CELL_CODE_LENGTH:
        return []
    cells = select(literal("cell"), Cell.code, null(), null(), *_box_of(Cell.geom))
    now = func.upper_inf(Cell.valid)
    return _found(session, cells.where(Cell.code.startswith(code), now).order_by(Cell.code).limit(MOST_FOUND))


def _areas_found(session: Session, code: str) -> list[Found]:
    if len(code) > CODE_LENGTHS["community"]:
        return []
    areas = select(*_FOUND_AREA).where(Area.code.startswith(code))
    return _found(session, areas.order_by(func.length(Area.code), Area.code).limit(MOST_FOUND))


def _found(session: Session, statement: Select) -> list[Found]:
    return [Found(*row[:4], _box(row[4:])) for row in session.execute(statement)]


def _box_of(geometry: Any) -> tuple[Any, ...]:
    return tuple(side(geometry) for side in (func.ST_XMin, func.ST_YMin, func.ST_XMax, func.ST_YMax))


_FOUND_AREA = (Area.level, Area.code, Area.name_zh, Area.name_en, *_box_of(Area.geom))


def extent(session: Session, area: str | None = None) -> Box:
    """The box of an area, or of all: a map's first view. All of China when there are none."""
    if area and (box := _box(session.execute(_extent_of(Area.geom).where(Area.code == area)).one())):
        return box
    return _box(session.execute(_extent_of(Area.geom)).one()) or CHINA


_WORKS_GROUND = text(
    "SELECT ST_XMin(n.box), ST_YMin(n.box), ST_XMax(n.box), ST_YMax(n.box)"
    " FROM (SELECT ST_Expand(ST_Extent(z.geom), :around) AS box FROM city.construction_zone z"
    " WHERE upper_inf(z.recorded) AND z.valid && tstzrange(now(), NULL)) n WHERE n.box IS NOT NULL"
)
_WORKS_DAYS = text(
    "SELECT min(first_day) AS first, max(coalesce(last_day, first_day)) AS last FROM city.construction_zone"
    " WHERE upper_inf(recorded)"
)
AROUND_WORKS_DEG = 0.005
"""Some 500 m: what is seen around the outermost works."""


def works_extent(session: Session) -> Box | None:
    """The box of the works that are there now or ahead, with some ground around them; None without any."""
    found = session.execute(_WORKS_GROUND, {"around": AROUND_WORKS_DEG}).one_or_none()
    return found and _box(found)


def works_days(session: Session) -> dict[str, str] | None:
    """The first and last day of all works that are known, for the bar of days; None without any."""
    found = session.execute(_WORKS_DAYS).one()
    return found.first and {"first_day": found.first.isoformat(), "last_day": found.last.isoformat()}


def _extent_of(geometry: Any):
    return select(*_box_of(func.ST_Extent(geometry)))


def _box(row: Sequence[float | None]) -> Box | None:
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


def _named(box: Box) -> dict[str, float]:
    return dict(zip(("west", "south", "east", "north"), box, strict=True))
