"""Areas coming in from files, their checks, and their way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.errors import Invalid
from webgis.geo import SRID
from webgis.grid import checks, fields, files, queries, systems
from webgis.grid.checks import Fault
from webgis.grid.files import Layer
from webgis.grid.models import CODE_LENGTHS, LEVELS, Area

REFUSED = frozenset({"code-form", "duplicate", "empty-geometry", "no-name", "unknown-parent"})
"""Faults with which nothing is loaded; the others are measured, reported and loaded."""

TOLERANCE_M2 = 1.0
"""Overlaps and gaps between areas below this are not reported."""

_LEVEL_OF = {length: level for level, length in CODE_LENGTHS.items()}


@dataclass
class Outcome:
    """What an import did. `loaded` is false when a fault of REFUSED stood in the way; then nothing was stored.

    `srids`: the projected systems in which the areas are measured.
    """

    loaded: bool = False
    added: int = 0
    updated: int = 0
    srids: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Rows:
    """Features as areas; lists of one length. `geoms`: valid MultiPolygons or None."""

    codes: list[str | None]
    names_zh: list[str | None]
    names_en: list[str | None]
    populations: list[float | None]
    geoms: np.ndarray


def import_areas(
    session: Session,
    layer: Layer,
    *,
    srid: int,
    level: str | None = None,
    given: Mapping[str, str | None] | None = None,
    source: str | None = None,
    illustrative: bool = False,
    city_srid: int | None = None,
    zone_srid: int | None = None,
) -> Outcome:
    """Store the areas of a file, or update those that are there.

    `srid`: projected system where no area states its own; `level`: refuse rows of any other (default: by the code's
    length); `given`: fields by meaning where their names are not the usual ones; `city_srid`: kept with the cities of
    the file, and with what stands in it without its city; `zone_srid`: the same where no system is kept yet. Parents
    must be stored or in the file; only a county may stand alone. Geometry is repaired, and overlaps, gaps and
    overhangs are measured against siblings and parents, stored ones too. `Invalid`: "grid.bad-system".
    """
    rows, faults = _rows(layer, given or {}, level)
    faults += _unknown_parents(session, rows)
    outcome = Outcome(faults=sorted(faults, key=lambda fault: fault.row or 0), notes=list(layer.notes))
    if any(fault.kind in REFUSED for fault in faults):
        return outcome
    outcome.faults += _stale_cells(session, rows)
    before = set(session.scalars(select(Area.code).where(Area.code.in_(rows.codes))))
    outcome.srids = _store(session, rows, srid, source, illustrative, _Systems(city_srid, zone_srid))
    outcome.loaded, outcome.updated, outcome.added = True, len(before), len(rows.codes) - len(before)
    number = {code: row for row, code in enumerate(rows.codes, 1)}
    outcome.faults += check_areas(session, touched=set(rows.codes), rows=number)
    return outcome


def _rows(layer: Layer, given: Mapping[str, str | None], level: str | None) -> tuple[_Rows, list[Fault]]:
    found = fields.chosen(layer, fields.AREA_FIELDS, given)
    codes = [fields.as_text(code) for code in fields.needed(layer, found, "code", "--code-field").tolist()]
    names = [fields.as_text(name) for name in fields.needed(layer, found, "name_zh", "--name-field").tolist()]
    english = [fields.as_text(name) for name in fields.values(layer, found, "name_en")]
    people = [fields.as_number(count) for count in fields.values(layer, found, "population")]
    geoms, repaired, reasons = checks.polygons_only(layer.geoms)
    faults = [
        *_code_faults(codes, level),
        *(Fault("no-name", "has no name", row, code) for row, code, name in _numbered(codes, names) if name is None),
        *geometry_faults(codes, geoms, repaired, reasons),
    ]
    return _Rows(codes, names, english, people, _multi(geoms)), faults


def _numbered(codes: Sequence, others: Sequence):
    return zip(range(1, len(codes) + 1), codes, others, strict=True)


def _multi(geoms: np.ndarray) -> np.ndarray:
    made = np.full(len(geoms), None, dtype=object)
    for position in np.flatnonzero(~shapely.is_missing(geoms)):
        made[position] = shapely.multipolygons(shapely.get_parts(geoms[position]))
    return made


def _code_faults(codes: Sequence[str | None], level: str | None) -> list[Fault]:
    lengths = {CODE_LENGTHS[level]} if level else set(_LEVEL_OF)
    accepted = ", ".join(str(length) for length in sorted(lengths))
    faults, seen = [], {}
    for row, code in enumerate(codes, 1):
        if code is None or not (code.isascii() and code.isdigit()) or len(code) not in lengths:
            faults.append(Fault("code-form", f"the code has to be {accepted} digits", row, code))
        elif code in seen:
            faults.append(Fault("duplicate", f"the code stands in row {seen[code]} already", row, code))
        else:
            seen[code] = row
    return faults


def geometry_faults(codes: Sequence, geoms: np.ndarray, repaired: np.ndarray, reasons: np.ndarray) -> list[Fault]:
    """Faults of `checks.polygons_only`: repaired geometries, and those with no surface."""
    faults = []
    for position in np.flatnonzero(shapely.is_missing(geoms)):
        why = f" ({reasons[position]})" if reasons[position] else ""
        faults.append(Fault("empty-geometry", f"has no surface{why}", int(position) + 1, codes[position]))
    for position in np.flatnonzero(repaired):
        message = f"was repaired: {reasons[position]}"
        where = checks.place(geoms[position])
        faults.append(Fault("invalid-geometry", message, int(position) + 1, codes[position], **where))
    return faults


def _unknown_parents(session: Session, rows: _Rows) -> list[Fault]:
    there = {code for code in rows.codes if code}
    parents = {code: parent_of(code) for code in there if len(code) in _LEVEL_OF and len(code) > CODE_LENGTHS["county"]}
    stored = set(session.scalars(select(Area.code).where(Area.code.in_(parents.values()))))
    return [
        Fault("unknown-parent", f"its parent {parents[code]} is neither stored nor in the file", row, code)
        for row, code in enumerate(rows.codes, 1)
        if code in parents and parents[code] not in there | stored
    ]


def parent_of(code: str) -> str | None:
    """The code of the area one level up, or None for a city."""
    position = LEVELS.index(_LEVEL_OF[len(code)])
    return code[: CODE_LENGTHS[LEVELS[position - 1]]] if position else None


def _stale_cells(session: Session, rows: _Rows) -> list[Fault]:
    """Communities whose polygon changes although they have valid cells, which then no longer fit."""
    stored = session.execute(
        text(
            "SELECT a.code, ST_AsBinary(a.geom) FROM city.area a WHERE a.code = ANY(:codes) AND a.level = 'community'"
            " AND EXISTS (SELECT FROM city.cell c WHERE c.community_code = a.code AND upper_inf(c.valid))"
        ),
        {"codes": rows.codes},
    )
    number = {code: row for row, code in enumerate(rows.codes, 1)}
    message = "changes its polygon under its valid cells; divide it again: webgis grid divide --again --area "
    return [
        Fault("cells-stale", message + code, number[code], code)
        for code, wkb in stored
        if not shapely.equals(shapely.from_wkb(bytes(wkb)), rows.geoms[number[code] - 1])
    ]


@dataclass(frozen=True)
class _Systems:
    """Projected systems that a file brings: `stated` by somebody, `zone` where nothing is known."""

    stated: int | None
    zone: int | None

    def kept(self, codes: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
        """The system to keep by code, with those of `codes` that no other of them holds. `known`: as stored."""
        there = set(codes)
        highest = [code for code in codes if there.isdisjoint(queries.upwards(code)[1:])]
        if self.stated:
            return {code: self.stated for code in highest if queries.nearest_srid(code, known) != self.stated}
        return {code: self.zone for code in highest if self.zone and queries.nearest_srid(code, known) is None}


def _store(
    session: Session, rows: _Rows, srid: int, source: str | None, illustrative: bool, brought: _Systems
) -> list[int]:
    order = sorted(range(len(rows.codes)), key=lambda position: (len(rows.codes[position]), rows.codes[position]))
    codes = [rows.codes[position] for position in order]
    levels = [_LEVEL_OF[len(code)] for code in codes]
    geoms = rows.geoms[order]
    known = queries.stated_srids(session)
    own = brought.kept(codes, known)
    srids = np.array([queries.nearest_srid(code, known | own) or srid for code in codes])
    used = np.unique(srids).tolist()
    for system in used:
        systems.check(system, geoms[srids == system])
    session.execute(
        _UPSERT,
        {
            "codes": codes,
            "levels": levels,
            "parents": _stored_parents(session, codes),
            "names_zh": [rows.names_zh[position] for position in order],
            "names_en": [rows.names_en[position] for position in order],
            "geoms": shapely.to_wkb(shapely.set_srid(geoms, SRID), hex=True, include_srid=True).tolist(),
            "areas": checks.projected_m2(geoms, srids).tolist(),
            "populations": [rows.populations[position] for position in order],
            "srids": [own.get(code) for code in codes],
            "source": source,
            "illustrative": illustrative,
        },
    )
    session.execute(_ADOPT)
    session.execute(_CHANGED)
    jobs.enqueue(session, "hazards.regrade", queue="slow", delay=REGRADE_AFTER)
    session.expire_all()
    return used


def _stored_parents(session: Session, codes: Sequence[str]) -> list[str | None]:
    """Each area's parent; None for a county whose city is not known."""
    parents = [parent_of(code) for code in codes]
    known = set(codes) | set(session.scalars(select(Area.code).where(Area.code.in_(set(parents) - {None}))))
    return [parent if parent in known else None for parent in parents]


_UPSERT = text(
    """
    INSERT INTO city.area AS a (code, level, parent_code, name_zh, name_en, geom, area_m2, population, projected_srid,
                                source, illustrative)
    SELECT n.*, :source, :illustrative FROM unnest(
        CAST(:codes AS text[]), CAST(:levels AS text[]), CAST(:parents AS text[]), CAST(:names_zh AS text[]),
        CAST(:names_en AS text[]), CAST(:geoms AS geometry[]), CAST(:areas AS float8[]),
        CAST(CAST(:populations AS float8[]) AS int[]), CAST(:srids AS int[])) AS n
    ON CONFLICT (code) DO UPDATE SET
        name_zh = excluded.name_zh, name_en = coalesce(excluded.name_en, a.name_en), geom = excluded.geom,
        area_m2 = excluded.area_m2, population = coalesce(excluded.population, a.population),
        projected_srid = coalesce(excluded.projected_srid, a.projected_srid),
        source = coalesce(excluded.source, a.source), illustrative = excluded.illustrative,
        parent_code = excluded.parent_code
    """
)

_ADOPT = text(
    """
    UPDATE city.area county SET parent_code = city.code FROM city.area city
    WHERE county.level = 'county' AND county.parent_code IS NULL AND city.code = left(county.code, 4)
    """
)
_CHANGED = text("SELECT fn.layer_changed('areas')")
REGRADE_AFTER = 5
"""Seconds after which hazard sources are graded anew: people around them follow from areas and populations."""


def check_areas(
    session: Session,
    within: str = "",
    tolerance_m2: float = TOLERANCE_M2,
    touched: set[str] | None = None,
    rows: Mapping[str, int] | None = None,
) -> list[Fault]:
    """Overlaps between siblings, overhangs beyond the parent and gaps in it, for the areas within a code.

    `touched`: only the families of these areas; `rows`: their row numbers in a file, for the report.
    """
    stored = session.execute(
        select(Area.code, Area.parent_code, func.ST_AsBinary(Area.geom))
        .where(Area.code.startswith(within, autoescape=True))
        .order_by(Area.code)
    ).all()
    geoms = dict(zip((row[0] for row in stored), shapely.from_wkb([bytes(row[2]) for row in stored]), strict=True))
    families: dict[str, list[str]] = {}
    for code, parent, _ in stored:
        families.setdefault(parent or "", []).append(code)
    faults = []
    for parent, children in families.items():
        if touched is None or parent in touched or touched.intersection(children):
            polygons = np.array([geoms[code] for code in children], dtype=object)
            faults += _family_faults(geoms.get(parent), parent, children, polygons, tolerance_m2, rows or {})
    return faults


def _family_faults(
    parent, parent_code: str, codes: list[str], geoms: np.ndarray, tolerance_m2: float, rows: Mapping[str, int]
) -> list[Fault]:
    faults = []
    pairs = checks.overlaps(geoms, checks.unmatched(geoms), tolerance_m2)
    for first, second, m2, part in zip(*pairs, strict=True):
        one, other = codes[first], codes[second]
        message = f"overlaps {other} by {m2:,.1f} m2"
        faults.append(Fault("overlap", message, rows.get(one), one, other, round(m2, 2), **checks.place(part)))
    if parent is None:
        return faults
    m2, parts = checks.overhang(geoms, np.full(len(geoms), parent, dtype=object))
    for position in np.flatnonzero(m2 > tolerance_m2):
        code = codes[position]
        message = f"reaches {m2[position]:,.1f} m2 beyond {parent_code}"
        where = checks.place(parts[position])
        faults.append(Fault("outside", message, rows.get(code), code, parent_code, round(m2[position], 2), **where))
    for part in checks.uncovered(parent, geoms):
        size = float(checks.square_metres(np.array([part]))[0])
        if size > tolerance_m2:
            message = f"{size:,.1f} m2 of {parent_code} are in none of its {len(codes)} parts"
            faults.append(Fault("gap", message, None, parent_code, None, round(size, 2), **checks.place(part)))
    return faults


def export_areas(session: Session, path: Path, level: str | None, within: str | None, crs: str = "wgs84") -> int:
    """Write areas to a GeoJSON or GeoPackage file; returns how many. `Invalid` when there are none."""
    found = queries.areas(session, level, within)
    if not found:
        raise Invalid("grid.nothing", f"There is no {level or 'area'} within {within or 'the database'} to export")
    columns = {
        name: [getattr(area, name) for area in found]
        for name in ("code", "level", "parent_code", "name_zh", "name_en", "area_m2", "population")
    }
    shapes = dict(
        session.execute(select(Area.code, func.ST_AsBinary(Area.geom)).where(Area.code.in_(columns["code"]))).all()
    )
    geoms = shapely.from_wkb([bytes(shapes[code]) for code in columns["code"]])
    files.write(path, geoms, columns, crs)
    return len(found)
