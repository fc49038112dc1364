"""Snapshots: a map as one file that holds its data, for sharing and archives. It needs no server and no network.

The public one counts by area and by bin, and tells no number under `LEAST`, so that nobody's report can be recognised.
One made for a person counts what this person may see. No snapshot tells of single cases.
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases.queries import sight
from webgis.maps import bundle, drawing, queries
from webgis.maps.layers import BY_NAME, SNAPSHOT_LAYERS, CityMapPage
from webgis.maps.queries import DETAILS, LEVELS
from webgis.settings import Settings, resources

LEAST = 5
"""The smallest count that everyone may know."""

BIN_ZOOM = 16
KEPT_DAYS = 7
PUBLIC = "cases.html"
PUBLIC_NAME = re.compile(r"cases(-\d{4}-\d\d-\d\d)?\.html")
DRAWN = "drawn"
ID = re.compile(r"^[A-Za-z0-9_-]{16,64}$")

_AREAS = text("SELECT * FROM fn.area_cases(:level, :digits, fn.asked(CAST(:params AS jsonb)))")
_BINS = text("SELECT bin_x, bin_y, count, open FROM fn.binned_cases(0, 0, 0, :level, fn.asked(CAST(:params AS jsonb)))")
_DIGITS = {"county": 6, "subdistrict": 9, "community": 12}

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Question:
    """Which map, which cases (`params` as tiles are asked), and the smallest count that is told."""

    page: CityMapPage
    params: Mapping[str, Any] = field(default_factory=dict)
    least: int = 1


def for_everyone() -> Question:
    """What everyone may know."""
    return Question(BY_NAME["cases"], {"measure": "reported"}, LEAST)


def for_person(actor: Actor, page: CityMapPage, asked: Mapping[str, str]) -> Question:
    """What this person may see, by the filters `asked` (checked by `tiled.CasesAsked`)."""
    departments, area = sight(actor)
    rights = {"_departments": departments, "_area": area}
    return Question(page, dict(asked) | {name: value for name, value in rights.items() if value is not None})


def draw(session: Session, settings: Settings, question: Question, now: datetime, tell: Tell, lang: str) -> str:
    """The snapshot as HTML, in the language of the context. `tell` is told how many per cent are done."""
    bounds = queries.extent(session)
    levels = []
    for place, level in enumerate(LEVELS):
        levels.append(_areas(session, level, question))
        tell(20 * (place + 1))
    bins = _bins(session, question)
    tell(80)
    time = now.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
    told = {
        "attribution": _told(question, time),
        "data": {"areas": [area for level in levels for area in level], "bins": bins, "bin_zoom": BIN_ZOOM},
    }
    shell = drawing.Shell(lang)
    shown = ("areas", "heat" if question.page.name == "heat" else "by_area")
    page = replace(question.page, shown=shown)
    figure = drawing.figure(page, bounds, SNAPSHOT_LAYERS, shell, told)
    scripts = bundle.leaflet() + bundle.bundled("drawn.js")
    icons = (resources("static") / "app" / "icons.svg").read_text(encoding="utf-8")
    return figure.render_whole(bundle.styles(), scripts, icons)


def _told(question: Question, time: str) -> str:
    if question.least > 1:
        return _("Drawn %(time)s. Counts under %(least)s are left out.", time=time, least=question.least)
    return _("Drawn %(time)s. For official use.", time=time)


def _areas(session: Session, level: str, question: Question) -> list[dict[str, Any]]:
    """Areas of a level: names, rings of degrees, and the count, if it is large enough to be told."""
    values = {"level": level, "digits": _DIGITS[level], "params": json.dumps(question.params)}
    counts = {row.code: row.count for row in session.execute(_AREAS, values)}
    shapes = json.loads(queries.areas_geojson(session, level, queries.extent(session), _DETAIL_OF[level]))
    return [_area(one, counts.get(one["properties"]["code"], 0), question.least) for one in shapes["features"]]


_DETAIL_OF = dict(zip(LEVELS, ("middle", "middle", "near"), strict=True))
assert set(_DETAIL_OF.values()) <= DETAILS.keys()


def _area(feature: dict[str, Any], count: int, least: int) -> dict[str, Any]:
    facts = feature["properties"]
    lon, lat = facts.pop("label")
    shape = feature["geometry"]
    polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
    told = {"count": count} if count >= least else {}
    return facts | told | {"lon": lon, "lat": lat, "rings": [ring for polygon in polygons for ring in polygon]}


def _bins(session: Session, question: Question) -> list[list[int]]:
    """x, y, count, open of the bins that may be told; of small counts nothing is known of how many are open."""
    values = {"level": BIN_ZOOM, "params": json.dumps(question.params)}
    rows = session.execute(_BINS, values).all()
    return [[row.bin_x, row.bin_y, row.count, row.open] for row in rows if row.count >= question.least]


# Where they lie


def drawn_folder(settings: Settings) -> Path:
    """Where the public ones lie: `maps_dir`; else `static/maps/drawn` when that can be written; else `var/maps`.

    All are served as `/static/maps/drawn/`.
    """
    if settings.maps_dir is not None:
        return settings.maps_dir
    beside = resources("static") / "maps"
    return beside / DRAWN if os.access(beside, os.W_OK) else settings.var_dir / "maps"


def public_file(settings: Settings, name: str) -> Path | None:
    """The public one of this name. Everyone may ask: names are those that `write_public` gives, and never a way out of
    the folder."""
    file = drawn_folder(settings) / name
    return file if PUBLIC_NAME.fullmatch(name) and file.is_file() else None


def write_public(folder: Path, page: str, day: str) -> Path:
    """The newest, and a copy that stays with its day as its name; returns the newest's path."""
    write(folder / f"cases-{day}.html", page)
    return write(folder / PUBLIC, page)


def write(target: Path, content: str) -> Path:
    """Write a file so that a reader sees the old one or the new one, never half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}.{os.getpid()}")
    made.write_text(content, encoding="utf-8")
    return made.replace(target)


def own_file(settings: Settings, person: int, name: str) -> Path:
    """Where the snapshot `name` of a person lies."""
    return settings.var_dir / "snapshots" / str(person) / f"{name}.html"


def new_name() -> str:
    """A name for a snapshot, which nobody guesses."""
    return secrets.token_urlsafe(18)


def forget_old(settings: Settings, now: datetime) -> int:
    """Remove snapshots of persons after `KEPT_DAYS`; returns how many."""
    before = (now - timedelta(days=KEPT_DAYS)).timestamp()
    old = [file for file in (settings.var_dir / "snapshots").glob("*/*.html") if file.stat().st_mtime < before]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
