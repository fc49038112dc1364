"""A construction zone is drawn on the map; the bar of days takes the map through its phases; the phone of an inspector
who walks into it says so, also without network."""

import json
from datetime import date, timedelta

import shapely
from geoalchemy2.shape import from_shape
from playwright.sync_api import expect

from tests import city
from tests.browser.axe import findings
from tests.browser.test_pages_in_chromium import DESK, OVERFLOW, PHONE
from webgis.geo import SRID
from webgis.metro import construction, construction_patrols
from webgis.metro.construction_models import EmergencyRoute


def drawn(page, *corners: tuple[float, float]) -> None:
    """Tap corners (parts of the map's width and height), the last one again."""
    box = page.locator("[data-works-map]").bounding_box()
    for x, y in (*corners, corners[-1]):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def fill(page, **values) -> None:
    for name, value in values.items():
        page.fill(f"[name={name}]", str(value))


def test_a_zone_is_drawn_followed_through_its_days_and_walked_into(site):
    began, digs, ends = days = [city.today() + timedelta(days=number) for number in (-40, 10, 60)]
    with site.reader("dispatcher1", size=DESK, language="zh-CN") as page:
        page.goto("/construction/new")
        page.click("[data-draw=ground]")
        expect(page.locator("[data-drawing]")).to_be_visible()
        drawn(page, (0.2, 0.1), (0.8, 0.1), (0.8, 0.9), (0.2, 0.9))
        expect(page.locator("[data-count]")).to_contain_text("平方米，0 条线")
        page.click("[data-draw=closure]")
        drawn(page, (0.2, 0.95), (0.8, 0.95))
        expect(page.locator("[data-count]")).to_contain_text("1 条线")
        page.click("[data-undo]")
        expect(page.locator("[data-count]")).to_contain_text("0 条线")
        page.click("[data-draw=closure]")
        drawn(page, (0.2, 0.95), (0.8, 0.95))
        fill(
            page,
            code="CZ-1",
            name_zh="西站施工",
            project="一号线",
            contractor="施工单位",
            first_day=began,
            last_day=ends,
        )
        fill(page, hoarding_first=began, hoarding_last=digs - timedelta(days=1))
        fill(page, excavation_first=digs, excavation_last=ends)
        assert findings(page) == []
        page.click(".works-form button[type=submit]")
        page.wait_for_url("**/construction/CZ-1")
        expect(page.locator(".works-phase").first).to_contain_text("围挡")
        expect(page.locator("[data-works-map]")).to_have_attribute("data-works", "2")
        assert findings(page) == [] and page.evaluate(OVERFLOW) <= 0
    with site.runtime.transaction() as session:
        plan = construction.plan_of(session, "CZ-1")
    assert [one.kind for one in plan.phases] == ["hoarding", "excavation"] and len(plan.lines) == 1
    _slid(site, *days)
    _in_conflict(site, plan)
    _walked(site, plan)


def _in_conflict(site, plan) -> None:
    """The route of fire engines leads along the western half of the closed road: that half is outlined on both maps."""
    (closed,) = (one.shape for one in plan.lines)
    ends = [closed.coords[0], closed.interpolate(0.5, normalized=True).coords[0]]
    half = shapely.MultiLineString([ends])
    with site.runtime.transaction() as session:
        session.add(EmergencyRoute(code="R-1", name_zh="消防通道", geom=from_shape(half, srid=SRID)))
    with site.reader("manager1", size=PHONE, language="zh-CN") as page:
        page.goto("/construction/CZ-1")
        holder = page.locator("[data-works-map]")
        expect(holder).to_have_attribute("data-outlined", "1")
        (part,) = json.loads(holder.get_attribute("data-conflicts"))
        assert shapely.from_geojson(json.dumps(part)).length < closed.length * 0.8
        expect(page.locator(".works-legend")).to_contain_text("冲突路段")
        expect(page.locator(".works-conflict")).to_contain_text("其中")
        assert findings(page) == [] and page.evaluate(OVERFLOW) <= 0
    with site.reader("manager1", size=DESK, language="en") as page:
        middle = plan.ground.centroid
        page.goto(f"/maps/construction?at={middle.y},{middle.x},17")
        expect(page.locator("[data-conflicts='1']")).to_be_visible()
        outline = page.locator(".leaflet-webgis-374-pane path")
        expect(outline).to_have_count(1)
        expect(page.locator(".wg-swatch-road-conflict")).to_be_visible()
        page.goto(f"/maps/construction?at={middle.y},{middle.x},14")
        expect(page.locator("[data-conflicts='1']")).to_be_visible()
        expect(outline).to_be_hidden()


def _slid(site, began: date, digs: date, ends: date) -> None:
    with site.reader("manager1", size=DESK, language="zh-CN") as page:
        page.goto("/maps/construction")
        bar = page.locator(".wg-works-time")
        expect(bar).to_have_attribute("data-works", "1")
        slider = bar.locator("input[type=range]")
        slider.focus()
        slider.fill(str((digs - began).days + 1))
        expect(bar.locator("output")).to_have_text(str(digs + timedelta(days=1)))
        page.wait_for_url(f"**/maps/construction?*day={digs + timedelta(days=1)}*")
        expect(bar).to_have_attribute("data-phases", "excavation")
        bar.get_by_role("button", name="今天").click()
        page.wait_for_url(lambda address: "day=" not in address)
        slider.fill("0")
        page.wait_for_url(f"**day={began}*")
        expect(bar).to_have_attribute("data-phases", "hoarding")
        bar.get_by_role("button", name="播放").click()
        page.wait_for_url(f"**day={began + timedelta(days=7)}*")
        bar.get_by_role("button", name="暂停").click()
        expect(bar.get_by_role("button", name="播放")).to_be_visible()
        assert findings(page) == []
    with site.reader("manager1", size=PHONE, language="en", color_scheme="dark") as page:
        page.goto(f"/maps/construction?day={ends}")
        bar = page.locator(".wg-works-time")
        expect(bar).to_have_attribute("data-works", "1")
        expect(bar.get_by_role("button", name="Today")).to_be_enabled()
        assert page.evaluate(OVERFLOW) <= 0


def _walked(site, plan) -> None:
    inside = plan.ground.representative_point()
    there = {"longitude": inside.x, "latitude": inside.y, "accuracy": 8}
    away = {"longitude": city.IN_EAST[0] + 0.002, "latitude": city.IN_EAST[1], "accuracy": 8}
    options = {"geolocation": away, "permissions": ["geolocation"]}
    with site.reader("inspector1", size=PHONE, language="zh-CN", **options) as page:
        page.goto("/inspect")
        expect(page.locator("html")).to_have_attribute("data-ready", "yes")
        with (
            page.expect_response(lambda answer: "/inspect/works?lon=" in answer.url),
            page.expect_response(lambda answer: "/tiles/alarms/" in answer.url and answer.ok),
        ):
            page.locator("[data-tab=beat]").click()
        with page.expect_response(lambda answer: "/tiles/metro/" in answer.url and answer.ok):
            page.get_by_role("button", name="地铁", pressed=False).click()
        expect(page.locator("[data-beat-layers] [aria-pressed=true]")).to_have_text(
            ["地铁", "危险源", "积水监测", "报警"]
        )
        assert page.evaluate(OVERFLOW) <= 0 and findings(page) == []
        page.locator("[data-tab=home]").click()
        site.watch.cuts_expected = True
        page.context.set_offline(True)
        page.context.set_geolocation(there)
        page.locator("[data-shift] .btn").click()
        page.get_by_role("dialog").get_by_role("button", name="签到").click()
        expect(page.locator("[data-works-here]")).to_contain_text("西站施工")
        page.get_by_role("button", name="已巡查").click()
        expect(page.locator("[data-items]")).to_contain_text("西站施工")
        page.context.set_offline(False)
        page.evaluate("() => window.dispatchEvent(new Event('online'))")
        expect(page.locator("[data-kind=patrol][data-state=done]")).to_be_visible()
    with site.runtime.transaction() as session:
        (row,) = construction_patrols.duty(session, city.today(), city.today(), "CZ-1")
    assert row.done == 1
