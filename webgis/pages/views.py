"""The pages around the cases: start, language, list, map, API documentation.

The report is in `reporting.py`, a case with its steps in `casework.py`, what departments ask for in `asking.py`.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.cases import listing, queries, workflow
from webgis.errors import NotFound
from webgis.grid import queries as grid
from webgis.maps import basemaps, drawing, heat_queries
from webgis.maps import queries as map_queries
from webgis.maps.layers import BY_NAME
from webgis.maps.signs import STATES
from webgis.pages import (
    account,
    admin_alarms,
    admin_areas,
    admin_beats,
    admin_calendar,
    admin_construction,
    admin_departments,
    admin_distances,
    admin_hazards,
    admin_metro,
    admin_notices,
    admin_people,
    admin_plans,
    admin_resources,
    admin_retention,
    admin_routing,
    admin_security,
    admin_standards,
    admin_start,
    admin_told,
    alarms,
    asking,
    casework,
    construction,
    construction_forms,
    context,
    department,
    desk,
    emergency,
    emergency_acts,
    emergency_opening,
    forms,
    hazard_forms,
    hazards,
    help_pages,
    inspect_install,
    inspect_sending,
    inspect_works,
    metro,
    metro_permits,
    narrowing,
    public_home,
    reporting,
    sensors,
    shown,
    watch,
    watch_files,
    waterlogging,
)
from webgis.pages.admin import admin
from webgis.pages.blueprint import pages
from webgis.pages.hotline import hotline
from webgis.pages.inspect import inspect
from webgis.pages.public import public

pages.app_context_processor(context.everywhere)
BLUEPRINTS = (pages, public, hotline, inspect, admin)
PARTS = (
    alarms,
    waterlogging,
    hazards,
    hazard_forms,
    asking,
    casework,
    construction,
    construction_forms,
    department,
    desk,
    emergency,
    emergency_acts,
    emergency_opening,
    inspect_install,
    inspect_sending,
    inspect_works,
    reporting,
    account,
    admin_alarms,
    admin_areas,
    admin_beats,
    admin_calendar,
    admin_construction,
    admin_departments,
    admin_notices,
    admin_people,
    admin_plans,
    admin_resources,
    admin_retention,
    admin_routing,
    admin_security,
    admin_standards,
    admin_hazards,
    admin_metro,
    admin_distances,
    admin_start,
    admin_told,
    watch,
    watch_files,
    public_home,
    help_pages,
    metro,
    metro_permits,
    sensors,
)
"""Modules that put their addresses on the blueprint when they are imported."""

ROWS = 50
FILTERS = ("q", "subject", "area", "department", "since", "until", "within")
DOORS = (
    ("admin.use", "admin.home"),
    ("inspect.use", "inspect.app"),
    ("desk.use", "pages.desk"),
    ("department.use", "pages.department"),
    ("watch.use", "pages.watch"),
)
"""Right -> the page at which those who have it begin."""


@pages.get("/")
@web.permits("site.use")
def home():
    """The door of this role; without one the list that it works from, or all cases when nothing waits for it."""
    actor = web.actor()
    if door := next((endpoint for action, endpoint in DOORS if permissions.may(actor, action)), None):
        return redirect(url_for(door))
    states = workflow.duties(actor.role)
    with web.transaction() as session:
        counts = queries.counts_by_state(session, actor)
    wanted = ",".join(states) if any(counts[state] for state in states) else None
    return redirect(url_for("pages.case_list", state=wanted))


@pages.post("/language")
@web.open_to_all
def language():
    """Choose the language; the choice stays on this device."""
    chosen = request.form.get("lang")
    response = redirect(_local(request.form.get("back", "")), 303)
    if chosen in web.LOCALES:
        web.choose_language(response, chosen)
    return response


def _local(wanted: str) -> str:
    """A path of this site, whatever was asked for."""
    parts = urlsplit(wanted)
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc
    return wanted.rstrip("?") if local else "/"


@pages.get("/cases")
@web.permits("cases.see")
def case_list():
    """Cases by filters, newest first or by what is due first; htmx asks for the further rows alone."""
    actor, given, settings = web.actor(), request.args.to_dict(), web.runtime().settings
    filters, problems = forms.list_filters(given, settings.zone)
    own = workflow.duties(actor.role)
    order = forms.order(given, filters.states == own != ())
    with web.transaction() as session:
        page = listing.list_cases(session, actor, filters, limit=ROWS, cursor=given.get("cursor"), order=order)
        rows = shown.list_rows(session, settings, actor, page.rows, datetime.now(UTC))
        more = url_for("pages.case_list", **(given | {"cursor": page.next})) if page.next else None
        if request.headers.get("HX-Request"):
            return render_template("case_rows.html", rows=rows, more=more)
        counts = queries.counts_by_state(session, actor)
        return render_template(
            "cases.html",
            rows=rows,
            more=more,
            given=given,
            order=order,
            filtering=sum(bool(given.get(name)) for name in (*FILTERS, *narrowing.WORDS)),
            narrowed=narrowing.narrowed(given),
            filter_problems=problems,
            tabs=_tabs(own, counts, given),
            may_claim=filters.states == own and any(counts[state] for state in own),
            may_report=permissions.may(actor, "cases.report"),
            class_groups=shown.class_groups(session),
            areas=[*grid.areas(session, "county"), *grid.areas(session, "subdistrict")],
            departments=[] if actor.role == "department" else accounts.departments(session),
        )


def _tabs(own: tuple[str, ...], counts: dict[str, int], given: dict[str, str]) -> list[dict]:
    """What waits for the reader, all, the open states that hold cases, and the ends. The filters stay."""
    kept = {name: value for name, value in given.items() if name not in ("state", "cursor", "order")}
    wanted, current = ",".join(own), given.get("state", "")
    choices = [(wanted, _("To do"), "inbox", sum(counts[state] for state in own))] if own else []
    choices.append(("", _("All"), None, None))
    choices += [
        (state, sign.word, sign.icon, counts.get(state))
        for state, sign in STATES.items()
        if state != wanted and (counts.get(state) != 0 or state == current)
    ]
    return [
        {
            "href": url_for("pages.case_list", **kept | ({"state": state} if state else {})),
            "word": word,
            "icon": icon,
            "count": count,
            "colour": STATES[state].colour if state in STATES else None,
            "current": current == state,
        }
        for state, word, icon, count in choices
    ]


@pages.get("/maps/<name>")
@web.permits("maps.see")
def city_map(name: str):
    """One of the maps in the layout of the pages."""
    page = BY_NAME.get(name)
    if page is None:
        raise NotFound("maps.map-unknown", f"There is no map {name}", name=name, accepted=list(BY_NAME))
    with web.transaction() as session:
        area = request.args.get("area")
        ground = map_queries.works_extent(session) if name == "construction" and area is None else None
        bounds = ground or map_queries.extent(session, area)
        reach = map_queries.extent(session)
        heat = _heat(session) if name == "heat" else None
        works = map_queries.works_days(session) if name == "construction" else None
    today = datetime.now(web.runtime().settings.zone).date().isoformat()
    lang = context.html_lang()
    shell = drawing.Shell(
        lang,
        web.csp_nonce(),
        context.marked,
        _map_addresses(),
        basemaps.offered(web.runtime().settings, "/basemaps/", lang),
        today,
        generate_csrf(),
        heat,
        reach,
        works,
    )
    drawn = drawing.city_map(page, bounds, shell).parts()
    return render_template("map.html", bare="bare" in request.args, page=page, map=drawn)


def _heat(session: Session) -> dict[str, str]:
    """What the heat map is told: where heat is asked, and the day of the first case."""
    first = heat_queries.span(session, None, None, web.runtime().settings.zone).since
    return {"address": url_for("heat.measured"), "first_day": first.isoformat()}


def _map_addresses() -> dict[str, str]:
    """What the maps ask for; a name at the end of an address is put there by the browser."""
    duty = {"duty": url_for("beats.on_duty")} if permissions.may(web.actor(), "beats.see") else {}
    seen = {"emergency": url_for("pages.emergency_list") + "/"} if permissions.may(web.actor(), "emergency.see") else {}
    if permissions.may(web.actor(), "hazards.see"):
        seen["hazard"] = url_for("pages.hazard_list") + "/"
    if permissions.may(web.actor(), "sensors.see"):
        seen["sensor"] = url_for("pages.sensor_list") + "/"
    if permissions.may(web.actor(), "alarms.see"):
        seen |= {"alarm": url_for("pages.alarm_list") + "/", "waterlogging": url_for("pages.waterlogging")}
    return (
        duty
        | seen
        | {
            "tiles": "/tiles/{layer}/{z}/{x}/{y}.mvt",
            "map": url_for("pages.city_map", name="cases").removesuffix("cases"),
            "names": url_for("maps.names"),
            "inside": url_for("maps.cases"),
            "found": url_for("maps.found"),
            "places": url_for("places.search"),
            "choices": url_for("maps.choices"),
            "version": url_for("maps.version"),
            "snapshots": url_for("snapshots.ask"),
            "case": url_for("pages.case_list") + "/",
            "works": url_for("pages.construction_list") + "/",
            "traffic": url_for("traffic.feed"),
            "list": url_for("pages.case_list"),
            "structure": url_for("pages.metro_home") + "/structures/",
            "api": "/api/v1/",
        }
    )


@pages.get("/api/v1/docs")
@web.permits("site.use")
def api_docs():
    """The API's documentation, drawn by Swagger UI from our own files."""
    return render_template("api_docs.html")
