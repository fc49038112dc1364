"""Snapshots: a map as one file that holds its data, for sharing and archives. It needs no server and no network.

The public one adds up what everyone may know (`fn.public_counts`): no cell with fewer than `LEAST` cases of a kind is
told, and nothing is found by taking one number from another, so that nobody's report can be recognised.
One made for a person counts what this person may see. No snapshot tells of single cases.
"""

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases.queries import sight
from webgis.geo import Box
from webgis.grid.models import CODE_LENGTHS
from webgis.maps import bundle, drawing, queries
from webgis.maps.layers import BY_NAME, SNAPSHOT_LAYERS, CityMapPage
from webgis.maps.queries import DETAILS, LEVELS
from webgis.settings import Settings, resources

LEAST = 5
"""The smallest count that everyone may know."""

BIN_ZOOM = 16
KEPT_DAYS = 7
PUBLIC = "cases.html"
PUBLIC_NAME = re.compile(r"cases(-\d{4}-\d\d-\d\d)?(\.(en|zh-CN))?\.html")
DRAWN = "drawn"
ID = re.compile(r"^[A-Za-z0-9_-]{16,64}$")

_AREAS = text("SELECT * FROM fn.area_cases(:level, :digits, fn.asked(CAST(:params AS jsonb)))")
_BINS = text("SELECT bin_x, bin_y, count, open FROM fn.binned_cases(0, 0, 0, :level, fn.asked(CAST(:params AS jsonb)))")
_PUBLIC = text(
    "SELECT code, fn.bin_squeeze(bin) AS x, fn.bin_squeeze(bin >> 1) AS y, count FROM fn.public_counts(:least)"
)
_DIGITS = {level: CODE_LENGTHS[level] for level in LEVELS}

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
    rights = {f"_{name}": value for name, value in sight(actor)._asdict().items() if value is not None}
    return Question(page, dict(asked) | rights)


def draw(session: Session, settings: Settings, question: Question, now: datetime, tell: Tell, lang: str) -> str:
    """The snapshot as HTML, in the language of the context. `tell` is told how many per cent are done."""
    return written(settings, question, collect(session, question, tell), now, lang)


class Collected(NamedTuple):
    """What a snapshot holds, in whatever language it is written: its box and its data."""

    bounds: Box
    data: dict[str, Any]


def collect(session: Session, question: Question, tell: Tell) -> Collected:
    """The data of a snapshot. `tell` is told how many per cent are done."""
    bounds = queries.extent(session)
    counts = _public(session) if question.least > 1 else _own(session, question)
    tell(40)
    levels = []
    for place, level in enumerate(LEVELS, start=1):
        levels.append(_areas(session, level, counts.areas[level]))
        tell(40 + 15 * place)
    areas = [area for level in levels for area in level]
    return Collected(bounds, {"areas": areas, "bins": counts.bins, "bin_zoom": BIN_ZOOM})


def written(settings: Settings, question: Question, collected: Collected, now: datetime, lang: str) -> str:
    """The snapshot of this data as HTML, in the language of the context, which `lang` names."""
    time = now.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
    told = {
        "attribution": _told(question, time),
        "least": question.least,
        "data": collected.data,
    }
    shell = drawing.Shell(lang)
    shown = ("areas", "heat" if question.page.name == "heat" else "by_area")
    page = replace(question.page, shown=shown)
    figure = drawing.figure(page, collected.bounds, SNAPSHOT_LAYERS, shell, told)
    scripts = bundle.leaflet() + bundle.bundled("drawn.js")
    icons = (resources("static") / "app" / "icons.svg").read_text(encoding="utf-8")
    return figure.render_whole(bundle.styles(), scripts, icons)


def _told(question: Question, time: str) -> str:
    if question.least > 1:
        return _("Drawn %(time)s. Counts under %(least)s are left out.", time=time, least=question.least)
    return _("Drawn %(time)s. For official use.", time=time)


class Counts(NamedTuple):
    """Counts by level and code of an area; [x, y, count] by bin of `BIN_ZOOM`, for people with how many are open."""

    areas: dict[str, dict[str, int]]
    bins: list[list[int]]


def _own(session: Session, question: Question) -> Counts:
    """What a person may see."""
    params = json.dumps(question.params)
    areas = {
        level: {row.code: row.count for row in session.execute(_AREAS, {"level": level, "digits": n, "params": params})}
        for level, n in _DIGITS.items()
    }
    bins = session.execute(_BINS, {"level": BIN_ZOOM, "params": params})
    return Counts(areas, [[row.bin_x, row.bin_y, row.count, row.open] for row in bins])


def _public(session: Session) -> Counts:
    """Sums of what everyone may know, which tell no more than that."""
    areas, bins = {level: Counter() for level in _DIGITS}, Counter()
    for row in session.execute(_PUBLIC, {"least": LEAST}):
        for level, digits in _DIGITS.items():
            if len(row.code) >= digits:
                areas[level][row.code[:digits]] += row.count
        if row.x is not None:
            bins[row.x, row.y] += row.count
    return Counts(areas, [[x, y, count] for (x, y), count in sorted(bins.items())])


def _areas(session: Session, level: str, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Areas of a level: names, rings of degrees, and the count, where one is told."""
    shapes = json.loads(queries.areas_geojson(session, level, queries.extent(session), _DETAIL_OF[level]))
    return [_area(one, counts.get(one["properties"]["code"])) for one in shapes["features"]]


_DETAIL_OF = dict(zip(LEVELS, ("middle", "middle", "near"), strict=True))
assert set(_DETAIL_OF.values()) <= DETAILS.keys()


def _area(feature: dict[str, Any], count: int | None) -> dict[str, Any]:
    facts = feature["properties"]
    lon, lat = facts.pop("label")
    shape = feature["geometry"]
    polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
    told = {} if count is None else {"count": count}
    return facts | told | {"lon": lon, "lat": lat, "rings": [ring for polygon in polygons for ring in polygon]}


# Where they lie


def drawn_folder(settings: Settings) -> Path:
    """Where the public ones lie: `maps_dir`; else `static/maps/drawn` when that can be written; else `var/maps`.

    All are served as `/static/maps/drawn/`.
    """
    if settings.maps_dir is not None:
        return settings.maps_dir
    beside = resources("static") / "maps"
    return beside / DRAWN if os.access(beside, os.W_OK) else settings.var_dir / "maps"


def public_name(settings: Settings, lang: str) -> str:
    """The name of the newest public one in a language; that of the city's language until it is drawn in another."""
    other = f"cases.{lang}.html"
    return other if public_file(settings, other) else PUBLIC


def public_file(settings: Settings, name: str) -> Path | None:
    """The public one of this name. Everyone may ask: names are those that `write_public` gives, and never a way out of
    the folder."""
    file = drawn_folder(settings) / name
    return file if PUBLIC_NAME.fullmatch(name) and file.is_file() else None


def write_public(folder: Path, page: str, day: str, others: Mapping[str, str]) -> Path:
    """The newest, and a copy that stays with its day as its name; returns the newest's path. `others`: the newest in
    other languages."""
    for lang, other in others.items():
        write(folder / f"cases.{lang}.html", other)
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
