"""The API of beats: what they are, who is on duty where, what they leave out; laid out by managers."""

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import BaseModel, Field
from sqlalchemy import Row

from webgis import api, geo, web
from webgis.accounts import admin_log, permissions
from webgis.cases import beat_tables, queries, table_wire
from webgis.catalog import sheets
from webgis.grid import beats as beat_operations

beats = APIBlueprint("beats", __name__, url_prefix="/api/v1/beats", tag="Beats")
BLUEPRINTS = (beats,)

LARGEST_BEAT = 4 * 1024 * 1024
"""Bytes of a beat: it may name many cells."""

MOST_CELLS = 50_000


class AreaAsked(api.Given):
    """Which beats."""

    area: str | None = Field(None, pattern=r"^\d{4,15}$", description="code of an area")


class BeatsAsked(AreaAsked):
    """Which beats, and when."""

    at: datetime | None = Field(None, description="without an offset in the city's time zone; now when left out")


class PlaceAsked(api.Given):
    """A place and a moment."""

    lon: float
    lat: float
    crs: str = "wgs84"
    at: datetime | None = Field(None, description="now when left out")


class ShiftGiven(BaseModel):
    """When an inspector is on duty."""

    model_config = {"extra": "forbid"}

    days: str = Field("", max_length=100, description="such as Mon-Fri or 周一至周五; every day when left out")
    hours: str = Field(max_length=20, description="such as 08:00-18:00; 22:00-06:00 runs past midnight")
    inspector: str = Field(max_length=100, description="login")


class BeatGiven(api.Given):
    """A beat as it shall be."""

    name_zh: str = Field(max_length=beat_tables.LONGEST_NAME)
    name_en: str | None = Field(None, max_length=beat_tables.LONGEST_NAME)
    cells: list[str] = Field(
        min_length=1,
        max_length=MOST_CELLS,
        description="codes of cells, of areas (all their cells), or runs such as 510104017001001-020",
    )
    shifts: list[ShiftGiven] = Field(default_factory=list, max_length=200)


@beats.get("")
@beats.doc(summary="Beats", description="GeoJSON with cells and shifts, as they are at a moment.")
@api.documented(query=BeatsAsked)
@web.permits("beats.see")
def listed():
    """The beats, each as a Feature."""
    asked = _asked(BeatsAsked)
    with web.transaction() as session:
        rows = beat_operations.listed(session, _moment(asked.at), _area(asked.area))
    return api.geojson({"type": "FeatureCollection", "features": [_feature(row) for row in rows]})


@beats.get("/<code>")
@beats.doc(summary="One beat", description="With the codes of its cells.")
@web.permits("beats.see")
def one(code: str):
    """One beat of now."""
    with web.transaction() as session:
        rows = beat_operations.listed(session, datetime.now(UTC), _area(None), code)
        if not rows:
            raise beat_operations.unknown(code)
        cells = beat_operations.require_plan(session, code).cells
    return api.geojson(_feature(rows[0], {"cell_codes": list(cells)}))


@beats.put("/<code>")
@beats.doc(summary="Lay out a beat", description="For managers: it is so from now on; what it was stays readable.")
@api.documented(body=BeatGiven)
@web.permits("beats.change")
def lay_out(code: str):
    """Make a beat, or change it."""
    given = api.checked(BeatGiven, api.fields(LARGEST_BEAT))
    named = {"beat": code, "name": given.name_zh, "name_en": given.name_en or "", "cells": " ".join(given.cells)}
    shifts = [one.model_dump() for one in given.shifts] or [{}]
    with web.transaction() as session:
        rows = [(None, named | shift) for shift in shifts]
        done = beat_tables.lay_out(session, web.actor(), rows, at=datetime.now(UTC))
        admin_log.record(session, web.actor(), "beats.lay-out", code, None, given.model_dump(mode="json"))
    return jsonify(vars(done))


@beats.delete("/<code>")
@beats.doc(summary="End a beat", description="For managers.")
@web.permits("beats.change")
def close(code: str):
    """End a beat now."""
    with web.transaction() as session:
        beat_tables.close(session, web.actor(), code, at=datetime.now(UTC))
        admin_log.record(session, web.actor(), "beats.close", code)
    return "", 204


@beats.post("/import")
@beats.doc(summary="Import beats", description="For managers: a CSV, TSV or XLSX file in the field `file`.")
@web.permits("beats.change")
def import_beats():
    """Lay out the beats of a table."""
    with table_wire.uploaded() as path, web.transaction() as session:
        done = beat_tables.import_beats(session, web.actor(), sheets.read(path), at=datetime.now(UTC))
        admin_log.record(session, web.actor(), "beats.import", web.runtime().settings.city_code, None, vars(done))
    return jsonify(vars(done))


@beats.get("/export.xlsx")
@beats.doc(summary="The beats as a workbook", description="Which `import` reads back.")
@api.documented(query=AreaAsked)
@web.permits("beats.see")
def export():
    """The beats of now as XLSX."""
    asked = _asked(AreaAsked)
    with web.transaction() as session:
        rows = beat_tables.export_rows(session, datetime.now(UTC), _area(asked.area))
    return table_wire.rows_workbook("beats", beat_tables.EXPORT_HEADINGS["zh"], rows)


@beats.get("/on-duty")
@beats.doc(summary="Who is on duty", description="In which beat, since when, with how many cases to look at.")
@api.documented(query=BeatsAsked)
@web.permits("beats.see")
def on_duty():
    """Who is on duty at a moment."""
    asked = _asked(BeatsAsked)
    with web.transaction() as session:
        rows = beat_operations.on_duty(session, _moment(asked.at), _area(asked.area))
    return jsonify({"on_duty": [table_wire.plain(row) for row in rows]})


@beats.get("/inspector")
@beats.doc(summary="Who would look", description="The inspector on duty at a place, else the nearest, and why.")
@api.documented(query=PlaceAsked)
@web.permits("beats.see")
def inspector():
    """Who would be sent to a place."""
    asked = _asked(PlaceAsked)
    lon, lat = geo.to_cgcs2000(asked.lon, asked.lat, asked.crs)
    at = _moment(asked.at)
    with web.transaction() as session:
        cell = queries.require_cell(session, lon, lat, at)
        permissions.require_area(web.actor(), [cell.code])
        found = beat_operations.inspector_for(session, lon, lat, cell.code, at)
        login = beat_operations.login_of(session, found)
    return jsonify({"cell": cell.code, "inspector": login, "why": found.why})


@beats.get("/coverage")
@beats.doc(summary="What the beats leave out", description="Cells in none, in several, no longer valid; hours.")
@api.documented(query=AreaAsked)
@web.permits("beats.see")
def coverage():
    """What the beats leave out or cover twice."""
    asked = _asked(AreaAsked)
    with web.transaction() as session:
        found = beat_operations.coverage(session, _area(asked.area))
    return jsonify(vars(found) | {"left_out": [table_wire.plain(row) for row in found.left_out]})


def _asked(model):
    return api.checked(model, api.once(request.args))


def _area(asked: str | None) -> str | None:
    """The area asked for, or the one that the actor is limited to, whichever is the smaller."""
    own = web.actor().area
    if asked and own and asked != own:
        permissions.require_area(web.actor(), [asked])
    return asked or own


def _moment(given: datetime | None) -> datetime:
    return datetime.now(UTC) if given is None else queries.moment("at", given, web.runtime().settings.zone)


def _feature(row: Row, more: dict[str, Any] | None = None) -> dict[str, Any]:
    told = table_wire.plain(row)
    return {"type": "Feature", "id": row.code, "geometry": told.pop("geometry"), "properties": told | (more or {})}
