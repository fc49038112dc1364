"""Which department a case goes to: the order of rules as a table, the reasons that are stored, and when hours hold."""

from datetime import UTC, date, datetime, time

import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import text

from tests import city
from webgis.accounts import operations as accounts
from webgis.cases import routing
from webgis.cases.routing_models import RoutingRule, RoutingSet
from webgis.geo import SRID

FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
"""Friday, 20 November 2026, 10:00 in the city."""
CELL = city.WEST + "001"
HERE = (104.0622, 30.6571)
MAINTAINER, OWNER = "91510100MA6AAAAA1X", "91510100MA6BBBBB2X"
HYDRANT = "51010401013000001"

NARROW = MultiPolygon([box(104.062, 30.657, 104.063, 30.658)])
WIDE = MultiPolygon([box(104.06, 30.655, 104.07, 30.66)])


@pytest.fixture
def town(session):
    """Departments A to D, and E that has the credit code of the maintainer, F that of the owner."""
    for code in "ABCD":
        accounts.add_department(session, code, f"部门{code}", f"Department {code}", kind="other")
    for code, credit in (("E", MAINTAINER), ("F", OWNER)):
        accounts.add_department(session, code, f"部门{code}", f"Department {code}", kind="gas").credit_code = credit
    accounts.add_department(session, "K", "部门K", "Department K", kind="sanitation", area=city.COUNTY)
    session.flush()
    return session


def rules(session, *given: dict, state: str = "active") -> RoutingSet:
    """A rule set of these rules, numbered from 1, each to department A, B, C ... unless it says another."""
    made = RoutingSet(name="规则", state="draft")
    session.add(made)
    session.flush()
    for number, one in enumerate(given, start=1):
        shape = {"geom": from_shape(one["geom"], srid=SRID)} if "geom" in one else {}
        department = {"department_code": "ABCD"[number - 1]}
        session.add(RoutingRule(version=made.version, number=number, **(department | one | shape)))
    session.flush()
    made.state = state
    session.flush()
    return made


def choose(session, **changed) -> routing.Chosen:
    given = {"kind": "matter", "class_code": "06010", "cell_code": CELL, "lon": HERE[0], "lat": HERE[1], "at": FRIDAY}
    return routing.choose(session, **(given | changed))


PRECEDENCE = [
    ("the higher priority", {"priority": 200}, {"priority": 100, "class_code": "06010", "area_code": CELL}),
    ("a class before its group", {"class_code": "06010"}, {"class_code": "06", "area_code": CELL}),
    ("a group before all classes", {"class_code": "06"}, {"area_code": CELL}),
    ("one kind before both", {"class_code": "06010", "kind": "matter"}, {"class_code": "06010", "area_code": CELL}),
    ("any kind's class before a kind alone", {"class_code": "06"}, {"kind": "matter"}),
    ("a zone before a cell", {"zone": "L1"}, {"area_code": CELL}),
    ("a cell before a polygon", {"area_code": CELL}, {"geom": NARROW}),
    ("the smaller polygon", {"geom": NARROW}, {"geom": WIDE}),
    ("a polygon before a community", {"geom": WIDE}, {"area_code": city.WEST}),
    ("a community before a subdistrict", {"area_code": city.WEST}, {"area_code": city.SUBDISTRICT}),
    ("a subdistrict before a county", {"area_code": city.SUBDISTRICT}, {"area_code": city.COUNTY}),
    ("a county before the city", {"area_code": city.COUNTY}, {"area_code": city.CITY}),
    ("the city before nothing", {"area_code": city.CITY}, {}),
    ("a place before hours", {"area_code": city.CITY}, {"days": [5], "from_time": time(8), "until_time": time(18)}),
    ("days and hours before days", {"days": [5], "from_time": time(8), "until_time": time(18)}, {"days": [5]}),
    ("a period before nothing", {"first_day": date(2026, 11, 1)}, {}),
    ("of two alike the lower number", {"department_code": "C"}, {"department_code": "A"}),
]


@pytest.mark.parametrize("turned", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("winner, loser", [row[1:] for row in PRECEDENCE], ids=[row[0] for row in PRECEDENCE])
def test_one_rule_wins_over_another(town, winner, loser, turned):
    given = [{"department_code": "A"} | winner, {"department_code": "B"} | loser]
    alike = loser == {"department_code": "A"}
    rules(town, *(given[::-1] if turned and not alike else given))
    chosen = choose(town, zones=["L1"])
    assert chosen.department == given[0]["department_code"]
    assert [one["department"] for one in chosen.why["beaten"]] == [given[1]["department_code"]]
    assert chosen.why["beaten"][0]["lost_zh"] and chosen.why["beaten"][0]["lost_en"]
