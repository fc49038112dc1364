"""Who sees what of alarms: their cases, advice and numbers are for those alone who may see the case, or would."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests import city
from tests.hazards.watched import ROAD, UNDERPASS, WELL, WORKS, Watched, flood
from tests.pages.conftest import Reader
from webgis.cases.queries import Sight
from webgis.live.changes import within

TILE = "/tiles/waterlogging/14/12927/6724.mvt"


@pytest.fixture
def reader(city_app) -> Callable[..., Reader]:
    """A function that gives the reader of a login of the small city."""
    return lambda login: Reader(city_app, login, "en")


def limit(town: Watched, login: str, **to: str) -> None:
    """From now on this person sees these classes, or this area, alone."""
    with town.runtime.transaction() as session:
        for column, value in to.items():
            session.execute(
                text(f"UPDATE city.person SET {column} = :value WHERE login = :login"),
                {"value": value, "login": login},
            )


def test_places_of_water_tell_an_alarm_to_those_alone_who_may_see_its_case(api, reader, town, alarm):
    limit(town, "manager1", class_codes="matter:01")
    page, tile = reader("manager1").get("/waterlogging").text, api("manager1").get(TILE).data
    assert "Advised to close" in reader("dispatcher1").get("/waterlogging").text
    assert UNDERPASS in page and alarm.case_number not in page and f"/alarms/{alarm.id}" not in page
    assert "Advised to close" not in page
    assert UNDERPASS.encode() in tile and b"closed" not in tile and alarm.case_number.encode() not in tile


def test_a_department_sees_its_stations_and_where_it_was_sent(api, reader, town, alarm):
    assert alarm.case_number in reader("works1").get("/waterlogging").text
    assert UNDERPASS not in reader("sanitation1").get("/waterlogging").text
    with town.runtime.transaction() as session:
        given = {"other": "510104-sanitation", "works": WORKS}
        session.execute(text("UPDATE city.case SET department_code = :other WHERE department_code = :works"), given)
    sent, owner = (reader(login).get("/waterlogging").text for login in ("sanitation1", "works1"))
    assert alarm.case_number in sent and b"closed" in api("sanitation1").get(TILE).data
    assert UNDERPASS in owner and alarm.case_number not in owner
    assert b"closed" not in api("works1").get(TILE).data


def test_an_alarm_follows_its_case_to_another_place_and_class(api, town, alarm):
    west = town.ask("SELECT left(cell_code, 12) AS area FROM city.alarm")[0].area
    limit(town, "dispatcher1", area_code=west)
    assert api("dispatcher1").get(f"/api/v1/alarms/{alarm.id}").json["properties"]["case"] == alarm.case_number
    with town.runtime.transaction() as session:
        east = session.scalar(
            text("SELECT (fn.cell_at(ST_SetSRID(ST_MakePoint(:x, :y), ST_SRID(geom)), now())).code FROM city.station"),
            dict(zip("xy", city.IN_EAST, strict=True)),
        )
        session.execute(text("UPDATE city.case SET cell_code = :east"), {"east": east})
    desk = api("dispatcher1")
    for address in (f"/api/v1/alarms/{alarm.id}", f"/api/v1/cases/{alarm.case_number}"):
        assert desk.get(address).status_code == 404
    for address in ("/api/v1/alarms", "/api/v1/alarms/closures"):
        assert desk.get(address).json["features"] == []
    for layer in ("alarms", "waterlogging"):
        assert alarm.case_number.encode() not in desk.get(f"/tiles/{layer}/14/12927/6724.mvt").data
    limit(town, "dispatcher1", area_code=east[:12])
    assert api("dispatcher1").get(f"/api/v1/alarms/{alarm.id}").json["properties"]["case"] == alarm.case_number


def test_a_sensor_stands_in_alarm_for_those_alone_who_may_see_the_alarm(reader, town, alarm):
    def shown(login: str) -> tuple[bool, bool]:
        listed, one = (reader(login).get(f"/sensors{path}").text for path in ("?state=alarm", f"/{UNDERPASS}"))
        return UNDERPASS in listed, 'data-state="alarm"' in one

    assert shown("works1") == (True, True)
    assert shown("sanitation1") == (False, False)
    limit(town, "manager1", class_codes="matter:01")
    assert shown("manager1") == (False, False)


SIGHTS = [
    # limited to departments, area, classes
    (None, None, None), (["works"], None, None), ([], None, None), (None, "510104", None), (None, "5101050", None),
    (None, None, ["matter:0"]), (None, None, ["matter:01", "component:"]), (["works"], "510104", ["matter:10080"]),
]  # fmt: skip
THINGS = [
    ("works", "510104001001001", "matter", "10080"), ("works", None, "matter", "10080"),
    (None, "510104001001001", "component", "01011"), ("parks", "510105001001001", "matter", "0101"),
]  # fmt: skip


def test_pages_and_streams_agree_on_who_sees_what(town):
    asked = text("SELECT fn.sees(:department, :cell, :kind, :class, :departments, :area, :classes)")
    with town.runtime.transaction() as session:
        for departments, area, classes in SIGHTS:
            for department, cell, kind, code in THINGS:
                given = {"department": department, "cell": cell, "kind": kind, "class": code}
                given |= {"departments": departments, "area": area, "classes": classes}
                told = within(Sight(departments, area, classes), department, cell, f"{kind}:{code}")
                assert bool(session.scalar(asked, given)) == told, given


def test_of_more_than_a_tile_holds_the_worst_are_kept(town):
    flood(town)
    town.tell(WELL, (8, 25.0))
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.datastream SET heard_at = now(), silent_since = NULL"))
        few = "CREATE OR REPLACE FUNCTION fn.most_points() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'"
        session.execute(text(few))
        for layer in ("alarms", "waterlogging"):
            tile = bytes(session.scalar(text(f"SELECT fn.{layer}_tile(6, 50, 26)")))
            assert UNDERPASS.encode() in tile and WELL.encode() not in tile and ROAD.encode() not in tile
        session.execute(text("UPDATE city.alarm SET state = 'withdrawn' WHERE rule_key <> 'gas.well'"))
        tile = bytes(session.scalar(text("SELECT fn.sensors_tile(6, 50, 26)")))
        assert WELL.encode() in tile and UNDERPASS.encode() not in tile
        session.rollback()


@pytest.mark.parametrize("cursor", ["OTk5OTk5OTk5OTk5OTk5OTk5OQ", "LTE", "MA"])
def test_a_cursor_of_no_page_is_refused(api, town, cursor):
    refused = api("dispatcher1").get("/api/v1/alarms", cursor=cursor)
    assert (refused.status_code, refused.json["field"]) == (422, "cursor")
