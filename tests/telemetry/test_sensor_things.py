"""SensorThings over HTTP: readings sent in every form, refusals that say which, and what is read back."""

import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from tests.telemetry.conftest import MINUTE, NOW, drain, in_place
from webgis.accounts import operations as accounts
from webgis.telemetry import observations, views

STA = "/sta/v1.1"
MANY = text(
    """
    INSERT INTO city.datastream (code, station_id, quantity, unit, least, most, interval_s)
    SELECT 'MANY-' || n, d.station_id, d.quantity, d.unit, d.least, d.most, 60
    FROM city.datastream d, generate_series(1, :count) n WHERE d.id = :like
    """
)


@pytest.fixture
def feed(city_runtime, sensors, api):
    """The client of a machine that sends readings."""
    with city_runtime.transaction() as session:
        accounts.add_person(session, "feed1", "水位平台", "system", city.PASSWORD)
    return api("feed1")


def moment(minutes: int = 0) -> str:
    return (NOW + minutes * MINUTE).isoformat()


def of(datastream: int | str, value, minutes: int = 0) -> dict:
    return {"Datastream": {"@iot.id": datastream}, "phenomenonTime": moment(minutes), "result": value}


def test_readings_are_taken_in_every_form(city_runtime, sensors, feed):
    depth, rain = sensors["W-1-depth"], sensors["W-1-rain"]
    array = {
        "Datastream": {"@iot.id": depth},
        "components": ["phenomenonTime", "result"],
        "dataArray@iot.count": 2,
        "dataArray": [[moment(-4), 0.1], [moment(-3), 0.2]],
    }
    for path, body, count in (
        ("/Observations", of(depth, 0.5), 1),
        ("/Observations", [of(depth, 0.4, -1), of("W-1-rain", 2, -1)], 2),
        (f"/Datastreams({depth})/Observations", {"phenomenonTime": moment(-2), "result": 0.3}, 1),
        ("/CreateObservations", [array, of(rain, 0, -2)], 3),
    ):
        answer = feed.post(STA + path, body)
        assert (answer.status_code, answer.json) == (201, {"acknowledged": count})
    drain(city_runtime)
    assert [value for _at, value in in_place(city_runtime, depth)] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [value for _at, value in in_place(city_runtime, rain)] == [0, 2]


def test_one_request_may_tell_of_thousands_of_datastreams(city_runtime, sensors, feed):
    count = 4_000
    with city_runtime.transaction() as session:
        session.execute(MANY, {"like": sensors["W-1-depth"], "count": count})
    told = [of(f"MANY-{number}", number / count, minutes) for minutes in (-1, 0) for number in range(1, count + 1)]
    assert feed.post(f"{STA}/Observations", told).json == {"acknowledged": 2 * count}
    assert drain(city_runtime) == 1
    with city_runtime.transaction() as session:
        rows = session.execute(
            text(
                "SELECT count(*), count(*) FILTER (WHERE d.last_at = :now AND d.last_value = r.value), sum(r.value)"
                " FROM city.datastream d JOIN city.reading r ON r.datastream_id = d.id AND r.at = :now"
                " WHERE d.code LIKE 'MANY-%'"
            ),
            {"now": NOW},
        ).one()
        counts = session.execute(text("SELECT sum(taken), sum(doubled) FROM city.reading_count")).one()
    assert tuple(rows[:2]) == (count, count) and rows[2] == pytest.approx((count + 1) / 2)
    assert tuple(counts) == (2 * count, 0)


def test_a_reading_without_a_moment_is_of_its_arrival(city_runtime, sensors, feed):
    before = datetime.now(UTC)
    feed.post(f"{STA}/Datastreams({sensors['W-1-depth']})/Observations", {"result": 0.3})
    drain(city_runtime)
    ((at, value),) = in_place(city_runtime, sensors["W-1-depth"])
    assert value == 0.3 and before <= at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"result": 0.1}, "Datastream"),
        ({"Datastream": {"@iot.id": True}, "result": 0.1}, "Datastream"),
        ({"Datastream": {"@iot.id": 1}}, "result"),
        ({"Datastream": {"@iot.id": 1}, "result": "0.1"}, "result"),
        ({"Datastream": {"@iot.id": 1}, "result": True}, "result"),
        ({"Datastream": {"@iot.id": 1}, "result": 10**400}, "result"),
        ({"Datastream": {"@iot.id": 1}, "result": 0.1, "phenomenonTime": "2026-11-22T08:00:00"}, "phenomenonTime"),
        ({"Datastream": {"@iot.id": 1}, "result": 0.1, "phenomenonTime": 1.5}, "phenomenonTime"),
        ({"Datastream": {"@iot.id": 1}, "result": 0.1, "colour": "red"}, "colour"),
        ({"Datastream": {"@iot.id": 1}, "components": ["colour"], "dataArray": [[1]]}, "components"),
        ({"Datastream": {"@iot.id": 1}, "components": [["a"], "result"], "dataArray": [[1, 1]]}, "components"),
        ({"Datastream": {"@iot.id": 1}, "components": {"a": 1}, "dataArray": [[1]]}, "components"),
        ({"Datastream": {"@iot.id": 1}, "components": ["result", "result"], "dataArray": [[1, 2]]}, "components"),
        ({"Datastream": {"@iot.id": 1}, "components": ["result"], "dataArray": [[1, 2]]}, "dataArray"),
        ("reading", "body"),
    ],
)
def test_of_a_batch_with_a_fault_nothing_is_taken_and_the_fault_is_named(city_runtime, sensors, feed, second, field):
    answer = feed.post(f"{STA}/Observations", [of(sensors["W-1-depth"], 0.5), second])
    assert (answer.status_code, answer.json["code"]) == (422, "telemetry.bad-observation")
    assert (answer.json["index"], answer.json["field"]) == (1, field)
    assert _waiting(city_runtime) == 0


def _waiting(runtime) -> int:
    with runtime.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM city.reading_inbox"))


def test_an_unknown_datastream_is_refused_with_its_place(city_runtime, sensors, feed):
    for named in ("nobody", 4711):
        answer = feed.post(f"{STA}/Observations", [of("W-1-depth", 0.5), of(named, 0.5)])
        assert (answer.status_code, answer.json["code"], answer.json["index"]) == (404, "telemetry.unknown", 1)
    assert _waiting(city_runtime) == 0


def test_at_the_address_of_a_datastream_readings_of_another_are_refused(city_runtime, sensors, feed):
    path = f"{STA}/Datastreams({sensors['W-1-depth']})/Observations"
    assert feed.post(path, [of("W-1-depth", 0.5), of(sensors["W-1-depth"], 0.4, -1)]).status_code == 201
    for named in ("W-1-rain", sensors["W-1-rain"], "nobody"):
        answer = feed.post(path, [{"result": 0.5}, of(named, 0.5)])
        assert (answer.status_code, answer.json["field"], answer.json["index"]) == (422, "Datastream", 1)
    assert _waiting(city_runtime) == 1


BAD_JSON = (b"{", b"[]", b"[NaN]", b'{"result": NaN}', b"1", b"[" * 100_000)
HALF_SURROGATES = (
    rb'{"Datastream": {"@iot.id": "\ud800"}, "result": 1}',
    rb'{"Datastream": {"@iot.id": "W-1-depth"}, "phenomenonTime": "\ud800", "result": 1}',
    rb'{"Datastream": {"@iot.id": "W-1-depth"}, "result": "\ud800"}',
    rb'{"Datastream": {"@iot.id": "W-1-depth"}, "result": 1, "\ud800": 1}',
)
GIVEN_TWICE = b'{"Datastream": {"@iot.id": "W-1-depth"}, "result": 1, "result": 2}'


@pytest.mark.parametrize("body", [*BAD_JSON, *HALF_SURROGATES, GIVEN_TWICE])
def test_what_is_no_json_of_ours_is_refused(feed, body):
    answer = feed.client.post(f"{STA}/Observations", data=body, headers=feed.headers)
    assert (answer.status_code, answer.json["code"]) == (422, "telemetry.bad-observation")


def test_too_much_at_once_is_refused(sensors, feed):
    rows = [[0.1]] * (observations.MOST + 1)
    body = {"Datastream": {"@iot.id": sensors["W-1-depth"]}, "components": ["result"], "dataArray": rows}
    answer = feed.post(f"{STA}/Observations", body)
    assert (answer.status_code, answer.json["accepted"]) == (422, f"at most {observations.MOST}")
    answer = feed.client.post(f"{STA}/Observations", data=b" " * (observations.LARGEST + 1), headers=feed.headers)
    assert answer.status_code == 413


def test_the_limit_of_bytes_holds_for_a_session_too(city_app, sensors, feed):
    client = city_app.test_client()
    sign_in = {"csrf_token": _token(client, "/login"), "login": "feed1", "password": city.PASSWORD}
    assert client.post("/login", data=sign_in).status_code == 302
    headers = {"X-CSRFToken": _token(client, "/sensors")}
    body = json.dumps(of("W-1-depth", 0.5)).encode()
    assert client.post(f"{STA}/Observations", data=body, headers=headers).status_code == 201
    padded = body + b" " * observations.LARGEST
    assert client.post(f"{STA}/Observations", data=padded, headers=headers).status_code == 413


def _token(client, path: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]


def test_only_machines_send_readings(sensors, api):
    answer = api("dispatcher1").post(f"{STA}/Observations", of("W-1-depth", 0.5))
    assert (answer.status_code, answer.json["code"]) == (403, "accounts.not-your-role")


def test_stations_datastreams_and_readings_are_read(city_runtime, sensors, tell, api):
    client, depth = api("inspector1"), sensors["W-1-depth"]
    tell(*(("W-1-depth", NOW - number * MINUTE, number / 10) for number in range(5)))
    drain(city_runtime)
    names = [one["name"] for one in client.get(STA).json["value"]]
    assert names == ["Things", "Datastreams", "Observations"]
    (thing,) = client.get(f"{STA}/Things").json["value"]
    assert thing["Locations"][0]["location"]["coordinates"] == list(city.IN_WEST)
    streams = client.get(thing["Datastreams@iot.navigationLink"]).json["value"]
    assert [one["name"] for one in streams] == ["W-1-depth", "W-1-rain"]
    assert streams[0]["unitOfMeasurement"]["symbol"] == "m" and streams[0]["properties"]["last_value"] == 0
    found = client.get(f"{STA}/Datastreams({depth})/Observations", **{"$top": 2}).json
    assert [one["result"] for one in found["value"]] == [0, 0.1]
    more = client.get(found["@iot.nextLink"]).json
    assert [one["result"] for one in more["value"]] == [0.2, 0.3]
    between = f"Datastream/id eq {depth} and phenomenonTime ge {moment(-3)} and phenomenonTime lt {moment(-1)}"
    asked = {"$filter": between, "$orderby": "phenomenonTime asc"}
    assert [one["result"] for one in client.get(f"{STA}/Observations", **asked).json["value"]] == [0.3, 0.2]


@pytest.mark.parametrize(
    "query",
    [
        {"$top": "many"},
        {"$top": "10001"},
        {"$top": "0"},
        {"$skip": "-1"},
        {"$skip": "100001"},
        {"$filter": "result ge 1"},
        {"$filter": "result ge 1 and phenomenonTime ge 2026-09-01T00:00Z and phenomenonTime lt 2026-10-03T00:00Z"},
        {"$orderby": "result"},
        {"$filter": "result eq 1 or 2"},
        {"$filter": "Datastream/id eq 9999999"},
        {"$filter": "phenomenonTime ge 2026-09-01T00:00Z and phenomenonTime ge 2026-10-01T00:00Z"},
        {"$filter": "phenomenonTime ge yesterday"},
        {"$filter": "phenomenonTime ge 2026-11-22T08:00:00"},
        {"$expand": "Datastreams"},
    ],
)
def test_a_query_that_is_not_understood_is_refused(sensors, api, query):
    answer = api("inspector1").get(f"{STA}/Datastreams({sensors['W-1-depth']})/Observations", **query)
    assert (answer.status_code, answer.json["code"]) == (422, "telemetry.bad-query")
    assert answer.json["field"] in query


def test_lists_have_no_filter_and_no_order(sensors, api):
    client = api("inspector1")
    for path in ("Things", "Datastreams", "Things(1)/Datastreams"):
        for query in ({"$filter": "result ge 1"}, {"$orderby": "phenomenonTime asc"}):
            answer = client.get(f"{STA}/{path}", **query)
            assert (answer.status_code, answer.json["accepted"]) == (422, "$top, $skip")


def test_values_are_looked_for_in_a_span(city_runtime, sensors, tell, api):
    tell(*(("W-1-depth", NOW - number * MINUTE, number / 10) for number in range(5)))
    drain(city_runtime)
    asked = {"$filter": f"result ge 0.2 and result le 0.3 and phenomenonTime ge {moment(-60)}"}
    found = api("inspector1").get(f"{STA}/Datastreams({sensors['W-1-depth']})/Observations", **asked).json["value"]
    assert [one["result"] for one in found] == [0.2, 0.3]


def test_a_question_about_readings_that_takes_too_long_is_given_up(city_runtime, sensors, api, monkeypatch):
    monkeypatch.setattr(views, "LONGEST_QUESTION", "50ms")
    client = api("inspector1")
    with city_runtime.transaction() as session:
        session.execute(text("LOCK TABLE city.reading IN ACCESS EXCLUSIVE MODE"))
        for path in (f"{STA}/Datastreams({sensors['W-1-depth']})/Observations", "/api/v1/sensors/W-1-depth/series"):
            answer = client.get(path)
            assert (answer.status_code, answer.json["accepted"]) == (422, "a shorter span")


@pytest.mark.parametrize("path", ["Things(4711)", "Datastreams(4711)", f"Datastreams({10**30})/Observations"])
def test_what_is_not_there_is_not_found(sensors, api, path):
    answer = api("inspector1").get(f"{STA}/{path}")
    assert (answer.status_code, answer.json["code"]) == (404, "telemetry.unknown")
