"""Lines and structures in files: the network of a city as its map service tells it (amap), GeoJSON and GeoPackage.

A network knows points of stations and their order, no outlines: stations become points, and the stretch between two
stops a straight line, which may be hundreds of metres from the real tunnel. Both say that they are not surveyed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from webgis import geo
from webgis.catalog.sheets import Fault
from webgis.errors import Invalid, WebgisError
from webgis.grid import fields, files
from webgis.grid.files import Layer
from webgis.texts import NO, YES

FORMATS = ("amap", "geojson", "gpkg")
FIELDS = {
    "code": ("code", "代码", "编码", "structure_code"),
    "kind": ("kind", "类型", "结构类型", "structure_kind"),
    "name_zh": ("name_zh", "name", "名称"),
    "name_en": ("name_en", "英文名称"),
    "line": ("line", "line_code", "线路", "线路代码"),
    "line_name": ("line_name", "line_name_zh", "线路名称"),
    "line_name_en": ("line_name_en", "线路英文名称"),
    "colour": ("colour", "color", "颜色"),
    "surveyed": ("surveyed", "实测"),
    "since": ("since", "valid_from", "启用时间"),
    "until": ("until", "valid_to", "停用时间"),
}
"""Meaning -> what a file may call the field."""

NO_COLOUR = "#64748b"
LONGEST = 100
MOST_MB = 100
MOST_CORNERS = 5_000
"""Of one structure: a survey has hundreds; the ground around 5,000 corners of a jagged outline takes some 10 s to work
out, around 20,000 minutes."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class LineGiven:
    """A line as a file gives it."""

    code: str
    name_zh: str
    name_en: str | None
    colour: str
    operator: str | None
    place: int


@dataclass(frozen=True)
class StructureGiven:
    """A structure as a file gives it, `geom` in CGCS2000 degrees; `row` from 1."""

    row: int
    code: str
    kind: str
    name_zh: str
    name_en: str | None
    line: str | None
    geom: Any
    surveyed: bool
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class StopGiven:
    """A station in its place on a path of a line, both from 0."""

    line: str
    path: int
    place: int
    structure: str


@dataclass(frozen=True)
class Read:
    """What a file holds, and what is wrong with it."""

    crs: str
    rows: int
    lines: Sequence[LineGiven] = ()
    structures: Sequence[StructureGiven] = ()
    stops: Sequence[StopGiven] = ()
    faults: Sequence[Fault] = ()
    notes: list[str] = field(default_factory=list)


def read(path: Path, format_: str | None, crs: str | None, *, zone: tzinfo, **kinds: str) -> Read:
    """The lines and structures of a file. `format_`: one of FORMATS, by default what the file is; `crs` as in
    `files.read`, of a network by default GCJ-02; `zone`: of dates. `kinds`: station=, section= of a network."""
    if not path.is_file():
        raise Invalid("grid.file-missing", f"There is no file {path}", field="file", got=str(path))
    if path.stat().st_size > MOST_MB << 20:
        raise _unreadable(path, f"is larger than {MOST_MB} MB")
    told = None if path.suffix.lower() == ".gpkg" or format_ in ("geojson", "gpkg") else _json(path)
    if format_ == "amap" or (format_ is None and isinstance(told, dict) and "stations" in told):
        return network(path, told, crs or "gcj02", **kinds)
    return _features(files.read(path, crs), zone)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise _unreadable(path, "is no JSON") from None


def _unreadable(path: Path, why: str) -> Invalid:
    return Invalid("grid.file-unreadable", f"{path.name} {why}", field="file", got=str(path))


# A network: stations and the order in which lines stop at them


def network(path: Path, told: Any, crs: str, *, station: str = "underground_station", section: str = "tunnel") -> Read:
    """The network of a city: `stations` by name with lon and lat, `lines` with their `mapPaths` of station names."""
    stations, lines = (told.get(name) if isinstance(told, dict) else None for name in ("stations", "lines"))
    if not isinstance(stations, dict) or not isinstance(lines, list) or not stations:
        raise _unreadable(path, "holds no network: an object with stations and lines is expected")
    geo.check_crs(crs)
    faults: list[Fault] = []
    placed = dict(_stations(stations, crs, station, faults))
    made: list[StructureGiven] = []
    given: list[LineGiven] = []
    stops: list[StopGiven] = []
    for turn, line in enumerate(lines):
        known = _line(line, turn, faults)
        if known is None:
            continue
        if other := next((one for one in given if one.code == known.code), None):
            english = f"{known.name_zh}: its lineId makes the code {known.code}, as that of {other.name_zh} does"
            chinese = f"{known.name_zh}：lineId 得到的代码 {known.code} 与{other.name_zh}相同"
            faults.append(Fault(turn + 1, "lines", english, chinese))
            continue
        given.append(known)
        codes = list(_paths(line, known, placed, faults))
        stops += [
            StopGiven(known.code, at, place, one.code) for at, way in enumerate(codes) for place, one in enumerate(way)
        ]
        made += sections(known, codes, section)
    rows = [*placed.values(), *made]
    return Read(crs, len(stations), given, [_renumbered(one, n) for n, one in enumerate(rows, 1)], stops, faults)


def _renumbered(one: StructureGiven, number: int) -> StructureGiven:
    return StructureGiven(**(vars(one) | {"row": number}))


def _stations(
    stations: Mapping[str, Any], crs: str, kind: str, faults: list[Fault]
) -> Iterator[tuple[str, StructureGiven]]:
    taken: set[str] = set()
    for row, (name, told) in enumerate(stations.items(), 1):
        try:
            point = shapely.Point(*geo.to_cgcs2000(told["lon"], told["lat"], crs))
            name_zh, name_en = _name(told["nameZh"]), told.get("nameEn")
        except (KeyError, TypeError, AttributeError):
            faults.append(
                Fault(row, "stations", f"{name!r} needs nameZh, lon and lat", f"“{name}”缺少 nameZh、lon 或 lat")
            )
            continue
        except WebgisError as error:
            faults.append(Fault(row, "stations", f"{name}: {error.message}", f"{name}：坐标不可用"))
            continue
        code = _slug(told.get("namePinyin") or name_en or "") or f"station-{row}"
        while code in taken:
            code += "-2"
        taken.add(code)
        yield name, StructureGiven(row, code, kind, name_zh, _titled(name_en), None, point, surveyed=False)


def _name(told: Any) -> str:
    if not isinstance(told, str) or not told.strip():
        raise TypeError
    return told.strip()[:LONGEST]


def _titled(name: Any) -> str | None:
    """A name in Latin letters as names are written; None where there is none."""
    if not isinstance(name, str) or not name.strip():
        return None
    return " ".join(word[:1].upper() + word[1:] for word in name.split())[:LONGEST]


def _slug(name: Any) -> str:
    """A name in Latin letters as part of a code."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())[:40]


def _line(told: Any, turn: int, faults: list[Fault]) -> LineGiven | None:
    try:
        code, name = _slug(told["lineId"]).upper() or f"LINE{turn + 1}", _name(told["lineName"])
        paths = [path["stationIds"] for path in told["mapPaths"]]
    except (KeyError, TypeError, AttributeError):
        faults.append(
            Fault(
                turn + 1, "lines", "a line needs lineId, lineName and mapPaths", "线路缺少 lineId、lineName 或 mapPaths"
            )
        )
        return None
    if not all(isinstance(path, list) for path in paths):
        faults.append(Fault(turn + 1, "lines", f"{name}: stationIds must be lists", f"{name}：stationIds 应为列表"))
        return None
    colour = str(told.get("color", "")).lower()
    operator = told.get("operatorName")
    return LineGiven(
        code, name, f"Line {code}", colour if _COLOUR.fullmatch(colour) else NO_COLOUR,
        operator if isinstance(operator, str) else None, turn,
    )  # fmt: skip


def _paths(
    told: Any, line: LineGiven, placed: Mapping[str, StructureGiven], faults: list[Fault]
) -> Iterator[list[StructureGiven]]:
    for path in told["mapPaths"]:
        for name in path["stationIds"]:
            if name not in placed:
                english = f"{line.name_zh} stops at {name!r}, which is no station of the file"
                faults.append(Fault(line.place + 1, "lines", english, f"{line.name_zh}的车站“{name}”不在文件中"))
        yield [placed[name] for name in path["stationIds"] if name in placed]


def sections(line: LineGiven, paths: Sequence[Sequence[StructureGiven]], kind: str) -> Iterator[StructureGiven]:
    """The stretches between stops that follow each other, each once, whichever way it is gone."""
    taken: set[frozenset[str]] = set()
    codes: set[str] = set()
    for path in paths:
        for one, other in pairwise(path):
            ends = frozenset((one.code, other.code))
            if len(ends) < 2 or ends in taken:
                continue
            taken.add(ends)
            first, second = sorted((one.code, other.code))
            code, number = f"{line.code}.{first}-{second}"[:60], 1
            while code in codes:
                number += 1
                code = f"{code[:56]}-{number}"
            codes.add(code)
            english = f"{one.name_en} – {other.name_en}" if one.name_en and other.name_en else None
            way = shapely.LineString([one.geom, other.geom])
            yield StructureGiven(
                0, code, kind, f"{one.name_zh}—{other.name_zh}区间", english, line.code,
                way, surveyed=False,
            )  # fmt: skip


# Features: outlines as somebody surveyed or drew them


def _features(layer: Layer, zone: tzinfo) -> Read:
    found = fields.chosen(layer, FIELDS, {})
    for needed in ("code", "kind"):
        fields.needed(layer, found, needed, f"a field named {needed}")
    texts = {name: fields.texts(layer, found, name) for name in FIELDS}
    faults: list[Fault] = []
    lines: dict[str, LineGiven] = {}
    made: dict[str, StructureGiven] = {}
    for at, geom in enumerate(layer.geoms):
        told = {name: values[at] for name, values in texts.items()}
        wrong = list(_wrong(at + 1, told, geom, made))
        moments = {name: _moment(at + 1, name, told[name], zone, wrong) for name in ("since", "until")}
        if all(moments.values()) and moments["since"] >= moments["until"]:
            wrong.append(Fault(at + 1, "until", "it ends before it begins", "停用时间早于启用时间"))
        faults += wrong
        if wrong:
            continue
        if told["line"] and told["line_name"] and told["line"] not in lines:
            lines[told["line"]] = _line_of(told, len(lines))
        outline = _outline(geom)
        surveyed = _yes(told["surveyed"], bool(shapely.get_dimensions(outline) == 2))
        made[told["code"]] = StructureGiven(
            at + 1, told["code"], told["kind"], told["name_zh"] or told["code"], told["name_en"], told["line"], outline,
            surveyed, **moments,
        )  # fmt: skip
    return Read(layer.crs, len(layer.geoms), [*lines.values()], [*made.values()], (), faults, layer.notes)


def _wrong(row: int, told: Mapping[str, str | None], geom: Any, made: Mapping[str, Any]) -> Iterator[Fault]:
    code, line, colour = told["code"] or "", told["line"], told["colour"]
    if not _CODE.fullmatch(code):
        yield Fault(
            row, "code", "letters, digits, . _ - and at most 60 of them", "代码应为字母、数字及 . _ -，最多 60 个"
        )
    elif code in made:
        yield Fault(row, "code", f"row {made[code].row} has this code already", f"第 {made[code].row} 行已有该代码")
    if not told["kind"]:
        yield Fault(row, "kind", "the kind of structure is missing", "缺少结构类型")
    if line is not None and not _CODE.fullmatch(line):
        yield Fault(
            row, "line", "letters, digits, . _ - and at most 60 of them", "线路代码应为字母、数字及 . _ -，最多 60 个"
        )
    if colour is not None and not _COLOUR.fullmatch(colour.lower()):
        yield Fault(row, "colour", "a colour such as #2249a3", "颜色应如 #2249a3")
    for name in ("name_zh", "name_en", "line_name", "line_name_en"):
        if len(told[name] or "") > LONGEST:
            yield Fault(row, name, f"at most {LONGEST} characters", f"最多 {LONGEST} 个字")
    if told["surveyed"] is not None and told["surveyed"].lower() not in (*YES, *NO):
        yield Fault(row, "surveyed", "yes or no", "应为是或否")
    if geom is None or geom.is_empty or not np.isfinite(geom.bounds).all():
        yield Fault(row, "geom", "there is no outline", "没有轮廓")
    elif shapely.get_num_coordinates(geom) > MOST_CORNERS:
        english = f"{shapely.get_num_coordinates(geom):,} corners; at most {MOST_CORNERS:,} are accepted: simplify it"
        yield Fault(row, "geom", english, f"轮廓的点数超过 {MOST_CORNERS}，请先简化")
    elif _outline(geom) is None:
        yield Fault(row, "geom", "a valid point, line or polygon is expected", "应为有效的点、线或面")


def _outline(geom: Any) -> Any:
    """The outline as it can be used: mended where it crosses itself; None where it cannot be."""
    made = geom if geom.is_valid else shapely.make_valid(geom)
    known = made.geom_type.removeprefix("Multi") in ("Point", "LineString", "Polygon")
    return made if known and made.is_valid and not made.is_empty else None


def _moment(row: int, name: str, said: str | None, zone: tzinfo, wrong: list[Fault]) -> datetime | None:
    try:
        return fields.as_moment(said, zone)
    except ValueError:
        wrong.append(
            Fault(row, name, f"{said!r} is no date; accepted: 2024-01-31", f"“{said}”不是日期；应如 2024-01-31")
        )
        return None


def _yes(said: str | None, usual: bool) -> bool:
    return usual if said is None else said.lower() in YES


def _line_of(told: Mapping[str, str | None], place: int) -> LineGiven:
    colour = (told["colour"] or NO_COLOUR).lower()
    return LineGiven(told["line"], told["line_name"], told["line_name_en"], colour, None, place)


# Out

EXPORTED = (
    "code", "kind", "name_zh", "name_en", "line", "line_name", "line_name_en", "colour", "surveyed", "since", "until",
)  # fmt: skip


def write(path: Path, rows: Sequence[Any], crs: str) -> None:
    """Write structures (rows of `queries.exported`) so that `read` takes them back."""
    columns = {name: [_shown(getattr(row, name)) for row in rows] for name in EXPORTED}
    files.write(path, shapely.from_wkb([bytes(row.wkb) for row in rows]), columns, crs)


def _shown(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else value
