"""The administrator's door and one's own account, without a screen."""

import html
import re
from io import BytesIO

import openpyxl
import pytest

from tests import city
from webgis import settings
from webgis.accounts import queries
from webgis.exchange import people_tables
from webgis.pages import admin, admin_security
from webgis.pages.devices import device_name


@pytest.fixture
def administrator(reader):
    return reader("administrator1", "en")


def _file(rows) -> BytesIO:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    made = BytesIO()
    book.save(made)
    made.seek(0)
    return made


def _send_table(someone, rows, **fields):
    given = {"csrf_token": someone.token, "file": (_file(rows), "people.xlsx")} | fields
    return someone.client.post("/admin/people/import", data=given, headers=someone.headers)


def _table(answer) -> list[list[str]]:
    sheet = openpyxl.load_workbook(BytesIO(answer.data)).active
    return [[cell.value or "" for cell in row] for row in sheet.iter_rows()]


def test_the_start_page_leads_an_administrator_to_administration(administrator):
    assert administrator.get("/").location == "/admin"
    assert administrator.get("/admin").location == "/admin/people"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_section_opens_and_others_do_not_see_it(reader, language):
    someone = reader("administrator1", language)
    for section in admin.SECTIONS:
        with someone.client.application.test_request_context():
            from flask import url_for

            path = url_for(section.endpoint)
        shown = someone.get(path)
        assert shown.status_code == 200 and 'aria-current="page"' in shown.text
    assert "/admin" not in reader("acceptor1").get("/cases").text


def test_someone_is_added_logs_in_changes_the_password_and_works(administrator, reader, city_app):
    page = administrator.send(
        "/admin/people/new", login="inspector7", name="巡查七岗", role="inspector", department="", area=""
    )
    assert page.status_code == 201
    password = re.search(r'class="made-key">([^<]+)<', page.text)[1]
    listed = administrator.get("/admin/people?q=七岗").text
    assert "inspector7" in listed and "acceptor1" not in listed
    newcomer = city_app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', newcomer.get("/login").text)[1]
    entered = newcomer.post("/login", data={"csrf_token": token, "login": "inspector7", "password": password})
    assert entered.location.startswith("/login/password")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"login": "x"}, "2 to 64 letters"),
        ({"login": "acceptor1"}, "taken"),
        ({"role": "department"}, "this role needs one"),
        ({"area": "51x"}, "4, 6, 9 or 12 digits"),
        ({"name": ""}, "1 to 64 characters"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_what_was_typed_stays(administrator, changes, said):
    given = {"login": "inspector7", "name": "巡查七岗", "role": "inspector", "department": "", "area": ""} | changes
    page = administrator.send("/admin/people/new", **given)
    assert page.status_code == 422 and said in page.text and f'value="{given["login"]}"' in page.text


def test_a_person_is_moved_deactivated_and_let_in_again(administrator, city_runtime):
    assert "Give a new password" in administrator.get("/admin/people/one/acceptor1").text
    moved = {"name": "受理一岗", "role": "department", "department": "510104-works", "area": city.WEST}
    assert administrator.send("/admin/people/one/acceptor1", **moved).status_code == 303
    for verb, active in (("deactivate", False), ("activate", True)):
        assert administrator.send(f"/admin/people/one/acceptor1/{verb}").status_code == 303
        with city_runtime.transaction() as session:
            found = queries.person_by_login(session, "acceptor1")
            assert (found.active, found.role, found.area_code) == (active, "department", city.WEST)
    log = administrator.get("/admin/log?q=acceptor1").text
    assert "person deactivated" in log and "acceptor → department" in log
    administrator.send("/admin/people/one/administrator1/deactivate")
    with city_runtime.transaction() as session:
        assert queries.person_by_login(session, "administrator1").active


def test_a_person_is_limited_to_classes_that_are_ticked_or_typed(administrator, city_runtime):
    about = {"name": "受理一岗", "role": "acceptor", "department": "", "area": ""}
    path = "/admin/people/one/acceptor1"
    wrong = administrator.send(path, **about, classes="99")
    assert wrong.status_code == 422 and "such as 01, 0601" in wrong.text and 'value="99"' in wrong.text
    assert administrator.send(path, **about, major="matter:01", classes="0601，matter:06010").status_code == 303
    with city_runtime.transaction() as session:
        assert queries.person_by_login(session, "acceptor1").class_codes == "component:0601,matter:01,matter:0601"
    page = administrator.get(path).text
    assert (
        re.search(r'value="matter:01" checked', page)
        and 'name="classes" type="text" value="component:0601,matter:0601"' in page
    )
    assert "component:0601, matter:01, matter:0601" in administrator.get("/admin/people").text
    assert "<span>Classes</span>" in administrator.get("/admin/log?q=acceptor1").text
    assert administrator.send(path, **about).status_code == 303
    with city_runtime.transaction() as session:
        assert queries.person_by_login(session, "acceptor1").class_codes is None


ROWS = [("账号", "姓名", "角色", "部门代码", "区域代码", "类别", "在用")]


def test_a_table_with_faults_changes_nothing_and_names_each(administrator, city_runtime):
    rows = [
        *ROWS,
        ("inspector8", "八岗", "巡查员", "", "", "", "是"),
        ("x", "", "市长", "nowhere", "51x", "99", "maybe"),
        ("inspector8", "九岗", "inspector", "", "", "", ""),
        ("works9", "市政", "部门", "", "", "", ""),
        ("administrator1", "管", "系统管理员", "", "", "01", ""),
    ]
    answer = _send_table(administrator, rows)
    assert answer.status_code == 422
    for said in ("there is no department", "one of inspector", "yes or no", "stands in row 2", "own rights", "2 to 64",
                 "no class begins with 99"):  # fmt: skip
        assert said in answer.text, said
    with city_runtime.transaction() as session:
        assert queries.person_by_login(session, "inspector8") is None
    for bad in ([("a", "b"), ("1", "2")], [("账号",), ("x",)]):
        assert _send_table(administrator, bad).status_code == 422


def test_a_table_is_checked_then_taken_over_and_goes_out_as_it_came_in(administrator, city_runtime):
    rows = [
        *ROWS,
        ("inspector8", "'=1+1", "巡查员", "", city.WEST, "01 0601", "是"),
        ("works1", "市政一岗", "部门", "510104-works", "", "", "否"),
        ("acceptor1", "acceptor1 岗", "受理员", "", "", "", "是"),
    ]
    checked = _send_table(administrator, rows, check="yes")
    assert checked.status_code == 200 and "1 would be added, 1 changed, 1 stay" in checked.text
    done = _send_table(administrator, rows)
    assert done.status_code == 201 and done.text.count('class="made-key"') == 1
    with city_runtime.transaction() as session:
        new, works = (queries.person_by_login(session, login) for login in ("inspector8", "works1"))
        assert (new.name, new.area_code, new.must_change) == ("=1+1", city.WEST, True)
        assert (works.name, works.active) == ("市政一岗", False)
    out = _table(administrator.get("/admin/people/export.xlsx"))
    assert out[0] == list(people_tables.EXPORT_HEADINGS["en"])
    limits = "component:01,component:0601,matter:01,matter:0601"
    assert ["inspector8", "'=1+1", "inspector", "", city.WEST, limits, "yes"] in out
    again = _send_table(administrator, out, check="yes")
    assert f"0 would be added, 0 changed, {len(out) - 1} stay" in again.text
    template = _table(administrator.get("/admin/people/template.xlsx"))
    assert len(template) == 2 and "No fault" in _send_table(administrator, template, check="yes").text


def test_departments_are_a_tree_without_rings(administrator):
    given = {"name_zh": "锦江区城管局", "name_en": "", "kind": "urban_management", "area": city.COUNTY, "parent": ""}
    assert administrator.send("/admin/departments/new", code="510104-bureau", **given).status_code == 303
    below = {"name_zh": "锦江区环卫所", "name_en": "", "kind": "sanitation", "area": "", "parent": "510104-bureau"}
    assert administrator.send("/admin/departments/one/510104-sanitation", **below).status_code == 303
    assert "--depth: 1" in administrator.get("/admin/departments").text
    ring = administrator.send("/admin/departments/one/510104-bureau", **given | {"parent": "510104-sanitation"})
    assert ring.status_code == 422 and "not below this one" in ring.text
    assert administrator.get("/admin/departments/one/nowhere").status_code == 404


def test_logins_and_keys_of_others_are_ended(administrator, reader, city_runtime):
    other = reader("acceptor1")
    page = administrator.get("/admin/sessions?q=acceptor1").text
    path = re.search(r'action="(/admin/sessions/\d+/end)"', page)[1]
    assert administrator.send(path).status_code == 303 and other.get("/cases").status_code == 302
    assert administrator.send(path).status_code == 404
    manager = reader("manager1", "en")
    made = manager.send("/account/keys", label="报表", reach="read", days="30")
    key = re.search(r'class="made-key">([^<]+)<', made.text)[1]
    headers = {"Authorization": f"Bearer {key}"}
    assert manager.client.get("/api/v1/cases", headers=headers).status_code == 200
    path = re.search(r'action="(/admin/keys/\d+/revoke)"', administrator.get("/admin/keys").text)[1]
    assert administrator.send(path).status_code == 303
    assert manager.client.get("/api/v1/cases", headers=headers).status_code == 401


def test_ones_own_account(reader):
    someone, elsewhere = reader("acceptor1", "en"), reader("acceptor1", "en")
    page = someone.get("/account").text
    assert "this one" in page and page.count('/end"') == 1
    wrong = someone.send("/account/password", password="nonsense", new="quite another one")
    assert wrong.status_code == 422 and "not your password" in wrong.text
    assert someone.send("/account/password", password=city.PASSWORD, new="quite another one").status_code == 303
    assert someone.get("/cases").status_code == 200 and elsewhere.get("/cases").status_code == 302
    assert someone.send("/account/language", language="xx").status_code == 422
    assert "zh_CN" in someone.send("/account/language", language="zh_CN").headers["Set-Cookie"]
    some = someone.send("/account/keys", label="x", reach="some", days="", actions="cases.see")
    assert some.status_code == 201
    assert someone.send("/account/keys", label="x" * 101, reach="all", days="").status_code == 422
    assert "<svg" in someone.get("/account/second-factor").text
    assert someone.send("/account/second-factor", code="12").status_code == 422


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari, iPhone"),
        ("curl/8.1", "curl"),
    ],
)
def test_a_device_is_called_by_browser_and_system(agent, name):
    assert device_name(agent) == name


def test_settings_are_told_in_the_words_of_the_settings_and_in_chinese(reader):
    described = {name: settings.Settings.model_fields[name].description for name in admin_security.SETTINGS}
    page = html.unescape(reader("administrator1", "en").get("/admin/security").text)
    assert all(words in page for words in described.values())
    assert "登录后多少小时未使用即失效" in reader("administrator1").get("/admin/security").text
