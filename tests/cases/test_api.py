"""A case through the API: from the pavement to its end, and everything that is refused on the way."""

import re
import threading
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from PIL import ExifTags, Image
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from tests import city
from webgis import geo, jobs
from webgis.accounts import operations as accounts
from webgis.cases import evidence
from webgis.catalog import operations as catalog
from webgis.catalog import queries as catalog_queries
from webgis.worker import import_tasks

REPORT = {
    "lon": city.IN_WEST[0],
    "lat": city.IN_WEST[1],
    "kind": "matter",
    "class": city.REFUSE,
    "description": "路口东侧暴露垃圾",
}


def _report(api, login="inspector1", photos=None, **changes):
    photos = [city.photo()] if photos is None else photos
    return api(login).post("/api/v1/cases", REPORT | changes, photos)


def _act(api, login, number, action, fields=None, photos=()):
    return api(login).post(f"/api/v1/cases/{number}/actions/{action}", fields, photos)


def _filed(api):
    case = _report(api).json["properties"]
    return _act(api, "acceptor1", case["number"], "file", {"condition": _conditions(api, case["number"])[0]["id"]})


def _conditions(api, number):
    return api("acceptor1").get(f"/api/v1/cases/{number}").json["properties"]["conditions"]


def _resolved(api):
    number = _filed(api).json["properties"]["number"]
    _act(api, "dispatcher1", number, "dispatch", {"department": "510104-sanitation"})
    _act(api, "sanitation1", number, "receive")
    assert _act(api, "sanitation1", number, "resolve", {"note": "已清理"}).status_code == 200
    return number


def test_a_case_goes_from_report_to_close_and_its_history_tells_it_all(api):
    lon, lat = geo.from_cgcs2000(*city.IN_WEST, "gcj02")
    made = _report(api, lon=lon, lat=lat, crs="gcj02", accuracy_m=8.5, address="春熙路 1 号")
    assert made.status_code == 201
    case = made.json
    number = case["properties"]["number"]
    assert made.headers["Location"] == f"/api/v1/cases/{number}"
    assert case["type"] == "Feature" and case["geometry"]["type"] == "Point"
    assert case["geometry"]["coordinates"] == pytest.approx(city.IN_WEST, abs=1e-8)
    assert case["properties"]["cell"].startswith(city.WEST)
    assert case["properties"]["state"] == "reported"
    assert case["properties"]["actions"] == ["note"]

    condition = _conditions(api, number)[0]
    assert {"id", "text", "limit"} <= condition.keys()
    filed = _act(api, "acceptor1", number, "file", {"condition": condition["id"]}).json["properties"]
    assert (filed["state"], filed["condition"], filed["deadline"]) == ("filed", condition["id"], None)

    sent = _act(api, "dispatcher1", number, "dispatch", {"department": "510104-sanitation"}).json["properties"]
    assert sent["department"] == "510104-sanitation" and sent["deadline"] is not None and sent["light"] == "in_time"
    assert _act(api, "sanitation1", number, "receive").json["properties"]["state"] == "handling"
    _act(api, "sanitation1", number, "resolve", {"note": "已清理"}, [city.photo(colour=30)])
    place = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1]}
    given = {"result": "fail", "note": "仍有残留"} | place
    failed = _act(api, "inspector2", number, "verify", given).json["properties"]
    assert (failed["state"], failed["rework_count"]) == ("handling", 1)
    _act(api, "sanitation1", number, "resolve", {"note": "再次清理"})
    verified = _act(api, "inspector2", number, "verify", {"result": "pass"} | place)
    assert verified.json["properties"]["state"] == "verified"
    closed = _act(api, "acceptor1", number, "close").json["properties"]
    assert closed["state"] == "closed" and closed["closed_at"] and closed["actions"] == ["reopen", "note"]

    history = api("manager1").get(f"/api/v1/cases/{number}/events").json["features"]
    steps = [(e["properties"]["action"], e["properties"]["to"], e["properties"]["by"]["login"]) for e in history]
    assert steps == [
        ("report", "reported", "inspector1"),
        ("file", "filed", "acceptor1"),
        ("dispatch", "dispatched", "dispatcher1"),
        ("receive", "handling", "sanitation1"),
        ("resolve", "resolved", "sanitation1"),
        ("verify", "handling", "inspector2"),
        ("resolve", "resolved", "sanitation1"),
        ("verify", "verified", "inspector2"),
        ("close", "closed", "acceptor1"),
    ]
    assert history[5]["properties"]["given"]["note"] == "仍有残留"
    assert history[7]["geometry"]["coordinates"] == pytest.approx(city.IN_WEST)
    assert len(history[0]["properties"]["photos"]) == len(history[4]["properties"]["photos"]) == 1


def test_the_deadline_is_that_of_the_chosen_condition(api):
    number = _report(api).json["properties"]["number"]
    conditions = _conditions(api, number)
    _act(api, "acceptor1", number, "file", {"condition": conditions[0]["id"]})
    case = _act(api, "dispatcher1", number, "dispatch", {"department": "510104-works"}).json["properties"]
    assert case["dispatched_at"] < case["deadline"]


def test_a_returned_case_goes_back_with_its_reason_and_leaves_the_department(api):
    number = _filed(api).json["properties"]["number"]
    _act(api, "dispatcher1", number, "dispatch", {"department": "510104-works"})
    back = _act(api, "works1", number, "return", {"reason": "不属本单位"}).json["properties"]
    assert (back["state"], back["department"], back["deadline"]) == ("filed", None, None)
    assert api("works1").get(f"/api/v1/cases/{number}").status_code == 404
    again = _act(api, "dispatcher1", number, "return", {"reason": "立案条件有误"}).json["properties"]
    assert (again["state"], again["condition"]) == ("reported", None)


def test_a_rejected_case_has_ended(api):
    number = _report(api).json["properties"]["number"]
    case = _act(api, "acceptor1", number, "reject", {"reason": "不在管理范围"}).json["properties"]
    assert case["state"] == "rejected" and case["closed_at"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"lon": city.OUTSIDE[0]}, "lon", "cases.outside-grid"),
        ({"lon": REPORT["lat"], "lat": REPORT["lon"]}, "lon", "geo.swapped"),
        ({"class": "99999"}, "class", "catalog.class-unknown"),
        ({"class": "暴露垃圾"}, "class", "api.bad-input"),
        ({"kind": "event"}, "kind", "api.bad-input"),
        ({"crs": "wgs72"}, "crs", "api.bad-input"),
        ({"description": "   "}, "description", "api.bad-input"),
        ({"description": "x" * 2001}, "description", "api.bad-input"),
        ({"lon": "east"}, "lon", "api.bad-input"),
        ({"source": "hotline"}, "source", "cases.bad-field"),
        ({"colour": "red"}, "colour", "api.bad-input"),
        ({"accuracy_m": -1}, "accuracy_m", "api.bad-input"),
    ],
)
def test_a_report_that_cannot_be_used_names_its_field_and_changes_nothing(api, changes, field, code):
    refused = _report(api, **changes)
    assert refused.status_code == 422, refused.json
    assert refused.content_type == "application/problem+json"
    assert (refused.json["field"], refused.json["code"]) == (field, code)
    assert api("manager1").get("/api/v1/cases").json["features"] == []


def test_a_place_outside_the_grid_is_told_how_far_the_nearest_cell_is(api):
    problem = _report(api, lon=city.OUTSIDE[0]).json
    assert 900 < problem["distance_m"] < 1000 and problem["nearest"].startswith(city.EAST)


def test_an_inspector_gives_a_photo_and_the_hotline_need_not(api):
    refused = _report(api, photos=[])
    assert (refused.status_code, refused.json["field"]) == (422, "photos")
    taken = _report(api, "acceptor1", photos=[]).json["properties"]
    assert (taken["source"], taken["photos"]) == ("hotline", [])


def test_a_manager_does_not_report(api):
    assert _report(api, "manager1").status_code == 403


def test_a_condition_of_another_class_is_refused(api):
    number = _report(api).json["properties"]["number"]
    other = _report(api, **{"class": "06013"}).json["properties"]["number"]
    wrong = _conditions(api, other)[0]["id"]
    refused = _act(api, "acceptor1", number, "file", {"condition": wrong})
    assert (refused.status_code, refused.json["field"]) == (422, "condition")
    assert refused.json["accepted"]


def test_an_unknown_department_is_refused(api):
    number = _filed(api).json["properties"]["number"]
    refused = _act(api, "dispatcher1", number, "dispatch", {"department": "nobody"})
    assert (refused.status_code, refused.json["field"]) == (422, "department")


def test_a_step_that_is_not_open_is_a_conflict_and_changes_nothing(api):
    number = _report(api).json["properties"]["number"]
    refused = _act(api, "acceptor1", number, "close")
    assert (refused.status_code, refused.json["state"]) == (409, "reported")
    assert len(api("acceptor1").get(f"/api/v1/cases/{number}/events").json["features"]) == 1


def test_a_step_of_another_role_is_forbidden(api):
    number = _report(api).json["properties"]["number"]
    assert _act(api, "inspector1", number, "file", {"condition": 1}).status_code == 403


def test_an_old_page_is_told_that_the_case_has_moved_on(api):
    number = _report(api).json["properties"]["number"]
    condition = _conditions(api, number)[0]["id"]
    refused = _act(api, "acceptor1", number, "file", {"condition": condition, "version": 7})
    assert (refused.status_code, refused.json["code"]) == (409, "cases.stale")


def test_of_two_dispatchers_at_once_one_wins_and_the_other_is_told(city_app, api):
    number = _filed(api).json["properties"]["number"]
    people = [api("dispatcher1"), api("dispatcher2")]
    start, statuses = threading.Barrier(2), []

    def dispatch(person):
        start.wait()
        path = f"/api/v1/cases/{number}/actions/dispatch"
        statuses.append(person.post(path, {"department": "510104-works"}).status_code)

    threads = [threading.Thread(target=dispatch, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]


def test_a_department_does_not_see_the_cases_of_another(api):
    number = _resolved(api)
    photo = api("sanitation1").get(f"/api/v1/cases/{number}").json["properties"]["photos"][0]
    assert api("sanitation1").get(photo["url"]).status_code == 200
    for path in ("", "/events", photo["url"].removeprefix(f"/api/v1/cases/{number}")):
        assert api("works1").get(f"/api/v1/cases/{number}{path}").status_code == 404
    assert api("works1").get("/api/v1/cases").json["features"] == []


def test_numbers_are_county_day_and_sequence_and_unique_under_concurrency(city_app, api):
    clients, numbers = [api("acceptor1") for _ in range(8)], []

    def report(client):
        for _ in range(5):
            numbers.append(client.post("/api/v1/cases", REPORT).json["properties"]["number"])

    threads = [threading.Thread(target=report, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == len(set(numbers)) == 40
    assert {number[:6] for number in numbers} == {city.COUNTY}
    assert sorted(int(number[14:]) for number in numbers) == list(range(1, 41))


def test_the_same_idempotency_key_gives_the_same_case_and_another_request_with_it_is_refused(api):
    person = api("inspector1")
    first = person.post("/api/v1/cases", REPORT, [city.photo()], Idempotency_Key="k-1")
    again = person.post("/api/v1/cases", REPORT, [city.photo()], Idempotency_Key="k-1")
    assert first.status_code == 201 and again.status_code == 200
    assert first.json["properties"]["number"] == again.json["properties"]["number"]
    other = person.post("/api/v1/cases", REPORT | {"description": "别的"}, [city.photo()], Idempotency_Key="k-1")
    assert (other.status_code, other.json["code"]) == (409, "cases.key-reused")
    assert len(person.get("/api/v1/cases").json["features"]) == 1


def test_a_refused_report_does_not_use_up_its_idempotency_key(api):
    person = api("inspector1")
    refused = person.post("/api/v1/cases", REPORT | {"class": "99999"}, [city.photo()], Idempotency_Key="k-2")
    assert refused.status_code == 422
    assert person.post("/api/v1/cases", REPORT, [city.photo()], Idempotency_Key="k-2").status_code == 201


def test_one_key_sent_many_times_at_once_makes_one_case(city_app, api):
    clients = [api("acceptor1") for _ in range(6)]
    statuses = []

    def send(client):
        statuses.append(client.post("/api/v1/cases", REPORT, Idempotency_Key="k-3").status_code)

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 5 + [201]
    assert len(clients[0].get("/api/v1/cases").json["features"]) == 1


def test_a_list_is_read_page_by_page_without_loss_or_repeat(api):
    made = [_report(api, "acceptor1", photos=[]).json["properties"]["number"] for _ in range(5)]
    person, seen, address = api("acceptor1"), [], "/api/v1/cases?limit=2"
    while address:
        page = person.get(address).json
        seen += [feature["properties"]["number"] for feature in page["features"]]
        address = page["next"]
    assert seen == made[::-1]


def test_lists_are_filtered(api):
    west = _report(api).json["properties"]
    east = _report(api, lon=city.IN_EAST[0], lat=city.IN_EAST[1], **{"class": "06013"}).json["properties"]
    person = api("acceptor1")

    def numbers(**query):
        return [one["properties"]["number"] for one in person.get("/api/v1/cases", **query).json["features"]]

    assert numbers(area=city.WEST) == numbers(cell=west["cell"]) == [west["number"]]
    assert numbers(area=city.COUNTY) == [east["number"], west["number"]]
    assert numbers(**{"class": "06013"}) == [east["number"]]
    assert numbers(state="filed,closed") == numbers(department="510104-works") == []
    assert numbers(state="reported", kind="matter") == [east["number"], west["number"]]
    assert numbers(bbox="104.06,30.65,104.065,30.66") == [west["number"]]
    assert numbers(since="2099-01-01T00:00:00Z") == []
    assert numbers(until="2099-01-01T00:00:00Z", q="东侧") == [east["number"], west["number"]]
    assert numbers(q=west["number"]) == [west["number"]]
    assert numbers(q="100%") == []


def test_a_moment_without_an_offset_is_in_the_citys_time_zone(api, city_app):
    _report(api)
    here = datetime.now(city_app.extensions["webgis"].settings.zone).replace(tzinfo=None)
    person, hour = api("acceptor1"), timedelta(hours=1)
    assert len(person.get("/api/v1/cases", since=(here - hour).isoformat()).json["features"]) == 1
    assert person.get("/api/v1/cases", since=(here + hour).isoformat()).json["features"] == []


def test_a_list_takes_the_same_number_of_statements_however_many_classes_wait_to_be_filed(api, city_app):
    person, statements, counts = api("acceptor1"), [], []
    event.listen(city_app.extensions["webgis"].engine, "before_cursor_execute", lambda *given: statements.append(given))
    for class_code in ("06010", "06013", "06014", "06015"):
        _report(api, "acceptor1", photos=[], **{"class": class_code})
        statements.clear()
        assert person.get("/api/v1/cases").json["features"][0]["properties"]["class"] == class_code
        counts.append(len(statements))
    assert len(set(counts)) == 1


def test_a_county_with_its_own_filing_standard_offers_its_conditions(api, city_app):
    with city_app.extensions["webgis"].transaction() as session:
        own = catalog.load_default_filing_standard(session, city.COUNTY)
        ids = {condition.id for condition, _class in catalog_queries.conditions_in(session, own)}
    made = _report(api).json["properties"]
    assert ids.issuperset(condition["id"] for condition in made["conditions"]) and made["conditions"]
    filed = api("acceptor1").post(
        f"/api/v1/cases/{made['number']}/actions/file", {"condition": made["conditions"][0]["id"]}
    )
    assert filed.status_code == 200, filed.json


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "open"}, "state"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "105,30,104,31"}, "bbox"),
        ({"limit": 0}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"since": "yesterday"}, "since"),
        ({"area": "51'--"}, "area"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(api, query, field):
    refused = api("acceptor1").get("/api/v1/cases", **query)
    assert (refused.status_code, refused.json["field"]) == (422, field)


def test_history_can_be_neither_changed_nor_deleted(api, city_app):
    _report(api)
    runtime = city_app.extensions["webgis"]
    for statement in (
        "UPDATE city.case_event SET action = 'x'",
        "DELETE FROM city.case_event",
        "TRUNCATE city.case_event CASCADE",
    ):
        with pytest.raises(DBAPIError, match="never changed"), runtime.transaction() as session:
            session.execute(text(statement))


def test_a_photo_keeps_its_time_and_place_in_columns_and_loses_its_exif(api, city_app):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:11:20 08:30:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (30.0, 39.0, 25.56)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (104.0, 3.0, 43.92)
    made = _report(api, photos=[city.photo(64, 48, exif=exif)]).json["properties"]["photos"][0]
    assert (made["width"], made["height"]) == (48, 64)
    assert made["taken_at"] == "2026-11-20T08:30:00+08:00"
    fetched = api("inspector1").get(made["url"])
    assert fetched.content_type == "image/jpeg" and fetched.headers["X-Content-Type-Options"] == "nosniff"
    assert not Image.open(BytesIO(fetched.data)).getexif()
    with city_app.extensions["webgis"].transaction() as session:
        place = session.execute(text("SELECT ST_X(geom), ST_Y(geom) FROM city.photo")).one()
    assert tuple(place) == pytest.approx((104.0622, 30.6571), abs=1e-6)


@pytest.mark.parametrize("data", [b"%PDF-1.7 not a photo", b"\xff\xd8\xff\xe0 cut short", b"<svg onload='alert(1)'/>"])
def test_what_is_not_a_picture_is_refused_whatever_its_name(api, data):
    refused = _report(api, photos=[data])
    assert (refused.status_code, refused.json["field"]) == (422, "photos")


def test_a_picture_with_too_many_pixels_is_refused(make_settings, city_template):
    small = make_settings(city_template, max_photo_megapixels=1)
    with pytest.raises(Exception, match="megapixels"):
        evidence.store(small, [city.photo(1200, 1000)])


def test_a_thumbnail_is_made_by_a_job(api, city_app):
    photo = _report(api, photos=[city.photo(1200, 900)]).json["properties"]["photos"][0]
    whole = api("inspector1").get(photo["thumbnail"])
    import_tasks()
    assert jobs.drain(city_app.extensions["webgis"], "quick") == 1
    small = api("inspector1").get(photo["thumbnail"])
    assert Image.open(BytesIO(whole.data)).size == (1200, 900)
    assert Image.open(BytesIO(small.data)).size == (480, 360)


def test_a_key_that_is_unknown_or_revoked_opens_nothing(city_app, api):
    person = api("inspector1")
    with city_app.extensions["webgis"].transaction() as session:
        assert accounts.revoke_keys(session, "inspector1") == 1
    refused = person.get("/api/v1/cases")
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert city_app.test_client().get("/api/v1/cases", headers={"Authorization": "Bearer x"}).status_code == 401


def test_the_api_by_cookie_needs_the_csrf_token(city_app):
    browser = city_app.test_client()
    form = {"login": "acceptor1", "password": city.PASSWORD}
    assert browser.post("/login", data=form).status_code == 400
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login").text)[1]
    assert browser.post("/login", data=form | {"csrf_token": token}).status_code == 302
    assert browser.post("/api/v1/cases", json=REPORT).status_code == 400
    assert browser.get("/api/v1/cases").json["features"] == []
