"""What every template may use: words, links of the header, addresses of static files. Asks the database nothing, so
that an error page can be drawn when the database is away."""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import g, request, url_for
from flask_babel import gettext as _

from webgis import web
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.maps.signs import STATES
from webgis.pages import step_words, topics, words
from webgis.pages.topics import Link
from webgis.settings import resources


def everywhere() -> dict[str, Any]:
    """The names that templates know without being given them."""
    return {
        "asset": asset,
        "module_addresses": module_addresses,
        "imported": imported,
        "html_lang": html_lang,
        "person": person,
        "links": links,
        "topics": topics.links,
        "state_sign": STATES.__getitem__,
        "role_word": words.ROLES.__getitem__,
        "role_task": words.ROLE_TASKS.__getitem__,
        "kind_word": words.department_kind,
        "name_of": words.name_of,
        "short_time": words.short_time,
        "long_time": words.long_time,
        "error_words": words.error_words,
        "result_words": step_words.RESULTS.__getitem__,
        "photo_limits": photo_limits,
    }


def asset(name: str) -> str:
    """The address of a static file, with a mark that changes when the file does."""
    return _address(request.script_root, name)


@lru_cache(maxsize=1024)
def _address(_root: str, name: str) -> str:
    """The same, kept for each place under which the site is served: a page has some eighty of them."""
    return url_for("static", filename=name, v=_mark(name))


VENDORED = {
    "pbf": "vendor/pbf/index.js",
    "@mapbox/point-geometry": "vendor/@mapbox/point-geometry/index.js",
    "@mapbox/vector-tile": "vendor/@mapbox/vector-tile/index.js",
}
"""Modules of others that ours import by name."""


FOLDERS = (
    "app",
    "app/alarms",
    "app/desk",
    "app/hazards",
    "app/metro",
    "app/sensors",
    "app/watch",
    "app/work",
    "app/emergency",
    "maps",
)
"""Folders of our modules."""


def module_addresses() -> dict[str, dict[str, str]]:
    """An import map: modules that others import, with the same marks, so that no page mixes old and new ones."""
    return _addresses_below(request.script_root)


@lru_cache(maxsize=8)
def _addresses_below(_root: str) -> dict[str, dict[str, str]]:
    """The import map, kept as they are: every page has it, and no mark changes."""
    files = [f"{folder}/{file.name}" for folder in FOLDERS for file in _modules(folder)]
    own = {url_for("static", filename=name): asset(name) for name in files}
    return {"imports": own | vendored()}


def vendored() -> dict[str, str]:
    """The addresses of modules of others that ours import by name."""
    return {name: asset(file) for name, file in VENDORED.items()}


def _modules(folder: str) -> list[Path]:
    return sorted((resources("static") / folder).glob("*.js"))


def imported(*names: str) -> list[str]:
    """The addresses of all modules that these import: a page asks for them at once instead of one after another."""
    return [asset(name) for name in sorted({name for entry in names for name in _imported(entry)} - {*names})]


_IMPORT = re.compile(r"""^(?:import|export)\b[^"'();]*["']([^"']+)["'];""", re.MULTILINE)


@lru_cache(maxsize=256)
def _imported(name: str) -> frozenset[str]:
    """A module and all that it imports, itself or through others, as names of static files."""
    found, open_ = {name}, [name]
    while open_:
        folder = Path(one := open_.pop()).parent
        for given in _IMPORT.findall((resources("static") / one).read_text()):
            other = VENDORED.get(given) or os.path.normpath(folder / given)
            if other not in found:
                found.add(other)
                open_.append(other)
    return frozenset(found)


def marked(path: str) -> str:
    """The address of a static file of that path, with its mark."""
    return asset(path.removeprefix("/static/"))


@lru_cache(maxsize=256)
def _mark(name: str) -> str | None:
    file = resources("static") / name
    return format(int(file.stat().st_mtime), "x") if file.is_file() else None


def html_lang() -> str:
    """The language of the page as HTML names it."""
    return "en" if web.locale() == "en" else "zh-CN"


def person() -> Actor | None:
    """Who is logged in, or None."""
    return g.get("actor")


def links(actor: Actor) -> list[Link]:
    """The header's links for this person."""
    desk = Link(url_for("pages.desk"), _("Desk"), "inbox", "desk")
    department = Link(url_for("pages.department"), _("Our cases"), "inbox", "department")
    watch = Link(url_for("pages.watch"), _("Overview"), "chart-bar", "watch")
    cases = Link(url_for("pages.case_list"), _("Cases"), "list-details", "cases")
    report = Link(url_for("pages.report_form"), _("Report"), "plus", "report")
    map_ = Link(url_for("pages.city_map", name="cases"), _("Map"), "map-2", "map")
    hotline = Link(url_for("hotline_pages.form"), _("Hotline"), "phone", "hotline")
    requests = Link(url_for("pages.request_list"), _("Requests"), "hourglass", "requests")
    administration = Link(url_for("admin.home"), _("Administration"), "adjustments-horizontal", "admin")
    offered = {
        desk: permissions.may(actor, "desk.use"),
        department: permissions.may(actor, "department.use"),
        watch: permissions.may(actor, "watch.use"),
        cases: True,
        report: permissions.may(actor, "cases.report"),
        hotline: permissions.may(actor, "hotline.take"),
        requests: permissions.may(actor, "requests.see"),
        map_: True,
        administration: permissions.may(actor, "admin.people"),
    }
    return [link for link, wanted in offered.items() if wanted]


def photo_limits() -> dict[str, int]:
    """How many photos a step takes, and the size of each in MB."""
    settings = web.runtime().settings
    return {"count": settings.max_photos, "mb": settings.max_photo_mb}
