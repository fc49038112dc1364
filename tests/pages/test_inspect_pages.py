"""What the inspector's phone is told and what it may send: once, in the name of who made it, refused with words."""

import gzip
import json
import re
from datetime import UTC, datetime, time, timedelta
from io import BytesIO

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.stories import ZONE, resolved
from webgis import tls
from webgis.accounts import queries as accounts
from webgis.grid import beats
from webgis.pages import inspect, inspect_words
from webgis.settings import resources

PLACE = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1]}
REPORT = PLACE | {
    "key": "phone-key-1",
    "kind": "matter",
    "class": city.REFUSE,
    "description": "路口暴露垃圾",
    "accuracy_m": 9.5,
    "seen_at": "2026-11-20T10:00:00+08:00",
    "shots": [{"taken_at": "2026-11-20T09:59:30", "lon": city.IN_WEST[0], "lat": city.IN_WEST[1]}],
}


class Phone:
    """A phone with somebody logged in."""

    def __init__(self, reader, login: str) -> None:
        self.reader = reader(login)
        me = self.get("/inspect/me")
        self.person, self.token = me["person"]["id"], me["token"]

    def get(self, path: str):
        answer = self.reader.client.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json

    def send(self, kind: str, meta, *photos: bytes, person: int | None = None):
        files = [(BytesIO(photo), f"{place}.jpg") for place, photo in enumerate(photos)]
        return self.reader.client.post(
            f"/inspect/send/{kind}",
            data={"meta": json.dumps(meta)} | ({"photos": files} if files else {}),
            content_type="multipart/form-data",
            headers={"Accept": "application/json", "X-CSRFToken": self.token, "X-Person": str(person or self.person)},
        )


@pytest.fixture
def phone(reader):
    return lambda login="inspector1": Phone(reader, login)


def rows(app, statement: str, **values) -> list:
    with app.extensions["webgis"].transaction() as session:
        return session.execute(text(statement), values).all()


def test_the_shell_is_whole_in_both_languages_and_small_enough_for_a_poor_network(city_app):
    client = city_app.test_client()
    sizes = 0
    for lang, word in (("zh", "拍照上报"), ("en", "Photograph and report")):
        page = client.get(f"/inspect/shell/{lang}").text
        assert word in page and "inspector1" not in page
        sizes = max(sizes, len(gzip.compress(page.encode())))
    worker = client.get("/inspect/sw.js")
    assert worker.headers["Service-Worker-Allowed"] == "/inspect"
    files = json.loads(re.search(r"const SHELL = (\[.*?\]);", worker.text)[1])
    for address in files:
        content = client.get(address)
        assert content.status_code == 200, address
        sizes += len(gzip.compress(content.data))
    assert sizes < 200 * 1024


def test_another_text_or_file_of_the_shell_makes_another_service_worker(city_app, monkeypatch):
    def version() -> str:
        return re.search(r'const VERSION = "(\w+)"', city_app.test_client().get("/inspect/sw.js").text)[1]

    first = version()
    assert version() == first
    monkeypatch.setitem(inspect_words.WORDS, "send", "Off it goes")
    assert version() != first


def test_the_app_can_be_installed_under_its_name_in_both_languages(city_app):
    client = city_app.test_client()
    told = {lang: client.get(f"/inspect/{lang}.webmanifest").json for lang in inspect.LOCALES}
    assert (told["zh"]["short_name"], told["en"]["short_name"]) == ("巡查", "Patrol")
    for icon in told["zh"]["icons"]:
        assert client.get(icon["src"]).mimetype == "image/png"
    assert client.get("/inspect/fr.webmanifest").status_code == 404


def test_the_page_of_installation_says_what_is_missing_and_hands_out_the_authority(city_app):
    client, settings = city_app.test_client(), city_app.extensions["webgis"].settings
    assert "webgis tls init" in client.get("/inspect/install").text
    assert client.get("/inspect/authority.crt").status_code == 404
    tls.init(settings, ["localhost", "phone.example.cn"], datetime.now(UTC))
    page = client.get("/inspect/install", headers={"Accept-Language": "en"}).text
    assert tls.fingerprint(tls.authority(settings)) in page and "https://phone.example.cn:8443/inspect" in page
    assert "http://phone.example.cn/inspect/install" in page, "the QR code leads others, not this machine to itself"
    given = client.get("/inspect/authority.crt")
    assert given.mimetype == "application/x-x509-ca-cert" and b"PRIVATE" not in given.data
    assert given.data == tls.files(settings).authority.read_bytes()


def test_every_word_that_the_scripts_say_is_there():
    scripts = "".join(file.read_text() for file in (resources("static") / "app" / "inspect").glob("*.js"))
    said = set(re.findall(r'\bt\("(\w+)"', scripts))
    assert len(said) > 60 and said <= inspect_words.WORDS.keys()


def test_the_start_page_leads_inspectors_to_their_phone(reader):
    assert reader("inspector1").get("/").location == "/inspect"


def test_a_report_that_comes_twice_is_one_case_with_what_the_phone_knew_of_its_photos(phone, city_app):
    who = phone()
    first = who.send("report", REPORT, city.photo())
    again = who.send("report", REPORT, city.photo())
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json == again.json
    [(taken, lon, given)] = rows(
        city_app,
        "SELECT p.taken_at, ST_X(p.geom), e.given FROM city.photo p JOIN city.case_event e ON e.id = p.event_id",
    )
    assert taken.isoformat() == "2026-11-20T01:59:30+00:00" and lon == city.IN_WEST[0]
    assert given["seen_at"] == REPORT["seen_at"]


def test_a_time_that_no_camera_can_mean_is_unknown_and_no_reason_to_refuse(phone, city_app):
    shots = [{"taken_at": "2026-02-31T25:00:00"}]
    assert phone().send("report", REPORT | {"shots": shots}, city.photo()).status_code == 201
    assert rows(city_app, "SELECT taken_at FROM city.photo") == [(None,)]


def test_what_one_person_left_on_a_phone_does_not_go_out_in_the_name_of_another(phone, city_app):
    first, second = phone("inspector1"), phone("inspector2")
    refused = second.send("report", REPORT, city.photo(), person=first.person)
    assert (refused.status_code, refused.json["code"]) == (409, "pages.other-person")
    assert rows(city_app, "SELECT FROM city.case") == []
    assert first.send("report", REPORT, city.photo()).status_code == 201


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"class": "99999"}, "class"),
        ({"lon": city.OUTSIDE[0], "lat": city.OUTSIDE[1]}, "lon"),
        ({"description": ""}, "description"),
        ({"shots": []}, None),
        ({"shots": [{}, {}]}, "shots"),
        ({"colour": "red"}, "colour"),
        ({"key": "short"}, "key"),
        ({"acknowledged": "maybe"}, "acknowledged"),
    ],
)
def test_a_refusal_says_in_both_languages_what_is_wrong_and_the_mended_report_is_taken(phone, city_app, changed, field):
    who = phone()
    answer = who.send("report", REPORT | changed, city.photo())
    if field is None:
        assert answer.status_code == 201
        return
    assert answer.status_code == 422 and field in answer.json["fields"], answer.json
    assert re.search("[一-鿿]", answer.json["said"]["zh"]) and not re.search("[一-鿿]", answer.json["said"]["en"])
    assert rows(city_app, "SELECT FROM city.case") == []
    assert who.send("report", REPORT, city.photo()).status_code == 201


def test_a_likely_duplicate_is_shown_before_it_is_sent_and_with_the_refusal(phone):
    first, who = phone("inspector2"), phone()
    number = first.send("report", REPORT, city.photo()).json["number"]
    query = "&".join(f"{name}={REPORT[name]}" for name in ("lon", "lat", "kind", "class"))
    [found] = who.get(f"/inspect/alike?{query}")["alike"]
    assert (found["number"], found["metres"], found["class"]["zh"]) == (number, 0, "暴露垃圾")
    meta = REPORT | {"key": "phone-key-2"}
    refused = who.send("report", meta, city.photo(colour=9))
    assert (refused.status_code, refused.json["candidates"]) == (409, [found])
    joined = {"key": "phone-key-2", "number": number, "description": "还在", "shots": REPORT["shots"]} | PLACE
    assert who.send("join", joined, city.photo(colour=9)).json == {"number": number}
    assert who.send("join", joined, city.photo(colour=9)).json == {"number": number}
    other = who.send("report", meta | {"key": "phone-key-3", "acknowledged": "yes"}, city.photo(colour=7))
    assert other.status_code == 201 and other.json["number"] != number


def test_joining_twice_leaves_one_note(phone, city_app):
    first, who = phone("inspector2"), phone()
    number = first.send("report", REPORT, city.photo()).json["number"]
    joined = {"key": "phone-key-2", "number": number, "description": "还在"} | PLACE
    for _ in range(2):
        assert who.send("join", joined).status_code == 200
    assert len(rows(city_app, "SELECT FROM city.case_event WHERE action = 'note'")) == 1


def test_a_task_is_answered_once_from_the_phone_and_then_gone(phone, api, city_app):
    number = phone("inspector1").send("report", REPORT, city.photo()).json["number"]
    ask = api("acceptor1").post(
        f"/api/v1/cases/{number}/actions/request_confirmation", {"inspector": "inspector2", "note": "看看还在不在"}
    )
    assert ask.status_code == 200, ask.text
    who = phone("inspector2")
    [task] = who.get("/inspect/tasks")["tasks"]
    assert (task["number"], task["action"], task["note"]) == (number, "confirm", "看看还在不在")
    assert task["photos"][0]["after"] is False and task["area"]["zh"] == "西社区"
    assert phone("inspector1").get("/inspect/tasks")["tasks"] == []
    meta = {"key": "answer-key-1", "number": number, "action": "confirm", "result": "found", "crs": "wgs84"} | PLACE
    for _ in range(2):
        answer = who.send("step", meta | {"shots": [{}]}, city.photo(colour=50))
        assert answer.status_code == 200, answer.text
    assert who.get("/inspect/tasks")["tasks"] == []
    assert len(rows(city_app, "SELECT FROM city.case_event WHERE action = 'confirm'")) == 1


def test_an_answer_that_came_too_late_says_that_someone_was_faster(phone, api):
    number = phone("inspector1").send("report", REPORT, city.photo()).json["number"]
    meta = {"key": "answer-key-1", "number": number, "action": "confirm", "result": "found", "crs": "wgs84"} | PLACE
    late = phone("inspector2").send("step", meta | {"shots": [{}]}, city.photo(colour=50))
    assert late.status_code == 409 and "已上报" in late.json["said"]["zh"]


def test_classes_go_out_packed_and_are_not_sent_again_while_they_are_the_same(phone):
    client = phone().reader.client
    plain = client.get("/inspect/classes")
    packed = client.get("/inspect/classes", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 5
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert client.get("/inspect/classes", headers=again).status_code == 304


def test_classes_are_found_by_pinyin_and_its_initials(phone):
    classes = phone().get("/inspect/classes")["classes"]
    refuse = next(one for one in classes if (one["kind"], one["code"]) == ("matter", city.REFUSE))
    assert (refuse["pinyin"], refuse["initials"], refuse["name"]["zh"]) == ("baolulaji", "bllj", "暴露垃圾")
    assert len(classes) > 400 and classes[0]["kind"] == "matter"


def test_a_shift_with_its_track_goes_through_the_outbox_and_comes_twice_without_harm(phone, city_app):
    who = phone()
    shift = {"shift": "shift-key-1"}
    moment = rows(city_app, "SELECT now() - interval '20 minutes', now()")[0]
    began, ended = (one.isoformat() for one in moment)
    point = PLACE | {"at": ended, "accuracy_m": 8}
    for _ in range(2):
        assert who.send("check_in", shift | {"key": "turn-key-1", "at": began}).json["ended_at"] is None
        assert who.send("track", shift | {"key": "track-key-1", "points": [point]}).status_code == 200
    assert who.get("/inspect/me")["shift"]["key"] == "shift-key-1"
    assert who.send("check_out", shift | {"key": "turn-key-2", "at": ended}).json["ended_by"] == "person"
    assert rows(city_app, "SELECT count(*) FROM city.track") == [(1,)]


def test_others_than_inspectors_do_not_work_here(reader, phone):
    who = reader("acceptor1")
    for path in ("me", "tasks", "beat", "classes"):
        assert who.client.get(f"/inspect/{path}", headers={"Accept": "application/json"}).status_code == 403
    assert phone().send("nonsense", {}).status_code == 404


def test_a_stranger_gets_the_shell_and_nothing_else(city_app):
    client = city_app.test_client()
    assert client.get("/inspect").status_code == 200
    assert client.get("/inspect/me", headers={"Accept": "application/json"}).status_code == 401


def test_resolved_cases_of_the_own_beats_are_tasks_and_those_of_others_are_not(phone, city_app):
    runtime = city_app.extensions["webgis"]
    with runtime.transaction() as session:
        moment = datetime.now(UTC).astimezone(ZONE) - timedelta(hours=2)
        number = resolved(session, runtime.settings, f"{moment:%Y-%m-%d %H:%M}", f"{moment:%Y-%m-%d %H:%M}")
        cells = tuple(session.scalars(text("SELECT code FROM city.cell WHERE code LIKE :west ORDER BY code"),
                                      {"west": f"{city.WEST}%"}))  # fmt: skip
        inspector = accounts.actor(session, "inspector1").id
        shift = beats.Shift((1,), time(8), time(9), inspector)
        beats.lay_out(session, [beats.Plan("W1", "西一", None, cells, (shift,))], at=datetime.now(UTC))
    [task] = phone("inspector1").get("/inspect/tasks")["tasks"]
    assert (task["number"], task["action"]) == (number, "verify")
    assert phone("inspector2").get("/inspect/tasks")["tasks"] == []
    beat = phone("inspector1").get(f"/inspect/beat?lon={PLACE['lon']}&lat={PLACE['lat']}")
    assert beat["beats"] == [{"code": "W1", "name": {"zh": "西一", "en": None}, "cells": len(cells), "visited": 0}]
    assert len(beat["chosen"]["cells"]) == len(cells) and beat["chosen"]["track"] == []
    assert phone("inspector2").get("/inspect/beat")["chosen"] is None
