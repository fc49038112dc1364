"""The address field: typing offers places, the keyboard chooses one, the pin follows; a pin writes what is near it."""

import re

import pytest
from playwright.sync_api import expect

from tests.grid import gazetteer_town

ADDRESS = "[data-place-search]"
OPTIONS = "#address-places [role=option]"


@pytest.fixture
def town(site):
    with site.runtime.transaction() as session:
        gazetteer_town.settle(session)
    return site


def test_the_keyboard_chooses_a_place_and_the_pin_follows(town):
    with town.reader("inspector1") as page:
        page.goto("/cases/new")
        field = page.locator(ADDRESS)
        expect(field).to_have_attribute("aria-expanded", "false")
        field.press_sequentially("cxl12")
        expect(page.locator(OPTIONS).first).to_contain_text("春熙路12号")
        expect(field).to_have_attribute("aria-expanded", "true")
        expect(page.locator(".place-search [role=status]")).to_have_text(re.compile(r"找到 \d+ 个地点"))
        field.press("ArrowDown")
        chosen = page.locator(OPTIONS).first
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
        field.press("Enter")
        expect(field).to_have_value("春熙路12号")
        expect(field).to_have_attribute("aria-expanded", "false")
        expect(page.locator("[data-cell-areas]")).to_contain_text("西社区")
        assert page.locator("#lon").input_value() == "104.062200"
        assert page.url.endswith("/cases/new")


def test_escape_closes_and_leaves_what_was_typed(town):
    with town.reader("acceptor1", language="en") as page:
        page.goto("/hotline/new")
        field = page.locator(ADDRESS)
        field.press_sequentially("Chunxi Road")
        expect(page.locator(OPTIONS).first).to_contain_text("Chunxi Road")
        field.press("Escape")
        expect(page.locator("#address-places")).to_be_hidden()
        expect(field).to_have_value("Chunxi Road")
        field.fill("nowhere at all 77")
        expect(page.locator("#address-places")).to_contain_text("No place is called like that")


def test_a_stranger_taps_a_place_on_the_phone(town):
    with town.reader(None, size=(390, 844)) as page:
        page.goto("/report")
        field = page.locator(ADDRESS)
        field.press_sequentially("锦绣")
        option = page.locator(OPTIONS).first
        expect(option).to_contain_text("锦绣花园")
        assert option.bounding_box()["height"] >= 40
        option.tap()
        expect(field).to_have_value("锦绣花园")
        expect(page.locator("[data-cell-areas]")).to_contain_text("东社区")
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_pin_on_the_map_writes_what_is_near_unless_something_is_typed(town):
    where = {"latitude": 30.65611, "longitude": 104.06218, "accuracy": 8}
    with town.reader(None, size=(390, 844), geolocation=where, permissions=["geolocation"]) as page:
        page.goto("/report")
        field = page.locator(ADDRESS)
        page.click("[data-locate]")
        expect(field).to_have_value("春熙路12号附近")
        page.context.set_geolocation({"latitude": 30.6585, "longitude": 104.0663, "accuracy": 8})
        page.click("[data-locate]")
        expect(field).to_have_value(re.compile("锦绣花园"))
        field.fill("后门")
        page.context.set_geolocation(where)
        page.click("[data-locate]")
        expect(page.locator("[data-cell-areas]")).to_contain_text("西社区")
        expect(field).to_have_value("后门")
