"""The register of components over HTTP: `/api/v1/components`."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from apiflask import APIBlueprint
from flask import request, url_for

from webgis import api, geo, web
from webgis.accounts import admin_log, permissions
from webgis.catalog import component_queries, component_wire, components
from webgis.catalog.component_rules import bad_field

CASE_NUMBER = re.compile(r"\d{19}$")
"""The reason of a change that a case made."""

register = APIBlueprint("components", __name__, url_prefix="/api/v1/components", tag="Components")


@register.get("")
@register.doc(summary="List components", description="By code; `next` is the address of the next page, or null.")
@api.documented(query=component_wire.ListGiven)
@web.permits("components.see")
def listed():
    """Components by filters, a page at a time."""
    given = api.checked(component_wire.ListGiven, api.once(request.args))
    with web.transaction() as session:
        page = component_queries.listed(session, component_wire.filters(given), limit=given.limit, cursor=given.cursor)
    features = [component_wire.feature(row) for row in page.rows]
    return api.geojson({"type": "FeatureCollection", "features": features, "next": _next(page.next)})


def _next(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    return url_for("components.listed") + "?" + urlencode(request.args.to_dict() | {"cursor": cursor})


@register.get("/near")
@register.doc(
    summary="Components near a place",
    description="Nearest first, with the distance in metres and whether each stands in the cell of the place.",
)
@api.documented(query=component_wire.NearGiven)
@web.permits("components.see")
def near():
    """Components around a place, such as those that a report may be about."""
    given = api.checked(component_wire.NearGiven, api.once(request.args))
    lon, lat = geo.to_cgcs2000(given.lon, given.lat, given.crs)
    with web.transaction() as session:
        found = components.near(session, lon, lat, given.class_, given.limit, given.within_m)
    features = [component_wire.near_feature(one) for one in found]
    return api.geojson({"type": "FeatureCollection", "features": features, "next": None})


@register.get("/<code>")
@register.doc(summary="One component", description="With its history, oldest first.")
@web.permits("components.see")
def one(code: str):
    """One component with its history."""
    with web.transaction() as session:
        return api.geojson(_whole(session, code))


@register.post("")
@register.doc(summary="Register a component", description="For administrators. Its cell is found by its place.")
@api.documented(body=component_wire.NewComponent)
@web.permits("components.change")
def add():
    """Register a component; without a code it gets the next of its county and class."""
    given = api.checked(component_wire.NewComponent, api.fields())
    geom = component_wire.place(given)
    if geom is None:
        raise bad_field("lon", None, "lon and lat, or a geometry")
    fields = given.model_dump(exclude={"class_", "reason"}, exclude_none=True) | {"class": given.class_}
    with web.transaction() as session:
        code = components.add(session, fields, geom, **_event(given.reason))
        admin_log.record(session, web.actor(), "components.add", code)
        response = api.geojson(_whole(session, code), 201)
    response.headers["Location"] = url_for("components.one", code=code)
    return response


@register.patch("/<code>")
@register.doc(summary="Change a component", description="For administrators. What changed is kept in its history.")
@api.documented(body=component_wire.ChangedComponent)
@web.permits("components.change")
def change(code: str):
    """Change fields, state or place of a component; what is not given stays, null empties."""
    given = api.checked(component_wire.ChangedComponent, api.fields())
    fields = given.model_dump(include=given.model_fields_set)
    geom = component_wire.place(given)
    with web.transaction() as session:
        components.change(session, code, fields, geom, expected=given.version, **_event(given.reason))
        admin_log.record(session, web.actor(), "components.change", code, None, {"fields": sorted(fields)})
        return api.geojson(_whole(session, code))


def _event(reason: str | None) -> dict[str, Any]:
    return {"at": datetime.now(UTC), "person_id": web.actor().id, "reason": reason}


def _whole(session, code: str) -> dict[str, Any]:
    row = component_queries.line(session, code)
    if row is None:
        raise components.unknown(code)
    events = component_wire.events(component_queries.history(session, code))
    if not permissions.sees_every_case(web.actor()):
        events = [one | {"reason": None} if CASE_NUMBER.match(one["reason"] or "") else one for one in events]
    return component_wire.feature(row, {"history": events})
