"""The form of a hazard source: what browsers send as the operations want it, a look at what would be, keeping it."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import queries as accounts
from webgis.errors import WebgisError
from webgis.hazards import persons, source_queries, sources
from webgis.hazards.gb18218_tables import standard
from webgis.hazards.source_rules import DUTIES
from webgis.hazards.source_wire import ChangedSource, NewSource
from webgis.maps import queries as map_queries
from webgis.pages import hazard_words, words
from webgis.pages.admin import REFUSALS
from webgis.pages.blueprint import pages
from webgis.pages.hazards import shown

FIELDS = ("code", "kind", "name_zh", "name_en", "holder", "credit_code", "department", "people", "remark", "source")
STOCK = ("stock", "quantity", "cas", "row", "classes")
MOST_UNITS = 20
EMPTY_STOCKS = 2
AROUND_DEG = 0.004


@pages.get("/hazards/new")
@web.permits("hazards.change")
def hazard_new():
    """The empty form."""
    return _form(None, {"units": [], "persons": [], "geometry": ""})


@pages.get("/hazards/<code>/edit")
@web.permits("hazards.change")
def hazard_edit(code: str):
    """The form of a source as it is now. Persons in charge are left out: they change when new ones are given."""
    with web.transaction() as session:
        given = _known(session, code)
    return _form(code, given)


@pages.post("/hazards/new")
@web.permits("hazards.change")
def hazard_add():
    """Add a source, or look at what it would be."""
    return _keep(None)


@pages.post("/hazards/<code>/edit")
@web.permits("hazards.change")
def hazard_change(code: str):
    """Change a source, or look at what it would be."""
    return _keep(code)


def _keep(code: str | None):
    given = _given()
    look = request.form.get("act") == "look"
    try:
        with web.transaction() as session:
            kept = _take(session, code, given)
            row = source_queries.require(session, web.actor(), kept.code)
            looked = source_queries.units(session, row.id)
            if look:
                session.rollback()
    except REFUSALS as error:
        return _form(code, given, refused=error), 422
    if look:
        return _form(code, given, looked=looked)
    flash(_("Kept. The grade follows from what stands here now."), "success")
    return redirect(url_for("pages.hazard", code=kept.code), 303)


def _take(session: Session, code: str | None, given: dict[str, Any]) -> sources.Kept:
    """Add or change, as `given` says; a whole source, in which nothing is the same as left out."""
    fields = {name: value for name, value in given.items() if value not in ("", None)}
    fields["geometry"] = _geometry(given["geometry"])
    fields |= {"crs": "cgcs2000"}
    fields = {name: value for name, value in fields.items() if name != "persons" or value}
    now = datetime.now(UTC)
    if code is None:
        return sources.add(session, web.actor(), api.checked(NewSource, fields), at=now)
    fields = {name: value for name, value in fields.items() if name != "code"}
    return sources.change(session, web.actor(), code, api.checked(ChangedSource, fields), at=now)


def _geometry(text: str) -> dict[str, Any]:
    """The outline as it was drawn or pasted: a GeoJSON geometry, or the first feature of what was pasted."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("features"), list) and found["features"]:
        found = found["features"][0]
    if isinstance(found, dict) and isinstance(found.get("geometry"), dict):
        found = found["geometry"]
    return found if isinstance(found, dict) else {"type": "nothing"}


def _given() -> dict[str, Any]:
    """What the form holds; units and stocks in which nothing stands are none."""
    text = {name: request.form.get(name, "").strip() for name in (*FIELDS, "geometry", "version", "state", "stations")}
    units = [unit for number in range(MOST_UNITS) if (unit := _unit(number))["name"] or unit["stocks"]]
    columns = [request.form.getlist(name) for name in ("duty", "person", "phone")]
    people = [
        {"duty": duty, "name": name.strip(), "phone": phone.strip()}
        for duty, name, phone in zip(*columns, strict=False)
        if name.strip() or phone.strip()
    ]
    return text | {"units": units, "persons": people, "stations": text["stations"].replace(",", " ").split()}


def _unit(number: int) -> dict[str, Any]:
    columns = [request.form.getlist(f"u{number}-{name}") for name in STOCK]
    checked = set(request.form.getlist(f"u{number}-checked"))
    stocks = []
    for place, cells in enumerate(zip(*columns, strict=False)):
        name, quantity, cas, row, classes = (cell.strip() for cell in cells)
        if name or quantity or cas:
            stock = {"name": name, "quantity": quantity, "checked": str(place) in checked}
            stock |= {"cas": cas or None, "row": row or None, "classes": classes.replace(",", " ").split()}
            stocks.append(stock)
    name = request.form.get(f"u{number}-name", "").strip()
    return {"name": name, "kind": request.form.get(f"u{number}-kind", "storage"), "stocks": stocks}


def _known(session: Session, code: str) -> dict[str, Any]:
    """A source as its form has it."""
    row = source_queries.require(session, web.actor(), code)
    fields = {name: getattr(row, name, None) for name in FIELDS}
    fields |= {"department": row.department_code, "people": row.people_entered, "version": row.version}
    units = [
        {"name": unit.name, "kind": unit.kind, "stocks": unit.stocks} for unit in source_queries.units(session, row.id)
    ]
    stations = sorted({one.code for one in source_queries.stations(session, web.actor(), row.id)})
    fields |= {"units": units, "stations": stations, "state": "active" if row.active else "closed", "persons": []}
    return fields | {"geometry": json.dumps(row.geometry), "at": [row.lon, row.lat]}


def _form(code: str | None, given: dict[str, Any], refused: WebgisError | None = None, looked: Any = None) -> str:
    actor = web.actor()
    with web.transaction() as session:
        kinds = source_queries.kinds(session)
        departments = accounts.departments(session)
        row = source_queries.require(session, actor, code) if code else None
        masked = persons.masked(session, row.id) if row else []
        bounds = _bounds(session, row)
    return shown(
        "form",
        code=code,
        row=row,
        given=given,
        kinds=[(one.code, words.name_of(one)) for one in kinds.values()],
        departments=departments,
        bounds=bounds,
        masked=masked,
        duties=DUTIES,
        problem=refused and _sentence(refused),
        looked=looked,
        derivation=hazard_words.derivation,
        units=[*given["units"], {"name": "", "kind": "storage", "stocks": []}],
        empty_stocks=EMPTY_STOCKS,
        substances=standard().substances.values(),
    )


def _bounds(session: Session, row: Any) -> list[float]:
    if row is None:
        return list(map_queries.extent(session))
    return [row.lon - AROUND_DEG, row.lat - AROUND_DEG, row.lon + AROUND_DEG, row.lat + AROUND_DEG]


def _sentence(error: WebgisError) -> str:
    """What is said of a refusal: the unit and stock first, then what is wrong."""
    where = [str(error.facts[name]) for name in ("unit", "name") if name in error.facts]
    if error.code == "api.bad-input":
        return hazard_words.bad_input(error.facts)
    said = words.sentence(error.code, error.message, error.facts)
    return f"{' · '.join(where)}: {said}" if where else said
