"""How a hazard source stands by what its sensors tell, and who sees its alarms."""

import pytest
from sqlalchemy import text

from tests import city
from tests.hazards.makers import given, square
from tests.hazards.watched import UNDERPASS, WELL, Watched
from webgis.accounts import queries as accounts
from webgis.api import checked
from webgis.hazards import source_queries, sources
from webgis.hazards.source_queries import Filters
from webgis.hazards.source_wire import NewSource


@pytest.fixture
def town(city_runtime):
    """The watched city with an underpass that two of its sensors watch."""
    made = Watched(city_runtime)
    with city_runtime.transaction() as session:
        stations = session.scalars(
            text(
                "SELECT s.code FROM city.station s JOIN city.datastream d ON d.station_id = s.id WHERE d.id = ANY(:ids)"
            ),
            {"ids": [made.ids[UNDERPASS], made.ids[WELL]]},
        ).all()
        fields = given(kind="underpass", geometry=square(*city.IN_WEST), units=[], stations=list(stations))
        sources.add(session, None, checked(NewSource, fields), at=made_at(session))
    return made


def made_at(session):
    return session.scalar(text("SELECT now()"))


def seen(town: Watched, login: str):
    """The live state of the source, and the alarms that somebody sees of it."""
    with town.runtime.transaction() as session:
        actor = accounts.actor(session, login)
        (row,) = source_queries.listed(session, actor, Filters())
        return row.live, [(one.datastream, one.state) for one in source_queries.alarms(session, actor, row.id)]


def levels(town: Watched, login: str) -> set:
    """The levels of alarms that the page of the source shows to somebody beside its sensors."""
    with town.runtime.transaction() as session:
        actor = accounts.actor(session, login)
        source = source_queries.require(session, actor, "CD-001")
        return {one.alarm for one in source_queries.stations(session, actor, source.id)}


def test_an_alarm_is_shown_to_those_who_have_its_case_now(town):
    town.tell(UNDERPASS, (28, 0.30), (27, 0.31), (26, 0.32))
    town.work()
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.case SET department_code = '510104-sanitation'"))
    assert seen(town, "works1") == ("alarm", []) and levels(town, "works1") == {None}
    assert seen(town, "sanitation1") == ("alarm", [(UNDERPASS, "open")]) and "closed" in levels(town, "sanitation1")


def test_a_source_is_silent_until_its_sensors_tell_then_in_order_in_alarm_and_in_order_again(town, api):
    assert seen(town, "manager1") == ("silent", [])
    town.tell(WELL, (30, 1.0))
    town.tell(UNDERPASS, (30, 0.0), (29, 0.0))
    assert seen(town, "manager1") == ("ok", [])
    town.tell(UNDERPASS, (28, 0.30), (27, 0.31), (26, 0.32))
    town.work()
    live, alarms = seen(town, "manager1")
    assert live == "alarm" and alarms == [(UNDERPASS, "open")]
    assert seen(town, "works1") == ("alarm", [(UNDERPASS, "open")])
    assert seen(town, "sanitation1") == ("alarm", [])
    assert levels(town, "works1") == {"closed", None} and levels(town, "sanitation1") == {None}
    with town.runtime.transaction() as session:
        assert source_queries.counts(session, accounts.actor(session, "manager1"))["alarm"] == 1
    told = api("manager1").get("/api/v1/hazards").get_json()["features"][0]["properties"]
    assert told["live"] == "alarm"
    shapes = api("manager1").get("/api/v1/hazards/CD-001/rings").get_json()["features"]
    assert [one["properties"]["kind"] for one in shapes] == ["ring"] * 4 + ["source"] + ["station"] * 2
    town.tell(UNDERPASS, *[(25 - minute, 0.0) for minute in range(20)])
    assert seen(town, "manager1") == ("ok", [(UNDERPASS, "reset")])
