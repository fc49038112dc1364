"""Areas and the grid, kept by administrators: the tree, files with their faults on a map, division, checks."""

from typing import Any

from flask import request, url_for
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import geo, web
from webgis.cases import table_wire, workflow
from webgis.errors import Invalid
from webgis.exchange import work, work_files
from webgis.exchange.work_models import LongWork
from webgis.grid import division, files, queries, survey
from webgis.maps import queries as map_queries
from webgis.pages import admin_ground_words as ground_words
from webgis.pages import admin_work, words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, problems, put

ACTION = "admin.areas"
KINDS = ("areas", "cells", "cell_people", "divide", "check")
ENDINGS = {"areas": work_files.GEOGRAPHIC, "cells": work_files.GEOGRAPHIC, "cell_people": work_files.TABLES}
"""What comes in as a file, and the endings of its names."""

SHOWN = 300
"""Faults in the list beside the map; all that are kept are in the table to take away."""

SIZES = (20, 1000)
"""Smallest and largest side of a cell in metres that the form takes."""

put(Section("areas", lazy_gettext("Areas and grid"), "grid-dots", "admin.areas", ACTION), after="departments")


@admin.get("/areas")
@web.permits(ACTION)
def areas():
    """The areas right below one, or the widest, with what lies in each; and the last works."""
    within = request.args.get("within") or None
    with web.transaction() as session:
        chain = queries.area_chain(session, queries.area(session, within).code) if within else []
        found = [(one, 0) for one in queries.branches(session, within)]
        if within is None and len(found) == 1:
            found += [(one, 1) for one in queries.branches(session, found[0][0].area.code)]
        return page(
            "areas", "areas", chain=chain, branches=found, within=within, levels=words.LEVELS,
            works=work.recent(session, KINDS), kind_words=admin_work.KINDS, work_states=admin_work.STATES,
        )  # fmt: skip


@admin.get("/areas/import")
@web.permits(ACTION)
def areas_import():
    """The form by which boundaries, cells or their people come in."""
    return _import_form({"kind": request.args.get("kind", "areas")})


def _import_form(fields: dict, faults: dict | None = None) -> str:
    return page("areas_import", "areas", given=fields, problems=faults or {}, systems=geo.CRS_NAMES)


@admin.post("/areas/import")
@web.permits(ACTION)
@admin_work.asked
def import_areas():
    """Have a file looked at."""
    fields = given("kind", "crs", "encoding", "source")
    try:
        if fields["kind"] not in ENDINGS:
            raise workflow.bad_field("kind", fields["kind"], ", ".join(ENDINGS))
        asked: dict[str, Any] = {name: fields[name] or None for name in ("crs", "encoding", "source")}
        asked["crs"] = asked["crs"] and files.known_crs(asked["crs"])
        asked["illustrative"] = "illustrative" in request.form
        with admin_work.sent(ENDINGS[fields["kind"]]) as (file, called), web.transaction() as session:
            return admin_work.begin(session, fields["kind"], asked, file, called)
    except REFUSALS as error:
        return _import_form(fields, problems(error)), 422


@admin.get("/areas/divide")
@web.permits(ACTION)
def areas_divide():
    """The form by which an area is divided."""
    return _divide_form({"ground": request.args.get("area", ""), "size_m": f"{division.SIZE_M:g}"})


def _divide_form(fields: dict, faults: dict | None = None) -> str:
    with web.transaction() as session:
        listed = [area for level in ("city", "county", "subdistrict") for area in queries.areas(session, level)]
        return page("areas_divide", "areas", given=fields, problems=faults or {}, areas=listed, sizes=SIZES)


@admin.post("/areas/divide")
@web.permits(ACTION)
@admin_work.asked
def divide_area():
    """Have it looked at how an area would be divided."""
    fields = given("ground", "size_m")
    try:
        with web.transaction() as session:
            asked = {"area": _area(session, fields["ground"]), "size_m": _size(fields["size_m"]), "again": True}
            return admin_work.begin(session, "divide", asked | {"reuse_codes": "reuse_codes" in request.form})
    except REFUSALS as error:
        return _divide_form(fields, problems(error)), 422


def _area(session: Session, code: str) -> str:
    if not any(one.code == code for one in queries.areas_by_code(session, [code])):
        raise workflow.bad_field("ground", code, "the code of an area that is stored")
    return code


def _size(written: str) -> float:
    smallest, largest = SIZES
    if not written.isascii() or not written.replace(".", "", 1).isdigit() or not smallest <= float(written) <= largest:
        raise workflow.bad_field("size_m", written, f"metres from {smallest} to {largest}")
    return float(written)


@admin.post("/areas/check")
@web.permits(ACTION)
@admin_work.asked
def check_areas():
    """Have the stored areas and cells measured, within an area or all."""
    code = request.form.get("area", "").strip()
    with web.transaction() as session:
        if code:
            queries.area(session, code)
        return admin_work.begin(session, "check", {"area": code or None})


@admin.get("/areas/work/<name>/shapes.geojson")
@web.permits(ACTION)
def areas_shapes(name: str):
    """What a file or the ground looks like, for the map beside its faults."""
    return admin_work.shapes(name, KINDS)


@admin.get("/areas/work/<name>/faults.xlsx")
@web.permits(ACTION)
def areas_faults(name: str):
    """The faults as a table."""
    with web.transaction() as session:
        found = work.require(session, name, KINDS)
    header = ("row", "code", "fault", "other", "m2", "longitude", "latitude", "what")
    names = ("row", "code", "kind", "other", "m2", "lon", "lat")
    rows = [
        (*(fault.get(one) for one in names), ground_words.sentence(found.kind, fault))
        for fault in found.told.get("faults", ())
    ]
    return table_wire.rows_workbook("faults", header, rows)


def _decided() -> dict[str, Any]:
    """The kinds of faults of cells that are accepted."""
    accepted = request.form.getlist("accept")
    if unknown := set(accepted) - survey.KINDS:
        message = f"There is no kind of fault {sorted(unknown)[0]!r}"
        raise Invalid("grid.fault-unknown", message, field="accept", accepted=sorted(survey.KINDS))
    return {"accept": accepted}


def _facts(session: Session, found: LongWork) -> dict[str, Any]:
    """The faults in words, those that stop first, and what the map needs."""
    faults = [
        fault | {
            "number": number, "word": ground_words.KINDS.get(fault["kind"], fault["kind"]),
            "said": ground_words.sentence(found.kind, fault), "stops": ground_words.stops(found.kind, fault["kind"]),
        }
        for number, fault in enumerate(found.told.get("faults", ()), start=1)
    ]  # fmt: skip
    faults.sort(key=lambda fault: (not fault["stops"], fault["number"]))
    shown = work_files.folder_of(web.runtime().settings, found.name) / work_files.SHAPES
    return {
        "faults": faults[:SHOWN],
        "fault_words": ground_words.KINDS,
        "stops": lambda kind: ground_words.stops(found.kind, kind),
        "leaves_out": ground_words.leaves_out,
        "bounds": map_queries.extent(session),
        "shapes": url_for(".areas_shapes", name=found.name) if shown.is_file() else None,
        "levels": words.LEVELS,
    }


admin_work.offer(admin_work.Offered("areas", ACTION, KINDS, _facts, _decided))
