"""Reports by the hotline, from the public without an account, and from machines; and how a reporter follows a case."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.channel_stories import CALLER, MATTER, ended, filed, followed, taken
from tests.cases.life import Life
from tests.conftest import ACKNOWLEDGED, Api
from webgis.accounts import operations as accounts
from webgis.app import create_app
from webgis.cases import channels, contacts, following
from webgis.errors import Conflict, Invalid, NotFound

CALL = MATTER | {"phone": "138 0000 1234", "name": "张晓明", "call_number": "20261122-0031"}
REPORTS = "/api/v1/public/cases"


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


@pytest.fixture
def stranger(city_app):
    """A client without an account."""
    return city_app.test_client()


def _count(app, table: str = "city.case") -> int:
    with app.extensions["webgis"].transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))


# The hotline


def test_a_call_becomes_a_case_of_the_hotline(city_app, api):
    made = api("acceptor1").post("/api/v1/hotline/cases", CALL)
    assert made.status_code == 201 and made.headers["Location"].endswith(made.json["properties"]["number"])
    assert made.json["properties"]["source"] == "hotline"
    assert "13800001234" not in made.text and "张晓明" not in made.text
    with city_app.extensions["webgis"].transaction() as session:
        row = session.execute(text("SELECT * FROM city.hotline_call")).one()
        assert channels.call_of(session, row.case_id).call_number == "20261122-0031"


@pytest.mark.parametrize("login", ["inspector1", "dispatcher1", "works1", "manager1", "administrator1"])
def test_only_who_answers_the_hotline_takes_calls(api, login):
    person = api(login)
    for path, given in (("/api/v1/hotline/cases", CALL), ("/api/v1/hotline/callers", {"phone": "13800001234"})):
        refused = person.post(path, given)
        assert (refused.status_code, refused.json["accepted"]) == (403, ["acceptor"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", ""),
        ("phone", "12345"),
        ("call_number", ""),
        ("call_number", "  "),
        ("call_number", "a\nb"),
        ("email", "nobody"),
        ("notify", "email"),
        ("lon", 200),
    ],
)
def test_a_call_that_cannot_be_taken_names_the_field_and_makes_nothing(city_app, api, field, value):
    refused = api("acceptor1").post("/api/v1/hotline/cases", CALL | {field: value})
    named = {"notify": "email"}.get(field, field)
    assert refused.status_code == 422
    assert named in (refused.json.get("field"), *(one["field"] for one in refused.json.get("errors", ())))
    assert _count(city_app) == _count(city_app, "city.contact") == _count(city_app, "city.hotline_call") == 0


def test_a_second_call_about_the_same_is_shown_the_first_case(city_app, api):
    acceptor = api("acceptor1")
    first = acceptor.post("/api/v1/hotline/cases", CALL).json["properties"]["number"]
    plain = acceptor.client.post("/api/v1/hotline/cases", json=CALL, headers=acceptor.headers)
    assert (plain.status_code, plain.json["code"]) == (409, "cases.duplicate")
    assert plain.json["candidates"][0]["number"] == first
    seen = acceptor.client.post("/api/v1/hotline/cases", json=CALL, headers=acceptor.headers | ACKNOWLEDGED)
    assert seen.status_code == 201 and _count(city_app) == 2


def test_a_call_sent_twice_with_one_key_is_one_case(city_app, api):
    acceptor = api("acceptor1")
    first, again = (acceptor.post("/api/v1/hotline/cases", CALL, Idempotency_Key="k1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json["properties"]["number"] == again.json["properties"]["number"] and _count(city_app) == 1


def test_earlier_cases_of_a_caller_are_listed_while_they_call(api):
    acceptor = api("acceptor1")
    first = acceptor.post("/api/v1/hotline/cases", CALL).json["properties"]["number"]
    found = acceptor.post("/api/v1/hotline/callers", {"phone": "+86 138-0000-1234"})
    assert [one["number"] for one in found.json["cases"]] == [first]
    assert acceptor.post("/api/v1/hotline/callers", {"phone": "13900000000"}).json == {"cases": []}


def test_the_caller_is_masked_for_who_need_not_know_and_each_look_is_written_down(city_app, api):
    number = api("acceptor1").post("/api/v1/hotline/cases", CALL).json["properties"]["number"]
    path = f"/api/v1/cases/{number}/contacts"
    (masked,) = api("manager1").get(path).json["contacts"]
    assert (masked["phone"], masked["name"], masked["masked"]) == ("138****1234", "张**", True)
    assert api("manager1").post(f"{path}/look").status_code == 403
    (whole,) = api("dispatcher1").post(f"{path}/look").json["contacts"]
    assert (whole["phone"], whole["name"], whole["masked"]) == ("13800001234", "张晓明", False)
    with city_app.extensions["webgis"].transaction() as session:
        assert [look.login for look in contacts.looks(session, number)] == ["dispatcher1"]


def test_a_department_sees_the_caller_masked_once_the_case_is_with_it(life):
    receipt = taken(life)
    filed(life, receipt.number)
    works, sanitation = life.actor("works1"), life.actor("sanitation1")
    life.do("dispatcher1", receipt.number, "dispatch", department="510104-sanitation")
    with life.runtime.transaction() as session:
        (seen,) = contacts.masked(session, life.settings, sanitation, receipt.number)
        assert seen.phone == "138****1234"
        with pytest.raises(NotFound):
            contacts.masked(session, life.settings, works, receipt.number)


# The public


def test_someone_without_an_account_gets_a_number_and_a_secret_link(stranger):
    made = stranger.post(REPORTS, json=MATTER | {"phone": "13800001234"})
    assert made.status_code == 201 and made.json["number"].startswith("510104")
    assert made.json["follow"] == f"http://localhost/follow/{made.json['secret']}"
    shown = stranger.get(f"{REPORTS}/{made.json['secret']}").json
    assert (shown["number"], shown["state"], shown["may_rate"]) == (made.json["number"], "reported", False)
    assert [step["action"] for step in shown["history"]] == ["report"]


def test_a_link_of_a_city_that_has_an_address_begins_with_it(make_settings, city_template):
    app = create_app(make_settings(city_template, public_url="https://city.example/app/"))
    made = app.test_client().post(REPORTS, json=MATTER)
    assert made.json["follow"] == f"https://city.example/app/follow/{made.json['secret']}"


def test_a_wrong_secret_tells_nothing(stranger):
    made = stranger.post(REPORTS, json=MATTER).json
    wrong = ("x" * 24, made["number"], made["secret"][:-1], made["secret"].swapcase())
    answers = [stranger.get(f"{REPORTS}/{secret}") for secret in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.json["code"], answer.json["title"]) for answer in answers}) == 1
    for action, given in (("satisfaction", {"satisfaction": "satisfied"}), ("objection", {"reason": "没有处理"})):
        assert stranger.post(f"{REPORTS}/{wrong[0]}/{action}", json=given).status_code == 404


def test_one_address_sends_so_many_reports_and_then_waits(make_settings, city_template):
    app = create_app(make_settings(city_template, public_limit="2 per 10 minutes"))
    client = app.test_client()
    assert [client.post(REPORTS, json=MATTER).status_code for _ in range(2)] == [201, 201]
    refused = client.post(REPORTS, json=MATTER)
    assert (refused.status_code, refused.json["code"]) == (429, "web.too-many-requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 601 and _count(app) == 2
    other = client.post(REPORTS, json=MATTER, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 201


def test_page_and_api_take_from_the_same_budget(make_settings, city_template):
    app = create_app(make_settings(city_template, follow_limit="3 per minute"))
    client = app.test_client()
    asked = ("/report", f"{REPORTS}/{'x' * 24}", f"/follow/{'x' * 24}", "/report", f"{REPORTS}/{'x' * 24}")
    assert [client.get(path).status_code for path in asked] == [200, 404, 404, 429, 429]
    assert client.get("/report/map/cell?lon=104.06&lat=30.65").status_code != 429


def test_a_form_sent_twice_gives_one_case_and_one_receipt(city_app, stranger):
    key = {"Idempotency-Key": "form-1"}
    first, again = (stranger.post(REPORTS, json=MATTER, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200) and first.json == again.json
    other = stranger.post(REPORTS, json=MATTER | {"description": "别的"}, headers=key)
    assert other.status_code == 201 and other.json["number"] != first.json["number"] and _count(city_app) == 2


def test_a_form_sent_eight_times_at_once_is_one_case(life):
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: taken(life, form="the same"), range(8)))
    assert len({(one.number, one.secret) for one in receipts}) == 1
    assert sum(one.made for one in receipts) == 1 and life.check() == 1


def test_a_report_without_an_account_is_looked_at_before_it_is_filed(life):
    number = taken(life).number
    with pytest.raises(Conflict) as refused:
        life.do("acceptor1", number, "file", condition=life.condition(number))
    assert refused.value.code == "cases.confirm-first"


def test_the_one_who_follows_sees_steps_and_departments_but_no_names_and_notes(city_app, stranger):
    life = Life(city_app.extensions["webgis"])
    receipt = taken(life)
    ended(life, receipt.number)
    answer = stranger.get(f"{REPORTS}/{receipt.secret}")
    steps = [step["action"] for step in answer.json["history"]]
    assert steps == ["report", "confirm", "file", "dispatch", "receive", "resolve", "verify", "close"]
    assert answer.json["history"][3]["department"]["zh"] == "锦江区环卫所"
    for hidden in ("岗", "inspector", "acceptor1", "李师傅", "张晓明", "13800001234"):
        assert hidden not in answer.text


def test_a_reporter_says_once_how_satisfied_they_are_and_not_before_the_end(life):
    receipt = taken(life)

    def rate(words):
        with life.runtime.transaction() as session:
            following.rate(session, life.settings, receipt.secret, "partly", words, at=life.now)

    with pytest.raises(Conflict) as early:
        rate("急")
    ended(life, receipt.number)
    rate("尚可")
    with pytest.raises(Conflict) as twice:
        rate("又说一次")
    assert (early.value.code, twice.value.code) == ("cases.not-ended", "cases.rated-before")
    with life.runtime.transaction() as session:
        (kept,) = following.satisfaction_of(session, life.case(receipt.number).id)
    assert (kept.satisfaction, kept.words) == ("partly", "尚可") and not followed(life, receipt.secret).may_rate


def _object(life: Life, secret: str, reason: str = "垃圾还在"):
    with life.runtime.transaction() as session:
        return following.object_to_end(session, life.settings, secret, reason, life.photo, at=life.now)


def test_one_objection_opens_the_case_again_and_a_second_is_refused(life):
    receipt = taken(life)
    ended(life, receipt.number)
    life.passes(days=14.9)
    assert _object(life, receipt.secret).state == "filed"
    assert life.history(receipt.number)[-1] == ("reopen", "filed")
    with life.runtime.transaction() as session:
        event = session.execute(text("SELECT * FROM city.case_event ORDER BY id DESC LIMIT 1")).one()
    assert (event.person_id, event.role, event.given["reason"]) == (None, "public", "垃圾还在")
    life.do("dispatcher1", receipt.number, "force_close", reason="已现场确认")
    with pytest.raises(Conflict) as refused:
        _object(life, receipt.secret)
    assert refused.value.code == "cases.objected-before" and life.check() == 1


def test_a_rejected_report_may_be_objected_to(life):
    receipt = taken(life)
    life.do("acceptor1", receipt.number, "reject", reason="不属于城市管理范围")
    assert followed(life, receipt.secret).steps[-1].reason == "不属于城市管理范围"
    assert _object(life, receipt.secret).state == "reported"


def test_an_objection_comes_too_late_after_the_days_of_the_setting(life):
    receipt = taken(life)
    with pytest.raises(Conflict) as early:
        _object(life, receipt.secret)
    ended(life, receipt.number)
    life.passes(days=15, seconds=1)
    assert not followed(life, receipt.secret).may_object
    with pytest.raises(Conflict) as late:
        _object(life, receipt.secret)
    assert (early.value.code, late.value.code) == ("cases.not-ended", "cases.objection-late")
    assert life.case(receipt.number).state == "closed"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "a\0b"])
def test_an_objection_says_why(life, reason):
    receipt = taken(life)
    ended(life, receipt.number)
    with pytest.raises(Invalid) as refused:
        _object(life, receipt.secret, reason)
    assert refused.value.facts["field"] == "reason"


def test_of_eight_objections_at_once_one_opens_the_case(life):
    receipt = taken(life)
    ended(life, receipt.number)

    def attempt(number):
        try:
            return _object(life, receipt.secret, f"理由 {number}").state
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        done = sorted(pool.map(attempt, range(8)))
    assert done == ["cases.objected-before"] * 7 + ["filed"] and life.check() == 1


def test_who_reported_a_duplicate_follows_the_case_it_was_merged_into(life):
    first, second = taken(life), taken(life, contacts.caller("别人", "13900001234", None))
    life.do("acceptor1", second.number, "merge", into=first.number)
    shown = followed(life, second.secret)
    assert (shown.case.number, shown.shown.number, shown.shown.state) == (second.number, first.number, "reported")
    ended(life, first.number)
    assert followed(life, second.secret).may_object
    assert _object(life, second.secret).number == first.number
    assert followed(life, first.secret).shown.state == "filed"


# Machines

SIGNAL = MATTER | {"source": "video", "external_id": "cam-17/000231", "confidence": 0.93}
SIGNALS = "/api/v1/system/cases"


@pytest.fixture
def machine(city_app):
    """A function that gives the client of a machine's account."""

    def make(login: str) -> Api:
        with city_app.extensions["webgis"].transaction() as session:
            accounts.add_person(session, login, "视频分析", "system", city.PASSWORD)
        return Api(city_app, login)

    return make


def test_a_machine_reports_with_its_own_key(city_app, machine):
    made = machine("camera17").post(SIGNALS, SIGNAL, (city.photo(),))
    assert made.status_code == 201 and made.json["properties"]["source"] == "video"
    with city_app.extensions["webgis"].transaction() as session:
        row = session.execute(text("SELECT * FROM city.signal")).one()
    assert (row.external_id, row.confidence) == ("cam-17/000231", 0.93)


def test_the_same_number_of_a_machine_is_the_same_case_whatever_comes_with_it(city_app, machine):
    camera = machine("camera17")
    first = camera.post(SIGNALS, SIGNAL)
    again = camera.post(SIGNALS, SIGNAL | {"description": "重发", "confidence": 0.5})
    other = machine("camera18").post(SIGNALS, SIGNAL)
    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 201]
    numbers = [answer.json["properties"]["number"] for answer in (first, again, other)]
    assert numbers[0] == numbers[1] != numbers[2] and _count(city_app) == 2


def test_a_signal_sent_eight_times_at_once_is_one_case(city_app, machine):
    camera = machine("camera17")

    def send(_):
        answer = city_app.test_client().post(SIGNALS, json=SIGNAL, headers=camera.headers)
        return answer.status_code, answer.json["properties"]["number"]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(send, range(8)))
    assert sorted(status for status, _number in done) == [200] * 7 + [201]
    assert len({number for _status, number in done}) == 1 and _count(city_app) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", " "),
        ("external_id", "a\nb"),
        ("external_id", "x" * 129),
        ("confidence", 1.1),
        ("source", "public"),
    ],
)
def test_a_signal_that_cannot_be_used_names_the_field(city_app, machine, field, value):
    refused = machine("camera17").post(SIGNALS, SIGNAL | {field: value})
    assert refused.status_code == 422 and field in refused.text and _count(city_app) == 0


def test_people_do_not_report_as_machines_and_a_stranger_not_at_all(api, stranger):
    for login in ("acceptor1", "inspector1", "administrator1"):
        assert api(login).post(SIGNALS, SIGNAL).status_code == 403
    assert stranger.post(SIGNALS, json=SIGNAL).status_code in (400, 401)


def test_a_machine_sees_no_cases_but_what_it_reported(api, machine):
    number = api("acceptor1").post("/api/v1/hotline/cases", CALL).json["properties"]["number"]
    camera = machine("camera17")
    own = camera.post(SIGNALS, SIGNAL).json["properties"]["number"]
    for one in (number, own, "1"):
        for path in (f"/api/v1/cases/{one}", f"/api/v1/cases/{one}/contacts"):
            assert camera.get(path).status_code == 403, "whether there is such a case or not"
    assert camera.get("/api/v1/cases").status_code == 403
    assert camera.post(f"/api/v1/cases/{number}/contacts/look").status_code == 403
    assert camera.post("/api/v1/hotline/callers", {"phone": CALLER.phone}).status_code == 403
