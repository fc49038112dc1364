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
from webgis.metro.zoning import Changed

MOST_FAULTS = 500
MOST_ZONES = 200
"""Zones that are told one by one."""

_STANDS = text(
    """
    SELECT concat_ws(' ', fn.layer_version(ARRAY['metro'], false),
        (SELECT md5(string_agg(md5(l::text), '' ORDER BY l.code)) FROM city.metro_line l),
        (SELECT md5(string_agg(md5(s::text), '' ORDER BY s.code)) FROM city.metro_structure s),
        (SELECT md5(string_agg(p::text, '' ORDER BY p.line_code, p.path, p.place)) FROM city.metro_stop p),
        (SELECT md5(string_agg(d::text, '' ORDER BY d.structure_kind, d.zone_kind)) FROM city.metro_distance d))
    """
)


def _stands(session: Session, doing: Doing) -> str:
    """Lines, structures, their stops, the table and the zones as they are: another text after every change.

    The version of the layer alone would not do: it is new only when a zone begins or ends.
    """
    zoning.wait_turn(session)
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
    told = counts | (_zones(session, outcome.zones) if outcome.zones else {})
    if outcome.loaded:
        after = counts | {"file": given.get("called"), "source": source}
        admin_log.record(session, doing.by, "metro.import", settings.city_code, None, after)
    return told | {
        "takes": outcome.loaded,
        "rows": outcome.rows,
        "crs": read.crs,
        "notes": read.notes,
        "approximate": outcome.approximate,
        "faults": [asdict(fault) for fault in outcome.faults[:MOST_FAULTS]],
        "found": len(outcome.faults),
    }


def _zones(session: Session, changed: Changed) -> dict[str, Any]:
    """The zones that a change begins or ends: how many, and which, by the names of their structures."""
    differences = changed.differences()
    shown = differences[:MOST_ZONES]
    known = queries.named(session, sorted({one["structure"] for one in shown}))
    named = [one | known[one["structure"]] for one in shown]
    return {"zones": changed.counts(), "differing": len(differences), "differences": named}


@kind("metro_distances", _stands, action="admin.metro")
def take_distances(session: Session, doing: Doing) -> dict[str, Any]:
    """Another table of distances. `given`: rows, each with the fields of `Distance`."""
    before = {_key(row): asdict(row) for row in queries.distances(session)}
    after = {_key(row): asdict(row) for row in (Distance(**row) for row in doing.given["rows"])}
    zones = zoning.set_distances(session, [Distance(**row) for row in after.values()], datetime.now(UTC))
    differs = sorted(key for key in before | after if before.get(key) != after.get(key))
    told = [{key: one.get(key) for key in differs} for one in (before, after)]
    said = [{key: row and _said(row) for key, row in one.items()} for one in told]
    admin_log.record_change(session, doing.by, "metro.distances", doing.settings.city_code, *said)
    rows = [{"before": told[0][key], "after": told[1][key]} for key in differs]
    return {"takes": bool(differs), "differs": rows} | _zones(session, zones)


def _said(row: dict[str, Any]) -> str:
    """A row as a line of the log."""
    return "{metres:g} m, {measured_from}, {sureness}: {source}".format(**row)


def _key(row: Distance) -> str:
    return f"{row.structure_kind}/{row.zone_kind}"
