"""Components in files: surveys read for the staging table, the register written out. Knows no rule of the register.

In: GeoPackage, Shapefile (GBK too), GeoJSON, and tables (CSV, TSV, XLSX) with a longitude and latitude or a WKT in each
row. Out: GeoPackage, GeoJSON and the same tables, under the standard's abbreviations, so that the way back in is open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy.orm import Session

from webgis.catalog import component_queries, component_rules, sheets
from webgis.catalog.component_files import CellsAt, Fault, Survey
from webgis.catalog.component_queries import Filters
from webgis.catalog.standards import CURRENT
from webgis.errors import Invalid, WebgisError
from webgis.exchange import tables
from webgis.grid import assign, fields, files
from webgis.grid.files import Layer

NAMES = {
    one.column: tuple(filter(None, (one.abbreviation, one.former, one.name_zh, *one.names, one.column)))
    for one in component_rules.ALL_FIELDS
}
"""Meaning -> what a file may call it: the standard's abbreviation, that of 2013, Chinese names, ours."""

PLACE_NAMES = {
    "lon": ("lon", "lng", "long", "longitude", "经度", "jd", "x坐标", "x"),
    "lat": ("lat", "latitude", "纬度", "wd", "y坐标", "y"),
    "wkt": ("wkt", "geometry", "geom", "几何"),
}
HEADINGS = {
    "abbreviation": {one.column: one.abbreviation for one in component_rules.ALL_FIELDS},
    "zh": {one.column: one.name_zh for one in component_rules.ALL_FIELDS},
    "en": {one.column: one.column for one in component_rules.ALL_FIELDS},
}
"""What the first row of an export calls the fields."""

ENDINGS = [*files.DRIVERS, *sheets.ENDINGS]
"""Of files that an export writes."""

DATES = ("surveyed_on", "changed_on")


# In


def read(
    path: Path,
    *,
    crs: str | None = None,
    encoding: str | None = None,
    given: Mapping[str, str | None] | None = None,
    standard: str = CURRENT,
) -> Survey:
    """The rows of a survey's file. `given`: meaning -> field of the file, where its usual names do not do.

    `crs`: a name of `geo.CRS_NAMES` or "EPSG:n"; a table has to be given one, other files may state it themselves.
    """
    layer, numbers, faults = (
        _table(path, crs, given or {}) if path.suffix.lower() in sheets.ENDINGS else _features(path, crs, encoding)
    )
    chosen = fields.chosen(layer, NAMES, {name: field for name, field in (given or {}).items() if name in NAMES})
    if "code" not in chosen:
        fields.needed(layer, chosen, "code", "--field code=NAME")
    texts = {meaning: _texts(layer, chosen, meaning) for meaning in chosen}
    return Survey(
        file=path.name,
        crs=layer.crs,
        encoding=layer.encoding,
        notes=[*layer.notes, *_unread(layer, chosen)],
        geoms=layer.geoms,
        texts=texts,
        numbers=numbers,
        standard=standard,
        faults=faults,
    )


def _features(path: Path, crs: str | None, encoding: str | None) -> tuple[Layer, list[int], list[Fault]]:
    layer = files.read(path, crs, encoding)
    return layer, list(range(1, len(layer.geoms) + 1)), []


def _table(path: Path, crs: str | None, given: Mapping[str, str | None]) -> tuple[Layer, list[int], list[Fault]]:
    if not path.is_file():
        raise Invalid("grid.file-missing", f"There is no file {path}", field="file", got=str(path))
    layer, numbers = tables.layer(path, crs)
    found = fields.chosen(layer, PLACE_NAMES, {name: field for name, field in given.items() if name in PLACE_NAMES})
    raw, faults = _places(layer, found, numbers)
    geoms, impossible = _cgcs2000(raw, layer.crs, numbers)
    return replace(layer, geoms=geoms), numbers, faults + impossible


def _places(layer: Layer, found: Mapping[str, str], numbers: Sequence[int]) -> tuple[np.ndarray, list[Fault]]:
    """The geometry of each row in the system of the file, and the rows whose place cannot be read."""
    if "wkt" not in found and not {"lon", "lat"} <= found.keys():
        raise Invalid(
            "catalog.survey-no-place",
            "The table has no columns for the place: a longitude and a latitude, or a WKT. Say which with "
            f"--field lon=NAME --field lat=NAME. It has: {', '.join(layer.columns)}",
            field="lon",
            accepted=list(layer.columns),
        )
    texts = {name: fields.texts(layer, found, name) for name in PLACE_NAMES}
    made, faults = np.full(len(numbers), None, dtype=object), []
    for row, number in enumerate(numbers):
        wkt, lon, lat = (texts[name][row] for name in ("wkt", "lon", "lat"))
        if wkt:
            made[row] = shapely.from_wkt(wkt, on_invalid="ignore")
        elif lon and lat:
            made[row] = _point(lon, lat)
        if made[row] is None and (wkt or lon or lat):
            faults.append(Fault(number, "geom", "value", "two numbers, or a WKT", wkt or f"{lon}, {lat}"))
    return made, faults


def _point(lon: str, lat: str) -> shapely.Point | None:
    try:
        return shapely.Point(float(lon), float(lat))
    except ValueError:
        return None


def _cgcs2000(raw: np.ndarray, system: str, numbers: Sequence[int]) -> tuple[np.ndarray, list[Fault]]:
    """The geometries in CGCS2000 degrees; where some cannot be, row by row, so that every one is named."""
    try:
        return files.to_cgcs2000(raw, system), []
    except WebgisError:
        made, faults = np.full(len(raw), None, dtype=object), []
    for row, number in enumerate(numbers):
        try:
            made[row : row + 1] = files.to_cgcs2000(raw[row : row + 1], system)
        except WebgisError as error:
            faults.append(Fault(number, "geom", "value", error.message, raw[row].wkt))
    return made, faults


def _texts(layer: Layer, chosen: Mapping[str, str], meaning: str) -> list[str | None]:
    texts = fields.texts(layer, chosen, meaning)
    return [_day(said) for said in texts] if meaning in DATES else texts


def _day(said: str | None) -> str | None:
    """A date in ISO 8601; what is none stays as it is, for the report to name."""
    if said is None:
        return None
    try:
        moment = fields.as_moment(said, UTC)
    except ValueError:
        return said
    return None if moment is None else moment.date().isoformat()


def _unread(layer: Layer, chosen: Mapping[str, str]) -> list[str]:
    place = fields.chosen(layer, PLACE_NAMES, {})
    left = [name for name in layer.columns if name not in {*chosen.values(), *place.values()}]
    return [f"Fields not read: {', '.join(left)}"] if left else []


def cells_at(session: Session) -> CellsAt:
    """A function that gives the cells of many places at once, from the cells valid now."""
    with session.connection().connection.cursor() as cursor:
        index = assign.read_index(cursor)

    def found(lon: np.ndarray, lat: np.ndarray) -> list[str | None]:
        return [None if at < 0 else index.codes[at].decode() for at in index.assign(lon, lat)]

    return found


# Out


def export(
    session: Session, path: Path, filters: Filters, *, headings: str = "abbreviation", crs: str = "wgs84"
) -> int:
    """Write components to a file by its name's ending; returns how many. `headings`: a key of HEADINGS.

    A table holds at most `sheets.MOST_ROWS` rows, as many as can be read back; a GeoPackage any number.
    """
    table = path.suffix.lower() in sheets.ENDINGS
    if path.suffix.lower() not in ENDINGS:
        raise Invalid(
            "grid.file-ending",
            f"The ending {path.suffix!r} is not known; end the file's name in {', '.join(ENDINGS)}",
            field="file",
            accepted=ENDINGS,
        )
    crs = files.known_crs(crs)
    rows = component_queries.lines(session, filters)
    if not rows:
        raise Invalid("catalog.no-components", "There are no such components to export")
    if table and len(rows) > sheets.MOST_ROWS:
        raise Invalid(
            "catalog.too-many-components",
            f"A table holds at most {sheets.MOST_ROWS} rows and these are {len(rows)}; name a smaller area or one "
            "class, or write a .gpkg",
            field="file",
            got=len(rows),
            accepted=sheets.MOST_ROWS,
        )
    names = HEADINGS[headings]
    columns = {names[name]: [_shown(name, getattr(row, name)) for row in rows] for name in names}
    geoms = shapely.from_wkb([bytes(row.wkb) for row in rows])
    if table:
        _write_table(path, columns, files.from_cgcs2000(geoms, crs), crs)
    else:
        files.write(path, geoms, columns, crs)
    return len(rows)


def _shown(column: str, value: Any) -> str | None:
    if column == "state":
        return component_rules.STATE_NAMES[value]
    return value.strftime("%Y%m%d") if isinstance(value, date) else value


def _write_table(path: Path, columns: Mapping[str, Sequence], geoms: np.ndarray, crs: str) -> None:
    """The place as longitude and latitude (or easting and northing), lines and polygons as WKT beside."""
    point = shapely.get_type_id(geoms) == shapely.GeometryType.POINT
    lon, lat = (np.where(point, get(geoms), np.nan) for get in (shapely.get_x, shapely.get_y))
    place = {
        "lon": [f"{value:.9f}" if known else None for value, known in zip(lon, point, strict=True)],
        "lat": [f"{value:.9f}" if known else None for value, known in zip(lat, point, strict=True)],
        "wkt": [None if known else shapely.to_wkt(geom, 9) for geom, known in zip(geoms, point, strict=True)],
        "crs": [crs] * len(geoms),
    }
    made = {**columns, **place}
    sheets.write(path, list(made), zip(*made.values(), strict=True))
