"""Which pictures there are: of every page, of the tasks of the help, of the README; what is done first."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from webgis.demo.cases import picture
from webgis.maps.layers import MAPS
from webgis.pages.admin import SECTIONS
from webgis.pages.help_words import GUIDES

import_module("webgis.pages.views")  # whose modules put their sections in

Act = Callable[[Any], None]
"""Something done on a Playwright page."""


@dataclass(frozen=True)
class Shot:
    """A page: its name in files, who looks at it (None: a stranger), its address, what is done there first, and its
    only size (None: a phone and a desk)."""

    name: str
    role: str | None
    path: str
    act: Act | None = None
    size: str | None = None
    refused: bool = False
    """Whether the page is a refusal, of which the console complains."""


def follow(selector: str) -> Act:
    """Click the first of these."""
    return lambda page: page.locator(selector).first.click()


def choose(*selectors: str) -> Act:
    """Choose the first case of a queue, and open what the selectors name in its panel."""

    def act(page) -> None:
        page.locator("[data-choose]").first.click()
        page.locator("[data-panel]").wait_for()
        for selector in selectors:
            page.locator(selector).first.click()

    return act


def scroll(selector: str) -> Act:
    """Bring something to the top of the window."""
    return lambda page: page.locator(selector).first.evaluate("one => one.scrollIntoView()")


def _a_week(page) -> None:
    """The last seven days, beside the seven before."""
    page.locator(".presets a").nth(1).click()
    page.wait_for_load_state("load")


def _photo(number: int) -> dict[str, Any]:
    return {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": picture("DEMO 06010", number)}


def _write_report(page) -> None:
    """On the inspector's phone: two photos and a class; the place comes by itself."""
    page.wait_for_load_state("networkidle")  # classes and beat are on the phone
    page.locator("[data-shoot]").set_input_files(_photo(1))
    page.locator("[data-strip] img").first.wait_for()
    page.locator("[data-view=report] .pin").wait_for()
    page.locator("[data-choose]").click()
    page.locator("[data-found] button").first.wait_for(state="attached")
    page.locator("[data-query]").fill("06010")
    page.keyboard.press("Enter")
    page.locator("[data-picker]").wait_for(state="hidden")
    page.evaluate("() => window.scrollTo(0, 0)")


def _write_offline(page) -> None:
    """A report that waits since there is no network."""
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    _write_report(page)
    page.locator("[data-send]").click()
    page.locator("[data-items] li").first.wait_for()


def _first_task(page) -> None:
    page.locator("[data-tasks] a.task").first.click()
    page.locator("[data-view=task]").wait_for()


def _in_a_zone(page) -> None:
    """On the inspector's phone, which is carried into the middle of a construction zone."""
    page.wait_for_load_state("networkidle")
    zones = page.request.get("/inspect/works?lon=104.0636&lat=30.6613").json()["zones"]
    ring = next(one for one in zones if one["phase"])["geometry"]["coordinates"][0][0][:-1]
    lon, lat = (sum(corner[axis] for corner in ring) / len(ring) for axis in (0, 1))
    page.context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 8})
    page.locator("nav a[href='#beat']").click()  # where the phone asks where it is
    page.wait_for_load_state("networkidle")
    page.locator("nav a[href='#home']").click()
    page.locator("[data-works-here]").wait_for()


def _public_report(page) -> None:
    page.locator("[data-pin-map]").click()


MAPPED = {"far": "30.66,104.07,11", "middle": "30.6571,104.0650,14", "near": "30.6571,104.0650,17"}
"""Three zooms of the maps, over the middle of the demo city."""

HEAT = f"/maps/heat?which=all&level=community&at={MAPPED['middle'].replace(',14', ',13')}"

PAGES = (
    Shot("login", None, "/login"),
    Shot("help", None, "/help"),
    *(Shot(f"help-{guide.door}", None, f"/help/{guide.door}") for guide in GUIDES),
    Shot("public", None, "/public"),
    Shot("public-map", None, "/public", scroll(".public-map")),
    Shot("public-report", None, "/report"),
    Shot("error", None, "/follow/nothing-of-mine-here", refused=True),
    Shot("inspect", "inspector", "/inspect"),
    Shot("inspect-report", "inspector", "/inspect", _write_report),
    Shot("inspect-tasks", "inspector", "/inspect#tasks"),
    Shot("inspect-task", "inspector", "/inspect#tasks", _first_task),
    Shot("inspect-beat", "inspector", "/inspect#beat"),
    Shot("inspect-works", "inspector", "/inspect", _in_a_zone),
    Shot("inspect-me", "inspector", "/inspect#me"),
    Shot("inspect-install", "inspector", "/inspect/install"),
    Shot("report", "inspector", "/cases/new"),
    Shot("desk", "dispatcher", "/desk"),
    Shot("desk-dispatch", "dispatcher", "/desk?queue=dispatch", choose()),
    Shot("desk-requests", "dispatcher", "/desk?queue=requests"),
    Shot("desk-accept", "acceptor", "/desk?queue=accept", choose()),
    Shot("desk-close", "acceptor", "/desk?queue=close", choose()),
    Shot("hotline", "acceptor", "/hotline/new"),
    Shot("department", "department", "/department"),
    Shot("department-case", "department", "/department?queue=handle", choose()),
    Shot("cases", "manager", "/cases"),
    Shot("case", "manager", "/cases", follow("main a[href^='/cases/5']")),
    Shot("case-acceptor", "acceptor", "/cases?state=reported", follow("main a[href^='/cases/5']")),
    Shot("requests", "dispatcher", "/requests"),
    Shot("sensors", "manager", "/sensors"),
    Shot("sensor", "manager", "/sensors", follow("main a.row-name")),
    Shot("sensor-form", "administrator", "/sensors/new"),
    Shot("alarms", "dispatcher", "/alarms"),
    Shot("alarm", "dispatcher", "/alarms", follow("main a.row-name")),
    Shot("waterlogging", "manager", "/waterlogging"),
    Shot("hazards", "manager", "/hazards"),
    Shot("hazard", "manager", "/hazards/HZ-04"),
    Shot("hazard-impact", "manager", "/hazards/HZ-04/impact?metres=1000"),
    Shot("hazard-published", "manager", "/hazards/HZ-02/impact?circle=7664-41-7-large-nurse_tank-night"),
    Shot("hazard-new", "administrator", "/hazards/new"),
    Shot("metro", "manager", "/metro"),
    Shot("metro-line", "manager", "/metro/lines/1"),
    Shot("metro-structure", "manager", "/metro/structures/tianfuguangchang"),
    Shot("metro-permits", "manager", "/metro/permits"),
    Shot("metro-permit", "manager", "/metro/permits", follow("main a.row-name")),
    Shot("metro-permit-new", "dispatcher", "/metro/permits/new"),
    Shot("construction", "manager", "/construction"),
    Shot("construction-zone", "manager", "/construction/CZ-02"),
    Shot("construction-effect", "manager", "/construction/CZ-04/effect"),
    Shot("construction-contractors", "manager", "/construction/contractors"),
    Shot("construction-new", "dispatcher", "/construction/new"),
    Shot("metro-findings", "dispatcher", "/metro/findings"),
    Shot("watch", "manager", "/watch"),
    Shot("watch-charts", "manager", "/watch", scroll(".watch-rank")),
    Shot("watch-screen", "manager", "/watch/screen"),
    *(
        Shot(f"map-{one.name}-{zoom}", "manager", f"/maps/{one.name}?which=all&at={at}")
        for one in MAPS
        for zoom, at in MAPPED.items()
    ),
    Shot("emergency", "dispatcher", "/emergency"),
    Shot("emergency-new", "dispatcher", "/emergency/new"),
    Shot("emergency-page", "dispatcher", "/emergency", follow(".em-row a")),
    Shot("emergency-report", "manager", "/emergency", follow("[aria-labelledby=h-closed] .em-row a")),
    Shot("admin-plan", "administrator", "/admin/emergency/plans/waterlogging"),
    Shot("admin-resources", "administrator", "/admin/emergency/resources"),
    *(Shot(f"admin-{one.name}", "administrator", f"/admin/{one.name}") for one in SECTIONS),
    Shot("admin-beat", "administrator", "/admin/beats", follow("main a.row-name")),
    Shot("admin-notices-addresses", "administrator", "/admin/notices/addresses"),
    Shot("admin-notices-words", "administrator", "/admin/notices/words"),
    Shot("admin-alarm-rule", "administrator", "/admin/alarms/rules/depth.underpass"),
    Shot("admin-alarm-rule-new", "administrator", "/admin/alarms/rules/new"),
    Shot("admin-alarm-ladder", "administrator", "/admin/alarms/ladder"),
    Shot("admin-areas-import", "administrator", "/admin/areas/import"),
    Shot("admin-areas-divide", "administrator", "/admin/areas/divide"),
    Shot("admin-standard", "administrator", "/admin/standards", follow("main a.row-name")),
    Shot("admin-standards-import", "administrator", "/admin/standards/import"),
    Shot("admin-calendar-hours", "administrator", "/admin/calendar/hours"),
    Shot("admin-person", "administrator", "/admin/people", follow("main a.row-name")),
    Shot("admin-people-import", "administrator", "/admin/people/import"),
    Shot("account", "manager", "/account"),
    Shot("api-docs", "manager", "/api/v1/docs"),
)

HELP = (
    Shot("inspect-report", "inspector", "/inspect", _write_report, "phone"),
    Shot("inspect-outbox", "inspector", "/inspect", _write_offline, "phone"),
    Shot("inspect-tasks", "inspector", "/inspect#tasks", _first_task, "phone"),
    Shot("inspect-beat", "inspector", "/inspect#beat", None, "phone"),
    Shot("inspect-works", "inspector", "/inspect", _in_a_zone, "phone"),
    Shot("desk-file", "acceptor", "/desk?queue=accept", choose(), "desk"),
    Shot("desk-dispatch", "dispatcher", "/desk?queue=dispatch", choose(), "desk"),
    Shot("desk-close", "acceptor", "/desk?queue=close", choose(), "desk"),
    Shot("desk-call", "acceptor", "/hotline/new", None, "desk"),
    Shot("desk-alarms", "dispatcher", "/alarms", follow("main a.row-name"), "desk"),
    Shot("desk-emergency", "dispatcher", "/emergency", follow(".em-row a"), "desk"),
    Shot("department-handle", "department", "/department?queue=handle", choose(), "desk"),
    Shot(
        "department-ask",
        "department",
        "/department?queue=receive",
        choose("[data-step=ask-extension] > summary"),
        "desk",
    ),
    Shot("department-permits", "dispatcher", "/metro/permits", follow("main a.row-name"), "desk"),
    Shot("watch-figures", "manager", "/watch", _a_week, "desk"),
    Shot("watch-heat", "manager", HEAT, None, "desk"),
    Shot("watch-screen", "manager", "/watch/screen", None, "desk"),
    Shot("watch-hazards", "manager", "/hazards/HZ-02/impact?metres=500", None, "desk"),
    Shot("watch-rain", "manager", "/waterlogging", None, "desk"),
    Shot("watch-works", "manager", "/construction/CZ-04/effect", None, "desk"),
    Shot("admin-start", "administrator", "/admin/start", None, "desk"),
    Shot("admin-areas", "administrator", "/admin/areas", None, "desk"),
    Shot("admin-calendar", "administrator", "/admin/calendar", None, "desk"),
    Shot("admin-people", "administrator", "/admin/people", None, "desk"),
    Shot("admin-subjects", "administrator", "/admin/hazards", None, "desk"),
    Shot("admin-log", "administrator", "/admin/log", None, "desk"),
    Shot("public-report", None, "/report", _public_report, "phone"),
    Shot("public-follow", None, "/public", None, "phone"),
    Shot("public-map", None, "/public", scroll(".public-map"), "phone"),
)
"""One for each task of `help_words.GUIDES` that names a size."""

README = (
    Shot("desk", "acceptor", "/desk?queue=accept", choose(), "desk"),
    Shot("phone", "inspector", "/inspect", _write_report, "phone"),
    Shot("watch", "manager", "/watch", _a_week, "desk"),
    Shot("heat", "manager", HEAT, None, "desk"),
)
