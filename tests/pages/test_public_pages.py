"""The pages for people without an account, and those of the hotline, without a browser and without scripts."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.channel_stories import ended, filed, taken
from tests.cases.life import Life
from webgis.app import create_app
from webgis.cases import following, workflow
from webgis.pages import public_words

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PLACE = {"lon": str(city.IN_WEST[0]), "lat": str(city.IN_WEST[1])}
FORM = PLACE | {"subject": f"matter:{city.REFUSE}", "description": "路口暴露垃圾", "key": "one"}
CALL = FORM | {"phone": "13800001234", "name": "张晓明", "call_number": "0031"}


class Stranger:
    """Someone's browser, without an account."""

    def __init__(self, app, language: str = "zh-CN") -> None:
        self.client = app.test_client()
        self.headers = {"Accept": "text/html", "Accept-Language": language}
        self.token = TOKEN.search(self.get("/report").text)[1]

    def get(self, path: str):
        return self.client.get(path, headers=self.headers)

    def send(self, path: str, photos: tuple[bytes, ...] = (), **fields):
        files = {"photos": [(BytesIO(photo), f"{place}.jpg") for place, photo in enumerate(photos)]} if photos else {}
        given = {"csrf_token": self.token} | fields | files
        return self.client.post(path, data=given, headers=self.headers, content_type="multipart/form-data")


@pytest.fixture
def stranger(city_app) -> Stranger:
    return Stranger(city_app)


@pytest.fixture
def life(city_app) -> Life:
    """The city of the pages, as it was yesterday."""
    return Life(city_app.extensions["webgis"], datetime.now(UTC) - timedelta(days=1))


def errors(answer) -> dict[str, str]:
    """What the page says at its fields."""
    return dict(re.findall(r'data-error="(\w+)"[^>]*>(?:<svg.*?</svg>)?<span>(.*?)</span>', answer.text))


def test_a_stranger_reports_and_comes_to_a_receipt_with_a_link(city_app, stranger):
    answer = stranger.send("/report", (city.photo(),), **FORM, phone="13800001234")
    assert answer.status_code == 303 and answer.location.endswith("?new=yes")
    page = stranger.get(answer.location).text
    number = re.search(r"\d{19}", page)[0]
    assert "谢谢，您的上报已收到" in page and f"http://localhost{answer.location.removesuffix('?new=yes')}" in page
    assert "13800001234" not in page
    with city_app.extensions["webgis"].transaction() as session:
        row = session.execute(text('SELECT number, source, reporter_id FROM city."case"')).one()
    assert row == (number, "public", None)


def test_a_form_sent_twice_is_one_case(city_app, stranger):
    first, again = (stranger.send("/report", **FORM) for _ in range(2))
    assert first.location == again.location
    with city_app.extensions["webgis"].transaction() as session:
        assert session.scalar(text('SELECT count(*) FROM city."case"')) == 1


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("lon", "", "lon"),
        ("lon", "1", "lon"),
        ("lat", "abc", "lon"),
        ("subject", "", "class"),
        ("subject", "matter:99999", "class"),
        ("description", " ", "description"),
        ("phone", "12", "phone"),
        ("email", "nobody", "email"),
        ("name", "x" * 65, "name"),
    ],
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_cannot_be_used_is_said_at_its_field_and_what_was_typed_stays(city_app, language, field, value, at):
    page = Stranger(city_app, language).send("/report", **(FORM | {field: value}))
    said = errors(page)
    assert page.status_code == 422 and list(said) == [at]
    assert bool(re.search(r"[\u4e00-\u9fff]", said[at])) == (language == "zh-CN")
    assert (field == "description" or "路口暴露垃圾</textarea>" in page.text) and 'value="one"' in page.text


def test_a_file_that_is_no_photo_is_said_at_the_photos(stranger):
    assert list(errors(stranger.send("/report", (b"no photo",), **FORM))) == ["photos"]


def test_a_form_without_its_token_is_refused(stranger):
    assert stranger.send("/report", csrf_token="", **FORM).status_code == 400


def test_whoever_is_logged_in_reports_as_a_stranger_there(city_app, reader):
    answer = reader("acceptor1").send("/report", **FORM)
    assert answer.status_code == 303
    with city_app.extensions["webgis"].transaction() as session:
        assert session.scalar(text('SELECT reporter_id FROM city."case"')) is None


def test_too_many_reports_from_one_address_are_told_to_wait(make_settings, city_template):
    app = create_app(make_settings(city_template, public_limit="1 per 10 minutes"))
    app.testing = True
    stranger = Stranger(app)
    stranger.send("/report", **FORM)
    refused = stranger.send("/report", **(FORM | {"key": "two"}))
    assert refused.status_code == 429 and "请等待" in refused.text and int(refused.headers["Retry-After"]) >= 1
    assert stranger.get("/report").status_code == 200


@pytest.mark.parametrize(
    ("language", "said"), [("zh-CN", "此链接没有对应的案件"), ("en", "This link leads to no case")]
)
def test_a_wrong_link_is_told_in_words(city_app, language, said):
    page = Stranger(city_app, language).get("/follow/nothing")
    assert page.status_code == 404 and said in page.text


def test_the_pages_of_strangers_are_in_no_search_engine_and_give_their_address_to_nobody(stranger):
    secret = stranger.send("/report", **FORM).location
    page = stranger.get(secret)
    assert '<meta name="robots" content="noindex">' in page.text
    assert page.headers["Referrer-Policy"] in ("no-referrer", "same-origin", "strict-origin")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_page_tells_how_it_goes_in_plain_words(city_app, life, language):
    receipt = taken(life)
    reader = Stranger(city_app, language)
    follow = f"/follow/{receipt.secret}"
    english = language == "en"
    assert ("Arrived" if english else "已收到") in reader.get(follow).text
    ended(life, receipt.number)
    page = reader.get(follow).text
    words = ("Checked on the spot", "Jinjiang Sanitation") if english else ("已现场核查", "锦江区环卫所")
    for word in (*words, "Are you satisfied?" if english else "您是否满意"):
        assert word in page
    for hidden in ("岗", "李师傅", "张晓明", "13800001234", "acceptor1"):
        assert hidden not in page


def test_every_state_and_every_step_that_is_shown_has_plain_words(app):
    with app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        for state in workflow.STATES:
            assert re.search(r"[\u4e00-\u9fff]", str(public_words.standing(state).word))
        for action in following.SHOWN:
            for failed in (False, True):
                told = following.Told(action, datetime.now(UTC), None, None, None, failed)
                assert re.search(r"[\u4e00-\u9fff]", public_words.step(told).word)


def test_satisfaction_is_said_once_and_without_a_choice_the_page_asks_again(life, stranger):
    receipt = taken(life)
    follow = f"/follow/{receipt.secret}"
    early = stranger.send(f"{follow}/satisfaction", satisfaction="satisfied")
    assert early.status_code == 409 and "案件尚未办结" in early.text
    ended(life, receipt.number)
    assert "请选择其中一项" in stranger.send(f"{follow}/satisfaction", words="很好").text
    assert stranger.send(f"{follow}/satisfaction", satisfaction="satisfied", words="很好").location == follow
    assert "您的评价" in stranger.get(follow).text
    again = stranger.send(f"{follow}/satisfaction", satisfaction="unsatisfied")
    assert again.status_code == 409 and "您已评价过" in again.text


def test_an_objection_with_photos_opens_the_case_again_once(life, stranger):
    receipt = taken(life)
    ended(life, receipt.number)
    follow = f"/follow/{receipt.secret}"
    assert stranger.send(f"{follow}/objection", reason=" ").status_code == 422
    assert stranger.send(f"{follow}/objection", (city.photo(),), reason="垃圾还在").location == follow
    page = stranger.get(follow).text
    assert "已立案" in page and "垃圾还在" in page and f"{follow}/objection" not in page
    assert life.case(receipt.number).state == "filed"
    again = stranger.send(f"{follow}/objection", reason="再来一次")
    assert again.status_code == 409 and "您已提出过一次异议" in again.text


def test_what_people_typed_stays_text(stranger):
    nasty = "<script>alert(1)</script>{{ 7*7 }}"
    secret = stranger.send("/report", **(FORM | {"description": nasty})).location
    page = stranger.get(secret).text
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "{{ 7*7 }}" in page


# The hotline


def test_who_answers_the_hotline_takes_a_call_and_sees_the_case(reader):
    operator = reader("acceptor1")
    assert "热线登记" in operator.get("/hotline/new").text
    answer = operator.send("/hotline/new", **CALL)
    assert answer.status_code == 303
    page = operator.get(answer.location).text
    assert "13800001234" not in page and "张晓明" not in page


@pytest.mark.parametrize("login", ["inspector1", "sanitation1", "manager1"])
def test_the_hotline_is_for_who_answers_it(reader, login):
    person = reader(login)
    assert person.get("/hotline/new").status_code == 403 and person.send("/hotline/new", **CALL).status_code == 403
    assert "/hotline/new" not in person.get("/cases").text


@pytest.mark.parametrize("field", ["phone", "call_number", "description"])
def test_a_call_that_lacks_something_says_so_at_its_field(reader, field):
    assert list(errors(reader("acceptor1").send("/hotline/new", **(CALL | {field: ""})))) == [field]


def test_a_second_call_about_the_same_is_shown_the_first_and_taken_in_all_the_same(reader):
    operator = reader("acceptor1")
    first = operator.send("/hotline/new", **CALL).location.rsplit("/", 1)[1]
    second = CALL | {"key": "two", "call_number": "0032"}
    shown = operator.send("/hotline/new", **second)
    assert shown.status_code == 422 and first in shown.text and 'name="acknowledged"' in shown.text
    assert operator.send("/hotline/new", **second, acknowledged="yes").status_code == 303


def test_the_caller_is_shown_masked_and_whole_to_who_looks(reader, life):
    number = reader("acceptor1").send("/hotline/new", **CALL).location.rsplit("/", 1)[1]
    page = reader("manager1").get(f"/cases/{number}/contact").text
    assert "138****1234" in page and "张**" in page and "0031" in page and "查看完整信息" not in page
    assert reader("manager1").send(f"/cases/{number}/contact").status_code == 403
    looked = reader("dispatcher1").send(f"/cases/{number}/contact").text
    assert "13800001234" in looked and "张晓明" in looked
    filed(life, taken(life).number)
    assert reader("works1").get(f"/cases/{number}/contact").status_code == 404


def test_the_public_door_leads_to_a_report_by_its_link_and_asks_again_for_what_is_none(stranger):
    page = stranger.get("/public").text
    assert 'href="/report"' in page and "地图尚未绘制" in page
    secret = "a" * 43
    found = stranger.get(f"/public/follow?link=https://city.example/follow/{secret}?new=yes")
    assert found.status_code == 302 and found.location == f"/follow/{secret}"
    refused = stranger.get("/public/follow?link=5101-42 <b>")
    assert refused.status_code == 422
    assert "这不是查询链接" in refused.text and 'value="5101-42 &lt;b&gt;"' in refused.text
