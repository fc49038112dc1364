"""Made-up components in the cells of areas, spread as in a city: dense in the middle, in rows along streets.

The same areas, count and seed give the same components. They say of themselves that they are made up (`source`), and
their maintainers are the demo's departments, which get codes that no organisation can have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.catalog import standards
from webgis.catalog.standards import CURRENT
from webgis.demo import people, places
from webgis.errors import Invalid, NotFound
from webgis.geo import SRID
from webgis.grid import bulk

COUNT = 5_000
SEED = 1
SOURCE = "演示生成"
CITY_SCALE_KM = 4.0
"""From the middle outwards the density falls to a third in so many kilometres."""

_METRE = 1 / 111_000
_TRIES = 20
_EPOCH_DATE, _EPOCH = date(2000, 1, 1), datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY, _DAYS = (date(2023, 1, 1) - _EPOCH_DATE).days, 700


@dataclass(frozen=True)
class Sort:
    """A class of component: how many of 1,000 are of it, the kind of department that keeps it, its shape, and whether
    it stands along streets."""

    class_code: str
    share: int
    keeper: str
    shape: str = "Point"
    street: bool = True


SORTS = (
    Sort("01001", 40, "water_affairs"),
    Sort("01002", 90, "drainage"),
    Sort("01003", 110, "drainage"),
    Sort("01004", 100, "drainage"),
    Sort("01005", 40, "power"),
    Sort("01007", 60, "telecom"),
    Sort("01011", 25, "gas"),
    Sort("01013", 15, "water_affairs"),
    Sort("01037", 110, "municipal_works"),
    Sort("01050", 20, "public_security"),
    Sort("01060", 4, "municipal_works"),
    Sort("02001", 3, "transport", "Polygon", street=False),
    Sort("02004", 6, "transport"),
    Sort("02010", 50, "traffic_police"),
    Sort("02012", 10, "civil_affairs"),
    Sort("02014", 12, "traffic_police"),
    Sort("02017", 20, "traffic_police", "LineString"),
    Sort("02021", 40, "municipal_works"),
    Sort("02025", 8, "urban_management", "Polygon"),
    Sort("03001", 2, "sanitation", street=False),
    Sort("03005", 45, "sanitation"),
    Sort("04002", 140, "landscaping"),
    Sort("04003", 10, "landscaping", street=False),
    Sort("04007", 10, "landscaping", street=False),
    Sort("04011", 20, "landscaping"),
    Sort("04013", 10, "landscaping", "Polygon", street=False),
)

STATES = (("intact", 970), ("damaged", 18), ("lost", 3), ("abandoned", 6), ("removed", 3))
"""States with how many of 1,000 are in each."""


def generate(session: Session, areas: Sequence[str], count: int = COUNT, seed: int = SEED) -> int:
    """Make `count` components in the valid cells of areas (codes); returns how many. The caller commits.

    `NotFound` when the areas have no cells.
    """
    rng = np.random.default_rng(seed)
    with session.connection().connection.cursor() as cursor:
        codes, polygons = _cells(cursor, areas)
        cell = np.sort(rng.choice(len(codes), count, p=_weights(rng, polygons, codes[0][:4])))
        sort = rng.choice(len(SORTS), count, p=_shares([one.share for one in SORTS]))
        geoms = _shapes(rng, polygons, cell, sort)
        prefixes = np.char.add(codes[cell].astype("U6"), np.array([one.class_code for one in SORTS])[sort])
        cursor.execute("SELECT fn.lock_register()")
        numbered = _numbered(cursor, prefixes)
        _write(session, cursor, rng, numbered, codes[cell], sort, geoms)
        cursor.execute("ANALYZE city.component, city.component_event")
    return count


def _cells(cursor, areas: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    for area in areas:
        if not (area.isascii() and area.isdigit() and len(area) <= 15):
            raise Invalid("demo.bad-field", f"area: the code of an area, not {area!r}", field="area", got=area)
    within = " OR ".join(f"code LIKE '{area}%'" for area in areas)
    codes, wkb = bulk.read(
        cursor, f"SELECT code, geom FROM city.cell WHERE upper_inf(valid) AND ({within}) ORDER BY code", ("O", "O")
    )
    if not len(codes):
        raise NotFound("demo.no-cells", f"The areas {', '.join(areas)} have no cells; divide them first")
    return codes.astype("S").astype("U15"), shapely.from_wkb(wkb)


def _weights(rng: np.random.Generator, polygons: np.ndarray, city: str) -> np.ndarray:
    """How likely a component stands in each cell: by its area, its distance from the middle, and chance."""
    centre = shapely.centroid(polygons)
    lon, lat = shapely.get_x(centre), shapely.get_y(centre)
    x, y = places.CENTRES.get(city, (lon.mean(), lat.mean()))
    km = np.hypot((lon - x) * np.cos(np.radians(lat)), lat - y) * 111.0
    weights = shapely.area(polygons) * (0.2 + np.exp(-km / CITY_SCALE_KM)) * rng.lognormal(0.0, 0.5, len(polygons))
    return weights / weights.sum()


def _shares(shares: Sequence[int]) -> np.ndarray:
    return np.array(shares) / sum(shares)


def _shapes(rng: np.random.Generator, polygons: np.ndarray, cell: np.ndarray, sort: np.ndarray) -> np.ndarray:
    """(n,) geometries, the place of each in its cell."""
    shapely.prepare(polygons)
    along = rng.random(len(cell)) < 0.5
    street = np.array([one.street for one in SORTS])[sort]
    x, y = _points(rng, polygons, cell, street, along)
    geoms = shapely.points(x, y)
    half = rng.uniform(5.0, 20.0, len(cell)) * _METRE
    kind = np.array([one.shape for one in SORTS])[sort]
    lines, faces = np.flatnonzero(kind == "LineString"), np.flatnonzero(kind == "Polygon")
    dx, dy = np.where(along, half, 0.0)[lines], np.where(along, 0.0, half)[lines]
    ends = np.stack([np.column_stack([x[lines] + way * dx, y[lines] + way * dy]) for way in (-1, 1)], axis=1)
    geoms[lines] = shapely.linestrings(ends)
    size = half[faces] / 4
    geoms[faces] = shapely.box(x[faces] - size, y[faces] - size, x[faces] + size, y[faces] + size)
    return geoms


def _points(rng, polygons, cell, street, along) -> tuple[np.ndarray, np.ndarray]:
    """Places: along the two streets that cross each cell (`along`: the one from west to east), or anywhere in it."""
    west, south, east, north = shapely.bounds(polygons).T[:, cell]
    crossing = rng.uniform(0.15, 0.85, (2, len(polygons)))[:, cell]
    kerb = rng.choice((-6.0, 6.0), len(cell)) * _METRE + rng.normal(0.0, 0.5, len(cell)) * _METRE
    step = (rng.integers(0, 8, len(cell)) + rng.normal(0.5, 0.15, len(cell))) / 8
    u = np.where(street, np.where(along, step, crossing[0]), rng.random(len(cell)))
    v = np.where(street, np.where(along, crossing[1], step), rng.random(len(cell)))
    x = west + u * (east - west) + np.where(street & ~along, kerb, 0.0)
    y = south + v * (north - south) + np.where(street & along, kerb, 0.0)
    out = np.flatnonzero(~shapely.contains_xy(polygons[cell], x, y))
    for _ in range(_TRIES):
        x[out] = rng.uniform(west[out], east[out])
        y[out] = rng.uniform(south[out], north[out])
        out = out[~shapely.contains_xy(polygons[cell[out]], x[out], y[out])]
    inside = shapely.point_on_surface(polygons[cell[out]])
    x[out], y[out] = shapely.get_x(inside), shapely.get_y(inside)
    return x, y


def _numbered(cursor, prefixes: np.ndarray) -> np.ndarray:
    """The codes: those of a county and class go on where the register ends."""
    cursor.execute("SELECT left(code, 11), max(right(code, 6)::int) FROM city.component GROUP BY 1")
    last = dict(cursor.fetchall())
    kinds, which, counts = np.unique(prefixes, return_inverse=True, return_counts=True)
    order = np.argsort(which, kind="stable")
    sequence = np.empty(len(prefixes), dtype=np.int64)
    sequence[order] = np.arange(len(prefixes)) - np.repeat(counts.cumsum() - counts, counts) + 1
    sequence += np.array([last.get(str(kind), 0) for kind in kinds])[which]
    if sequence.max(initial=0) > 999_999:
        raise Invalid("demo.bad-field", "count: a county has at most 999,999 components of a class", field="count")
    return np.char.add(prefixes, np.char.zfill(sequence.astype("U6"), 6))


def _write(session: Session, cursor, rng, codes, cells, sort, geoms) -> None:
    count = len(codes)
    names = {one.code: one.name_zh for one in standards.classes(CURRENT).values() if one.kind == "component"}
    states, shares = zip(*STATES, strict=True)
    state = _words(states)[rng.choice(len(states), count, p=_shares(shares))]
    keepers = _keepers(session, sorted({code[:6] for code in np.unique(cells.astype("U6"))}))
    county, which = np.unique(cells.astype("U6"), return_inverse=True)
    keeper = np.array([[keepers[one, SORTS[n].keeper] for n in range(len(SORTS))] for one in county], dtype=object)
    authority = np.array([keepers[one, "urban_management"] for one in county], dtype=object)
    kept = keeper[which, sort]
    columns = {
        "code": codes,
        "standard": np.full(count, CURRENT),
        "class_code": np.array([one.class_code for one in SORTS])[sort],
        "name": _words([names[one.class_code] for one in SORTS])[sort],
        "authority_code": authority[which, 0].astype("U18"),
        "authority_name": _encoded(authority[which, 1]),
        "owner_code": kept[:, 0].astype("U18"),
        "owner_name": _encoded(kept[:, 1]),
        "maintainer_code": kept[:, 0].astype("U18"),
        "maintainer_name": _encoded(kept[:, 1]),
        "cell_code": cells,
        "state": state,
        "surveyed_on": (_FIRST_DAY + rng.integers(0, _DAYS, count)).astype(np.int32),
        "source": np.full(count, SOURCE),
        "accuracy_class": rng.choice(("A", "B", "C"), count, p=(0.2, 0.6, 0.2)),
        "geom": bulk.ewkb(geoms, SRID),
    }
    bulk.write(cursor, f"city.component ({', '.join(columns)})", list(columns.values()))
    now = int((datetime.now(UTC) - _EPOCH).total_seconds() * 1_000_000)
    events = {
        "component_code": codes,
        "version": np.ones(count, dtype=np.int32),
        "at": np.full(count, now, dtype=np.int64),
        "action": np.full(count, "registered"),
        "state": state,
        "changes": np.full(count, b"\x01{}", dtype="S3"),
        "reason": np.full(count, SOURCE),
    }
    bulk.write(cursor, f"city.component_event ({', '.join(events)})", list(events.values()))
    cursor.execute("SELECT fn.layer_changed('components')")


def _words(words: Sequence[str]) -> np.ndarray:
    """Texts of different lengths as `bulk.write` takes them."""
    made = np.empty(len(words), dtype=object)
    made[:] = [word.encode() for word in words]
    return made


def _encoded(names: np.ndarray) -> np.ndarray:
    """The same for many names of which few differ."""
    known, which = np.unique(names.astype("U"), return_inverse=True)
    return _words(known.tolist())[which]


def _keepers(session: Session, counties: Sequence[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """(county, kind of department) -> credit code and name of the department; those without a code are given one."""
    found = {}
    for county in counties:
        for kind in DEPARTMENT_KINDS:
            code = people.responsible(county, kind)
            made = f"DEMO{code.partition('-')[0]:0>6}{DEPARTMENT_KINDS.index(kind):08d}"
            session.execute(_GIVE_CODE, {"code": code, "made": made})
            row = session.execute(_DEPARTMENT, {"code": code}).one_or_none()
            found[county, kind] = (made, kind) if row is None else tuple(row)
    return found


_GIVE_CODE = text("UPDATE city.department SET credit_code = :made WHERE code = :code AND credit_code IS NULL")
_DEPARTMENT = text("SELECT credit_code, name_zh FROM city.department WHERE code = :code")
