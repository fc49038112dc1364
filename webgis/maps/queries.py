"""What maps ask: first view, boundaries, cells of a view, cases as points. Reads only.

Boxes are (west, south, east, north) in CGCS2000 degrees, which a web map may take as WGS 84 (they differ by less than
a metre). Every question about cases passes `cases.queries.visible`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Label, Row, Select, func, select, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.cases.models import Case
from webgis.catalog.models import CaseClass
from webgis.errors import Invalid
from webgis.geo import Box
from webgis.grid.models import Area, Cell

LEVELS = ("county", "subdistrict", "community")
DETAILS = {"far": 0.0004, "middle": 0.00005, "near": 0.00001}
"""Degrees to which boundaries are simplified, alike for all levels: about a pixel at the zooms each is drawn at."""

MOST_CELLS = 3000
"""Cells in one answer: a large screen at zoom 16 shows about 900 of 100 m."""

MOST_CASES = 5000
"""Cases in one answer; beyond it the newest are sent and the map asks again by view."""

SHORT_TEXT = 160

CHINA: Box = (73.0, 17.5, 135.5, 54.0)
"""The first view of a database without areas."""

_AREAS = text("SELECT fn.areas_geojson(:level, :west, :south, :east, :north, :tolerance)")
_CELLS = text("SELECT fn.cells_geojson(:west, :south, :east, :north, :most)")


_SAME_CLASS = (
    (CaseClass.standard == Case.standard) & (CaseClass.kind == Case.kind) & (CaseClass.code == Case.class_code)
)


_CASE = (
    Case.number,
    Case.state,
    Case.kind,
    Case.class_code,
    CaseClass.name_zh.label("class_zh"),
    CaseClass.name_en.label("class_en"),
    Case.reported_at,
    Case.dispatched_at,
    Case.deadline_at,
    Case.resolved_at,
    Case.closed_at,
    Case.paused_at,
)
"""What every sign on a map needs of its case."""


class Cases(NamedTuple):
    """Rows for the map, newest first, and whether there are more than were asked for."""

    rows: Sequence[Row]
    truncated: bool


def areas_geojson(session: Session, level: str, box: Box, detail: str = "far") -> str:
    """Areas of a level that touch the box, as GeoJSON text: code, level, name_zh, name_en, label."""
    _one_of("level", level, LEVELS)
    _one_of("detail", detail, DETAILS)
    return session.scalar(_AREAS, _named(box) | {"level": level, "tolerance": DETAILS[detail]})


def _one_of(field: str, got: str, known: Iterable[str]) -> None:
    if got not in known:
        accepted = " or ".join(known)
        raise Invalid("maps.bad-field", f"{field}: {accepted}", field=field, got=got, accepted=accepted)


def cells_geojson(session: Session, box: Box, most: int = MOST_CELLS) -> str:
    """Cells valid now that touch the box, as GeoJSON text: code, area_zh, area_en; at most `most`, see `truncated`."""
    return session.scalar(_CELLS, _named(box) | {"most": most})


def cases_shown(session: Session, actor: Actor, box: Box | None = None, most: int = MOST_CASES) -> Cases:
    """The newest `most` cases that this person may see, with what a sign and its popup need; the text is cut short."""
    description = func.left(Case.description, SHORT_TEXT).label("description")
    statement = select(*_CASE, description, *_degrees(Case.geom)).select_from(Case)
    wanted = (cases.visible(actor), *cases.conditions(cases.Filters(box=box)))
    return _newest(session, statement.where(*wanted), most)


def cases_for_everyone(session: Session, most: int = MOST_CASES) -> Cases:
    """The newest `most` cases as anyone may know them: number, class, state, and the centre of the cell they lie in.

    No text, no person, no address and no exact place: the drawn copy is a file that is served without a login.
    """
    statement = select(*_CASE, *_degrees(func.ST_Centroid(Cell.geom))).select_from(Case)
    return _newest(session, statement.join(Cell, Cell.id == Case.cell_id), most)


def _degrees(point: Any) -> tuple[Label[float], Label[float]]:
    return func.ST_X(point).label("lon"), func.ST_Y(point).label("lat")


def _newest(session: Session, statement: Select, most: int) -> Cases:
    newest = statement.join(CaseClass, _SAME_CLASS).order_by(Case.reported_at.desc(), Case.id.desc())
    rows = session.execute(newest.limit(most + 1)).all()
    return Cases(rows[:most], len(rows) > most)


def extent(session: Session) -> Box:
    """The box of all areas: a map's first view. All of China when there are none."""
    return _box(session.execute(_extent_of(Area.geom)).one()) or CHINA


def _extent_of(geometry: Any):
    box = func.ST_Extent(geometry)
    return select(func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))


def _box(row: Row) -> Box | None:
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


def _named(box: Box) -> dict[str, float]:
    return dict(zip(("west", "south", "east", "north"), box, strict=True))
