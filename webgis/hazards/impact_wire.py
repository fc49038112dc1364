"""Impact sheets as they go out: JSON, GeoJSON of everything with a place, CSV of everything."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from webgis.catalog import sheets
from webgis.hazards.impact import Impact
from webgis.hazards.impact_rules import MOST_M
from webgis.hazards.screening import Circle

SOURCES = {
    "blast": "EPA 550-B-99-009, worst case: 1 psi when all of it burns as one vapour cloud, a tenth of the heat in the "
    "blast",
    "isolate": "Emergency Response Guidebook 2024, tables 1 and 3: initial isolation, all round",
    "day": "Emergency Response Guidebook 2024, tables 1 and 3: protective action downwind by day, low wind",
    "night": "Emergency Response Guidebook 2024, tables 1 and 3: protective action downwind by night, low wind",
}
"""Zone of a published distance -> where it is from."""

LIMITS = (
    "For planning and the first minutes, not an assessment of this site: the guidebook is made for accidents of "
    "transport in the open, EPA's worst case lets all of the stock explode at once. Measured from the outline, on all "
    "sides."
)

HEADER = ("kind", "code", "name_zh", "name_en", "count", "people", "lon", "lat")


def facts(found: Impact) -> dict[str, Any]:
    """The sheet as JSON."""
    return {
        "source": found.source.code,
        "metres": found.metres,
        "circle": found.circle and circle(found.circle),
        "at": found.at,
        "square_m": round(found.square_m),
        "people": found.people,
        "known_people": found.known_people,
        "people_entered": found.source.people_entered,
        "cells": found.cells,
        "communities": [_community(row) for row in found.communities if row.code],
        "places": {kind: [_place(row) for row in rows] for kind, rows in found.places.items()},
        "components": [_component(row) for row in found.components],
        "cases": [_case(row) for row in found.cases],
        "crews": None if found.crews is None else [_crew(row) for row in found.crews],
        "truncated": found.truncated,
    }


def geojson(found: Impact) -> dict[str, Any]:
    """The ring, the outline and everything inside that has a place."""
    ring = {"kind": "ring", "metres": found.metres} | ({"circle": circle(found.circle)} if found.circle else {})
    features = [
        _feature(found.ground, ring),
        _feature(found.source.geometry, {"kind": "source", "code": found.source.code}),
    ]
    for kind, rows in found.places.items():
        features += [_point(row, {"kind": kind} | _place(row)) for row in rows]
    features += [_point(row, {"kind": "case"} | _case(row)) for row in found.cases]
    features += [_point(row, {"kind": "crew"} | _crew(row)) for row in found.crews or ()]
    return {"type": "FeatureCollection", "features": features}


def table(found: Impact) -> str:
    """The sheet as CSV, a row for each thing, with a mark by which spreadsheets know UTF-8."""
    made = io.StringIO()
    made.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer = csv.writer(made)
    writer.writerow(HEADER)
    for row in _rows(found):
        writer.writerow([sheets.guard(value) if isinstance(value, str) else value for value in row])
    return made.getvalue()


def circles(found: Sequence[Circle], without: Sequence[str]) -> dict[str, Any]:
    """The published distances of a source, and the stocks that have none."""
    return {"circles": [circle(one) for one in found], "without": list(without), "limits": LIMITS}


def circle(one: Circle) -> dict[str, Any]:
    """A published distance with where it is from; `sheet`: whether an impact sheet reaches so far."""
    told = {name: value for name, value in vars(one).items() if value is not None}
    return told | {"sheet": one.metres <= MOST_M, "source": SOURCES[one.zone], "limits": LIMITS}


def _rows(found: Impact) -> Iterator[tuple]:
    source = found.source
    yield "source", source.code, source.name_zh, source.name_en, None, source.people_entered, source.lon, source.lat
    yield "ring", f"{found.metres:g} m", None, None, None, found.people, None, None
    if found.circle:
        yield "circle", found.circle.key, found.circle.name, SOURCES[found.circle.zone], None, None, None, None
    for row in found.communities:
        people = None if row.people is None else round(row.people, 1)
        yield "community", row.code, row.name_zh, row.name_en, None, people, None, None
    for code in found.cells:
        yield "cell", code, None, None, None, None, None, None
    for kind, rows in found.places.items():
        for row in rows:
            yield kind, None, row.name, row.name_en, None, None, row.lon, row.lat
    for row in found.components:
        yield "component", row.class_code, row.name_zh, row.name_en, row.count, None, None, None
    for row in found.cases:
        yield "case", row.number, row.class_zh, row.class_en, None, None, row.lon, row.lat
    for row in found.crews or ():
        yield "crew", row.login, row.name, None, None, None, row.lon, row.lat


def _community(row: Any) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("code", "name_zh", "name_en", "population", "cells")}
    return told | {"share": round(row.share, 6), "people": None if row.people is None else round(row.people, 1)}


def _place(row: Any) -> dict[str, Any]:
    return {"name": row.name, "name_en": row.name_en, "lon": row.lon, "lat": row.lat}


def _component(row: Any) -> dict[str, Any]:
    names = {"class_zh": row.name_zh, "class_en": row.name_en}
    return {"class": row.class_code} | names | {"count": row.count, "not_intact": row.not_intact}


def _case(row: Any) -> dict[str, Any]:
    names = ("number", "state", "class_zh", "class_en", "reported_at", "due_at", "address", "lon", "lat")
    return {name: getattr(row, name) for name in names}


def _crew(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("login", "name", "at", "lon", "lat")}


def _point(row: Any, properties: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in properties.items() if name not in ("lon", "lat")}
    return _feature({"type": "Point", "coordinates": [row.lon, row.lat]}, told)


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}
