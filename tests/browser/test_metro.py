"""A permit from its application to its decision: the ground is drawn on the phone, the zones are told before anything
is sent, and the operator returns and grants it at a desk."""

from datetime import timedelta

from playwright.sync_api import expect

from tests import city
from tests.browser.axe import findings
from tests.browser.test_pages_in_chromium import DESK, OVERFLOW, PHONE
from tests.metro.conftest import build, square

BESIDE = " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in square(30, 0, 20).exterior.coords[:-1])


def fine(page) -> None:
    assert findings(page) == [] and page.evaluate(OVERFLOW) <= 0


def step(page, word: str, said: str) -> None:
    act = page.locator(".metro-steps details", has=page.locator("summary", has_text=word))
    if act.get_attribute("open") is None:
        act.locator("summary").click()
    act.locator("textarea").fill(said)
    act.locator("button").click()


def test_a_permit_is_drawn_on_a_phone_returned_changed_and_granted_at_a_desk(site):
    with site.runtime.transaction() as session:
        build(session)
    with (
        site.reader("builder1", size=PHONE, language="zh-CN") as phone,
        site.reader("metro1", size=DESK, language="en") as desk,
    ):
        phone.goto("/metro/permits/new")
        for name, value in (("project", "基坑工程"), ("applicant", "某建设单位"), ("ground", BESIDE),
                            ("starts", city.today()), ("ends", city.today() + timedelta(days=30))):  # fmt: skip
            phone.fill(f"[name={name}]", str(value))
        phone.select_option("[name=work]", "excavation")
        phone.select_option("[name=purpose]", "other")
        expect(phone.locator("[data-said]")).to_contain_text("控制保护区西站")
        drawn(phone, (0.45, 0.45), (0.55, 0.45), (0.55, 0.55), (0.45, 0.55))
        expect(phone.locator("[name=ground]")).not_to_have_value(BESIDE)
        expect(phone.locator("[data-said]")).to_contain_text("须经运营单位同意")
        fine(phone)
        phone.click("[data-permit-form] button[type=submit]")
        phone.wait_for_url("**/metro/permits/MP*")
        fine(phone)

        desk.goto(phone.url)
        expect(desk.locator("[data-metro-map]")).to_have_attribute("data-metro", "shown")
        step(desk, "Return for more documents", "Work by day only")
        expect(desk.locator(".case-signs")).to_contain_text("Returned")
        phone.reload()
        phone.get_by_role("link", name="先修改申请").click()
        phone.select_option("[name=work]", "pipes")
        fine(phone)
        phone.click("[data-permit-form] button[type=submit]")
        expect(phone.locator(".case-signs")).to_contain_text("待审查")
        desk.reload()
        step(desk, "Grant", "Settlement is read twice a day")
        expect(desk.locator(".case-signs")).to_contain_text("Granted")
        expect(desk.locator(".timeline")).to_contain_text("What is done")
        expect(desk.locator(".facts")).to_contain_text("31 days left")
        fine(desk)


def drawn(page, *corners: tuple[float, float]) -> None:
    """Tap corners (parts of the map's width and height), the last one again."""
    page.click("[data-draw]")
    expect(page.locator("[data-drawing]")).to_be_visible()
    page.locator("[data-metro-map]").scroll_into_view_if_needed()
    box = page.locator("[data-metro-map]").bounding_box()
    for x, y in (*corners, corners[-1]):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
