"""The inspector's phone: the shell, which opens without network, and what it asks for.

The shell is the same for everybody and holds nothing of anybody. What the phone sends comes in by
`inspect_sending.py`; its scripts are in `static/app/inspect`, their words in `inspect_words.py`.
"""

import hashlib
import json
from datetime import UTC, datetime, time

from apiflask import APIBlueprint
from flask import Response, jsonify, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from pydantic import Field

import webgis
from webgis import api, geo, web
from webgis.cases import queries, retention, shift_views, shifts
from webgis.errors import NotFound
from webgis.maps import basemaps, layers
from webgis.maps import queries as map_queries
from webgis.pages import context, inspect_queries, inspect_words
from webgis.settings import resources

inspect = APIBlueprint("inspect", __name__, url_prefix="/inspect", enable_openapi=False)

LOCALES = {"zh": "zh_CN", "en": "en"}
HTML_LANGS = {"zh": "zh-CN", "en": "en"}
FOLDER = "app/inspect"
OTHERS = (
    "vendor/leaflet/dist/leaflet.js",
    "vendor/leaflet/dist/leaflet.css",
    "app/icons.svg",
    "app/mark.svg",
)
"""Files of the shell that others use too."""

OUTBOX = f"{FOLDER}/outbox.js"
WORKER = f"{FOLDER}/sw.js"
APART = ("sw.js", "install.js")
"""Files of the folder that are no part of the shell."""

LAYERS = ("metro", "hazards", "sensors", "waterlogging", *layers.ALWAYS)
SHOWN = ("hazards", "waterlogging", *layers.ALWAYS)
"""Layers of the city's maps that the map of the beat has, and shows at first, while there is network."""

PHOTOS = "webgis-inspect-photos"
ICONS = ((192, "any"), (512, "any"), (512, "maskable"))
THEME = "#2563eb"


@inspect.get("", strict_slashes=False)
@web.open_to_all
def app():
    """The shell in the language of who asks."""
    return _shell("en" if web.locale() == "en" else "zh")


@inspect.get("/shell/<lang>")
@web.open_to_all
def shell(lang: str):
    """The shell in a language, as the phone keeps it."""
    return _shell(_known(lang))


def _known(lang: str) -> str:
    if lang not in LOCALES:
        raise NotFound("pages.language-unknown", f"There is no language {lang}", got=lang, accepted=list(LOCALES))
    return lang


def _track_days() -> int:
    """How long tracks are kept, which inspectors are told."""
    with web.transaction() as session:
        kept = retention.days_of(session, web.runtime().settings, "tracks")
    return kept or retention.LONGEST_DAYS


def _shell(lang: str) -> str:
    settings = web.runtime().settings
    with force_locale(LOCALES[lang]):
        config = {
            "areas": url_for("maps.areas"),
            "cells": url_for("maps.cells"),
            "basemaps": basemaps.offered(settings, "/basemaps/", HTML_LANGS[lang]),
            "bounds": list(_bounds()),
            "layers": [one.told(shown=one.name in SHOWN) for one in layers.LAYERS if one.name in LAYERS],
            "tiles": "/tiles/{layer}/{z}/{x}/{y}.mvt",
            "map_style": context.asset("maps/maps.css"),
            "photos": PHOTOS,
            "most_photos": settings.max_photos,
            "tolerance_m": settings.verify_tolerance_m,
            "track_days": _track_days(),
            "version": webgis.__version__,
        }
        return render_template(
            "inspect/shell.html",
            lang=HTML_LANGS[lang],
            short=lang,
            words={key: str(word) for key, word in inspect_words.WORDS.items()},
            config=config,
            modules={"imports": _own_scripts() | context.vendored()},
        )


def _bounds() -> tuple[float, float, float, float]:
    with web.transaction() as session:
        return map_queries.extent(session)


def _own_scripts() -> dict[str, str]:
    files = sorted((resources("static") / FOLDER).glob("*.js"))
    names = [f"{FOLDER}/{file.name}" for file in files if file.name not in APART]
    return {url_for("static", filename=name): context.asset(name) for name in names}


def _files() -> list[str]:
    """The files of the shell, by their names under `static`."""
    own = sorted(file.name for file in (resources("static") / FOLDER).iterdir() if file.name not in APART)
    return [*OTHERS, *(f"{FOLDER}/{name}" for name in own)]


@inspect.get("/sw.js")
@web.open_to_all
def service_worker():
    """The service worker: another whenever a file or a text of the shell is another."""
    known = {
        "VERSION": _version(),
        "SHELL": [context.asset(name) for name in _files()],
        "PAGES": {lang: url_for("inspect.shell", lang=lang) for lang in LOCALES},
        "SCOPE": url_for("inspect.app"),
        "OUTBOX": context.asset(OUTBOX),
    }
    written = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in known.items())
    script = written + (resources("static") / WORKER).read_text(encoding="utf-8")
    headers = {"Service-Worker-Allowed": url_for("inspect.app"), "Cache-Control": "no-cache"}
    return Response(script, mimetype="text/javascript", headers=headers)


def _version() -> str:
    digest = hashlib.sha256()
    for name in [*_files(), WORKER]:
        digest.update((resources("static") / name).read_bytes())
    for lang in LOCALES:
        digest.update(_shell(lang).replace(web.csp_nonce(), "").encode())
    return digest.hexdigest()[:16]


@inspect.get("/<lang>.webmanifest")
@web.open_to_all
def manifest(lang: str):
    """What a phone needs to install the app."""
    with force_locale(LOCALES[_known(lang)]):
        told = {
            "id": url_for("inspect.app"),
            "name": _("webgis patrol"),
            "short_name": _("Patrol"),
            "description": _("Report, confirm and verify on the spot, with or without network."),
            "lang": HTML_LANGS[lang],
            "start_url": url_for("inspect.app"),
            "scope": url_for("inspect.app"),
            "display": "standalone",
            "orientation": "portrait",
            "background_color": "#ffffff",
            "theme_color": THEME,
            "icons": [
                {
                    "src": context.asset(f"{FOLDER}/icon-{size}{'-maskable' if use == 'maskable' else ''}.png"),
                    "sizes": f"{size}x{size}",
                    "type": "image/png",
                    "purpose": use,
                }
                for size, use in ICONS
            ],
        }
    response = jsonify(told)
    response.content_type = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


@inspect.get("/me")
@web.permits("inspect.use")
def me():
    """Who is logged in, the token of forms, and the shift they are on."""
    actor = web.actor()
    with web.transaction() as session:
        running = shifts.current(session, actor)
    return jsonify(
        {
            "person": {"id": actor.id, "login": actor.login, "name": actor.name},
            "token": generate_csrf(),
            "shift": running and shift_views.told(running),
        }
    )


@inspect.get("/classes")
@web.permits("inspect.use")
@web.packs
def classes():
    """Every class with its group, pinyin and initials, those of the street first."""
    with web.transaction() as session:
        response = jsonify({"classes": inspect_queries.classes(session)})
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


@inspect.get("/tasks")
@web.permits("inspect.use")
def tasks():
    """What this person is to confirm or verify."""
    with web.transaction() as session:
        return jsonify({"tasks": inspect_queries.tasks(session, web.runtime().settings, web.actor())})


class BeatAsked(api.Given):
    """Which beat: of a code, else the nearest to a place."""

    lon: float | None = Field(None, allow_inf_nan=False)
    lat: float | None = Field(None, allow_inf_nan=False)
    code: str | None = Field(None, max_length=64)


@inspect.get("/beat")
@web.permits("inspect.use")
@web.packs
def beat():
    """The beats of this person, the cells of one of them, and their own way today."""
    asked, settings, now = api.checked(BeatAsked, api.once(request.args)), web.runtime().settings, datetime.now(UTC)
    place = None if None in (asked.lon, asked.lat) else geo.to_cgcs2000(asked.lon, asked.lat, "wgs84")
    since = datetime.combine(now.astimezone(settings.zone), time(), settings.zone)
    with web.transaction() as session:
        return jsonify(inspect_queries.beat(session, web.actor(), now, since, place, asked.code))


class AlikeAsked(api.Given):
    """What is about to be reported."""

    lon: float = Field(allow_inf_nan=False)
    lat: float = Field(allow_inf_nan=False)
    kind: str = Field(pattern=r"^(component|matter)$")
    class_: str = Field(alias="class", pattern=r"^\d{5}$")
    description: str = Field("", max_length=2000)


@inspect.get("/alike")
@web.permits("inspect.use")
def alike():
    """Open cases that the report which is being written may repeat."""
    asked = api.checked(AlikeAsked, api.once(request.args))
    lon, lat = geo.to_cgcs2000(asked.lon, asked.lat, "wgs84")
    with web.transaction() as session:
        queries.require_cell(session, lon, lat, datetime.now(UTC))
        return jsonify({"alike": inspect_queries.alike(session, web.actor(), asked, lon, lat)})
