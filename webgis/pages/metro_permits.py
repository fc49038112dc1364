"""The pages of permits for work in protection zones: list, application, decision; and work found without one."""

from datetime import UTC, date, datetime
from typing import Any

import shapely
from flask import flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session

from webgis import geo, web
from webgis.errors import Conflict, Forbidden, Invalid, WebgisError
from webgis.grid import queries as grid
from webgis.maps import queries as map_queries
from webgis.metro import findings, permit_files, permit_queries, permits
from webgis.metro.permit_applications import Application
from webgis.metro.permit_models import MetroPermit
from webgis.metro.permit_queries import MOST
from webgis.metro.permit_rules import ENDED, STATES, bad_field
from webgis.pages import words
from webgis.pages.blueprint import pages
from webgis.pages.metro import common

REFUSED = (Invalid, Conflict, Forbidden)
FIELDS = ("project", "applicant", "contractor", "work", "purpose", "description", "starts", "ends", "ground")
AROUND_DEG = 0.001


@pages.get("/metro/permits")
@web.permits("permits.see")
def permit_list():
    """Permits by state."""
    state, asked = request.args.get("state"), request.args.get("q", "").strip()[:100]
    state = state if state in STATES else None
    with web.transaction() as session:
        rows = permit_queries.listed(session, web.actor(), state=state, words=asked, most=MOST + 1)
        counts = permit_queries.counts(session, web.actor())
        return render_template(
            "metro/permits.html", rows=rows[:MOST], more=len(rows) > MOST, counts=counts, state=state, asked=asked,
            states=STATES, **common(),
        )  # fmt: skip


@pages.get("/metro/permits/new")
@web.permits("permits.apply")
def permit_form():
    """The empty application."""
    return _form({})


@pages.post("/metro/permits/new")
@web.permits("permits.apply")
def permit_apply():
    """Apply for a permit."""
    given = _given()
    try:
        with web.transaction() as session:
            number = permits.apply(session, web.actor(), _application(given), datetime.now(UTC))
    except REFUSED as error:
        return _form(given, problems(error)), 422
    flash(_("The application %(number)s was handed in. Add the plans now.", number=number), "success")
    return redirect(url_for(".permit", number=number), 303)


@pages.get("/metro/permits/<number>/change")
@web.permits("permits.act")
def permit_change_form(number: str):
    """A returned application, to be changed."""
    with web.transaction() as session:
        one = permits.require(session, web.actor(), number)
        if "resubmit" not in {step.action for step in permits.offered(web.actor(), one)}:
            return redirect(url_for(".permit", number=number), 303)
        given = {name: str(getattr(one, name) or "") for name in permits.CHANGEABLE}
        return _form(given | {"ground": _corners(to_shape(one.geom))}, number=number)


@pages.post("/metro/permits/<number>/change")
@web.permits("permits.act")
def permit_apply_again(number: str):
    """Hand a returned application in again."""
    given = _given()
    try:
        with web.transaction() as session:
            asked = _application(given, permits.require(session, web.actor(), number))
            permits.apply_again(session, web.actor(), number, asked, datetime.now(UTC))
    except REFUSED as error:
        return _form(given, problems(error), number), 422
    flash(_("The application was handed in again."), "success")
    return redirect(url_for(".permit", number=number), 303)


def _corners(ground: Any) -> str:
    """The corners of a ground as the form has them; of one that is more than a plain ring none: it stays as it is."""
    part = ground.geoms[0]
    if len(ground.geoms) > 1 or part.interiors or len(part.exterior.coords) > geo.MOST_CORNERS:
        return ""
    return " ".join(f"{lon!r},{lat!r}" for lon, lat in part.exterior.coords[:-1])


def _given() -> dict[str, str]:
    return {name: request.form.get(name, "").replace("\0", "").strip() for name in FIELDS}


def _form(given: dict[str, str], faults: dict[str, str] | None = None, number: str | None = None) -> str:
    with web.transaction() as session:
        before = number and permits.require(session, web.actor(), number)
        shape = before and permit_queries.shape(session, before.id)
        return render_template(
            "metro/permit_new.html",
            given=given,
            problems=faults or {},
            number=number,
            shapes=shape and _shapes(shape),
            bounds=_around(shape) if shape else map_queries.extent(session),
            **common(),
        )


def _application(given: dict[str, str], before: MetroPermit | None = None) -> Application:
    """What the form applies for; without corners on the ground that was applied for `before`."""
    ground = to_shape(before.geom) if before is not None and not given["ground"] else _ring(given["ground"])
    days = {name: _day(name, given[name]) for name in ("starts", "ends")}
    texts = {name: given[name] for name in ("project", "applicant", "work", "purpose")}
    optional = {name: given[name] or None for name in ("contractor", "description")}
    return Application(ground=ground, **texts, **optional, **days)


def _ring(corners: str) -> Any:
    try:
        return shapely.from_wkt(geo.read_ring(corners))
    except Invalid as error:
        raise bad_field("ground", corners[:50] or None, error.facts["accepted"]) from None


def _day(name: str, said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise bad_field(name, said[:20] or None, "a day") from None


def problems(error: WebgisError) -> dict[str, str]:
    """A refusal as sentences by field."""
    field = error.facts.get("field", "form")
    told = _said_at().get(field) if error.code == "metro.bad-field" else None
    return {field: told or words.sentence(error.code, error.message, error.facts)}


def _said_at() -> dict[str, str]:
    return {
        "project": _("1 to 200 characters."),
        "applicant": _("1 to 200 characters."),
        "contractor": _("At most 200 characters."),
        "description": _("At most 2000 characters."),
        "work": _("Choose what is done."),
        "purpose": _("Choose what it is for."),
        "starts": _("Give the first day of the work."),
        "ends": _("Give the last day: from today and the first day on, at most five years later."),
        "ground": _("Draw the ground of the work on the map: at least three corners, and no line across another."),
        "file": _("A PDF, PNG or JPEG of at most 20 MB; at most 20 files."),
        "datastreams": _("Give codes of sensors' datastreams that are registered here."),
        "note": _("Say it in a sentence or two."),
    }


@pages.get("/metro/permits/<number>")
@web.permits("permits.see")
def permit(number: str):
    """One permit."""
    return _permit(number)


def _permit(number: str, tried: str = "", faults: dict[str, str] | None = None, given: dict | None = None) -> str:
    actor = web.actor()
    with web.transaction() as session:
        one = permits.require(session, actor, number)
        shape = permit_queries.shape(session, one.id)
        return render_template(
            "metro/permit.html",
            one=one,
            ended=one.state in ENDED,
            departments=_departments(session, one),
            steps=permits.offered(actor, one),
            parts=permits.parts(actor, one),
            events=permit_queries.events(session, one.id),
            files=permit_queries.files(session, one.id),
            streams=permit_queries.monitored(session, one.id),
            shapes=_shapes(shape),
            bounds=_around(shape),
            m2=geo.area_m2(shapely.geometry.shape(shape), grid.srid_of(session)),
            tried=tried,
            problems=faults or {},
            given=given or {},
            **common(),
        )


def _shapes(shape: dict[str, Any]) -> dict[str, Any]:
    feature = {"type": "Feature", "geometry": shape, "properties": {"kind": "permit"}}
    return {"type": "FeatureCollection", "features": [feature]}


def _around(shape: dict[str, Any]) -> list[float]:
    west, south, east, north = shapely.geometry.shape(shape).bounds
    return [west - AROUND_DEG, south - AROUND_DEG, east + AROUND_DEG, north + AROUND_DEG]


def _departments(session: Session, one: Any) -> dict[str, Any]:
    codes = [code for code in (one.department_code, one.operator_code) if code]
    return {row.code: row for row in permit_queries.departments(session, codes)}


@pages.post("/metro/permits/<number>/steps/<action>")
@web.permits("permits.act")
def permit_act(number: str, action: str):
    """Do a step of a permit."""
    given = {name: request.form.get(name, "").replace("\0", "").strip() for name in ("note", "conditions")}
    try:
        with web.transaction() as session:
            permits.act(session, web.actor(), number, action, datetime.now(UTC), **given)
    except REFUSED as error:
        return _permit(number, action, problems(error), given), 422
    return redirect(url_for(".permit", number=number), 303)


@pages.post("/metro/permits/<number>/files")
@web.permits("permits.act")
def permit_add_file(number: str):
    """Add a plan file."""
    sent = request.files.get("file")
    try:
        with web.transaction() as session:
            data = sent.read() if sent is not None else b""
            permit_files.add(session, web.actor(), number, sent.filename or "" if sent else "", data, datetime.now(UTC))
    except REFUSED as error:
        return _permit(number, "files", problems(error)), 422
    return redirect(url_for(".permit", number=number), 303)


@pages.get("/metro/permits/<number>/files/<int:file>")
@web.permits("permits.see")
def permit_file(number: str, file: int):
    """A plan file, to take away."""
    with web.transaction() as session:
        kept = permit_files.require(session, web.actor(), number, file)
        path = permit_files.path(web.runtime().settings, kept.sha256)
    return send_file(path.resolve(), mimetype=kept.media_type, as_attachment=True, download_name=kept.name)


@pages.post("/metro/permits/<number>/monitor")
@web.permits("permits.act")
def permit_monitor(number: str):
    """Say by which datastreams the work is monitored."""
    codes = request.form.get("datastreams", "").replace("\0", "").replace(",", " ").split()
    try:
        with web.transaction() as session:
            permits.monitor(session, web.actor(), number, codes, datetime.now(UTC))
    except REFUSED as error:
        return _permit(number, "monitor", problems(error), {"datastreams": " ".join(codes)}), 422
    return redirect(url_for(".permit", number=number), 303)


@pages.get("/metro/findings")
@web.permits("permits.find")
def finding_list():
    """Work found in protection zones without a permit."""
    return _findings()


def _findings(tried: int | None = None, faults: dict[str, str] | None = None) -> str:
    with web.transaction() as session:
        rows = permit_queries.findings(session, web.actor(), most=MOST + 1)
    return render_template(
        "metro/findings.html", rows=rows[:MOST], more=len(rows) > MOST, tried=tried, problems=faults or {}, **common()
    )


@pages.post("/metro/findings/<int:finding>")
@web.permits("permits.settle")
def finding_settle(finding: int):
    """Say what a finding was."""
    state, note = request.form.get("state", ""), request.form.get("note", "").replace("\0", "")
    try:
        with web.transaction() as session:
            findings.settle(session, web.actor(), finding, state, note, datetime.now(UTC))
    except REFUSED as error:
        return _findings(finding, problems(error)), 422
    return redirect(url_for(".finding_list"), 303)
