"""`python -m bench pages --city`: what each door costs in Chromium: bytes over the wire, and time until it can be used.

The city of WEBGIS_DATABASE_URL is served as `webgis serve` does, and each page is opened by a new browser with an empty
cache, three times; the middle one counts. A page can be used when what one works with is there and the network has been
quiet. Keys for those who look are made in that city.
"""

import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import click
from playwright.sync_api import Browser, sync_playwright

from bench import report, scratch, web
from webgis import chromium, db, settings
from webgis.accounts import operations as accounts
from webgis.db import Runtime

TIMES = 3
QUIET_S, PATIENCE_S = 0.4, 30.0
"""How long nothing may be asked for before a page counts as still; how long one is waited for."""

POLLED = re.compile(r"/version|/live|/sw\.js")
"""What pages ask again and again by themselves."""


@dataclass(frozen=True)
class Door:
    """A page, who opens it, what must be there, and the goals: kB over the wire, seconds."""

    name: str
    role: str | None
    path: str
    there: str
    goal_kb: float
    goal_s: float = 3.0
    phone: bool = False


DOORS = (
    Door("phone shell", "inspector", "/inspect", "html[data-ready]", 200, phone=True),
    Door("desk", "dispatcher", "/desk", "[data-desk][data-ready=yes]", 2000, 2.0),
    Door("department", "department", "/department", "[data-desk][data-ready=yes]", 2000),
    Door("watch", "manager", "/watch", "[data-part=cards]", 2000),
    Door("cases", "manager", "/cases", "main a[href^='/cases/5']", 2000),
    Door("map of cases", "manager", "/maps/cases", ".leaflet-container canvas", 2000),
    Door("heat map", "manager", "/maps/heat", ".leaflet-container canvas", 2000),
    Door("people", "administrator", "/admin/people", "main h1", 2000),
    Door("public", None, "/public", "main h1", 2000, phone=True),
    Door("public report", None, "/report", "main form", 2000, phone=True),
)
_SOMEBODY = "SELECT login FROM city.person WHERE role = %s AND area_code IS NULL AND active ORDER BY id LIMIT 1"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--city", is_flag=True, required=True, help="Open the pages of the city of WEBGIS_DATABASE_URL.")
def pages(as_json: bool, city: bool) -> None:
    """Bytes and seconds of every door in Chromium."""
    with ExitStack() as stack:
        runtime = Runtime(settings.load())
        redis_url = stack.enter_context(scratch.redis())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = web.environment(runtime.settings.database, redis_url, folder)
        port = stack.enter_context(web.running(web.OURS, environment))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium.program(), args=["--no-sandbox", "--disable-gpu"])
        missed = report.show("pages", _rows(runtime, browser, port), as_json, scratch.versions(runtime.engine))
        browser.close()
        runtime.dispose()
    sys.exit(missed)


def _rows(runtime: Runtime, browser: Browser, port: int) -> Iterator[report.Row]:
    ((cases,),) = runtime.ask("SELECT reltuples::bigint FROM pg_class WHERE oid = 'city.case'::regclass")
    for door in DOORS:
        taken = [_opened(browser, port, door, _key(runtime, door.role)) for _ in range(TIMES)]
        kb = statistics.median(one[0] for one in taken) / 1000
        seconds = statistics.median(one[1] for one in taken)
        what = f"{door.name}, {cases:,} cases"
        yield report.Row(f"{what}: over the wire", kb, door.goal_kb, door.goal_kb / kb, 1.0, "kB", "goal")
        yield report.Row(f"{what}: until usable", seconds, door.goal_s, door.goal_s / seconds, 1.0, "s", "goal")


def _key(runtime: Runtime, role: str | None) -> str | None:
    if role is None:
        return None
    with runtime.transaction() as session:
        return accounts.make_key(session, db.call(session, _SOMEBODY, role)[0].login, f"bench {os.getpid()}")


def _opened(browser: Browser, port: int, door: Door, key: str | None) -> tuple[int, float]:
    """Bytes that came over the wire, and seconds until the page could be used."""
    width, height = (390, 844) if door.phone else (1440, 900)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    context = browser.new_context(viewport={"width": width, "height": height}, extra_http_headers=headers)
    page = context.new_page()
    watched, sizes = context.new_cdp_session(page), []
    watched.send("Network.enable")
    watched.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    open_requests, last = set(), [time.perf_counter()]

    def ended(request) -> None:
        open_requests.discard(request)
        if not POLLED.search(request.url):
            last[0] = time.perf_counter()

    page.on("request", lambda request: None if POLLED.search(request.url) else open_requests.add(request))
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    start = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}{door.path}")
    page.locator(door.there).first.wait_for(state="attached", timeout=60_000)
    there = time.perf_counter() - start
    while time.perf_counter() - start < PATIENCE_S and (open_requests or time.perf_counter() - last[0] < QUIET_S):
        page.wait_for_timeout(50)
    usable = max(there, last[0] - start)
    context.close()
    return int(sum(sizes)), usable
