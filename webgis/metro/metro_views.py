"""The API of the metro: lines, structures, the zones and distances at a place, work found there without a permit."""

from datetime import UTC, datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import AwareDatetime, Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.metro import findings, permit_queries, queries
from webgis.metro.permit_models import SETTLED
from webgis.metro.permit_rules import LONGEST_TEXT
from webgis.metro.structures import unknown

metro = APIBlueprint("metro", __name__, url_prefix="/api/v1/metro", tag="Metro")

MOST_STRUCTURES = 2000


class StructuresAsked(api.Given):
    """Which structures."""

    line: str | None = Field(None, max_length=60, description="code of a line")
    kind: str | None = Field(None, max_length=60, description="a kind of the table of distances")
    q: str | None = Field(None, max_length=100, description="part of code or name")


class PlaceAsked(api.Given):
    """A place and a moment."""

    lon: float = Field(allow_inf_nan=False)
    lat: float = Field(allow_inf_nan=False)
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    at: AwareDatetime | None = Field(None, description="now when left out")


class FindingsAsked(api.Given):
    """Which findings."""

    state: Literal[SETTLED] | None = None


class SettleGiven(api.Given):
    """What a finding was."""

    state: Literal[SETTLED[1:]]
    note: str = Field(min_length=1, max_length=LONGEST_TEXT)


@metro.get("/lines")
@metro.doc(summary="Lines", description="With their stations in order, path by path.")
@web.permits("metro.see")
def lines():
    """The lines with their stations."""
    with web.transaction() as session:
        found = [_plain(row) | {"paths": _paths(session, row.code)} for row in queries.lines(session)]
    return jsonify({"lines": found})


def _paths(session: Session, line: str) -> list[list[str]]:
    paths: dict[int, list[str]] = {}
    for stop in queries.stops(session, line):
        paths.setdefault(stop.path, []).append(stop.code)
    return list(paths.values())


@metro.get("/structures")
@metro.doc(summary="Structures", description="GeoJSON in CGCS2000 degrees; at most 2,000.")
@api.documented(query=StructuresAsked)
@web.permits("metro.see")
def structures():
    """Structures as GeoJSON."""
    asked = api.checked(StructuresAsked, api.once(request.args))
    with web.transaction() as session:
        rows = queries.structures(
            session, line=asked.line, kind=asked.kind, words=asked.q or "", most=MOST_STRUCTURES + 1
        )
    features = [_feature(row) for row in rows[:MOST_STRUCTURES]]
    return jsonify({"type": "FeatureCollection", "features": features, "truncated": len(rows) > MOST_STRUCTURES})


@metro.get("/structures/<code>")
@metro.doc(summary="A structure with its zones", description="Those that hold first, then what they were.")
@web.permits("metro.see")
def structure(code: str):
    """One structure."""
    with web.transaction() as session:
        rows = queries.structures(session, code=code, ended=True)
        if not rows:
            raise unknown(code)
        return jsonify(_feature(rows[0]) | {"zones": [_plain(zone) for zone in queries.zones_of(session, code)]})


@metro.get("/zones")
@metro.doc(
    summary="The protection zones at a place",
    description="The zone that holds first; `permitted`: whether a permit is in force there.",
)
@api.documented(query=PlaceAsked)
@web.permits("metro.see")
def zones():
    """The zones at a place and a moment."""
    asked = api.checked(PlaceAsked, api.once(request.args))
    place = geo.to_cgcs2000(asked.lon, asked.lat, asked.crs)
    with web.transaction() as session:
        found = [_plain(row) for row in queries.zones_at(session, *place, asked.at)]
        return jsonify({"zones": found, "permitted": bool(permit_queries.valid_at(session, *place, asked.at))})


@metro.get("/distances")
@metro.doc(summary="The table of distances", description="Metres from which structure, by which rule.")
@web.permits("metro.see")
def distances():
    """The table of distances."""
    with web.transaction() as session:
        return jsonify({"distances": [vars(row) for row in queries.distances(session)]})


@metro.get("/findings")
@metro.doc(summary="Work found without a permit", description="What nobody has settled first; at most 200.")
@api.documented(query=FindingsAsked)
@web.permits("permits.find")
def found():
    """Work without a permit."""
    asked = api.checked(FindingsAsked, api.once(request.args))
    with web.transaction() as session:
        most = permit_queries.MOST
        rows = permit_queries.findings(session, web.actor(), state=asked.state, most=most + 1)
        return jsonify({"findings": [_plain(row) for row in rows[:most]], "truncated": len(rows) > most})


@metro.post("/findings/<int:finding>")
@metro.doc(summary="Settle a finding", description="`permitted`, `no_work` or `stopped`, with a note.")
@api.documented(body=SettleGiven)
@web.permits("permits.settle")
def settle(finding: int):
    """Say what a finding was."""
    given = api.checked(SettleGiven, api.fields())
    with web.transaction() as session:
        findings.settle(session, web.actor(), finding, given.state, given.note, datetime.now(UTC))
        return jsonify(_plain(permit_queries.findings(session, web.actor(), id_=finding)[0]))


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in ("geometry", "bounds")}


def _feature(row: Row[Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": row.geometry, "properties": _plain(row)}
