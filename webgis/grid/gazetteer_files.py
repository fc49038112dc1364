"""Files of the gazetteer: CSV, GeoPackage, GeoJSON and Shapefile, read row by row with every fault named.

Knows no table: which rows can be stored is also for `gazetteer.py`, which knows the areas and the roads that are there.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from webgis.errors import Invalid
from webgis.grid import fields, files
from webgis.grid import gazetteer_rules as rules
from webgis.grid.files import Layer

PLACE_FIELDS = {
    "kind": ("kind", "类型", "地名类型", "类别", "dmlx", "lx", "type"),
    "name": ("name", "名称", "地名", "标准名称", "标准地址", "地址", "name_zh", "mc", "bzmc", "dz", "address"),
    "name_en": ("name_en", "英文名称", "英文名", "ywmc", "english_name"),
    "aliases": ("aliases", "别名", "简称", "曾用名", "bm", "alias"),
    "parent": ("parent", "所属道路", "所在道路", "道路", "路名", "所属小区", "小区", "所属", "road", "street",
               "compound"),
    "number": ("number", "门牌号", "门牌", "门牌号码", "楼栋号", "号", "mph", "house_number"),
}  # fmt: skip
"""What the columns of other people's files are called."""

PLACED_BY = {
    "lon": ("lon", "经度", "lng", "longitude", "x"),
    "lat": ("lat", "纬度", "latitude", "y"),
    "wkt": ("wkt", "geom", "geometry", "几何"),
}
"""Columns of a CSV file that say where a place is: longitude and latitude, or a shape as text."""

KIND_WORDS = {
    "道路": "road", "街巷": "road", "路": "road", "街": "road", "小区": "compound", "住宅区": "compound",
    "院落": "compound", "村": "village", "自然村": "village", "楼宇": "building", "建筑": "building",
    "建筑物": "building", "大厦": "building", "兴趣点": "poi", "地点": "poi", "单位": "poi", "门牌": "door",
    "门牌号": "door", "楼栋": "door", "address": "door",
}  # fmt: skip
LONGEST_ENGLISH = 200
_BETWEEN = str.maketrans("；、|，,", ";;;;;")


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be stored. `row` as a spreadsheet counts a CSV file (the header is 1), else from 1; `column` is
    the meaning of the column, such as `number`."""

    row: int
    column: str
    kind: str
    message: str
    got: str | None = None

    def facts(self) -> dict[str, Any]:
        """The fault as a JSON object, without what is not known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass
class Entry:
    """A row that may be stored. A door has a `parent` (its name) and a `number` (its key)."""

    row: int
    kind: str
    name: str
    name_en: str | None
    aliases: tuple[str, ...]
    parent: str | None
    number: str | None
    geom: Any


@dataclass(frozen=True)
class Read:
    """What a file holds: entries, the faults of the other rows, and how many rows there are."""

    entries: list[Entry]
    faults: list[Fault]
    rows: int
    crs: str


def read(path: Path, crs: str | None, *, kind: str | None = None, encoding: str | None = None) -> Read:
    """The places of a file. `crs` as in `files.read`; a CSV file states none, so it must be given. `kind`: what the
    places are, where the file has no column that says it."""
    table = path.suffix.lower() == ".csv"
    layer, faults = _table(path, crs, encoding) if table else (files.read(path, crs, encoding), [])
    found = fields.chosen(layer, PLACE_FIELDS, {})
    if kind is None and "kind" not in found and "number" not in found:
        fields.needed(layer, found, "kind", "--kind")
    texts = {meaning: fields.texts(layer, found, meaning) for meaning in PLACE_FIELDS}
    wrong, entries = {fault.row for fault in faults}, []
    for at, geom in enumerate(layer.geoms):
        row = at + (2 if table else 1)
        if row in wrong:
            continue
        checked = _entry(row, {name: values[at] for name, values in texts.items()}, geom, kind)
        (entries if isinstance(checked, Entry) else faults).append(checked)
    return Read(entries, faults, len(layer.geoms), layer.crs)


def _entry(row: int, given: dict[str, str | None], geom: Any, usual: str | None) -> Entry | Fault:
    """One row as an entry, or the first thing that is wrong with it."""
    word = (given["kind"] or usual or ("door" if given["number"] else "")).strip().lower()
    kind = KIND_WORDS.get(word, word)
    if kind not in rules.KINDS:
        accepted = ", ".join(rules.KINDS)
        return Fault(row, "kind", "kind-unknown", f"The kind is {word or 'missing'}; accepted are {accepted}", word)
    if geom is None or shapely.is_empty(geom):
        return Fault(row, "place", "no-place", "There is no place: give lon and lat, or a shape")
    if not shapely.is_valid(geom):
        geom = shapely.make_valid(geom)
    name, parent, number = given["name"], given["parent"], given["number"]
    if kind == "door":
        return _door(row, name, parent, number, geom)
    if not name or not rules.folded(name):
        return Fault(row, "name", "no-name", "The name is missing", name)
    if len(name) > rules.LONGEST:
        return Fault(row, "name", "name-long", f"The name has {len(name)} characters; at most {rules.LONGEST}", name)
    if len(given["name_en"] or "") > LONGEST_ENGLISH:
        message = f"The English name has {len(given['name_en'])} characters; at most {LONGEST_ENGLISH}"
        return Fault(row, "name_en", "name-long", message, given["name_en"][:LONGEST_ENGLISH])
    aliases = tuple(a for part in (given["aliases"] or "").translate(_BETWEEN).split(";") if (a := part.strip()))
    if long := next((alias for alias in aliases if len(alias) > rules.LONGEST), None):
        message = f"An alias has {len(long)} characters; at most {rules.LONGEST}, and ; between two of them"
        return Fault(row, "aliases", "name-long", message, long[: rules.LONGEST])
    said = tuple(alias for alias in aliases if rules.folded(alias))  # a dash says that there is none
    return Entry(row, kind, name, given["name_en"], said, None, None, geom)


def _door(row: int, name: str | None, parent: str | None, number: str | None, geom: Any) -> Entry | Fault:
    """A door by its road and number, or by a whole address such as 春熙路12号."""
    if not (parent and number) and name and (split := rules.split_number(name)):
        parent, number = parent or split[0], number or name[len(split[0]) :].strip(" ,，") or split[1]
    if not parent:
        return Fault(row, "parent", "no-parent", "A door needs the road or compound that it belongs to", name)
    key = rules.number_key(number or "")
    if key is None:
        accepted = "a number such as 12, 12号, 12号附3号 or 3栋"
        return Fault(
            row, "number", "number-form", f"The number is {number or 'missing'}; accepted is {accepted}", number
        )
    return Entry(row, "door", f"{parent}{rules.number_words(number or '')}", None, (), parent, key, geom)


def _table(path: Path, crs: str | None, encoding: str | None) -> tuple[Layer, list[Fault]]:
    """A CSV file as a layer, its places converted, and the rows that have none that can be."""
    header, rows = _rows(path, encoding)
    if crs is None:
        raise Invalid(
            "grid.file-no-crs",
            f"{path.name} does not say its coordinate system. State it: --crs wgs84, gcj02, bd09, cgcs2000 or EPSG:n",
            field="crs",
        )
    columns = {name: np.array([row[at] for row in rows], dtype=object) for at, name in enumerate(header)}
    bare = Layer(np.empty(len(rows), dtype=object), columns, files.known_crs(crs), encoding or "UTF-8")
    placed = fields.chosen(bare, PLACED_BY, {})
    if "wkt" not in placed and not {"lon", "lat"} <= placed.keys():
        fields.needed(bare, placed, "lon", "a column lon and a column lat, or one wkt")
    geoms, faults = np.empty(len(rows), dtype=object), []
    for at, (geom, fault) in enumerate(_placed(bare, placed)):
        geoms[at] = geom
        if fault:
            faults.append(Fault(at + 2, *fault))
    try:
        geoms = files.to_cgcs2000(geoms, bare.crs)
    except Invalid:
        faults += _converted(geoms, bare.crs)
    return Layer(geoms, columns, bare.crs, bare.encoding), faults


def _rows(path: Path, encoding: str | None) -> tuple[list[str], list[list[str | None]]]:
    """Header and rows of a CSV file in UTF-8 or GB 18030, as wide as the header; an empty cell is None."""
    if not path.exists():
        raise Invalid("grid.file-missing", f"There is no file {path}", field="file", got=str(path))
    data = path.read_bytes()
    for tried in [encoding] if encoding else ["utf-8-sig", "gb18030"]:
        try:
            text = data.decode(tried)
            break
        except (UnicodeDecodeError, LookupError):
            continue
    else:
        raise Invalid(
            "grid.file-encoding", f"The texts of {path.name} cannot be read; give --encoding", field="encoding"
        )
    if "\0" in text:
        raise _unreadable(path, "holds NUL characters, which no name has")
    try:
        lines = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise _unreadable(path, f"is no table that can be read: {error}") from None
    while lines and not any(cell.strip() for cell in lines[-1]):
        lines.pop()  # spreadsheets leave empty rows at the end
    if len(lines) < 2:
        raise _unreadable(path, "has no rows below its header")
    header = [name.strip() for name in lines[0]]
    padded = [""] * len(header)
    return header, [[cell.strip() or None for cell in (line + padded)[: len(header)]] for line in lines[1:]]


def _unreadable(path: Path, why: str) -> Invalid:
    return Invalid("grid.file-unreadable", f"{path.name} {why}", field="file", got=str(path))


def _placed(layer: Layer, placed: dict[str, str]) -> Iterator[tuple[Any, tuple[str, str, str, str | None] | None]]:
    """The shape of each row of a table as given, or what is wrong: column, fault, words, what was given."""
    if "wkt" in placed:
        for text in layer.columns[placed["wkt"]]:
            geom = shapely.from_wkt(text, on_invalid="ignore") if text else None
            wrong = (
                None if geom is not None else ("wkt", "no-place", "A shape in WKT is expected, as POINT(104 30)", text)
            )
            yield (None if geom is None else shapely.force_2d(geom)), wrong
        return
    for lon, lat in zip(layer.columns[placed["lon"]], layer.columns[placed["lat"]], strict=True):
        x, y = _number(lon), _number(lat)
        bad = ("lon", lon) if x is None else ("lat", lat) if y is None else None
        if bad:
            yield None, (bad[0], "no-place", f"{bad[0]} is {bad[1] or 'missing'}; a number is expected", bad[1])
        else:
            yield shapely.Point(x, y), None


def _number(text: str | None) -> float | None:
    try:
        made = float(text or "")
    except ValueError:
        return None
    return made if np.isfinite(made) else None


def _converted(geoms: np.ndarray, crs: str) -> Iterator[Fault]:
    """Convert row by row, in place, where not all rows can be; the faults of those that cannot."""
    for at, geom in enumerate(geoms):
        if geom is None:
            continue
        try:
            geoms[at] = files.to_cgcs2000(np.array([geom], dtype=object), crs)[0]
        except Invalid as error:
            geoms[at] = None
            got = f"{shapely.get_coordinates(geom)[0].tolist()}"
            yield Fault(at + 2, error.facts.get("field", "lon"), error.code.partition(".")[2], error.message, got)
