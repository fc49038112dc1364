"""The metro of the demo city: real lines and stations of Chengdu as facts (`data/README.md`), and some made-up permits.

Stations are points rounded to some 100 m and the stretches between them straight lines, so every zone is approximate.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.demo import people
from webgis.metro import permits, structure_files, structures
from webgis.metro.models import MetroLine, MetroStructure
from webgis.metro.permit_applications import Application
from webgis.metro.structure_files import LineGiven, Read, StopGiven, StructureGiven

CITY = "5101"
SOURCE = "webgis demo load"
OPERATOR_KIND = "transport"
"""The department of the city that stands in for the metro company."""

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""Zones of the demo hold from here on; when each line was opened is not told."""

EAST, NORTH = 1 / 95_700, 1 / 110_850
"""Degrees of a metre in Chengdu."""

PERMITS = (
    # station, metres east of it, what, work, purpose, days from now to its beginning and end, what became of it
    ("tianfuguangchang", 35, "地下通道改造", "excavation", "municipal", -10, 80, "granted"),
    ("luomashi", -30, "燃气管道迁改", "pipes", "municipal", -20, 20, "granted"),
    ("chunxilu", 32, "公交站台改造", "excavation", "municipal", 10, 200, "applied"),
    ("wenshuyuan", 28, "地质勘察钻孔", "drilling", "other", 5, 15, "returned"),
    ("huaxiba", 3, "广告塔吊装", "hoisting", "other", 3, 6, "refused"),
)
SIDE_M = 24


def settle(session: Session, city: str) -> int:
    """Store lines, stations, stretches and permits, unless there are structures already or it is another city; how many
    structures."""
    if city != CITY or session.scalar(select(func.count()).select_from(MetroStructure)):
        return 0
    outcome = structures.take_in(session, network(), source=SOURCE, at=SINCE)
    operator = people.department_code(city, OPERATOR_KIND)
    for code in session.scalars(select(MetroLine.code)):
        structures.set_operator(session, code, operator)
    _permits(session, operator)
    return outcome.added


def network() -> Read:
    """The lines and stations of the data that ships."""
    placed = {
        row["code"]: StructureGiven(
            number, row["code"], "underground_station", row["name_zh"], row["name_en"], None,
            shapely.Point(float(row["lon"]), float(row["lat"])), surveyed=False,
        )
        for number, row in enumerate(_rows("metro_stations.csv"), 1)
    }  # fmt: skip
    lines: dict[str, LineGiven] = {}
    stops: list[StopGiven] = []
    ways: dict[str, list[list[StructureGiven]]] = {}
    for row in _rows("metro_lines.csv"):
        line = LineGiven(row["line"], row["name_zh"], row["name_en"], row["colour"], None, len(lines))
        lines.setdefault(line.code, line)
        codes = row["stations"].split()
        stops += [StopGiven(line.code, int(row["path"]), place, code) for place, code in enumerate(codes)]
        ways.setdefault(line.code, []).append([placed[code] for code in codes])
    sections = [one for code, line in lines.items() for one in structure_files.sections(line, ways[code], "tunnel")]
    return Read("wgs84", len(placed), [*lines.values()], [*placed.values(), *sections], stops)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("webgis.demo").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


def _permits(session: Session, operator: str) -> None:
    now = datetime.now(UTC)
    today = now.astimezone(session.info["settings"].zone).date()
    counter, decides = (accounts.actor(session, login) for login in ("dispatcher1", operator))
    for station, east, what, work, purpose, first, last, state in PERMITS:
        ground = _ground(session, station, east)
        starts, ends = today + timedelta(days=first), today + timedelta(days=last)
        asked = Application(
            f"{what}（示意）",
            "示意建设单位",
            work,
            purpose,
            ground,
            starts,
            ends,
            "示意施工单位",
            "示意申请，并非真实工程。",
        )
        number = permits.apply(session, counter, asked, now)
        if state == "granted":
            permits.act(session, decides, number, "grant", now, conditions="每日两次沉降监测，累计变形超 5 mm 停工。")
        elif state != "applied":
            action = {"returned": "return", "refused": "refuse"}[state]
            permits.act(session, decides, number, action, now, note="示意：请核对与车站结构的距离。")


def _ground(session: Session, station: str, east: float) -> shapely.Polygon:
    x, y = session.execute(
        select(func.ST_X(MetroStructure.geom), func.ST_Y(MetroStructure.geom)).where(MetroStructure.code == station)
    ).one()
    x, half = x + east * EAST, SIDE_M / 2
    return shapely.box(x - half * EAST, y - half * NORTH, x + half * EAST, y + half * NORTH)
