"""Importing the names of places, source by source, and removing them. Operations: the caller owns the transaction.

A file is one source. Nothing of it is stored unless every row can be, or those that cannot are to be left out.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from psycopg2.extras import execute_values
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.errors import Conflict, NotFound
from webgis.geo import SRID
from webgis.grid import bulk
from webgis.grid import gazetteer_rules as rules
from webgis.grid.gazetteer_files import Entry, Fault
from webgis.grid.gazetteer_models import PlaceName, PlaceSource
from webgis.grid.models import LEVELS, Area


@dataclass(frozen=True)
class Outcome:
    """What an import did: places `stored` of so many `rows`, by kind, or nothing where there are `faults`."""

    source: str
    rows: int
    stored: int
    kinds: dict[str, int]
    faults: list[Fault]
    loaded: bool


@dataclass(frozen=True)
class Stored:
    """A place that may be the parent of a door: its id, and its shape for choosing the nearest of namesakes."""

    id: int
    name_en: str
    geom: object


def import_places(
    session: Session,
    entries: Sequence[Entry],
    faults: Sequence[Fault],
    source: str,
    *,
    file: str,
    illustrative: bool = False,
    replace: bool = False,
    skip_faulty: bool = False,
) -> Outcome:
    """Store the entries of one file as `source`. `faults` are those found while reading it.

    `Conflict` when the source is there already and is not to be replaced.
    """
    with session.begin_nested() as kept:
        outcome = _import(session, entries, faults, source, file, illustrative, replace, skip_faulty)
        if not outcome.loaded:
            kept.rollback()
    return outcome


def _import(
    session: Session,
    entries: Sequence[Entry],
    faults: Sequence[Fault],
    source: str,
    file: str,
    illustrative: bool,
    replace: bool,
    skip_faulty: bool,
) -> Outcome:
    _make_room(session, source, replace)
    points = _points(np.array([entry.geom for entry in entries], dtype=object))
    areas, outside = _areas(session, entries, points)
    parents, orphans = _parents(session, entries, outside)
    repeated = _repeated(entries, points)
    wrong = {fault.row: fault for fault in [*repeated, *orphans, *outside]}
    all_faults = sorted([*faults, *wrong.values()], key=lambda fault: fault.row)
    keep = [at for at, entry in enumerate(entries) if entry.row not in wrong]
    rows = len(entries) + len(faults)
    if all_faults and not skip_faulty or not keep:
        return Outcome(source, rows, 0, {}, all_faults, False)
    made = PlaceSource(name=source, file=file, illustrative=illustrative)
    session.add(made)
    session.flush()
    _write(session, made.id, [entries[at] for at in keep], points[keep], [areas[at] for at in keep], parents)
    kinds = Counter(entries[at].kind for at in keep)
    return Outcome(source, rows, len(keep), dict(kinds), all_faults, True)


def remove(session: Session, source: str) -> int:
    """Remove a source with its places; how many there were. `NotFound`, or `Conflict` where doors of another source
    stand at its roads."""
    found = session.scalars(select(PlaceSource).where(PlaceSource.name == source).with_for_update()).first()
    if found is None:
        known = session.scalars(select(PlaceSource.name).order_by(PlaceSource.name)).all()
        raise NotFound(
            "grid.place-source-unknown",
            f"There is no source {source!r} of places; there are: {', '.join(known) or 'none'}",
            field="source",
            got=source,
            accepted=list(known),
        )
    others = session.scalars(_OTHERS, {"id": found.id}).all()
    if others:
        raise Conflict(
            "grid.places-in-use",
            f"Doors of {', '.join(others)} belong to roads of {source}; remove those first",
            field="source",
            got=source,
        )
    count = session.scalar(select(func.count()).select_from(PlaceName).where(PlaceName.source_id == found.id))
    session.execute(text("DELETE FROM city.place_name WHERE source_id = :id"), {"id": found.id})
    session.delete(found)
    session.flush()
    return count or 0


_OTHERS = text(
    """
    SELECT DISTINCT s.name
    FROM city.place_name road
    JOIN city.place_name door ON door.parent_id = road.id AND door.source_id <> road.source_id
    JOIN city.place_source s ON s.id = door.source_id
    WHERE road.source_id = :id ORDER BY 1
    """
)


def _make_room(session: Session, source: str, replace: bool) -> None:
    there = session.scalar(select(PlaceSource.id).where(PlaceSource.name == source))
    if there is None:
        return
    if not replace:
        raise Conflict(
            "grid.place-source-known",
            f"Places of {source!r} are there already; import with --replace, or give --source another name",
            field="source",
            got=source,
        )
    remove(session, source)


# Where the places lie, and what they belong to


def _points(geoms: np.ndarray) -> np.ndarray:
    """(n,) points where pins are put: the place itself, the middle of a road, a point inside a compound."""
    kinds = shapely.get_type_id(geoms)
    made = shapely.centroid(geoms)
    parts = np.flatnonzero(kinds == shapely.GeometryType.MULTILINESTRING)
    lines = geoms.copy()
    for at in parts:
        lines[at] = max(geoms[at].geoms, key=lambda part: part.length)
    along = np.flatnonzero((kinds == shapely.GeometryType.LINESTRING) | (kinds == shapely.GeometryType.MULTILINESTRING))
    made[along] = shapely.line_interpolate_point(lines[along], 0.5, normalized=True)
    out = np.flatnonzero((shapely.get_dimensions(geoms) == 2) & ~shapely.intersects(geoms, made))
    made[out] = shapely.point_on_surface(geoms[out])
    return made


def _areas(session: Session, entries: Sequence[Entry], points: np.ndarray) -> tuple[list[str | None], list[Fault]]:
    """The code of the smallest area that holds each point, and the faults of those that lie in none."""
    codes: list[str | None] = [None] * len(points)
    for level in reversed(LEVELS):
        left = np.array([at for at, code in enumerate(codes) if code is None], dtype=int)
        if not left.size:
            break
        rows = session.execute(select(Area.code, func.ST_AsBinary(Area.geom)).where(Area.level == level)).all()
        if not rows:
            continue
        tree = shapely.STRtree(shapely.from_wkb([bytes(row[1]) for row in rows]))
        for at, found in zip(*tree.query(points[left], predicate="intersects"), strict=True):
            here = codes[left[at]]
            codes[left[at]] = min(here, rows[found][0]) if here else rows[found][0]
    where = "It lies in no area of the city; is the coordinate system the right one?"
    return codes, [
        Fault(entry.row, "place", "outside", where, f"{points[at].x:.6f}, {points[at].y:.6f}")
        for at, entry in enumerate(entries)
        if codes[at] is None
    ]


Parents = dict[str, list[Entry | Stored]]


def _parents(session: Session, entries: Sequence[Entry], outside: Sequence[Fault]) -> tuple[Parents, list[Fault]]:
    """What doors of the file may belong to, by folded name, in the file or stored; and the doors without."""
    lost = {fault.row for fault in outside}
    wanted = {rules.folded(entry.parent) for entry in entries if entry.parent}
    found: Parents = {name: [] for name in wanted}
    for entry in entries:
        if entry.kind != "door" and entry.row not in lost:
            for name in {rules.folded(entry.name), *map(rules.folded, entry.aliases)} & wanted:
                found[name].append(entry)
    missing = [name for name, places in found.items() if not places]
    for row in session.execute(_STORED, {"said": missing}):
        found[row.said].append(Stored(row.id, row.name_en, shapely.from_wkb(bytes(row.geom))))
    return found, [
        Fault(
            entry.row,
            "parent",
            "parent-unknown",
            f"There is no road, compound or building {entry.parent}, neither in the file nor stored; add a row for it",
            entry.parent,
        )
        for entry in entries
        if entry.parent and not found[rules.folded(entry.parent)]
    ]


_STORED = text(
    """
    SELECT DISTINCT s.said, p.id, p.name_en, ST_AsBinary(p.geom) AS geom
    FROM city.place_spelling s JOIN city.place_name p ON p.id = s.place_id
    WHERE s.said = ANY(:said)
    """
)


def _repeated(entries: Sequence[Entry], points: np.ndarray) -> list[Fault]:
    """Rows that say what an earlier row says: kind, name and place (to a metre)."""
    seen: dict[tuple, int] = {}
    faults = []
    for entry, x, y in zip(entries, shapely.get_x(points), shapely.get_y(points), strict=True):
        key = (entry.kind, entry.name, round(x, 5), round(y, 5))
        if key in seen:
            faults.append(Fault(entry.row, "name", "repeated", f"The same as row {seen[key]}", entry.name))
        else:
            seen[key] = entry.row
    return faults


# Writing


def _write(
    session: Session,
    source_id: int,
    entries: Sequence[Entry],
    points: np.ndarray,
    areas: Sequence[str | None],
    parents: Parents,
) -> None:
    with session.connection().connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('city.place_name', 'id')) FROM generate_series(1, %s)",
            (len(entries),),
        )
        ids = [row[0] for row in cursor.fetchall()]
        own = {entry.row: (place_id, entry) for place_id, entry in zip(ids, entries, strict=True)}
        english = {entry.row: entry.name_en or rules.english(entry.name) for entry in entries if entry.kind != "door"}
        chosen = [_parent(entry, parents, own, english) for entry in entries]
        numbers = [None if entry.number is None else int(entry.number.partition("-")[0]) for entry in entries]
        columns = {
            "id": np.array(ids, dtype=np.int64),
            "source_id": np.full(len(ids), source_id, dtype=np.int32),
            "kind": _texts([entry.kind for entry in entries]),
            "name": _texts([entry.name for entry in entries]),
            "name_en": _texts([_english(entry, one, english) for entry, one in zip(entries, chosen, strict=True)]),
            "parent_id": _packed(">q", [None if one is None else one[0] for one in chosen]),
            "number": _texts([entry.number for entry in entries]),
            "number_value": _packed(">i", numbers),
            "area_code": _texts(areas),
            "geom": bulk.ewkb(np.array([entry.geom for entry in entries], dtype=object), SRID),
            "lon": shapely.get_x(points),
            "lat": shapely.get_y(points),
        }
        bulk.write(cursor, f"city.place_name ({', '.join(columns)})", list(columns.values()))
        _write_spellings(cursor, ids, entries, points)
        cursor.execute("ANALYZE city.place_name, city.place_spelling")


def _parent(entry: Entry, parents: Parents, own: dict, english: dict[int, str]) -> tuple[int, str] | None:
    """Id and English name of what a door belongs to: of namesakes the nearest."""
    if entry.parent is None:
        return None
    places = parents[rules.folded(entry.parent)]
    places = [one for one in places if isinstance(one, Stored) or one.row in own]
    nearest = places[0] if len(places) == 1 else min(places, key=lambda one: shapely.distance(one.geom, entry.geom))
    if isinstance(nearest, Stored):
        return nearest.id, nearest.name_en
    return own[nearest.row][0], english[nearest.row]


def _english(entry: Entry, parent: tuple[int, str] | None, english: dict[int, str]) -> str:
    return (
        english[entry.row] if parent is None else rules.english_door(parent[1], entry.name[len(entry.parent or "") :])
    )


def _write_spellings(cursor, ids: Sequence[int], entries: Sequence[Entry], points: np.ndarray) -> None:
    rows: list[tuple] = []
    heard: dict[str, Counter] = {}
    for place_id, entry, x, y in zip(ids, entries, shapely.get_x(points), shapely.get_y(points), strict=True):
        if entry.kind == "door":
            continue
        names = dict.fromkeys([entry.name, *entry.aliases, *([entry.name_en] if entry.name_en else [])])
        for name in names:
            for one in rules.spellings(name):
                rows.append((place_id, name, name != entry.name, *vars(one).values(), x, y))
            for sign, sound in rules.sign_sounds(name).items():
                heard.setdefault(sign, Counter())[sound] += 1
    if not rows:
        return
    place, name, alias, said, signs, pinyin, initials, x, y = zip(*rows, strict=True)
    columns = {
        "place_id": np.array(place, dtype=np.int64),
        "name": _texts(name),
        "alias": _packed("?", alias),
        "said": _texts(said),
        "signs": _texts(signs),
        "pinyin": _texts(pinyin),
        "initials": _texts(initials),
        "lon": np.array(x, dtype=float),
        "lat": np.array(y, dtype=float),
    }
    bulk.write(cursor, f"city.place_spelling ({', '.join(columns)})", list(columns.values()))
    _learn(cursor, {sign: sounds.most_common(1)[0][0] for sign, sounds in heard.items()})
    # What waits outside the two trigram indexes is read by every search until it is moved in.
    for index in ("ix_place_spelling_signs_trgm", "ix_place_spelling_pinyin_trgm"):
        cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", (f"city.{index}",))


def _learn(cursor, sounds: dict[str, str]) -> None:
    """Keep how the signs of these names sound; the first import also how all common signs do."""
    cursor.execute("SELECT EXISTS (SELECT FROM city.sign_sound)")
    known = sounds if cursor.fetchone()[0] else rules.common_sounds() | sounds
    statement = "INSERT INTO city.sign_sound (sign, sound) VALUES %s ON CONFLICT DO NOTHING"
    execute_values(cursor, statement, list(known.items()), page_size=1000)


def _texts(values: Sequence[str | None]) -> np.ndarray:
    made = np.empty(len(values), dtype=object)
    made[:] = [None if value is None else value.encode() for value in values]
    return made


def _packed(form: str, values: Sequence[int | bool | None]) -> np.ndarray:
    """Whole numbers or truth values, some of them missing, in PostgreSQL's binary form."""
    made = np.empty(len(values), dtype=object)
    made[:] = [None if value is None else struct.pack(form, value) for value in values]
    return made
