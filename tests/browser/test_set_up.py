"""A city of one's own from nothing, in a browser: a file with faults, the mended one, grid, people, standard, go."""

import json
from importlib.resources import files

from playwright.sync_api import Page, expect

from tests import city
from tests.browser.axe import findings
from tests.pages.sending import do
from webgis.accounts import operations
from webgis.grid import queries

EXAMPLE = files("webgis.exchange").joinpath("data", "example_city.geojson")
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
DESK = (1440, 900)


def _sound(page: Page, name: str) -> None:
    """Nothing sticks out, and everyone can use it."""
    assert page.evaluate(OVERFLOW) <= 0, name
    assert findings(page) == [], name


def _broken(folder) -> str:
    """The example as a careless surveyor would send it: a subdistrict forgotten, a community pushed over another."""
    told = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    told["features"] = [one for one in told["features"] if one["properties"]["code"] != "990001002"]
    rings = next(one for one in told["features"] if one["properties"]["code"] == "990001001001")["geometry"]
    rings["coordinates"] = [[[lon + 0.002, lat] for lon, lat in ring] for ring in rings["coordinates"]]
    file = folder / "边界.geojson"
    file.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return str(file)


def _look(page: Page, site, button) -> None:
    """Ask for it, wait while the job looks at it, and see what it would do."""
    button.click()
    expect(page.locator("[data-work]")).to_be_visible()
    do(site.runtime)
    expect(page.locator("[data-work]")).to_have_count(0)


def test_a_city_is_set_up_from_nothing_without_a_manual(empty_site, tmp_path):
    site = empty_site
    with site.runtime.transaction() as session:
        operations.add_person(session, "boss", "系统管理员", "administrator", city.PASSWORD)
    with site.reader("boss", size=DESK, lands=True) as page:
        expect(page).to_have_url(f"{site.origin}/admin/start")
        now = page.locator("[aria-current=step]")
        expect(now).to_contain_text("边界")
        _sound(page, "start")
        now.locator("input[type=file]").set_input_files(_broken(tmp_path))
        _look(page, site, now.get_by_role("button", name="先检查"))
        expect(page.locator(".notice-danger")).to_contain_text("无法写入")
        expect(page.locator("[data-fault-map][data-faults]")).to_be_visible()
        page.locator(".fault-list button", has_text="缺少上级区域").first.click()
        expect(page.locator("[data-fault-map]")).to_have_attribute("data-fault", "1")
        _sound(page, "faults")
        with site.runtime.transaction() as session:
            assert queries.counts(session)["city"] == 0

        page.locator(".start-back").click()
        now.locator("input[type=file]").set_input_files(str(EXAMPLE))
        _look(page, site, now.get_by_role("button", name="先检查"))
        expect(page.locator(".notice-info")).to_contain_text("将新增 8 个")
        _sound(page, "looked at")
        _look(page, site, page.get_by_role("button", name="确认写入"))
        expect(page.locator(".notice-success")).to_contain_text("新增 8 个区域")
        page.locator(".start-back").click()

        expect(now).to_contain_text("网格")
        _look(page, site, now.get_by_role("button", name="先检查"))
        _look(page, site, page.get_by_role("button", name="确认划分"))
        expect(page.locator(".notice-success")).to_contain_text("划分完成")
        page.goto("/admin/areas?within=990001001")
        expect(page.locator("tbody tr").first).to_contain_text("槐树社区")
        _sound(page, "areas")
        page.locator(".start-back").click()

        expect(now).to_contain_text("人员")
        now.get_by_role("button", name="添加常用部门和岗位").click()
        expect(page.locator(".made-key")).to_have_count(24)
        _sound(page, "passwords")
        page.get_by_role("link", name="继续建城向导").last.click()

        expect(now).to_contain_text("立案标准")
        now.get_by_role("button", name="采用 webgis 自带标准").click()
        expect(now).to_contain_text("启用")
        _sound(page, "ready")
        now.get_by_role("button", name="开始使用").click()
        expect(page.locator(".notice-success")).to_contain_text("城市已可使用")
        expect(page.locator(".admin-nav")).not_to_contain_text("建城向导")
