"""Eight made-up construction zones along the metro of the demo, marked as illustrative, with patrols and a few cases.

Departments that the demo has stand in for the contractor and the metro company.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.cases import evidence, handling, intake
from webgis.catalog import queries as catalog
from webgis.demo import people
from webgis.demo.cases import picture
from webgis.demo.metro import CITY, EAST, NORTH
from webgis.metro import construction
from webgis.metro.construction_models import ConstructionPatrol, ConstructionZone, EmergencyRoute
from webgis.metro.construction_rules import PHASES, Line, NightPermit, Phase, Plan
from webgis.metro.models import MetroStructure


@dataclass(frozen=True)
class Site:
    """A made-up site: beside which station, metres east and north of it, how it lies, its size, what is built by whom,
    how many days ago it began, and the days of its phases in their order (0: left out)."""

    code: str
    station: str
    east: float
    north: float
    turned: float
    size: tuple[float, float]
    what: tuple[str, str]
    contractor: str
    began: int
    phases: tuple[int, ...]
    road: str | None = None
    width_left: float | None = None
    lines: tuple[str, ...] = ()


SITES = (
    Site("CZ-01", "tianfuguangchang", 60, 150, 0, (190, 60), ("换乘通道", "interchange passage"), "示例轨道一公司", 120,
         (20, 30, 60, 90, 30, 20), "人民南路辅道", 6.5, ("narrowed", "diversion")),
    Site("CZ-02", "luomashi", -80, 40, 12, (140, 55), ("新建出入口", "new entrance"), "示例轨道二公司", 60,
         (15, 20, 60, 60, 20, 15), "西御河沿街", 3.5, ("closure", "diversion")),
    Site("CZ-03", "chunxilu", 40, -90, 20, (120, 50), ("风亭迁建", "vent shaft moved"), "示例轨道一公司", 30,
         (10, 60, 0, 40, 20, 10), "红星路三段", 5.0, ("narrowed",)),
    Site("CZ-04", "niuwangmiao", 0, 70, 35, (170, 60), ("车站主体", "station box"), "示例轨道三公司", 260,
         (20, 40, 120, 150, 40, 30), "一环路东五段", 7.0, ("closure", "diversion")),
    Site("CZ-05", "huaxiba", -60, -60, 0, (110, 45), ("管线保护", "pipes protected"), "示例轨道二公司", 20,
         (10, 60, 0, 0, 15, 10), "大学路", 4.0, ("narrowed",)),
    Site("CZ-06", "wenshuyuan", 70, 30, 8, (130, 50), ("出入口改造", "entrance rebuilt"), "示例轨道三公司", 300,
         (15, 30, 60, 90, 60, 60), "人民中路三段", 5.5, ("narrowed",)),
    Site("CZ-07", "dongmendaqiao", 30, 60, 0, (120, 55), ("区间联络通道", "cross passage"), "示例轨道一公司", -25,
         (15, 20, 60, 90, 30, 20), "东大街", 6.0, ("closure",)),
    Site("CZ-08", "shengtiyuguan", -50, 80, 0, (150, 60), ("车站扩建", "station extended"), "示例轨道二公司", 420,
         (20, 40, 90, 150, 40, 30), "人民南路四段", None, ()),
)  # fmt: skip
CLASSES = ("08004", "08002", "08007", "08006", "08001")
"""Dust, works on the road, hoarding, materials, nuisance: what cases in the zones are about."""

CASES = 24
OPEN = 6
"""The newest of them are still being handled."""

LATE = 5
"""One of so many was resolved too late."""


def settle(session: Session, city: str, now: datetime) -> int:
    """Record the zones of which the station lies in the grid, unless there are zones already or it is another city;
    returns how many. They are known since a month before they begin."""
    if city != CITY or session.scalar(select(func.count()).select_from(ConstructionZone)):
        return 0
    today = now.astimezone(session.info["settings"].zone).date()
    made = 0
    for site in SITES:
        if not session.scalar(_THERE, {"code": site.station}):
            continue
        plan = _plan(session, site, today, city)
        known = datetime.combine(min(plan.first_day, today) - timedelta(days=30), time(8), UTC)
        construction.keep(session, [plan], at=known)
        made += 1
        _patrol(session, plan, today)
    if made:
        _route(session)
    return made


_THERE = text(
    "SELECT EXISTS (SELECT FROM city.metro_structure s JOIN city.cell c ON ST_Covers(c.geom, ST_Centroid(s.geom))"
    " WHERE s.code = :code AND upper_inf(c.valid))"
)
_PLACE = text("SELECT ST_X(ST_Centroid(geom)), ST_Y(ST_Centroid(geom)) FROM city.metro_structure WHERE code = :code")


def _plan(session: Session, site: Site, today: date, city: str) -> Plan:
    station = session.get(MetroStructure, site.station)
    lon, lat = session.execute(_PLACE, {"code": site.station}).one()
    first = today - timedelta(days=site.began)
    phases, day = [], first
    for kind, days in zip(PHASES, site.phases, strict=True):
        if days:
            phases.append(Phase(kind, day, day + timedelta(days=days - 1)))
            day += timedelta(days=days)
    zh, en = site.what
    return Plan(
        code=site.code,
        name_zh=f"{station.name_zh}站{zh}（示意）",
        name_en=f"{station.name_en}: {en} (made up)",
        project="示意工程",
        permit_number=f"示意-{site.code}",
        owner="示例建设单位",
        contractor=site.contractor,
        supervisor="示例监理单位",
        department=people.department_code(city, "housing_construction"),
        metro_department=people.department_code(city, "transport"),
        first_day=first,
        last_day=day - timedelta(days=1),
        ground=_ground(site, lon, lat),
        road=site.road,
        width_left_m=site.width_left,
        works_from=time(7),
        works_until=time(21),
        night_permits=(NightPermit(f"夜-{site.code}", first, first + timedelta(days=20)),),
        phases=tuple(phases),
        lines=tuple(_line(site, kind, lon, lat) for kind in site.lines),
        illustrative=True,
    )


def _at(site: Site, lon: float, lat: float, along: float, across: float) -> tuple[float, float]:
    """A place in metres along and across the site, in degrees."""
    turn = math.radians(site.turned)
    east = site.east + along * math.cos(turn) - across * math.sin(turn)
    north = site.north + along * math.sin(turn) + across * math.cos(turn)
    return round(lon + east * EAST, 6), round(lat + north * NORTH, 6)


def _ground(site: Site, lon: float, lat: float) -> shapely.Polygon:
    half, deep = site.size[0] / 2, site.size[1] / 2
    corners = ((-half, -deep), (half, -deep), (half, deep), (-half * 0.6, deep), (-half, deep * 0.4))
    return shapely.Polygon([_at(site, lon, lat, *corner) for corner in corners])


def _line(site: Site, kind: str, lon: float, lat: float) -> Line:
    half, deep = site.size[0] / 2, site.size[1] / 2
    if kind == "diversion":
        way = ((-half - 60, -deep - 8), (-half - 60, -deep - 90), (half + 60, -deep - 90), (half + 60, -deep - 8))
        words = "绕行（示意）"
    else:
        way = ((-half - 40, -deep - 8), (half + 40, -deep - 8))
        words = "半幅封闭（示意）" if kind == "closure" else "占用一条车道（示意）"
    return Line(kind, shapely.LineString([_at(site, lon, lat, *place) for place in way]), words)


def _route(session: Session) -> None:
    """A made-up route of fire engines along the closed road of one site."""
    lon, lat = session.execute(_PLACE, {"code": SITES[1].station}).one()
    way = [_at(SITES[1], lon, lat, along, -SITES[1].size[1] / 2 - 8) for along in (-200, 0, 200)]
    geom = f"SRID=4490;{shapely.MultiLineString([way]).wkt}"
    session.add(
        EmergencyRoute(
            code="R-01", name_zh="消防通道（示意）", name_en="Fire lane (made up)", illustrative=True, geom=geom
        )
    )


def _patrol(session: Session, plan: Plan, today: date) -> None:
    """Patrols of the last week, now and then one that was missed."""
    inspector = accounts.person_by_login(session, "inspector1")
    for back in range(1, 8):
        day = today - timedelta(days=back)
        turn = (back * 7 + int(plan.code[-1]) * 3) % 10
        if inspector is None or not plan.first_day <= day <= (plan.last_day or day):
            continue
        for hour in (1, 8)[: 1 if turn < 3 else 2]:
            at = datetime.combine(day, time(hour, turn * 5 % 60), UTC)
            session.add(ConstructionPatrol(zone_code=plan.code, at=at, way="act", person_id=inspector.id, away_m=0))


def tell(session: Session, city: str, now: datetime) -> int:
    """Cases of works in the zones that are there now, of the last days, the older ones closed; none when there are any
    already. Returns how many."""
    if session.scalar(text("SELECT EXISTS (SELECT FROM city.case_zone WHERE zone_id IS NOT NULL LIMIT 1)")):
        return 0
    sites = [row for row in construction.listed(session, now) if row.there]
    made = CASES if sites else 0
    for turn in range(made):
        row = sites[turn % len(sites)]
        at = now - timedelta(hours=9 * turn + 2)
        number = _reported(session, row.code, CLASSES[turn % len(CLASSES)], at, turn)
        if turn >= OPEN:
            _ended(session, number, at, now if turn % LATE == 0 else None)
    return made


def _reported(session: Session, code: str, class_code: str, at: datetime, turn: int) -> str:
    """A case inside a zone, reported, filed and dispatched."""
    settings = session.info["settings"]
    lon, lat = session.execute(_INSIDE, {"code": code, "seed": turn + 1}).one()
    acceptor, dispatcher = (accounts.actor(session, login) for login in ("acceptor1", "dispatcher1"))
    words = f"{catalog.require_class(session, 'matter', class_code).name_zh}，施工区域内（示意）"
    given = intake.Report(lon, lat, "matter", class_code, words, crs="cgcs2000", acknowledged=True)
    line = intake.report(session, settings, acceptor, given, at=at)
    filed = {"condition": catalog.offered(session, "matter", class_code, line.cell_code)[0].id}
    for actor, action, told, minutes in (
        (acceptor, "file", filed, 20), (dispatcher, "dispatch", {"department": "auto"}, 50),
    ):  # fmt: skip
        handling.act(session, settings, actor, line.number, action, told, at=at + timedelta(minutes=minutes))
    return line.number


def _ended(session: Session, number: str, at: datetime, late_before: datetime | None) -> None:
    """The department of the contractor resolves it, too late if that is over before the moment given; an inspector
    looks, and it is closed."""
    settings = session.info["settings"]
    case = session.execute(_HANDLED, {"number": number}).one()
    contractor, inspector, acceptor = (
        accounts.actor(session, login) for login in (case.login, "inspector2", "acceptor1")
    )
    late = case.deadline_at + timedelta(hours=1)
    over = late_before is not None and late + timedelta(hours=1) < late_before
    resolved = late if over else at + timedelta(minutes=100)
    here = {"result": "pass", "lon": case.lon, "lat": case.lat, "crs": "cgcs2000"}
    photos = evidence.store(settings, [picture(f"DEMO {number[-5:]} after", int(number[-5:]))])
    for actor, action, told, shown, moment in (
        (contractor, "receive", {}, (), at + timedelta(minutes=70)),
        (contractor, "resolve", {"note": "已整改（示意）"}, photos, resolved),
        (inspector, "verify", here, (), resolved + timedelta(minutes=40)),
        (acceptor, "close", {}, (), resolved + timedelta(minutes=60)),
    ):
        handling.act(session, settings, actor, number, action, told, shown, at=moment)


_HANDLED = text(
    """
    SELECT c.deadline_at, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat,
           (SELECT p.login FROM city.person p WHERE p.role = 'department' AND p.active
            AND p.department_code = c.department_code ORDER BY p.login LIMIT 1) AS login
    FROM city.case c WHERE c.number = :number
    """
)
_INSIDE = text(
    "SELECT ST_X(p.geom), ST_Y(p.geom) FROM city.construction_zone z,"
    " LATERAL ST_Dump(ST_GeneratePoints(z.geom, 3, :seed)) p WHERE z.code = :code AND upper_inf(z.recorded) LIMIT 1"
)
