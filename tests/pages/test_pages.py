"""What the pages say and do, without a browser."""

import re
from io import BytesIO

import pytest
from sqlalchemy import text

from tests import city
from webgis.cases import workflow
from webgis.maps.signs import STATES

PLACE = {"lon": str(city.IN_WEST[0]), "lat": str(city.IN_WEST[1])}
REPORT = PLACE | {"subject": f"matter:{city.REFUSE}", "description": "路口暴露垃圾", "key": "one"}


def reported(reader, **changes) -> str:
    answer = reader("inspector1").send("/cases/new", (city.photo(),), **(REPORT | changes))
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[1]


def version(page: str) -> str:
    return re.search(r'name="version" value="(\d+)"', page)[1]


def step(reader, login: str, number: str, action: str, photos=(), **fields):
    who = reader(login)
    page = who.get(f"/cases/{number}").text
    return who.send(f"/cases/{number}/{action}", photos, version=version(page), **fields)


def errors(answer) -> dict[str, str]:
    """What the page says at its fields."""
    return dict(re.findall(r'data-error="(\w+)"[^>]*>(?:<svg.*?</svg>)?<span>(.*?)</span>', answer.text))


def filed(reader, **changes) -> str:
    number = reported(reader, **changes)
    page = reader("acceptor1").get(f"/cases/{number}").text
    condition = re.search(r'name="condition" value="(\d+)"', page)[1]
    assert step(reader, "acceptor1", number, "file", condition=condition).status_code == 303
    return number


def test_a_stranger_comes_to_the_login_page_and_then_to_where_they_wanted(city_app):
    client = city_app.test_client()
    asked = client.get("/maps/cases?x=1", headers={"Accept": "text/html"})
    assert asked.location == "/login?next=/maps/cases?x%3D1"
    page = client.get(asked.location).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    wrong = client.post(asked.location, data={"csrf_token": token, "login": "manager1", "password": "wrong"})
    assert wrong.status_code == 422 and 'value="manager1"' in wrong.text
    right = {"csrf_token": token, "login": "manager1", "password": city.PASSWORD}
    assert client.post(asked.location, data=right).location == "/maps/cases?x=1"


@pytest.mark.parametrize(
    ("login", "door"), [("acceptor1", "/desk"), ("dispatcher1", "/desk"), ("works1", "/department")]
)
def test_the_start_page_leads_to_the_door_of_the_role(reader, login, door):
    assert reader(login).get("/").location == door


@pytest.mark.parametrize("login", ["inspector2", "acceptor1", "manager1"])
def test_exactly_one_tab_of_the_list_is_the_current_one(reader, login):
    for path in ("/cases", "/cases?state=resolved", "/cases?state=filed"):
        tabs = re.search(r'<nav class="tabs".*?</nav>', reader(login).get(path).text, re.S)[0]
        assert tabs.count("aria-current") == 1, path


def test_the_language_is_chosen_and_kept_on_the_device_and_leads_back_within_the_site(reader):
    who = reader("manager1")
    assert "<h1>案件</h1>" in who.get("/cases").text
    assert who.send("/language", lang="en", back="/cases?state=filed").location == "/cases?state=filed"
    page = who.get("/cases").text
    assert "<h1>Cases</h1>" in page and 'lang="en"' in page
    assert who.send("/language", lang="xx", back="//elsewhere.example").location == "/"
    assert "<h1>Cases</h1>" in who.get("/cases").text


def test_the_list_filters_and_says_which_filter_it_left_out(reader):
    number = filed(reader)
    who = reader("manager1")
    assert number in who.get("/cases?state=filed&area=510104017&subject=matter:06010").text
    assert number in who.get(f"/cases?q={number}").text
    assert number in who.get("/cases?q=暴露").text
    assert number not in who.get("/cases?state=reported").text
    assert number not in who.get("/cases?area=510105").text
    assert number not in who.get("/cases?until=2020-01-01").text
    page = who.get("/cases?area=51&since=yesterday").text
    assert number in page and "区域代码为 4、6、9 或 12 位" in page and "年-月-日" in page


def test_htmx_gets_the_further_rows_alone(reader):
    number = reported(reader)
    page = reader("manager1").get("/cases", **{"HX-Request": "true"}).text
    assert number in page and "<html" not in page


def test_a_refused_report_keeps_what_was_typed_and_says_at_each_field_what_is_wrong(reader):
    page = reader("inspector1").send("/cases/new", description="<b>很长</b>的描述", lon="200", lat="")
    assert page.status_code == 422
    assert errors(page).keys() == {"lon", "class", "photos"}
    assert "&lt;b&gt;很长&lt;/b&gt;的描述</textarea>" in page.text
    assert 'name="lon" inputmode="decimal" value="200"' in page.text


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"lon": str(city.OUTSIDE[0])}, "lon", "不在网格范围内，距最近的单元网格"),
        ({"lon": str(city.IN_WEST[1]), "lat": str(city.IN_WEST[0])}, "lon", "颠倒"),
        ({"subject": "matter:99999"}, "class", "该类别已不存在"),
        ({"description": " "}, "description", "请简要描述问题"),
    ],
    ids=["outside", "swapped", "class", "empty"],
)
def test_each_refusal_of_a_report_has_its_sentence(reader, changes, field, said):
    page = reader("inspector1").send("/cases/new", (city.photo(),), **(REPORT | changes)).text
    assert said in re.search(rf'data-error="{field}"[^>]*>(.*?)</div>', page, re.S)[1]


def test_a_file_that_is_no_photo_is_refused_in_words(reader):
    page = reader("inspector1").send("/cases/new", (b"not a photo",), **REPORT)
    assert page.status_code == 422 and "JPEG、PNG 或 WebP" in page.text


def test_a_form_sent_twice_makes_one_case(reader):
    who = reader("inspector1")
    first = who.send("/cases/new", (city.photo(),), **REPORT)
    second = who.send("/cases/new", (city.photo(),), **REPORT)
    assert first.location == second.location
    other = who.send("/cases/new", (city.photo(),), **(REPORT | {"description": "另一件"}))
    assert other.status_code == 422 and "已提交过" in other.text


def test_who_does_not_report_is_told_so(reader):
    answer = reader("sanitation1").get("/cases/new")
    assert answer.status_code == 403 and "没有权限" in answer.text


def test_of_two_dispatchers_the_slower_sees_what_became_of_the_case(reader):
    number = filed(reader)
    quick, slow = reader("dispatcher1"), reader("dispatcher2")
    seen = version(slow.get(f"/cases/{number}").text)
    chosen = {"department": "510104-sanitation", "version": seen}
    assert quick.send(f"/cases/{number}/dispatch", **chosen).status_code == 303
    late = slow.send(f"/cases/{number}/dispatch", **(chosen | {"department": "510104-works"}))
    assert late.status_code == 303
    page = slow.get(late.location).text
    assert "已有人先行办理：案件现为“已派遣”" in page and "锦江区环卫所" in page


def test_a_step_without_what_it_needs_stays_open_and_says_so(reader):
    number = reported(reader)
    answer = step(reader, "acceptor1", number, "reject", reason=" ")
    assert answer.status_code == 422
    box = re.search(r'data-step="reject".*?</details>', answer.text, re.S)[0]
    assert "请填写理由" in box
    assert re.search(r'<details[^>]* open data-step="reject"', answer.text)


def test_a_department_that_returns_a_case_goes_back_to_its_list(reader):
    number = filed(reader)
    step(reader, "dispatcher1", number, "dispatch", department="510104-sanitation")
    answer = step(reader, "sanitation1", number, "return", reason="不属于本单位")
    assert answer.location == "/cases"
    assert reader("sanitation1").get(f"/cases/{number}").status_code == 404
    page = reader("dispatcher1").get(f"/cases/{number}").text
    assert "不属于本单位" in page and "已回退" in page


def test_a_form_that_stays_is_told_where_to_go(reader):
    number = reported(reader)
    who = reader("acceptor1")
    who.headers["X-Stay"] = "yes"
    seen = version(who.get(f"/cases/{number}").text)
    answer = who.send(f"/cases/{number}/reject", version=seen, reason="重复")
    assert answer.json == {"go": f"/cases/{number}"}


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "没有找到"), ("en", "Not found")])
def test_what_is_not_there_is_said_in_the_readers_language(reader, language, said):
    for path in ("/cases/123", "/nowhere"):
        answer = reader("manager1", language).get(path)
        assert answer.status_code == 404 and f"<h1>{said}</h1>" in answer.text


def test_a_forged_form_is_refused_with_a_page(city_app):
    answer = city_app.test_client().post("/language", data={"lang": "en"}, headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 400 and "表单已过期" in answer.text


def test_scripts_run_only_with_the_nonce_of_the_page_and_no_element_carries_a_handler(reader):
    number = filed(reader)
    for path in ("/login", "/cases", f"/cases/{number}", "/cases/new", "/maps/cases", "/api/v1/docs"):
        answer = reader("dispatcher1").get(path)
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
        for attributes in re.findall(r"<script([^>]*)>", answer.text):
            assert f'nonce="{nonce[1]}"' in attributes
        assert not re.search(r"<[^>]+\son\w+=", answer.text)


def test_every_state_has_a_word_an_icon_and_a_shape():
    assert STATES.keys() == set(workflow.STATES)
    assert len({(sign.shape, sign.icon) for sign in STATES.values()}) == len(STATES)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"address": "春\N{REPLACEMENT CHARACTER}"}, "address"),
        ({"description": "a\0b"}, "description"),
        ({"lon": [str(city.IN_WEST[0]), "104.05"]}, "lon"),
        ({"key": ["one", "two"]}, "form"),
        ({"photos": [(BytesIO(b""), "a.jpg")]}, "photos"),
        ({"photos": [(BytesIO(city.photo()), "a.jpg"), (BytesIO(b""), "b.jpg")]}, "photos"),
        ({"letter": [(BytesIO(city.photo()), "a.jpg")]}, "form"),
    ],
    ids=["lost", "nul", "twice", "key-twice", "empty-photo", "one-empty-photo", "other-file"],
)
def test_the_report_page_refuses_at_the_field_what_the_api_refuses(reader, city_runtime, changes, field):
    who = reader("inspector1")
    given = {"csrf_token": who.token, "photos": [(BytesIO(city.photo()), "0.jpg")]} | REPORT | changes
    answer = who.client.post("/cases/new", data=given, headers=who.headers, content_type="multipart/form-data")
    assert answer.status_code == 422 and errors(answer).keys() == {field}
    with city_runtime.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM city.case")) == 0


def test_a_step_page_refuses_at_the_field_what_the_api_refuses(reader):
    number = reported(reader)
    answer = step(reader, "acceptor1", number, "reject", reason="\N{REPLACEMENT CHARACTER}")
    assert answer.status_code == 422 and errors(answer).keys() == {"reason"}


def test_photos_of_a_role_that_never_does_the_step_are_not_kept(reader, city_settings):
    who = reader("manager1")
    assert who.send("/cases/new", (city.photo(),), **REPORT).status_code == 403
    assert who.send("/cases/5101042026010100001/resolve", (city.photo(),), note="x").status_code == 403
    assert not (city_settings.var_dir / "photos").exists()


def test_a_likely_duplicate_is_shown_with_what_was_typed_and_can_be_joined_or_filed(reader, city_runtime):
    first = reported(reader)
    who = reader("inspector2")
    again = REPORT | {"key": "two", "description": "路口又有暴露垃圾"}
    page = who.send("/cases/new", (city.photo(colour=99),), **again)
    assert page.status_code == 422 and f'name="join" value="{first}"' in page.text
    assert "路口又有暴露垃圾</textarea>" in page.text and "0 m" in page.text and "相似度" in page.text
    joined = who.send("/cases/new", (city.photo(colour=99),), **again, join=first)
    assert joined.location == f"/cases/{first}"
    page = who.get(joined.location).text
    assert "另有 1 位上报人" in page and "路口又有暴露垃圾" in page and page.count("data-photo") >= 2
    filed_anyway = who.send("/cases/new", (city.photo(colour=99),), **again, acknowledged="yes")
    assert filed_anyway.status_code == 303 and not filed_anyway.location.endswith(first)
    assert f'href="/cases/{first}"' in who.get(filed_anyway.location).text


def test_a_queue_stands_by_what_is_due_first_and_the_whole_list_by_what_is_newest(reader):
    older, newer = reported(reader), reported(reader, key="two", acknowledged="yes")
    who = reader("acceptor1")
    queue, everything = who.get("/cases?state=reported,resolved,verified").text, who.get("/cases").text
    assert queue.index(older) < queue.index(newer) and everything.index(newer) < everything.index(older)
    assert who.get("/cases?order=due").text.index(older) < who.get("/cases?order=due").text.index(newer)
