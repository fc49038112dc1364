"""Vector files in and out: GeoJSON, GeoPackage, Shapefile (GBK too), by pyogrio. Knows no table.

What comes in says its coordinate system, by option or by the file, and leaves here as CGCS2000 degrees, longitude
first. What goes out is WGS 84 unless another system is asked for.

pyogrio is imported where it is used: it brings GeoPandas along, a second and 60 MB for each process of the server.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

from webgis import geo
from webgis.errors import Invalid

DRIVERS = {".geojson": "GeoJSON", ".json": "GeoJSON", ".gpkg": "GPKG"}
RAW = "ISO-8859-1"
"""Every byte has a character in it, so text read so can be put back to bytes and decoded properly."""

DEGREES_SRIDS = (4326, 4490)
"""Geographic systems taken as equal: no transformation between them is known that is not null."""


@dataclass(frozen=True)
class Layer:
    """The features of one file.

    `geoms`: (n,) shapely geometries in CGCS2000 degrees, 2D, None where the file has none; `columns`: field name ->
    (n,) values; `crs`, `encoding`: as read; `notes`: sentences on what was assumed.
    """

    geoms: np.ndarray
    columns: Mapping[str, np.ndarray]
    crs: str
    encoding: str
    notes: list[str] = field(default_factory=list)


def read(path: Path, crs: str | None = None, encoding: str | None = None) -> Layer:
    """The first layer of a file. `crs`: a name of `geo.CRS_NAMES` or "EPSG:n"; None: what the file states.

    `encoding`: of a Shapefile's texts; None: what its .cpg says if that fits, else UTF-8 or GB18030 (GBK).
    `Invalid` when the file cannot be read, states no system and none is given, or has coordinates that cannot be.
    """
    if not path.exists():
        raise Invalid("grid.file-missing", f"There is no file {path}", field="file", got=str(path))
    shapefile = path.suffix.lower() == ".shp"
    meta, geometries, columns = _read(path, RAW if shapefile else encoding)
    used, notes = meta["encoding"], []
    if shapefile:
        stated = encoding or _cpg(path)
        columns, used = _decoded(columns, [encoding] if encoding else [stated, "UTF-8", "GB18030"])
        if used != stated:
            notes.append(f"The .cpg says {stated or 'nothing'}; the texts were read as {used}")
    system, note = _system(path, crs, meta["crs"])
    try:
        placed = to_cgcs2000(geometries, system)
    except pyproj.exceptions.ProjError as error:
        message = f"{path.name}: its coordinate system leads nowhere ({error}). State another one"
        raise Invalid("grid.file-crs-unknown", message, field="crs", got=system[:200]) from None
    return Layer(placed, columns, system, used, notes + note)


def _cpg(path: Path) -> str | None:
    """The encoding that a Shapefile's .cpg states, such as UTF-8, GBK, or 936 for code page 936."""
    for ending in (".cpg", ".CPG"):
        if path.with_suffix(ending).exists():
            stated = path.with_suffix(ending).read_text(encoding=RAW).split()
            return _CODE_PAGES.get(stated[-1], stated[-1]) if stated else None
    return None


_CODE_PAGES = {"936": "GBK", "54936": "GB18030", "65001": "UTF-8"}


def _read(path: Path, encoding: str | None) -> tuple[dict, np.ndarray, dict[str, np.ndarray]]:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        meta, _, wkb, values = pyogrio.raw.read(path, encoding=encoding, force_2d=True, datetime_as_string=True)
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        raise Invalid(
            "grid.file-unreadable", f"{path.name} cannot be read: {error}", field="file", got=str(path)
        ) from None
    if wkb is None or not len(wkb):
        raise Invalid("grid.file-no-geometry", f"{path.name} holds no geometry", field="file", got=str(path))
    geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    return meta, np.asarray(geometries, dtype=object), dict(zip(meta["fields"].tolist(), values, strict=True))


def _decoded(columns: dict[str, np.ndarray], encodings: Sequence[str | None]) -> tuple[dict[str, np.ndarray], str]:
    """Names and texts read as RAW, decoded by the first of `encodings` that all texts fit, and that encoding."""
    texts = [text for values in columns.values() if values.dtype == object for text in values if isinstance(text, str)]
    for encoding in filter(None, encodings):
        try:
            for text in texts:
                text.encode(RAW).decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return {_text(name, encoding): _texts(values, encoding) for name, values in columns.items()}, encoding
    tried = ", ".join(filter(None, encodings))
    raise Invalid(
        "grid.file-encoding",
        f"The texts of the Shapefile are not {tried}; say what they are with --encoding",
        field="encoding",
        got=tried,
    )


def _text(text: str, encoding: str) -> str:
    """A name; dBase cuts names at 10 bytes, which may fall inside a character: that one is dropped."""
    return text.encode(RAW).decode(encoding, errors="ignore")


def _texts(values: np.ndarray, encoding: str) -> np.ndarray:
    if values.dtype != object:
        return values
    decoded = [text.encode(RAW).decode(encoding) if isinstance(text, str) else text for text in values]
    return np.array(decoded, dtype=object)


def _system(path: Path, given: str | None, stated: str | None) -> tuple[str, list[str]]:
    if given is not None:
        return known_crs(given), []
    if stated is None:
        raise Invalid(
            "grid.file-no-crs",
            f"{path.name} does not say its coordinate system. State it: --crs wgs84, gcj02, bd09, cgcs2000 or EPSG:n",
            field="crs",
            accepted=[*geo.CRS_NAMES, "EPSG:n"],
        )
    if DRIVERS.get(path.suffix.lower()) == "GeoJSON" and stated == "EPSG:4326":
        return "EPSG:4326", ["GeoJSON is WGS 84 by its standard; if this file is not, state it with --crs"]
    return stated, []


def known_crs(crs: str) -> str:
    """A coordinate system as we write it: a name of `geo.CRS_NAMES`, or "EPSG:n". `Invalid` for anything else."""
    name = crs.strip().lower()
    if name in geo.CRS_NAMES:
        return name
    number = name.removeprefix("epsg:")
    try:
        return f"EPSG:{pyproj.CRS.from_epsg(int(number)).to_epsg()}"
    except (ValueError, pyproj.exceptions.CRSError):
        raise Invalid(
            "grid.file-crs-unknown",
            f"There is no coordinate system {crs!r}; known are {', '.join(geo.CRS_NAMES)} and EPSG:n",
            field="crs",
            got=crs,
            accepted=[*geo.CRS_NAMES, "EPSG:n"],
        ) from None


def to_cgcs2000(geometries: np.ndarray, crs: str) -> np.ndarray:
    """Geometries in `crs` (a name, "EPSG:n" or WKT) -> CGCS2000 degrees; refuses swapped or impossible coordinates."""
    if crs in geo.CRS_NAMES:
        return geo.transform_geometry(geometries, crs)
    system = pyproj.CRS.from_user_input(crs)
    if system.is_geographic and system.to_epsg(min_confidence=70) in DEGREES_SRIDS:
        return geo.transform_geometry(geometries, "cgcs2000")
    return geo.transform_geometry(_transformed(geometries, system, geo.SRID), "cgcs2000")


def from_cgcs2000(geometries: np.ndarray, crs: str) -> np.ndarray:
    """Geometries in CGCS2000 degrees -> `crs` (see `known_crs`)."""
    if crs in geo.CRS_NAMES:
        return shapely.transform(geometries, lambda xy: np.column_stack(geo.from_cgcs2000(xy[:, 0], xy[:, 1], crs)))
    if crs in ("EPSG:4326", "EPSG:4490"):
        return geometries
    return _transformed(geometries, geo.SRID, pyproj.CRS.from_user_input(crs))


def _transformed(geometries: np.ndarray, source: Any, target: Any) -> np.ndarray:
    transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)
    return shapely.transform(geometries, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def write(path: Path, geoms: np.ndarray, columns: Mapping[str, Sequence], crs: str = "wgs84") -> None:
    """Write features (CGCS2000 degrees) to a GeoJSON or GeoPackage file, by the name's ending, in `crs`; replaces it.

    A file in GCJ-02 or BD-09 states no system, since they have no EPSG number: a field `crs` says it instead.
    """
    import pyogrio

    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise Invalid(
            "grid.file-ending",
            f"The ending {path.suffix!r} is not known; end the file's name in .geojson or .gpkg",
            field="file",
            accepted=sorted(DRIVERS),
        )
    crs = known_crs(crs)
    if crs in ("gcj02", "bd09"):
        columns = {**columns, "crs": [crs] * len(geoms)}
    wkb = shapely.to_wkb(from_cgcs2000(geoms, crs))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        path.parent.stat()  # GDAL does not say what is wrong with a folder
        path.unlink(missing_ok=True)
        pyogrio.raw.write(
            path,
            wkb,
            [_column(values) for values in columns.values()],
            list(columns),
            crs=None if crs in ("gcj02", "bd09") else {"wgs84": "EPSG:4326", "cgcs2000": "EPSG:4490"}.get(crs, crs),
            geometry_type=_kind(geoms),
            driver=driver,
            promote_to_multi=_kind(geoms) == "MultiPolygon",
            layer_options={"COORDINATE_PRECISION": "9"} if driver == "GeoJSON" else None,
        )


def _kind(geoms: np.ndarray) -> str:
    """What the file says it holds: polygons, or any shapes."""
    kinds = set(shapely.get_type_id(geoms))
    if not kinds <= {shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON}:
        return "Unknown"
    return "MultiPolygon" if shapely.GeometryType.MULTIPOLYGON in kinds else "Polygon"


def _column(values: Sequence) -> np.ndarray:
    """Values as pyogrio wants them: integers, floats (None as not-a-number), or text."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, (int, float)) for value in known):
        whole = len(known) == len(values) and all(isinstance(value, int) for value in known)
        return np.array([np.nan if value is None else value for value in values], dtype=np.int64 if whole else float)
    return np.array([None if value is None else str(value) for value in values], dtype=object)
