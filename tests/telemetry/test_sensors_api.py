"""Sensors registered, listed and drawn by our own API."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from tests import city
from tests.telemetry.conftest import MINUTE, NOW, drain
from webgis.accounts.models import AdminEvent
from webgis.telemetry import operations
from webgis.telemetry.models import Datastream

NEW = {
    "code": "S-1-dust",
    "station": "S-1",
    "name_zh": "东工地",
    "place": "earthwork",
    "lon": city.IN_EAST[0],
    "lat": city.IN_EAST[1],
    "crs": "cgcs2000",
    "department": "510104-works",
    "quantity": "dust",
    "interval_s": 60,
}


def test_an_administrator_registers_a_sensor_and_changes_it(city_runtime, api):
    client = api("administrator1")
    made = client.post("/api/v1/sensors", NEW)
    assert made.status_code == 201
    told = made.json["properties"]
    assert (told["unit"], told["least"], told["most"], told["state"]) == ("mg/m³", 0, 50, "new")
    assert told["cell_code"].startswith(city.EAST)
    changed = client.post("/api/v1/sensors", NEW | {"interval_s": 300, "most": 10})
    assert (changed.json["properties"]["interval_s"], changed.json["properties"]["most"]) == (300, 10)
    assert client.post("/api/v1/sensors", NEW | {"interval_s": 300, "most": 10}).status_code == 201
    with city_runtime.transaction() as session:
        acts = session.scalars(
            select(AdminEvent).where(AdminEvent.action.like("sensors.%")).order_by(AdminEvent.id)
        ).all()
        assert [(one.action, one.subject) for one in acts] == [
            ("sensors.add", "S-1-dust"),
            ("sensors.change", "S-1-dust"),
        ]
        assert (acts[1].before["interval_s"], acts[1].after["interval_s"]) == (60, 300)


def test_true_and_false_do_for_yes_and_no_and_for_nothing_else(api):
    client = api("administrator1")
    assert client.post("/api/v1/sensors", NEW | {"illustrative": True, "watch": False}).status_code == 201
    assert client.get("/api/v1/sensors/S-1-dust").json["properties"]["illustrative"] is True
    assert client.post("/api/v1/sensors", NEW | {"illustrative": False, "outside": False}).status_code == 201
    assert client.get("/api/v1/sensors/S-1-dust").json["properties"]["illustrative"] is False
    for field in ("interval_s", "name_zh", "crs"):
        refused = client.post("/api/v1/sensors", NEW | {field: True})
        assert (refused.status_code, refused.json["field"]) == (422, field)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": "a b"}, "datastream"),
        ({"code": "new"}, "datastream"),
        ({"station": "a/b"}, "station"),
        ({"name_zh": " "}, "name_zh"),
        ({"place": "Nowhere!"}, "place"),
        ({"department": "nobody"}, "department"),
        ({"quantity": "Dust!"}, "quantity"),
        ({"quantity": "odour"}, "unit"),
        ({"interval_s": 0}, "interval_s"),
        ({"least": 5, "most": 5}, "least"),
        ({"lon": 30.65, "lat": 104.06}, "lon"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_and_nothing_is_registered(api, wrong, field):
    client = api("administrator1")
    answer = client.post("/api/v1/sensors", NEW | wrong)
    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert client.get("/api/v1/sensors").json["features"] == []


def test_a_station_outside_the_grid_is_refused_unless_it_is_said(city_runtime, api):
    client, outside = api("administrator1"), {"lon": city.OUTSIDE[0], "lat": city.OUTSIDE[1]}
    answer = client.post("/api/v1/sensors", NEW | outside)
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "telemetry.outside-grid", "lon")
    assert answer.json["nearest"].startswith(city.EAST) and 900 < answer.json["distance_m"] < 1000
    made = client.post("/api/v1/sensors", NEW | outside | {"outside": "yes"})
    assert (made.status_code, made.json["properties"]["cell_code"]) == (201, None)
    assert client.post("/api/v1/sensors", NEW | outside | {"name_zh": "城外"}).status_code == 201
    assert client.post("/api/v1/sensors", NEW).json["properties"]["cell_code"].startswith(city.EAST)


def test_what_is_not_given_of_being_illustrative_stays_as_it_is(api):
    client = api("administrator1")

    def illustrative(**given):
        return client.post("/api/v1/sensors", NEW | given).json["properties"]["illustrative"]

    assert [illustrative(), illustrative(illustrative="yes"), illustrative()] == [False, True, True]
    assert illustrative(illustrative="no") is False


def test_what_is_not_given_of_a_station_stays_and_what_is_given_empty_is_taken_away(api):
    client = api("administrator1")

    def station(**given):
        bare = {name: value for name, value in NEW.items() if name != "department"}
        told = client.post("/api/v1/sensors", bare | given).json["properties"]
        return told["department_code"], told["name_en"]

    assert station(department="510104-works", name_en="East works") == ("510104-works", "East works")
    assert station(code="S-1-noise", quantity="noise") == ("510104-works", "East works")
    assert station(department="", name_en="") == (None, None)


def test_of_a_new_sensor_registered_by_several_at_once_there_is_one(city_runtime):
    together = Barrier(4)

    def register(interval):
        station = operations.NewStation("S-1", "东工地", "earthwork", *city.IN_EAST)
        stream = operations.NewDatastream("S-1-dust", "S-1", "dust", interval)
        with city_runtime.transaction() as session:
            session.connection()
            together.wait()
            operations.register(session, station, stream, None)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(register, (60, 61, 62, 63)))
    with city_runtime.transaction() as session:
        assert session.scalars(select(Datastream.code)).all() == ["S-1-dust"]
        acts = session.scalars(select(AdminEvent).where(AdminEvent.subject == "S-1-dust").order_by(AdminEvent.id)).all()
    assert [one.action for one in acts] == ["sensors.add", *["sensors.change"] * 3]
    assert [one.before for one in acts[1:]] == [one.after for one in acts[:-1]]


def test_what_a_sensor_has_told_stays_what_it_is(city_runtime, sensors, tell, api):
    tell(("W-1-depth", NOW, 0.1))
    drain(city_runtime)
    lon, lat = city.IN_WEST
    other = NEW | {"code": "W-1-depth", "station": "W-1", "lon": lon, "lat": lat, "quantity": "rain"}
    answer = api("administrator1").post("/api/v1/sensors", other)
    assert (answer.status_code, answer.json["code"]) == (409, "telemetry.quantity-fixed")


def test_sensors_are_listed_by_filters(city_runtime, sensors, tell, api):
    client = api("inspector1")
    tell(("W-1-depth", NOW, 0.1))
    drain(city_runtime)

    def codes(**query):
        return [one["properties"]["code"] for one in client.get("/api/v1/sensors", **query).json["features"]]

    assert codes() == ["W-1-depth", "W-1-rain"]
    assert codes(quantity="rain") == codes(state="new") == ["W-1-rain"]
    assert codes(state="ok") == codes(q="DEPTH") == ["W-1-depth"]
    assert codes(q="下穿", limit=1) == ["W-1-depth"]
    assert codes(q="%") == []


def test_one_sensor_tells_its_counts_and_its_series(city_runtime, sensors, tell, api):
    client = api("inspector1")
    tell(*(("W-1-depth", NOW - number * MINUTE, number / 10) for number in range(3)), ("W-1-depth", NOW, 99.0))
    drain(city_runtime)
    (counts,) = client.get("/api/v1/sensors/W-1-depth").json["properties"]["counts"]
    assert (counts["taken"], counts["impossible"]) == (3, 1)
    found = client.get("/api/v1/sensors/W-1-depth/series").json
    assert [value for _at, value in found["points"]] == [0.2, 0.1, 0]
    assert found["points"][-1][0] == NOW.timestamp() * 1000
    assert client.get("/api/v1/sensors/nobody/series").status_code == 404
    for since in (NOW, NOW - timedelta(days=401)):
        answer = client.get("/api/v1/sensors/W-1-depth/series", since=since.isoformat(), until=NOW.isoformat())
        assert (answer.status_code, answer.json["code"]) == (422, "telemetry.bad-query")
