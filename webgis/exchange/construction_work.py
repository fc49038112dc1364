"""Construction zones and routes of emergency vehicles from files as long work: what a file would add and change."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.exchange.work import Doing, kind
from webgis.metro import construction_files, construction_traffic, construction_wire
from webgis.metro.construction_rules import Plan

MOST_NAMED = 200
ACTION = "construction.change"

_STANDS = text("SELECT fn.layer_version(ARRAY['construction'], false)")


def _stands(session: Session, doing: Doing) -> str:
    """The version of construction zones and routes."""
    return session.scalar(_STANDS)


@kind("construction", _stands, action=ACTION)
def take_zones(session: Session, doing: Doing) -> dict[str, Any]:
    """The construction zones of a file. `given`: crs."""
    given = doing.given
    found, kept = construction_files.take(
        session, doing.file, given.get("crs") or None, at=datetime.now(UTC), by=doing.by.id
    )
    counts = {name: len(getattr(kept, name)) for name in ("added", "changed", "unchanged")}
    takes = bool(kept.added or kept.changed)
    if takes:
        after = counts | {"file": given.get("called")}
        admin_log.record(session, doing.by, "construction.import", given.get("called", ""), None, after)
    added = [_name(found.plans[code]) for code in kept.added[:MOST_NAMED]]
    changed = [
        _name(found.plans[code]) | {"fields": _differing(kept.before[code], found.plans[code])}
        for code in kept.changed[:MOST_NAMED]
    ]
    told = {"added": added, "changed": changed, "counts": counts}
    return {"takes": takes, "crs": found.crs, "notes": found.notes} | told


def _name(plan: Plan) -> dict[str, Any]:
    return {"code": plan.code, "name_zh": plan.name_zh, "name_en": plan.name_en}


def _differing(before: Plan, after: Plan) -> dict[str, list[Any]]:
    """What each field that differs was and is."""
    was, becomes = construction_wire.facts(before), construction_wire.facts(after)
    return {name: [was[name], value] for name, value in becomes.items() if was[name] != value}


@kind("routes", _stands, action=ACTION)
def take_routes(session: Session, doing: Doing) -> dict[str, Any]:
    """The routes of emergency vehicles of a file instead of those before. `given`: crs."""
    before = len(construction_traffic.routes(session))
    count = construction_traffic.replace_routes(session, doing.file, doing.given.get("crs") or None)
    counts = {"before": before, "after": count}
    admin_log.record(session, doing.by, "construction.routes", doing.given.get("called", ""), None, counts)
    return {"takes": True, "counts": counts}
