"""A made-up gazetteer: roads with doors along both sides, compounds with blocks, and what else a community has.

Names are built as Chinese names are, some from the community's own (春熙路社区 gets a 春熙路); none says where a real
road of that name lies, and their source says so (`illustrative`). The same communities and seed give the same places.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.demo.places import SMALL_KM2
from webgis.grid import gazetteer
from webgis.grid import gazetteer_rules as rules
from webgis.grid.gazetteer_files import Entry
from webgis.grid.gazetteer_models import PlaceSource
from webgis.grid.models import Area

SOURCE = "demo"
"""The source of a county's places is called by this and the county's code."""

MADE = "webgis demo load (示意)"
_METRE = 1 / 111_195
_TURN = math.radians(24)
"""Streets run this much east of north, and across that."""

_FIRST = (
    "锦华金玉芙蓉青龙凤双武科天府太新永兴福和平顺安泰康乐文星云水清翠竹梧桐紫荆银杏东西南北光明建设万年春晓晨阳石桥"
)
_SECOND = "华绣江城龙泉河溪林园苑山桥门堰湾坝庙市井塘岭安平兴盛泰和顺康乐福祥云霞月星光明阳春秋景秀丽芳桂槐柳杨枫荷莲"
_ROADS = (
    "路",
    "街",
    "巷",
    "大道",
    "东路",
    "西路",
    "南路",
    "北路",
    "东街",
    "西街",
    "南街",
    "北街",
    "横街",
    "正街",
    "中路",
    "路一段",
    "路二段",
)
_COMPOUNDS = (
    "花园",
    "小区",
    "苑",
    "家园",
    "雅居",
    "名城",
    "公寓",
    "新居",
    "阁",
    "庭院",
    "华府",
    "公馆",
    "佳苑",
    "花苑",
)
_SPOTS = (
    "小学", "幼儿园", "中学", "农贸市场", "社区卫生站", "公交站", "地铁站", "停车场", "公园", "派出所", "超市", "药房",
    "银行", "酒店", "公厕", "菜鸟驿站", "便利店", "火锅店", "茶馆", "快递点", "健身房", "理发店", "修车铺", "服务中心",
)  # fmt: skip
_ROAD_ENDINGS = ("路", "街", "巷", "大道", "坝", "里")


@dataclass(frozen=True)
class Density:
    """What each community gets: roads, doors along each at most, compounds, blocks in each at most, other places."""

    roads: int = 1
    doors: int = 40
    compounds: int = 3
    blocks: int = 6
    spots: int = 4


def settle(session: Session, counties: Sequence[str], seed: int) -> int:
    """Store the made-up places of these counties' communities, those of a county once; returns how many."""
    count = 0
    for county in counties:
        source = f"{SOURCE}-{county}"
        if session.scalar(select(PlaceSource.id).where(PlaceSource.name == source)):
            continue
        entries = list(generate(communities(session, county), seed))
        count += gazetteer.import_places(session, entries, [], source, file=MADE, illustrative=True).stored
    return count


def communities(session: Session, county: str = "") -> dict[str, tuple[str, object]]:
    """Code -> Chinese name and polygon of the communities that are stored, of a county or all."""
    rows = session.execute(
        select(Area.code, Area.name_zh, func.ST_AsBinary(Area.geom))
        .where(Area.level == "community", Area.code.startswith(county))
        .order_by(Area.code)
    )
    return {code: (name, shapely.from_wkb(bytes(wkb))) for code, name, wkb in rows}


def generate(
    communities: Mapping[str, tuple[str, object]], seed: int, density: Density | None = None
) -> Iterator[Entry]:
    """The places of communities (code -> name, polygon), roads before their doors; rows are counted from 1."""
    density, row, used = density or Density(), 0, set()
    for code, (name, polygon) in communities.items():
        rng = np.random.default_rng([seed, int(code)])
        shapely.prepare(polygon)
        for entry in _community(rng, name, polygon, density, used):
            row += 1
            entry.row = row
            yield entry


def _community(rng, name: str, polygon, density: Density, used: set[str]) -> Iterator[Entry]:
    stem = name.removesuffix("社区").removesuffix("村")
    for number in range(density.roads):
        own = number == 0 and stem.endswith(_ROAD_ENDINGS)
        road = stem if own else _named(rng, _ROADS, used, stem if number == 0 else "")
        line = _line(rng, polygon, number)
        if line is not None:
            yield Entry(0, "road", road, None, (), None, None, line)
            yield from _doors(rng, road, line, polygon, density.doors)
    for place in _places(rng, polygon, density.compounds):
        compound = _named(rng, _COMPOUNDS, used)
        size = rng.uniform(30, 70, 2) * _METRE
        shape = shapely.box(place.x - size[0], place.y - size[1], place.x + size[0], place.y + size[1])
        alias = (compound[:-2] + "院",) if len(compound) > 3 and rng.random() < 0.1 else ()
        yield Entry(0, "compound", compound, None, alias, None, None, shape)
        yield from _blocks(rng, compound, shape, polygon, density.blocks)
    for at, place in enumerate(_places(rng, polygon, density.spots)):
        sort = _SPOTS[(at if at < 4 else int(rng.integers(len(_SPOTS))))]
        spot = stem + sort if at < 4 else _named(rng, (sort,), used)
        yield Entry(0, "poi", spot, None, (), None, None, place)


def _named(rng, endings: Sequence[str], used: set[str], stem: str = "") -> str:
    """A name that no other place has, if the third try finds one; some cities have two roads of one name."""
    for attempt in range(3):
        pair = _FIRST[rng.integers(len(_FIRST))] + _SECOND[rng.integers(len(_SECOND))]
        made = stem if stem and attempt == 0 else pair
        if not stem and rng.random() < 0.3:
            made += _SECOND[rng.integers(len(_SECOND))]
        name = made + endings[rng.integers(len(endings))]
        if name not in used:
            break
    used.add(name)
    return name


def _line(rng, polygon, number: int):
    """A street through the community: the longest piece inside of a straight line, with a slight bend."""
    west, south, east, north = polygon.bounds
    middle = polygon.representative_point() if number == 0 else next(_places(rng, polygon, 1), polygon.centroid)
    turn = _TURN + (math.pi / 2) * (number % 2) + rng.normal(0, 0.05)
    reach = min(max(east - west, north - south), SMALL_KM2 * 600 * _METRE)
    ends = [(middle.x + way * reach * math.sin(turn), middle.y + way * reach * math.cos(turn)) for way in (-1, 1)]
    bend = (middle.x + rng.normal(0, 8) * _METRE, middle.y + rng.normal(0, 8) * _METRE)
    inside = shapely.intersection(shapely.LineString([ends[0], bend, ends[1]]), polygon)
    lines = [part for part in shapely.get_parts(inside) if part.geom_type == "LineString"]
    longest = max(lines, key=lambda line: line.length, default=None)
    return longest if longest is not None and longest.length > 60 * _METRE else None


def _doors(rng, road: str, line, polygon, most: int) -> Iterator[Entry]:
    """Doors along a road: odd numbers on one side, even ones on the other, some missing."""
    step = rng.uniform(18, 30) * _METRE
    count = min(most, int(line.length / step) * 2)
    left, right = (shapely.offset_curve(line, side * 12 * _METRE, quad_segs=1) for side in (1, -1))
    for number in range(1, count + 1):
        side = left if number % 2 else right
        place = shapely.line_interpolate_point(side, (number + 1) // 2 * step)
        if rng.random() < 0.95 and shapely.contains_xy(polygon, place.x, place.y):
            yield _door(road, f"{number}号", place)


def _blocks(rng, compound: str, shape, polygon, most: int) -> Iterator[Entry]:
    west, south, east, north = shape.bounds
    count = int(rng.integers(2, most + 1)) if most >= 2 else 0
    for number in range(1, count + 1):
        x = west + (east - west) * (0.2 + 0.6 * ((number - 1) % 3) / 2)
        y = south + (north - south) * (0.2 + 0.6 * ((number - 1) // 3) / max((count - 1) // 3, 1))
        if shapely.contains_xy(polygon, x, y):
            yield _door(compound, f"{number}栋", shapely.Point(x, y))


def _door(parent: str, number: str, place) -> Entry:
    return Entry(0, "door", parent + number, None, (), parent, rules.number_key(number), place)


def _places(rng, polygon, count: int) -> Iterator:
    """Points inside a polygon, at random; fewer where it is thin."""
    west, south, east, north = polygon.bounds
    tried = 0
    while count and tried < 50 * count:
        x, y = rng.uniform(west, east, count), rng.uniform(south, north, count)
        inside = np.flatnonzero(shapely.contains_xy(polygon, x, y))[:count]
        tried += max(count, 1)
        count -= len(inside)
        yield from shapely.points(x[inside], y[inside])
