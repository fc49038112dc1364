"""The whole main job through the pages: reported on the pavement, filed, dispatched, done, checked, closed, mapped."""

import re
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from tests import city

NASTY = "${alert(1)} <img src=x onerror=alert(1)> `${alert(2)}` {{ 7*7 }} </script><script>alert(3)</script>"
PHONE, DESK = (390, 844), (1440, 900)
HISTORY = ["report", "file", "dispatch", "receive", "resolve", "verify", "resolve", "verify", "close"]
CELL_CODE = re.compile(r"^5101040170\d{5}$")


def report(page: Page, photo, *, by_position: bool) -> str:
    """Fill in and send the report form; returns the case's number."""
    page.goto("/cases/new")
    page.locator(".report-photo input[type=file]").nth(0).set_input_files(photo(40))
    page.locator(".report-photo input[type=file]").nth(1).set_input_files(photo(90))
    expect(page.locator(".report-photo .photo-list li")).to_have_count(2)
    if by_position:
        page.click("[data-locate]")
    else:
        page.locator("[data-pin-map]").click()
    expect(page.locator("[data-cell-code]")).to_have_text(CELL_CODE)
    page.fill("#subject-search", "暴露垃圾")
    page.keyboard.press("Enter")
    page.fill("#description", NASTY)
    page.click(".send-bar button")
    page.wait_for_url("**/cases/51*")
    expect(page.locator(".notice-success")).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def step(page: Page, number: str, action: str, *, fill=None, choose=None, photos=()) -> None:
    """Do a step on the case page and wait until the page says that it is done."""
    page.goto(f"/cases/{number}")
    box = page.locator(f"[data-step={action}]")
    if box.get_attribute("open") is None:
        box.locator("summary").first.click()
    for name, value in (fill or {}).items():
        box.locator(f"[name={name}]").fill(value)
    for name, value in (choose or {}).items():
        box.locator(f"[name={name}][value='{value}']").check()
    if action == "verify":
        box.locator("[data-take-position]").click()
        expect(box.locator("[name=lat]")).not_to_have_value("")
    if photos:
        box.locator("input[type=file]").nth(1).set_input_files(photos)
    box.locator("button[type=submit]").click()
    expect(page.locator(".notice-success")).to_be_visible()


@pytest.mark.parametrize(("size", "language"), [(PHONE, "zh-CN"), (DESK, "en")], ids=["phone-zh", "desk-en"])
def test_a_case_goes_through_the_pages_from_the_pavement_to_the_map(site, photo, size, language):
    where = {"latitude": city.IN_WEST[1], "longitude": city.IN_WEST[0], "accuracy": 12}
    pocket = {"geolocation": where, "permissions": ["geolocation"]}
    away = {} if size == PHONE else {"reason": "从对面楼上查看"}  # on the desk the place was tapped on the map
    with ExitStack() as stack:

        def open_as(login: str, **options) -> Page:
            return stack.enter_context(site.reader(login, size=size, language=language, **options))

        reporter, checker = open_as("inspector1", **pocket), open_as("inspector2", **pocket)
        acceptor, dispatcher, department = open_as("acceptor1"), open_as("dispatcher1"), open_as("sanitation1")
        number = report(reporter, photo, by_position=size == PHONE)
        expect(reporter.locator(".description")).to_have_text(NASTY)
        expect(reporter.locator(".description img")).to_have_count(0)
        file_from_the_list(acceptor)
        step(dispatcher, number, "dispatch")
        step(department, number, "receive")
        step(department, number, "resolve", fill={"note": "已清运"}, photos=[photo(150)])
        step(checker, number, "verify", choose={"result": "fail"}, fill={"note": "仍有残留"} | away)
        step(department, number, "resolve", fill={"note": "已二次清理"})
        step(checker, number, "verify", choose={"result": "pass"}, fill=away)
        step(acceptor, number, "close")
        told = acceptor.locator("[data-timeline] [data-action]").evaluate_all(
            "all => all.map(one => one.dataset.action)"
        )
        assert told[::-1] == HISTORY
        look_at_the_map(acceptor, number)


def file_from_the_list(page: Page) -> None:
    """The acceptor finds the case in the list, with its text as text, and files it."""
    page.goto("/cases")
    expect(page.locator(".c-text")).to_contain_text("${alert(1)} <img")
    page.click(".row-link")
    page.locator("[data-step=file] [name=condition]").first.check()
    page.click("[data-step=file] button[type=submit]")
    expect(page.locator(".notice-success")).to_be_visible()


def look_at_the_map(page: Page, number: str) -> None:
    """The map of open cases is empty; that of all shows the one case, its text as text, and a link to it."""
    page.goto("/maps/cases")
    expect(page.locator(".folium-map[data-cases='0']")).to_be_visible()
    page.goto("/maps/cases?which=all&at=30.6571,104.0622,17")
    expect(page.locator(".folium-map[data-cases='1']")).to_be_visible()
    page.locator(".wg-sign-box").click()
    shown = page.locator(".wg-popup")
    expect(shown.locator(".wg-popup-text")).to_have_text(NASTY)
    expect(shown.locator("img, script")).to_have_count(0)
    expect(shown.get_by_role("link", name=number)).to_have_attribute("href", f"/cases/{number}")
