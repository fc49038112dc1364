"""Boundaries, surveyed cells, people of cells, division and checks of the ground as long work: what each finds, and
where on the map.

Every act is that of the command line (`webgis areas import`, `webgis grid import|divide|check`); here it is told as
values, with outlines to draw beside the faults.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.exchange.work import Doing, kind
from webgis.exchange.work_files import SHAPES
from webgis.grid import areas as area_operations
from webgis.grid import cell_people, checks, dividing, files, fitting, queries, survey, systems
from webgis.grid.checks import Fault
from webgis.grid.files import Layer
from webgis.grid.models import Area

MOST_FAULTS = 2000
"""Faults that are told one by one; all are counted."""

MOST_SHAPES = 3000
DETAIL = 2000
"""Outlines are simplified to a part of their extent: about half a pixel on a large screen."""


_STANDS = text("SELECT fn.layer_version(ARRAY['areas', 'cells'], false)")


def _stands(session: Session, doing: Doing) -> str:
    """The version of the stored areas and cells."""
    return session.scalar(_STANDS)


@kind("areas", _stands, action="admin.areas")
def take_areas(session: Session, doing: Doing) -> dict[str, Any]:
    """The areas of a file. `given`: crs, encoding, source, illustrative."""
    given, settings = doing.given, doing.settings
    layer = files.read(doing.file, given.get("crs"), given.get("encoding"))
    doing.tell(20)
    before = queries.counts(session)
    zone = None if settings.states("projected_srid") else systems.zone_of(layer.geoms)
    outcome = area_operations.import_areas(
        session,
        layer,
        srid=settings.projected_srid,
        source=given.get("source"),
        illustrative=bool(given.get("illustrative")),
        zone_srid=zone,
    )
    doing.tell(80)
    _draw(doing, layer, outcome.faults)
    after = queries.counts(session)
    told = _told(layer, outcome.faults) | {
        "takes": outcome.loaded, "added": outcome.added, "updated": outcome.updated, "levels": after,
        "srid": ", ".join(map(str, outcome.srids)),
    }  # fmt: skip
    if outcome.loaded:
        done = {name: told[name] for name in ("added", "updated", "counts")}
        source = {"file": given.get("called"), "source": given.get("source")}
        admin_log.record(session, doing.by, "areas.import", "areas", before, after | done | source)
    return told


@kind("cells", _stands, action="admin.areas")
def take_cells(session: Session, doing: Doing) -> dict[str, Any]:
    """Surveyed cells of a file. `given`: crs, encoding; once looked at: accept (kinds of faults)."""
    given, settings = doing.given, doing.settings
    layer = files.read(doing.file, given.get("crs"), given.get("encoding"))
    doing.tell(20)
    before = queries.counts(session)
    decided = given.get("accept")
    outcome = survey.import_cells(
        session,
        layer,
        srid=settings.projected_srid,
        zone=settings.zone,
        accepted=survey.KINDS if decided is None else decided,
        again=True,
    )
    doing.tell(80)
    _draw(doing, layer, outcome.faults)
    told = _told(layer, outcome.faults) | {
        "takes": outcome.loaded and outcome.cells + outcome.unchanged > 0,
        "cells": outcome.cells, "closed": outcome.closed, "unchanged": outcome.unchanged, "left_out": outcome.left_out,
        "unstorable": sorted({fault.kind for fault in outcome.faults} & survey.UNSTORABLE),
        "refused": outcome.refused,
    }  # fmt: skip
    if outcome.loaded:
        done = {name: told[name] for name in ("closed", "unchanged", "left_out", "counts")}
        after = queries.counts(session) | done | {"file": given.get("called"), "accepted": decided or []}
        admin_log.record(session, doing.by, "grid.import", "cells", before, after)
    return told


@kind("cell_people", _stands, action="admin.areas")
def take_people(session: Session, doing: Doing) -> dict[str, Any]:
    """The people of the cells of a table. `given`: source."""
    source = doing.given.get("source")
    today = datetime.now(doing.settings.zone).date()
    outcome = cell_people.import_people(session, doing.file, today=today, source=source)
    done = {name: getattr(outcome, name) for name in ("cells", "added", "updated")}
    if outcome.loaded:
        told = done | {"file": doing.given.get("called"), "source": source}
        admin_log.record(session, doing.by, "areas.people", "cells", None, told)
    return done | {"takes": outcome.loaded} | _faults(outcome.faults, None)


@kind("divide", _stands, action="admin.areas")
def divide(session: Session, doing: Doing) -> dict[str, Any]:
    """An area divided into cells. `given`: area, size_m, again, reuse_codes."""
    given = doing.given
    before = queries.counts(session)
    outcome = dividing.divide_area(
        session,
        given["area"],
        srid=doing.settings.projected_srid,
        size_m=given["size_m"],
        again=bool(given.get("again")),
        reuse_codes=bool(given.get("reuse_codes")),
        progress=lambda done, whole: doing.tell(90 * done // max(whole, 1)),
    )
    told = {name: getattr(outcome, name) for name in ("communities", "cells", "closed", "links")} | {
        "unchanged": len(outcome.unchanged),
        "slivers": len(outcome.slivers),
        "reused": len(outcome.reused),
        "enlarged": [{"code": one.code, "name_zh": one.name_zh} | note.facts for one, note in outcome.enlarged[:100]],
    }
    after = queries.counts(session) | {"size_m": given["size_m"], "closed": outcome.closed}
    admin_log.record(session, doing.by, "grid.divide", given["area"], before, after)
    return told


@kind("check", _stands, action="admin.areas", takes=False)
def check(session: Session, doing: Doing) -> dict[str, Any]:
    """The stored areas and cells within an area, measured. `given`: area, or none for all."""
    code, settings = doing.given.get("area") or "", doing.settings
    faults = area_operations.check_areas(session, code)
    doing.tell(40)
    for one in [code] if code else [area.code for area in queries.roots(session)]:
        faults += fitting.check_cells(session, one, srid=settings.projected_srid)
    doing.tell(80)
    stored = session.execute(
        select(Area.code, Area.name_zh, func.ST_AsBinary(Area.geom))
        .where(Area.code.startswith(code))
        .order_by(Area.code)
    ).all()
    geoms = shapely.from_wkb([bytes(row[2]) for row in stored])
    names = [f"{row[0]} {row[1]}" for row in stored]
    wrong = {fault.code for fault in faults} | {fault.other for fault in faults}
    _write(doing, geoms, names, np.array([row[0] in wrong for row in stored], dtype=bool))
    return {"features": len(stored), **_faults(faults, None)}


# What is told and drawn


def _told(layer: Layer, faults: Sequence[Fault]) -> dict[str, Any]:
    told = {"features": len(layer.geoms), "crs": layer.crs, "encoding": layer.encoding, "notes": layer.notes}
    return told | _faults(faults, layer)


def _faults(faults: Sequence[Fault], layer: Layer | None) -> dict[str, Any]:
    """Faults with their counts; each has a place, in its feature when it names none itself."""
    shown = [fault.facts() for fault in faults[:MOST_FAULTS]]
    for fact in shown:
        if "lon" not in fact and layer is not None and fact.get("row"):
            shape = layer.geoms[fact["row"] - 1]
            if shape is not None and not shape.is_empty:
                fact |= checks.place(shape)
    return {"faults": shown, "found": len(faults), "counts": checks.counts(faults)}


def _draw(doing: Doing, layer: Layer, faults: Sequence[Fault]) -> None:
    rows = {fault.row for fault in faults}
    faulty = np.array([row in rows for row in range(1, len(layer.geoms) + 1)], dtype=bool)
    _write(doing, layer.geoms, [str(row) for row in range(1, len(layer.geoms) + 1)], faulty)


def _write(doing: Doing, geoms: np.ndarray, names: Sequence[str], faulty: np.ndarray) -> None:
    """The outlines as GeoJSON; of very many only those with faults."""
    there = ~(shapely.is_missing(geoms) | shapely.is_empty(geoms))
    chosen = np.flatnonzero(there)
    if len(chosen) > MOST_SHAPES:
        chosen = np.flatnonzero(there & faulty)[:MOST_SHAPES]
    west, south, east, north = shapely.total_bounds(geoms)
    tolerance = max(east - west, north - south, 0.0) / DETAIL
    shapes = shapely.to_geojson(
        shapely.set_precision(shapely.simplify(geoms[chosen], tolerance), 1e-7, mode="pointwise")
    )
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(shape),
            "properties": {"name": names[position], "faulty": bool(faulty[position])},
        }
        for position, shape in zip(chosen, shapes, strict=True)
    ]
    doing.folder.mkdir(parents=True, exist_ok=True)
    whole = {"type": "FeatureCollection", "features": features}
    (doing.folder / SHAPES).write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
