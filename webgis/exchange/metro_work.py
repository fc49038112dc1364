"""Structures of the metro and the table of distances as long work: what would change, and which zones with it."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.exchange.work import Doing, kind
from webgis.metro import queries, structure_files, structures, zoning
from webgis.metro.distances import Distance

MOST_FAULTS = 500

_STANDS = text("SELECT fn.layer_version(ARRAY['metro'], false)")


def _stands(session: Session, doing: Doing) -> str:
    """The version of structures and zones."""
    return session.scalar(_STANDS)


@kind("metro", _stands, action="admin.metro")
def take_structures(session: Session, doing: Doing) -> dict[str, Any]:
    """The structures of a file. `given`: format, crs, source, station, section (kinds), replace."""
    given, settings = doing.given, doing.settings
    read = structure_files.read(
        doing.file,
        given.get("format"),
        given.get("crs"),
        zone=settings.zone,
        station=given["station"],
        section=given["section"],
    )
    doing.tell(20)
    source = given.get("source") or given.get("called") or "file"
    outcome = structures.take_in(session, read, source=source, at=datetime.now(UTC), replace=bool(given.get("replace")))
    doing.tell(90)
    counts = {name: getattr(outcome, name) for name in ("lines", "added", "changed", "unchanged", "ended", "kinds")}
    if outcome.loaded:
        after = counts | {"file": given.get("called"), "source": source}
        admin_log.record(session, doing.by, "metro.import", settings.city_code, None, after)
    return counts | {
        "takes": outcome.loaded,
        "rows": outcome.rows,
        "crs": read.crs,
        "notes": read.notes,
        "approximate": outcome.approximate,
        "zones": outcome.zones and asdict(outcome.zones),
        "faults": [asdict(fault) for fault in outcome.faults[:MOST_FAULTS]],
        "found": len(outcome.faults),
    }


@kind("metro_distances", _stands, action="admin.metro")
def take_distances(session: Session, doing: Doing) -> dict[str, Any]:
    """Another table of distances. `given`: rows, each with the fields of `Distance`."""
    before = {_key(row): row for row in queries.distances(session)}
    after = {_key(row): row for row in (Distance(**row) for row in doing.given["rows"])}
    zones = zoning.set_distances(session, list(after.values()), datetime.now(UTC))
    differs = sorted(key for key in before | after if before.get(key) != after.get(key))
    told = [{key: one[key].metres if key in one else None for key in differs} for one in (before, after)]
    admin_log.record_change(session, doing.by, "metro.distances", doing.settings.city_code, *told)
    return {
        "takes": True,
        "zones": asdict(zones),
        "differs": [{"key": key, "before": told[0][key], "after": told[1][key]} for key in differs],
    }


def _key(row: Distance) -> str:
    return f"{row.structure_kind}/{row.zone_kind}"
