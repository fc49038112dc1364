"""The pages for people without an account: report, receipt, follow, satisfaction, objection.

The verbs are in `webgis.cases.channels`; the API beside these pages is `webgis.cases.public_views`. The pages' forms
carry a CSRF token like all others, and act for a stranger whoever is logged in.
"""

import secrets
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import jsonify, render_template, request, url_for
from sqlalchemy.orm import Session

from webgis import api, limits, web
from webgis.cases import channel_wire as wire
from webgis.cases import channels, evidence, following, retention
from webgis.cases.public_views import sent_form
from webgis.errors import Conflict, Invalid
from webgis.grid import gazetteer_views
from webgis.grid import queries as grid
from webgis.grid.views import place
from webgis.maps import queries as map_queries
from webgis.maps import views as map_views
from webgis.pages import forms, public_words, shown, words
from webgis.pages.blueprint import go

public = APIBlueprint("public", __name__, enable_openapi=False)


@public.get("/report")
@web.open_to_all
@limits.at_most("follow_limit")
def report_form():
    """The empty form."""
    return _report_page({}, {}, secrets.token_urlsafe(16))


@public.post("/report")
@web.open_to_all
@limits.at_most("public_limit")
def report():
    """Take in a report and go on to its receipt; what is refused is said at its field, and what was typed stays."""
    settings = web.runtime().settings
    key = request.form.get("key") or secrets.token_urlsafe(16)
    try:
        given = api.checked(wire.CallerGiven, caller_fields())
        who, uploaded = given.caller(), api.photos(request.files)
        stored = evidence.store(settings, uploaded)
        told = given.report(source="public", acknowledged=True)
        with web.transaction() as session:
            form = sent_form(key, given, uploaded)
            made = channels.take_public(session, settings, told, stored, who, at=datetime.now(UTC), form=form)
    except Invalid as error:
        return _report_page(request.form, forms.report_problems(error), key), 422
    return go(url_for("public.follow", secret=made.secret, new="yes"))


def caller_fields() -> dict[str, str]:
    """The fields of a report form with who reports, named as on the wire."""
    own = ("name", "phone", "email", "notify", "call_number")
    return forms.report_fields(request.form) | forms.filled(request.form, *own)


def _report_page(given, problems: dict[str, str], key: str) -> str:
    with web.transaction() as session:
        days = retention.days_of(session, web.runtime().settings, "contacts")
        return form_page(session, "public_report.html", given, problems, key, contact_days=days)


def form_page(session: Session, template: str, given, problems: dict[str, str], key: str, **more: Any) -> str:
    """The form of somebody's report, filled in by themselves or during a call."""
    groups = shown.class_groups(session)
    return render_template(
        template,
        given=given,
        problems=problems,
        key=key,
        class_groups=groups,
        common=_common_classes(groups),
        bounds=map_queries.extent(session),
        **more,
    )


def _common_classes(groups: list[shown.ClassGroup]) -> list[dict[str, str]]:
    """The classes that are offered first, in the order of the setting; those the standard lacks are left out."""
    known = {one["key"]: one for group in groups for one in group.classes}
    wanted = [key.strip() for key in web.runtime().settings.public_classes.split(",")]
    return [known[key] for key in wanted if key in known]


@public.get("/follow/<secret>")
@web.open_to_all
@limits.at_most("follow_limit")
def follow(secret: str):
    """How a report goes, in plain words; right after the report also its receipt."""
    return _follow_page(secret)


@public.post("/follow/<secret>/satisfaction")
@web.open_to_all
@limits.at_most("follow_limit")
def rate(secret: str):
    """Keep what the reporter thinks of the end."""
    settings = web.runtime().settings
    try:
        given = api.checked(wire.SatisfactionGiven, forms.filled(request.form, "satisfaction", "words"))
        with web.transaction() as session:
            now = datetime.now(UTC)
            following.rate(session, settings, secret, given.satisfaction, given.words, at=now)
    except Invalid as error:
        return _follow_page(secret, {"satisfaction": forms.problems(error)}), 422
    except Conflict as error:
        return _follow_page(secret, notice=words.sentence(error.code, error.message, error.facts)), 409
    return go(url_for("public.follow", secret=secret))


@public.post("/follow/<secret>/objection")
@web.open_to_all
@limits.at_most("public_limit")
def object_to_end(secret: str):
    """Open the case again with the reporter's reason."""
    settings = web.runtime().settings
    now = datetime.now(UTC)
    try:
        given = api.checked(wire.ObjectionGiven, forms.filled(request.form, "reason"))
        uploaded = api.photos(request.files)
        with web.transaction() as session:
            following.follow(session, settings, secret, at=now)
            stored = evidence.store(settings, uploaded)
            following.object_to_end(session, settings, secret, given.reason, stored, at=now)
    except Invalid as error:
        return _follow_page(secret, {"objection": forms.problems(error)}), 422
    except Conflict as error:
        return _follow_page(secret, notice=words.sentence(error.code, error.message, error.facts)), 409
    return go(url_for("public.follow", secret=secret))


def _follow_page(secret: str, problems: dict[str, dict[str, str]] | None = None, notice: str | None = None) -> str:
    settings = web.runtime().settings
    with web.transaction() as session:
        found = following.follow(session, settings, secret, at=datetime.now(UTC))
        chain = grid.area_chain(session, found.case.cell_code[:12])
    return render_template(
        "public_follow.html",
        case=found.case,
        shown=found.shown,
        class_name=shown.class_name(found.case),
        chain=chain,
        standing=public_words.standing(found.shown.state),
        steps=[public_words.step(one) for one in reversed(found.steps)],
        link=wire.follow_address(settings, secret),
        secret=secret,
        new="new" in request.args,
        may_rate=found.may_rate,
        may_object=found.may_object,
        object_until=found.object_until,
        satisfaction=found.link.satisfaction and public_words.SATISFACTION[found.link.satisfaction],
        satisfactions=public_words.SATISFACTION,
        objected=found.link.objection,
        given=request.form,
        problems=problems or {},
        notice=notice,
    )


# What the form's map loads; boundaries and cells are no secret


@public.get("/report/map/areas")
@web.open_to_all
@limits.at_most("follow_limit", together="map")
def areas():
    """Boundaries of a view, as the maps draw them."""
    return map_views.areas()


@public.get("/report/map/cells")
@web.open_to_all
@limits.at_most("follow_limit", together="map")
def cells():
    """Cells of a view."""
    return map_views.cells()


@public.get("/report/map/cell")
@web.open_to_all
@limits.at_most("follow_limit", together="map")
def cell():
    """Where a place lies, in names; 404 outside the grid, with the distance to it."""
    lon, lat = place()
    with web.transaction() as session:
        found = grid.cell_at(session, lon, lat)
        if found is None:
            raise grid.outside(session, lon, lat)
        chain = grid.area_chain(session, found.code[:12])
    named = [{"name_zh": area.name_zh, "name_en": area.name_en} for area in chain]
    return jsonify(properties={"code": "", "areas": named})


@public.get("/report/map/places")
@web.open_to_all
@limits.at_most("follow_limit", together="map")
def places():
    """Places for what a stranger typed, without the codes of cells."""
    return jsonify(gazetteer_views.found(cells=False))


@public.get("/report/map/near")
@web.open_to_all
@limits.at_most("follow_limit", together="map")
def near():
    """What is near a place, without the codes of cells."""
    return jsonify(gazetteer_views.found_near(cells=False))
