"""Beats and routing rules of the demo city: each community is a beat, patrolled by day and by night; a few rules that
show what rules can say. Without any rule a case goes to the kind of department that its filing condition names.
"""

from collections.abc import Sequence
from datetime import datetime, time

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import routing_sets
from webgis.cases.routing_models import RoutingSet
from webgis.catalog.sheets import Row, Sheet
from webgis.demo import people, places
from webgis.grid import beats
from webgis.grid.beat_models import Beat
from webgis.grid.beats import Plan, Shift
from webgis.grid.models import Area, Cell

DAILY = (1, 2, 3, 4, 5, 6, 7)
DAY, NIGHT = (time(8), time(20)), (time(20), time(8))
SHIFTS = (((DAY, "inspector1"), (NIGHT, "inspector3")), ((DAY, "inspector2"), (NIGHT, "inspector4")))
"""Hours and logins of the posts: one pair for every other subdistrict, so that two are on duty at any moment."""

CENTRE_M = 800
CENTRE_PRIORITY = 200
RULES = (
    {"class": "06028", "hours": "22:00-06:00", "kind_of": "public_security", "remark": "夜间噪声由公安处理"},
    {"class": "08001", "hours": "22:00-06:00", "kind_of": "ecology_environment", "remark": "夜间施工由生态环境处理"},
    {"class": "09005", "days": "Sat,Sun", "kind_of": "subdistrict", "remark": "周末店外经营由街道处理"},
    {"class": "09006", "days": "Sat,Sun", "kind_of": "subdistrict", "remark": "周末占道经营由街道处理"},
)
CENTRE_RULE = {"class": "09", "kind_of": "public_security", "remark": "市中心街面秩序由公安处理"}
"""The rule for the polygon around the middle of a city whose middle is known."""


def lay_out(session: Session, counties: Sequence[str], at: datetime) -> int:
    """Make a beat of each community of the counties that have none, from the moment `at` on; returns how many."""
    have = {code[:6] for code in session.scalars(select(Beat.area_code))}
    cells: dict[str, list[str]] = {}
    for county in sorted(set(counties) - have):
        own = select(Cell.code).where(Cell.code.startswith(county), Cell.valid.op("@>")(at)).order_by(Cell.code)
        for code in session.scalars(own):
            cells.setdefault(code[:12], []).append(code)
    names = {area.code: area for area in session.scalars(select(Area).where(Area.code.in_(cells)))}
    subdistricts = sorted({code[:9] for code in cells})
    shifts = [_shifts(session, pair) for pair in SHIFTS]
    plans = [
        Plan(
            f"{code}-1",
            names[code].name_zh,
            names[code].name_en,
            tuple(own),
            shifts[subdistricts.index(code[:9]) % len(shifts)],
        )
        for code, own in cells.items()
    ]
    beats.lay_out(session, plans, at=at)
    return len(plans)


def _shifts(session: Session, posts) -> tuple[Shift, ...]:
    return tuple(Shift(DAILY, *hours, accounts.actor(session, login).id) for hours, login in posts)


def make_rules(session: Session, city: str, at: datetime) -> int:
    """Put a first rule set in force if there is none; returns how many rules it has."""
    if session.scalar(select(RoutingSet.version).limit(1)) is not None:
        return 0
    rules = [dict(rule) for rule in RULES]
    if city in places.CENTRES:
        rules.append(CENTRE_RULE | {"polygon": _around(city).wkt, "priority": str(CENTRE_PRIORITY)})
    rows = []
    for number, rule in enumerate(rules, start=2):
        department = people.department_code(city, rule.pop("kind_of"))
        rows.append(Row(number, rule | {"area": city, "department": department}))
    header = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    actor = Actor(None, "demo", "demo", "administrator")
    made = routing_sets.import_rules(session, actor, Sheet(header, tuple(rows)), name="演示规则", crs="cgcs2000")
    routing_sets.activate(session, actor, made.version, at=at)
    return made.rules


def _around(city: str) -> shapely.Polygon:
    lon, lat = places.CENTRES[city]
    return shapely.box(
        lon - CENTRE_M / 96_000, lat - CENTRE_M / 111_000, lon + CENTRE_M / 96_000, lat + CENTRE_M / 111_000
    )
