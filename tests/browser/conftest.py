"""A real server on a real database, and Debian's Chromium, in which everything that goes wrong is written down.

Server and Chromium stay for all tests of a worker; the city is as new for each (`tests/databases.py`), and so is every
reader's browser: it has cookies, storage and a cache of its own.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests import city
from tests.databases import database, settings_for
from webgis import chromium
from webgis.accounts import queries as accounts
from webgis.cases import calendar, evidence, intake
from webgis.db import Runtime

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""Flags under which Chromium itself asks no other host for anything."""

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')

REFUSED = "Failed to load resource: the server responded with a status of 4"
CUT = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"

PATIENCE_MS = 120_000
"""How long a page may take before a test gives up: on a busy machine the server alone may need a minute to start."""

expect.set_options(timeout=30_000)

if not chromium.program():
    collect_ignore_glob = ["test_*.py"]


@dataclass
class Watch:
    """What the browser did: every address asked for, every dialog, every complaint of the console."""

    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refusals_expected: bool = False
    """Whether answers 4xx are part of the test; Chromium complains of each in the console."""
    cuts_expected: bool = False
    """Whether the test takes the network away; Chromium complains of each request that meets none."""

    def heard(self, context: BrowserContext) -> None:
        """Watch everything in `context`."""
        context.on("request", self._request)
        context.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        refused = self.refusals_expected and message.text.startswith(REFUSED)
        cut = self.cuts_expected and message.text == CUT
        if message.type in ("error", "warning") and not (refused or cut):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


@dataclass
class Site:
    """The served city: its address, its runtime, and how to open it in a browser."""

    origin: str
    runtime: Runtime
    browser: Browser
    watch: Watch

    @contextmanager
    def reader(
        self, login: str | None, *, size=(1440, 900), language="zh-CN", lands=False, **options
    ) -> Iterator[Page]:
        """A page of someone's own browser, with the login `login`. When it `lands`, they have logged in through the
        login page and look at what comes after it, else the page is still empty."""
        width, height = size
        phone = {"is_mobile": True, "has_touch": True} if width < 500 else {}
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, locale=language, base_url=self.origin, **(phone | options)
        )
        context.set_default_timeout(PATIENCE_MS)
        self.watch.heard(context)
        page = context.new_page()
        try:
            if login is not None:
                (_land if lands else _log_in)(page, login)
            yield page
        finally:
            context.close()

    def report(self, at: datetime | None = None) -> str:
        """A case reported without the pages, now or `at` a moment; returns its number."""
        settings = self.runtime.settings
        stored = evidence.store(settings, [city.photo()])
        with self.runtime.transaction() as session:
            given = intake.Report(*city.IN_WEST, "matter", city.REFUSE, "路口暴露垃圾", acknowledged=True)
            actor = accounts.actor(session, "inspector1")
            return intake.report(session, settings, actor, given, stored, at=at or datetime.now(UTC)).number


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium.program(), args=list(QUIET))
        yield made
        made.close()


def _land(page: Page, login: str) -> None:
    """Log in through the login page and look at what comes after it."""
    page.goto("/login")
    page.fill("#login", login)
    page.fill("#password", city.PASSWORD)
    page.click("form.stack button[type=submit]")
    page.wait_for_url(lambda address: "/login" not in address)


def _log_in(page: Page, login: str) -> None:
    """Send what the login page would send, without looking at any page."""
    token = TOKEN.search(page.request.get("/login").text())[1]
    form = {"login": login, "password": city.PASSWORD, "csrf_token": token}
    answer = page.request.post("/login", form=form, max_redirects=0)
    assert answer.status == 302, answer.text()


@contextmanager
def _opened(slates, template: str, browser: Browser, folder: Path) -> Iterator[Site]:
    """A city served from this template; afterwards nothing may have left the machine, been executed or been complained
    about."""
    watch = Watch()
    with slates.borrow(template) as slate:
        origin = slate.beside("served", lambda settings: served(settings, folder / "server.log"))
        yield Site(origin, slate.runtime, browser, watch)
    strangers = [address for address in watch.asked if not address.startswith((origin, "blob:" + origin, "data:"))]
    assert not strangers, f"asked another host: {strangers}"
    assert not watch.dialogs, f"a script of a description ran: {watch.dialogs}"
    assert not watch.complaints, f"the console complained: {watch.complaints}"


@pytest.fixture(scope="session")
def served_template(servers, city_template, tmp_path_factory) -> Iterator[str]:
    """Name of a database with the small city and its calendar, which a server stores once and then believes there."""
    with database(servers, city_template) as name:
        runtime = Runtime(settings_for(servers, name, tmp_path_factory.mktemp("template")))
        with runtime.transaction() as session:
            calendar.of_city(session, runtime.settings)
        runtime.dispose()
        yield name


@pytest.fixture
def site(slates, served_template, browser, tmp_path_factory) -> Iterator[Site]:
    """The small city, served."""
    with _opened(slates, served_template, browser, tmp_path_factory.getbasetemp()) as opened:
        yield opened


@pytest.fixture
def empty_site(slates, template, browser, tmp_path_factory) -> Iterator[Site]:
    """A city of which there is nothing yet, served."""
    with _opened(slates, template, browser, tmp_path_factory.getbasetemp()) as opened:
        yield opened


@contextmanager
def served(settings, log: Path) -> Iterator[str]:
    """gunicorn on a socket that listens before it starts, so that nobody has to wait for it; yields the origin."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBGIS_")} | {
        "WEBGIS_DATABASE_URL": settings.database,
        "WEBGIS_REDIS_URL": settings.redis,
        "WEBGIS_VAR_DIR": str(settings.var_dir),
        "WEBGIS_MAPS_DIR": str(settings.maps_dir),
        "WEBGIS_SECRET_KEY": "for tests only",
        "WEBGIS_DEMO_LOGIN": "true",
    }
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("ab") as written:
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", "--threads", "8"]
        process = subprocess.Popen(
            [*command, "--worker-class", "gthread", "--no-control-socket", "webgis.app:create_app()"],
            pass_fds=[listener.fileno()],
            stdout=written,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture
def photo(tmp_path) -> Callable[[int], Path]:
    """A function that gives a photo's file, different for each colour."""

    def make(colour: int) -> Path:
        file = tmp_path / f"photo{colour}.jpg"
        file.write_bytes(city.photo(320, 240, colour=colour))
        return file

    return make
