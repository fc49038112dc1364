"""Somebody who has read nothing: from the first page of a demo to a dispatched case, by what stands on the screen."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests import city
from webgis.accounts import demo_logins

HERE = {"latitude": city.IN_WEST[1], "longitude": city.IN_WEST[0], "accuracy": 12}
POSTS = [("inspector1", "inspector"), ("acceptor1", "acceptor"), ("dispatcher1", "dispatcher")]


@pytest.fixture
def demo(site):
    """The small city as a demo: its posts stand on the login page."""
    rows = [{"login": login, "name": login, "role": role, "password": city.PASSWORD} for login, role in POSTS]
    file = demo_logins.file(site.runtime.settings)
    file.write_text(json.dumps(rows))
    yield site
    file.unlink()


def press(page: Page, word: str) -> None:
    """Press the button that says this word, the last one where there are several."""
    page.get_by_role("button", name=word).last.click()


def leave(page: Page) -> None:
    """Log out of a page with a header."""
    page.get_by_text("账号", exact=True).locator("..").click()
    press(page, "退出登录")


def test_a_newcomer_reports_files_and_dispatches_by_what_the_pages_say(demo, photo):
    with demo.reader(None, geolocation=HERE, permissions=["geolocation"]) as page:
        late = []
        page.route("**/inspect/classes", lambda route: late.append(route))
        page.goto("/")
        expect(page.get_by_role("heading", name="演示城市：选择您的身份")).to_be_visible()
        press(page, "信息采集员")
        page.get_by_label("选择照片").set_input_files(photo(40))
        expect(page.get_by_text("成都市 › 锦江区 › 春熙路街道 › 西社区")).to_be_visible()
        press(page, "请选择类别")
        page.get_by_label("搜索：名称、拼音首字母或代码").fill("暴露垃圾")
        late[0].continue_()  # whoever is quicker than the network sees them come
        press(page, "暴露垃圾")
        press(page, "提交")
        expect(page.get_by_text("已送达")).to_be_visible()
        page.get_by_role("link", name="我的").click()
        press(page, "退出登录")

        press(page, "受理员")
        page.get_by_role("link", name="暴露垃圾").click()
        press(page, "立案")
        expect(page.get_by_text("操作成功，案件现为“已立案”。")).to_be_visible()
        leave(page)

        press(page, "派遣员")
        page.get_by_role("link", name="暴露垃圾").click()
        expect(page.get_by_text("按规则选定")).to_be_visible()
        press(page, "派遣")
        expect(page.get_by_text("操作成功，案件现为“已派遣”。")).to_be_visible()
