"""Resources and emergencies of the demo city: invented, and marked so. Two emergencies: one in which agencies are at
work, and an exercise that has ended."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.emergency import ground, operations, queries, work
from webgis.emergency.models import Emergency, Resource
from webgis.grid.models import Area, Cell
from webgis.settings import Settings

KINDS = (
    ("pump", "排涝泵车", "Pump truck", "3 台", 2), ("rescue", "抢险救援队", "Rescue team", "24 人", 1),
    ("shelter", "应急避难点", "Shelter", "600 人", 2), ("hospital", "综合医院", "Hospital", "300 床", 1),
    ("depot", "防汛物资库", "Flood depot", "沙袋 5,000", 1), ("fire_station", "消防站", "Fire station", "4 车", 1),
)  # fmt: skip
"""Kind, names, amount, and how many a subdistrict has at most."""

SOURCE = "示意数据，并非真实资源 (invented for the demo)"


def settle(session: Session, settings: Settings, counties: Sequence[str], seed: int, now: datetime) -> int:
    """Resources in the subdistricts of these counties, and two emergencies; nothing when there are any already."""
    if session.scalar(select(func.count()).select_from(Resource)):
        return 0
    chance = random.Random(f"resources {seed}")
    made = [one for county in counties for one in _resources(session, county, chance)]
    session.add_all(made)
    session.flush()
    if session.scalar(select(func.count()).select_from(Emergency)) == 0:
        _exercise(session, settings, counties[0], now - timedelta(days=3))
        _at_work(session, settings, counties[0], now - timedelta(minutes=34))
    return len(made)


def _resources(session: Session, county: str, chance: random.Random) -> list[Resource]:
    wanted = select(Area).where(Area.level == "subdistrict", Area.code.startswith(county)).order_by(Area.code)
    return [one for area in session.scalars(wanted) for one in _of(area, chance)]


def _of(area: Area, chance: random.Random) -> list[Resource]:
    shape, found = to_shape(area.geom), []
    for kind, zh, en, amount, most in KINDS:
        for number in range(chance.randint(0, most)):
            code = f"{kind}-{area.code}-{number + 1}"
            name_en = f"{area.name_en} {en}" if area.name_en else None
            found.append(
                Resource(
                    code=code, kind=kind, name_zh=f"{area.name_zh}{zh}", name_en=name_en, amount=amount,
                    geom=ground.stored(_inside(shape, chance)), source=SOURCE, illustrative=True,
                )
            )  # fmt: skip
    return found


def _inside(shape: shapely.Geometry, chance: random.Random) -> shapely.Point:
    west, south, east, north = shape.bounds
    for _turn in range(50):
        point = shapely.Point(chance.uniform(west, east), chance.uniform(south, north))
        if shape.contains(point):
            return point
    return shape.representative_point()


def _place(session: Session, county: str, place: int) -> tuple[float, float]:
    """The middle of one of the county's cells."""
    wanted = select(Cell.geom).where(Cell.code.startswith(county), func.upper_inf(Cell.valid)).order_by(Cell.code)
    point = to_shape(session.scalar(wanted.offset(place).limit(1))).representative_point()
    return point.x, point.y


def _open(session: Session, settings: Settings, county: str, place: int, at: datetime, **given) -> str:
    lon, lat = _place(session, county, place)
    opening = operations.Opening(lon=lon, lat=lat, crs="cgcs2000", **given)
    return operations.open_(session, settings, accounts.actor(session, "dispatcher1"), opening, at=at).number


def _at_work(session: Session, settings: Settings, county: str, at: datetime) -> None:
    title = "示例：下穿隧道积水，车辆无法通行"
    number = _open(session, settings, county, 400, at, kind="waterlogging", title=title, level=3, radius_m=500)
    dispatcher = accounts.actor(session, "dispatcher1")
    tasks = {one.department_code.rpartition("-")[2]: one for one in _tasks(session, number)}
    for minutes, name, action in ((4, "police", "start"), (9, "drainage", "start"), (12, "police", "finish")):
        task = tasks[name]
        staff = accounts.actor(session, task.department_code)
        work.act(session, staff, number, task.seq, action, at=at + timedelta(minutes=minutes))
    staff = accounts.actor(session, tasks["drainage"].department_code)
    operations.note(session, staff, number, "泵车已到场，水深约 40 厘米", at=at + timedelta(minutes=15))
    operations.note(session, dispatcher, number, "绕行路线已发布", at=at + timedelta(minutes=20))


def _exercise(session: Session, settings: Settings, county: str, at: datetime) -> None:
    title = "示例：燃气泄漏联合演练"
    number = _open(
        session, settings, county, 900, at, kind="gas_leak", title=title, level=4, radius_m=200, exercise=True
    )
    dispatcher = accounts.actor(session, "dispatcher1")
    for turn, task in enumerate(_tasks(session, number)):
        for minutes, action in ((3, "start"), (8, "finish")):
            staff = accounts.actor(session, task.department_code)
            work.act(session, staff, number, task.seq, action, at=at + timedelta(minutes=4 * turn + minutes))
    summary = "演练完成，各单位按时到位；通信联络需再演练一次。"
    operations.close(session, settings, dispatcher, number, summary, at=at + timedelta(minutes=75))


def _tasks(session: Session, number: str) -> list[queries.Task]:
    dispatcher = accounts.actor(session, "dispatcher1")
    return queries.tasks(session, queries.require(session, dispatcher, number))
