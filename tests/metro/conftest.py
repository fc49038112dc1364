"""A small city with a metro: a station in the western community, whose operator decides on works beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
import shapely
from sqlalchemy import text

from webgis.accounts import operations as accounts
from webgis.accounts import queries as people
from webgis.accounts.actor import Actor
from webgis.db import Runtime
from webgis.metro import permit_applications, permit_queries, permits, structures
from webgis.metro.structure_files import LineGiven, Read, StopGiven, StructureGiven

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
"""Monday 09:00 in Chengdu."""

OPENED = datetime(2020, 1, 1, tzinfo=UTC)
STATION = (104.0622, 30.6571)
EAST, NORTH = 1 / 95_700, 1 / 110_850
"""Degrees of a metre at the station."""

METRO, BUILDERS = "5101-metro", "5101-builders"


def square(east: float, north: float, side: float = 10) -> shapely.Polygon:
    """A square whose middle lies so many metres from the station."""
    lon, lat = STATION[0] + east * EAST, STATION[1] + north * NORTH
    return shapely.box(lon - side / 2 * EAST, lat - side / 2 * NORTH, lon + side / 2 * EAST, lat + side / 2 * NORTH)


def wanted(east: float = 30, north: float = 0, **more) -> permit_applications.Application:
    """An application for a pit 30 m east of the station."""
    usual = {
        "project": "基坑工程", "applicant": "某建设单位", "work": "excavation", "purpose": "other",
        "ground": square(east, north), "starts": date(2026, 11, 3), "ends": date(2026, 11, 30),
    }  # fmt: skip
    return permit_applications.Application(**(usual | more))


@dataclass
class Metro:
    """The city and who acts in it."""

    runtime: Runtime

    def actor(self, login: str) -> Actor:
        with self.runtime.transaction() as session:
            return people.actor(session, login)

    def apply(self, login: str = "builder1", at: datetime = NOW, **more) -> str:
        actor = self.actor(login)
        with self.runtime.transaction() as session:
            return permits.apply(session, actor, wanted(**more), at)

    def act(self, login: str, number: str, action: str, at: datetime = NOW, **more) -> str:
        actor = self.actor(login)
        with self.runtime.transaction() as session:
            return permits.act(session, actor, number, action, at, **more).state

    def granted(self, **more) -> str:
        number = self.apply(**more)
        self.act("metro1", number, "grant", conditions="每日沉降监测")
        return number

    def valid(self, east: float, at: datetime) -> list[str]:
        lon, lat = square(east, 0).centroid.coords[0]
        with self.runtime.transaction() as session:
            return [row.number for row in permit_queries.valid_at(session, lon, lat, at)]


def build(session) -> None:
    """The station, its line, and the people of its operator and of a builder."""
    for code, name, kind in ((METRO, "轨道集团", "transport"), (BUILDERS, "施工总包", "housing_construction")):
        accounts.add_department(session, code, name, None, kind=kind, area=None)
    for login, department in (("metro1", METRO), ("builder1", BUILDERS)):
        accounts.add_person(session, login, f"{login} 岗", "department", "correct horse", department=department)
    lon, lat = STATION
    place = shapely.box(lon - 5 * EAST, lat - 5 * NORTH, lon + 5 * EAST, lat + 5 * NORTH)
    station = StructureGiven(1, "west", "underground_station", "西站", "West", None, place, surveyed=True)
    read = Read("cgcs2000", 1, [LineGiven("1", "1号线", "Line 1", "#2249a3", "轨道集团", 0)], [station],
                [StopGiven("1", 0, 0, "west")])  # fmt: skip
    structures.take_in(session, read, source="test", at=OPENED)
    structures.set_operator(session, "1", METRO)


@pytest.fixture
def metro(city_runtime) -> Iterator[Metro]:
    """The small city with its metro."""
    with city_runtime.transaction() as session:
        build(session)
    yield Metro(city_runtime)


@pytest.fixture
def asked(metro):
    """A function that gives the one value of a question to the database."""

    def ask(statement: str, **values):
        with metro.runtime.transaction() as session:
            return session.scalar(text(statement), values)

    return ask
