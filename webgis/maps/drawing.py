"""The map of cases: live, for those who are logged in, and as a drawn copy for everyone.

Both are one Folium figure; they differ in where the data comes from and in how much of a case is told.
"""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import format_datetime
from flask_babel import gettext as _
from sqlalchemy import Row

from webgis.cases import queries as cases
from webgis.geo import Box
from webgis.maps.figure import LocalFigure, data_block
from webgis.maps.layers import AreaLayer, CaseCluster, CaseMarkers, CellLayer, CityMap, Frame, LayersButton, Notice
from webgis.maps.queries import MOST_CASES
from webgis.maps.signs import LIGHTS, legend_rows
from webgis.settings import Settings, resources

CELLS_FROM_ZOOM = 16
"""Below it a cell of 100 m is smaller than a fingertip, and a view holds thousands."""

DRAWN = "drawn"
PAGE = "cases.html"


def live_map(bounds: Box, *, lang: str, nonce: str, addresses: dict[str, str]) -> LocalFigure:
    """The map whose layers load from `addresses`: areas, cells, cases; and case, a case's page without its number."""
    figure = LocalFigure(_("Map of cases"), lang, nonce)
    city = _shell(figure, bounds, areas={"address": addresses["areas"]})
    CellLayer(_("Cells"), address=addresses["cells"], min_zoom=CELLS_FROM_ZOOM, words={"cell": _("Cell")}).add_to(city)
    _add_cases(city, address=addresses["cases"], link=addresses["case"])
    return figure


def drawn_map(bounds: Box, areas: Iterable[str], shown: dict[str, Any], *, lang: str) -> LocalFigure:
    """The copy that holds its data: `areas` are GeoJSON texts by level, `shown` a FeatureCollection for everyone."""
    figure = LocalFigure(_("Map of cases"), lang)
    features = [feature for text in areas for feature in json.loads(text)["features"]]
    figure.html.add_child(data_block("areas-data", _json({"features": features})), name="areas_data")
    figure.html.add_child(data_block("cases-data", _json(shown)), name="cases_data")
    city = _shell(figure, bounds, areas={"data": "areas-data"}, drawn_at=shown["drawn_at"])
    _add_cases(city, data="cases-data")
    return figure


def _shell(figure: LocalFigure, bounds: Box, areas: dict[str, str], drawn_at: str | None = None) -> CityMap:
    city = CityMap(bounds)
    figure.add_child(city)
    sources = _("webgis · boundaries of this installation")
    told = _("Drawn %(time)s. Places are the centres of cells.", time=drawn_at) if drawn_at else sources
    words = {"map": _("Map of cases"), "attribution": told, "zoomIn": _("Zoom in"), "zoomOut": _("Zoom out")}
    Frame(bounds=list(bounds), words=words).add_to(city)
    Notice(words=_notices()).add_to(city)
    AreaLayer(_("Areas"), **areas).add_to(city)
    return city


def _notices() -> dict[str, str]:
    return {
        "offline": _("No connection: the map shows what it had."),
        "loading": "",
        "empty": _("No cases to show yet. What is reported appears here."),
        "many": _("The newest %(count)s of this view. Zoom in to see all.", count=f"{MOST_CASES:,}"),
        "cells": _("Zoom in to see cells"),
    }


def _add_cases(city: CityMap, **source: str) -> None:
    cluster = CaseCluster(_("Cases"))
    cluster.add_to(city)
    words = {"legend": _("Cases"), "late": str(LIGHTS["overdue"].word), "soon": str(LIGHTS["due_soon"].word)}
    CaseMarkers(cluster, states=legend_rows(), words=words, **source).add_to(city)
    LayersButton(words={"layers": _("Layers")}).add_to(city)


def features(rows: Iterable[Row], now: datetime, zone: ZoneInfo, *, english: bool) -> list[dict[str, Any]]:
    """Rows of `queries` as GeoJSON features. Text of people is one of the properties: data, never markup."""
    return [_feature(row, now, zone, english) for row in rows]


def _feature(row: Row, now: datetime, zone: ZoneInfo, english: bool) -> dict[str, Any]:
    light = cases.light(row, now)
    facts = {
        "number": row.number,
        "state": row.state,
        "kind": row.kind,
        "class": row.class_code,
        "class_name": (row.class_en if english else None) or row.class_zh,
        "light": LIGHTS[light].colour if light else None,
        "light_word": str(LIGHTS[light].word) if light else None,
        "reported": format_datetime(row.reported_at.astimezone(zone), "yyyy-MM-dd HH:mm", rebase=False),
    }
    if "description" in row._fields:
        facts["description"] = row.description
    place = [round(row.lon, 6), round(row.lat, 6)]
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": facts}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def drawn_folder(settings: Settings) -> Path:
    """Where drawn maps lie: `maps_dir`; else `static/maps/drawn` when that can be written; else `var/maps`.

    All are served as `/static/maps/drawn/`.
    """
    if settings.maps_dir is not None:
        return settings.maps_dir
    beside = resources("static") / "maps"
    return beside / DRAWN if os.access(beside, os.W_OK) else settings.var_dir / "maps"


def write_drawing(folder: Path, figure: LocalFigure) -> Path:
    """Write page and script so that a reader sees the old map or the new one, never half; returns the page's path.

    The script has a name of its own for each drawing, so that an old page never runs a new script. Only the one before
    is kept for those who are just loading it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = f"{datetime.now().timestamp():.6f}".replace(".", "")
    script_name = f"cases.{stamp}.js"
    page, script = figure.render_apart(script_name)
    _write(folder / script_name, script)
    _write(folder / PAGE, page)
    for old in sorted(folder.glob("cases.*.js"))[:-2]:
        old.unlink(missing_ok=True)
    return folder / PAGE


def _write(target: Path, content: str) -> None:
    made = target.with_name(f".{target.name}.{os.getpid()}")
    made.write_text(content, encoding="utf-8")
    made.replace(target)
