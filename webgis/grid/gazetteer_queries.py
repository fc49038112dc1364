"""Searches of the gazetteer: places by what is typed, and what is near a place. Reads only; degrees are CGCS2000."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.db import call
from webgis.grid import gazetteer_rules as rules
from webgis.grid import queries
from webgis.grid.models import Area

FOUND = 10
MOST = 50
"""Places that a search gives, and gives at most."""

_FIND = "SELECT * FROM fn.find_places(%s, %s, %s, %s, %s, %s)"
_NEAR = "SELECT * FROM fn.places_near(%s, %s, %s)"
_SPOTS = ("compound", "village", "building", "poi")


@dataclass(frozen=True)
class Near:
    """What is near a place: named places, the nearest first, its cell's code and its areas, and all of it in words."""

    places: list[Any]
    cell: str | None
    areas: list[Area]
    address: dict[str, str] | None
    words: dict[str, str]


def find(
    session: Session, typed: str, lon: float | None = None, lat: float | None = None, limit: int = FOUND
) -> list[Any]:
    """Places, areas and cells for what somebody typed, the likest first and the nearest to a place among equals."""
    asked = rules.asked(typed)
    if not asked.words:
        return []
    return call(session, _FIND, asked.words, asked.number, asked.whole, lon, lat, limit)


def near(session: Session, lon: float, lat: float, limit: int = FOUND, cells: bool = True) -> Near:
    """What is near a place, and the words for it; without its cell's code when that is not for who asks."""
    places = call(session, _NEAR, lon, lat, limit)
    cell = queries.cell_at(session, lon, lat)
    areas = queries.area_chain(session, cell.code[:12]) if cell else []
    address = _address(places)
    code = cell.code if cell and cells else None
    words = {language: _words(language, address, areas, code) for language in ("zh", "en")}
    return Near(places, code, areas, address, words)


def _address(places: Sequence[Any]) -> dict[str, str] | None:
    """The one place that says best where it is: a door within 60 m, what one stands in or beside, or a road."""
    door = next((one for one in places if one.kind == "door" and one.metres <= 60), None)
    spot = next((one for one in places if one.kind in _SPOTS and one.metres <= 100), None)
    road = next((one for one in places if one.kind == "road"), None)
    inside = spot is not None and spot.metres == 0 and (door is None or door.metres > 30)
    best = spot if inside else door or spot or road or next(iter(places), None)
    if best is None:
        return None
    if best.metres == 0 and best.kind != "road":
        return {"zh": f"{best.name}内", "en": f"in {best.name_en}"}
    return {"zh": f"{best.name}附近", "en": f"near {best.name_en}"}


def _words(language: str, address: dict[str, str] | None, areas: Sequence[Area], cell: str | None) -> str:
    """Where it is in one line: 春熙路12号附近，春熙路社区，单元网格510104022001003."""
    community = [area for area in areas if area.level == "community"]
    if language == "en":
        parts = [address["en"] if address else "", *(area.name_en or area.name_zh for area in community)]
        return ", ".join([part for part in parts if part] + ([f"cell {cell}"] if cell else []))
    parts = [address["zh"] if address else "", *(area.name_zh for area in community)]
    return "，".join([part for part in parts if part] + ([f"单元网格{cell}"] if cell else []))


def sources(session: Session) -> list[Any]:
    """The sources of places by name, with how many places of each kind they hold."""
    return list(session.execute(_SOURCES))


_SOURCES = text(
    """
    SELECT s.name, s.file, s.imported_at, s.illustrative,
           coalesce(jsonb_object_agg(k.kind, k.places) FILTER (WHERE k.kind IS NOT NULL), '{}') AS kinds
    FROM city.place_source s
    LEFT JOIN (SELECT source_id, kind, count(*) AS places FROM city.place_name GROUP BY 1, 2) k ON k.source_id = s.id
    GROUP BY s.id ORDER BY s.name
    """
)
