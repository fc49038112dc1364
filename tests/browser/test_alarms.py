"""An alarm as people meet it: on the desk's banner and map, acknowledged, on its page, and as water on a road."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests import city
from tests.browser import axe
from tests.browser.live import streaming
from tests.hazards.watched import UNDERPASS, WELL, Watched, flood

DESK, PHONE = (1440, 900), (390, 844)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
DRAWN = """(box) => window.echarts.getInstanceByDom(document.querySelector(box)).getOption().series
    .map((one) => [one.type, one.data.map(([, value]) => value)])"""


@pytest.fixture
def live(site) -> Iterator:
    """The served city with its live process."""
    with streaming(site.runtime.settings):
        yield site


def calm(page) -> None:
    """Nothing hangs over, and nothing keeps people out."""
    assert page.evaluate(OVERFLOW) <= 0
    assert axe.findings(page) == []


def an_older_answer_comes_last(town: Watched, page) -> None:
    """The list is asked for twice; the answer from before the second alarm comes after the one with it."""
    before, held = page.request.get("/alarms").text(), []

    def answered(route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/alarms", answered)
    for reading in ((8, 25.0), (7, 45.0)):
        with page.expect_request("**/alarms"):
            town.tell(WELL, reading)
    expect(page.locator("[data-alarm]")).to_have_count(2)
    with page.expect_event("requestfinished"):
        held[0].fulfill(body=before, content_type="text/html")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator("[data-alarm]").count() == 2
    page.unroute("**/alarms")


def test_an_alarm_appears_on_desk_and_map_is_acknowledged_and_its_case_stays_open(live):
    town = Watched(live.runtime)
    with live.reader("dispatcher1", size=DESK) as desk, live.reader("manager1", size=PHONE, language="en") as phone:
        desk.goto("/desk")
        expect(desk.locator("[data-live]")).to_have_attribute("data-state", "live")
        expect(desk.locator(".alarm-strip")).to_have_count(0)
        phone.goto("/maps/waterlogging?base=none")
        expect(phone.locator(".wg-alarm-ring")).to_have_count(0)
        flood(town)
        expect(desk.locator(".alarm-strip li")).to_have_count(1)
        expect(desk.locator(".alarm-strip li")).to_contain_text("封闭")
        expect(desk.locator("[data-desk-map] .wg-alarm-rank-2")).to_have_count(1)
        expect(phone.locator(".wg-alarm-rank-2")).to_have_count(1)
        town.work()
        alarm = town.alarm(UNDERPASS)
        expect(desk.locator(".alarm-strip li .alarm-case")).to_have_text(alarm.case_number[-5:])
        calm(desk)
        desk.click("[data-acknowledge] button")
        expect(desk.locator(".alarm-calm")).to_be_visible()
        expect(desk.locator(".alarm-strip li")).to_have_count(0)
        desk.goto(f"/cases/{alarm.case_number}")
        expect(desk.locator(".facts").first).to_contain_text("封闭")
        expect(desk.locator("[data-photo]")).to_have_count(1)
        desk.goto(f"/alarms/{alarm.id}")
        expect(desk.locator("[data-alarm-chart][data-drawn]")).to_be_visible()
        calm(desk)
        desk.goto(f"/sensors/{UNDERPASS}")
        expect(desk.locator("[data-sensor-chart][data-drawn]")).to_be_visible()
        desk.locator("[data-span='1']").focus()
        desk.keyboard.press("Tab")
        with desk.expect_response(lambda answer: f"/sensors/{UNDERPASS}/series" in answer.url) as week:
            desk.keyboard.press("Enter")
        assert week.value.ok
        expect(desk.locator("[data-span='7']")).to_have_attribute("aria-pressed", "true")
        expect(desk.locator("[data-span='1']")).to_have_attribute("aria-pressed", "false")
        calm(desk)
        phone.goto("/alarms")
        expect(phone.locator(f"[data-alarm='{alarm.id}']")).to_contain_text("closed")
        calm(phone)
        an_older_answer_comes_last(town, phone)
        phone.goto("/waterlogging")
        expect(phone.locator("[data-water-chart][data-drawn]")).to_be_visible()
        expect(phone.locator(f"[data-place={UNDERPASS}]")).to_contain_text("Advised to close")
        calm(phone)


def test_rain_that_falls_now_and_then_is_dots_and_its_alarm_a_sum(site):
    town = Watched(site.runtime)
    with town.runtime.transaction() as session:
        town.ids["R"] = town.sensor(session, "R", "station", "rain", city.IN_WEST)
    town.tell("R", (725, 10.0), (485, 20.0), (5, 30.0))
    town.work()
    with site.reader("dispatcher1", size=PHONE, language="en") as page:
        page.goto("/sensors/R")
        expect(page.locator("[data-sensor-chart][data-drawn]")).to_be_visible()
        _line, dots = page.evaluate(DRAWN, "[data-sensor-chart]")
        assert dots == ["scatter", [10, 20, 30]], "no line leads to them"
        page.goto(f"/alarms/{town.alarm('R').id}")
        expect(page.locator("[data-alarm-chart][data-drawn]")).to_be_visible()
        assert page.evaluate(DRAWN, "[data-alarm-chart]") == [["bar", [10, 20, 30]], ["line", [10, 30, 50]]]
        calm(page)
