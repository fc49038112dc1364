"""What administrators see of logins, keys, the settings of security, and the log of administrative acts."""

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy import func, select

from webgis import settings, web
from webgis.accounts import admin_log, logins, operations, queries
from webgis.accounts.models import Person
from webgis.pages.admin import admin, page
from webgis.pages.devices import device_name

SETTINGS = {
    "session_hours": lazy_gettext("a login ends after so many hours without use"),
    "secure_cookies": lazy_gettext("send cookies over HTTPS only; set it wherever HTTPS is used"),
    "trusted_proxies": lazy_gettext("how many proxies in front set X-Forwarded-*"),
    "password_length": lazy_gettext("shortest password, characters"),
    "login_limit": lazy_gettext("failed logins to one account from one address"),
    "lock_after": lazy_gettext("failed logins after which a login is locked, whoever tried; 0: never"),
    "lock_minutes": lazy_gettext("how long it stays locked; 0: until an administrator unlocks it"),
    "second_factor_roles": lazy_gettext(
        "roles that need a second factor to log in, such as administrator; the others may have one"
    ),
    "oidc_issuer": lazy_gettext("the city's own login service (OIDC); empty: none"),
    "oidc_client_id": lazy_gettext("what the login service calls this installation"),
    "oidc_client_secret": lazy_gettext("the secret that the login service gave for it"),
    "oidc_claim": lazy_gettext("claim of the login service that is the login here"),
    "oidc_role": lazy_gettext("role of accounts that a first login by the login service makes; empty: none are made"),
}
"""What the page of security tells of settings, in the words of `settings.py`."""

ACTS = {
    "people.add": lazy_gettext("person added"),
    "people.change": lazy_gettext("person changed"),
    "people.activate": lazy_gettext("person let in again"),
    "people.deactivate": lazy_gettext("person deactivated"),
    "people.password": lazy_gettext("new password given"),
    "people.unlock": lazy_gettext("login unlocked"),
    "people.service": lazy_gettext("known by the login service from now on"),
    "people.export": lazy_gettext("people exported"),
    "second-factor.on": lazy_gettext("second factor set up"),
    "second-factor.off": lazy_gettext("second factor taken off"),
    "sessions.end": lazy_gettext("login ended"),
    "keys.make": lazy_gettext("API key made"),
    "keys.revoke": lazy_gettext("API key revoked"),
    "departments.add": lazy_gettext("department added"),
    "departments.change": lazy_gettext("department changed"),
    "calendar.days": lazy_gettext("working days changed"),
    "calendar.hours": lazy_gettext("shifts of the calendar changed"),
    "calendar.import": lazy_gettext("working days imported"),
    "calendar.set": lazy_gettext("working days changed"),
    "calendar.seed": lazy_gettext("working days filled in"),
    "clock.recompute": lazy_gettext("deadlines reckoned anew"),
    "routing.zones": lazy_gettext("what zones do to cases changed"),
    "routing.activate": lazy_gettext("routing rules put in force"),
    "routing.draft": lazy_gettext("draft of routing rules made"),
    "routing.import": lazy_gettext("routing rules imported"),
    "routing.drop": lazy_gettext("draft of routing rules thrown away"),
    "routing.rule": lazy_gettext("routing rule written"),
    "routing.remove": lazy_gettext("routing rule taken out"),
    "areas.import": lazy_gettext("areas imported"),
    "areas.people": lazy_gettext("people of cells imported"),
    "city.begin": lazy_gettext("city set up"),
    "grid.divide": lazy_gettext("grid divided"),
    "grid.import": lazy_gettext("grid imported"),
    "grid.merge": lazy_gettext("cells merged"),
    "grid.split": lazy_gettext("cell split"),
    "places.import": lazy_gettext("places imported"),
    "places.remove": lazy_gettext("places removed"),
    "catalog.load": lazy_gettext("classes loaded"),
    "catalog.import": lazy_gettext("filing standard imported"),
    "catalog.activate": lazy_gettext("filing standard put in force"),
    "components.add": lazy_gettext("component registered"),
    "components.change": lazy_gettext("component changed"),
    "components.import": lazy_gettext("survey of components staged"),
    "components.take-over": lazy_gettext("survey of components taken over"),
    "components.discard": lazy_gettext("survey of components discarded"),
    "components.regrid": lazy_gettext("cells of components found anew"),
    "components.generate": lazy_gettext("components made for the demo"),
    "beats.assign": lazy_gettext("inspector put on a beat"),
    "beats.release": lazy_gettext("inspector taken off a beat"),
    "beats.import": lazy_gettext("beats imported"),
    "contacts.reseal": lazy_gettext("contacts sealed anew"),
    "rollup.rebuild": lazy_gettext("counts made anew"),
    "jobs.retry": lazy_gettext("failed jobs tried again"),
    "demo.load": lazy_gettext("demo city loaded"),
    "demo.grow": lazy_gettext("demo city grown"),
    "beats.lay-out": lazy_gettext("beats laid out"),
    "beats.close": lazy_gettext("beat ended"),
    "notices.again": lazy_gettext("notice sent again"),
    "notices.address": lazy_gettext("address of notices changed"),
    "retention.change": lazy_gettext("retention changed"),
    "retention.ask": lazy_gettext("removal asked for"),
    "retention.remove": lazy_gettext("removed: kept long enough"),
    "hazards.add": lazy_gettext("hazard source added"),
    "hazards.change": lazy_gettext("hazard source changed"),
    "hazards.kind": lazy_gettext("kind of hazard sources named"),
    "hazards.import": lazy_gettext("hazard sources imported"),
    "hazards.regrade": lazy_gettext("hazard sources graded anew"),
    "hazards.reseal": lazy_gettext("persons in charge sealed anew"),
    "hazards.load-rules": lazy_gettext("rules of alarms loaded"),
    "hazards.set-rule": lazy_gettext("rule of alarms changed"),
    "hazards.ladder": lazy_gettext("who is told of alarms changed"),
    "hazards.watch": lazy_gettext("sensor watched by a rule"),
    "hazards.unwatch": lazy_gettext("sensor watched no more"),
    "sensors.change": lazy_gettext("sensor registered or changed"),
    "sensors.use": lazy_gettext("sensor taken into use or out of it"),
    "sensors.import": lazy_gettext("sensors imported"),
    "sensors.readings": lazy_gettext("past readings loaded"),
    "emergency.listeners": lazy_gettext("who is told of emergencies changed"),
    "emergency.plan": lazy_gettext("plan of emergencies changed"),
    "emergency.resource": lazy_gettext("emergency resource added or changed"),
    "emergency.resources": lazy_gettext("emergency resources imported"),
    "construction.keep": lazy_gettext("construction zone recorded"),
    "construction.withdraw": lazy_gettext("construction zone withdrawn"),
    "construction.import": lazy_gettext("construction zones imported"),
    "construction.routes": lazy_gettext("emergency routes imported"),
    "metro.import": lazy_gettext("structures of the metro imported"),
    "metro.end": lazy_gettext("structure of the metro ended"),
    "metro.distances": lazy_gettext("widths of protection zones changed"),
    "metro.operator": lazy_gettext("operator of the metro named"),
}
"""What administrative acts are called; one that is not here is shown by its name."""


@admin.get("/sessions")
@web.permits("admin.sessions")
def sessions():
    """Everyone's logins."""
    asked = request.args.get("q", "").strip()
    with web.transaction() as session:
        found = logins.of_all(session, asked)
    return page("sessions", "sessions", sessions=found, asked=asked, device_name=device_name)


@admin.post("/sessions/<int:session_id>/end")
@web.permits("admin.sessions")
def end_session(session_id: int):
    """End a login."""
    with web.transaction() as session:
        logins.end(session, session_id, by=web.actor())
    flash(_("The login was ended."), "success")
    return redirect(url_for(".sessions"), 303)


@admin.get("/keys")
@web.permits("admin.keys")
def keys():
    """Everyone's API keys."""
    asked = request.args.get("q", "").strip()
    with web.transaction() as session:
        found = queries.keys(session, words=asked)
    return page("keys", "keys", keys=found, asked=asked)


@admin.post("/keys/<int:key_id>/revoke")
@web.permits("admin.keys")
def revoke_key(key_id: int):
    """Revoke a key."""
    with web.transaction() as session:
        operations.revoke_key(session, key_id, by=web.actor())
    flash(_("The key was revoked."), "success")
    return redirect(url_for(".keys"), 303)


@admin.get("/security")
@web.permits("admin.security")
def security():
    """The settings of security as they are in force, and how many have a second factor."""
    shown = settings.shown(web.runtime().settings)
    with web.transaction() as session:
        counted = select(Person.role, func.count(), func.count(Person.totp_since)).where(Person.active)
        factors = session.execute(counted.group_by(Person.role).order_by(Person.role)).all()
        locked = logins.locked(session)
    return page(
        "security", "security", settings={name: shown[name] for name in SETTINGS}, about=SETTINGS, factors=factors,
        locked=locked,
    )  # fmt: skip


@admin.get("/log")
@web.permits("admin.log")
def log():
    """The log of administrative acts, newest first."""
    asked = {name: request.args.get(name, "").strip() for name in ("q", "action", "before")}
    before = int(asked["before"]) if asked["before"].isdecimal() and len(asked["before"]) < 19 else None
    with web.transaction() as session:
        found = admin_log.listed(session, words=asked["q"], action=asked["action"], before=before)
        known = admin_log.actions(session)
    more = url_for(".log", **(asked | {"before": found.next})) if found.next else None
    return page("log", "log", rows=found.rows, asked=asked, actions=known, more=more, word=act_word, told=told)


def act_word(action: str) -> str:
    """What an act is called."""
    return str(ACTS.get(action, action))


FIELDS: dict[str, LazyString] = {
    "active": lazy_gettext("Active"),
    "area": lazy_gettext("Area"),
    "classes": lazy_gettext("Classes"),
    "department": lazy_gettext("Department"),
    "file": lazy_gettext("File"),
    "holder": lazy_gettext("Holder"),
    "kind": lazy_gettext("Kind"),
    "level": lazy_gettext("Level"),
    "levels": lazy_gettext("Levels"),
    "name": lazy_gettext("Name"),
    "name_en": lazy_gettext("Name in English"),
    "name_zh": lazy_gettext("Name in Chinese"),
    "outline": lazy_gettext("Outline"),
    "parent": lazy_gettext("Part of"),
    "people": lazy_gettext("People"),
    "remark": lazy_gettext("Remark"),
    "role": lazy_gettext("Role"),
    "source": lazy_gettext("Source"),
    "stations": lazy_gettext("Stations that watch it"),
    "units": lazy_gettext("Units and stocks"),
}
"""What fields of acts are called that many acts have; others stand in the log by their names."""


def told(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What an act changed, field by field: as it was, and as it is."""
    names = dict.fromkeys([*(before or {}), *(after or {})])
    lines = []
    for name in names:
        was, now = (None if one is None or name not in one else _value(one[name]) for one in (before, after))
        text = now if was is None else was if now is None else f"{was} → {now}"
        if text not in (None, "–"):
            lines.append((str(FIELDS.get(name, name)), text))
    return lines


def _value(value: Any) -> str:
    match value:
        case None | "" | [] | {}:
            return "–"
        case bool():
            return _("yes") if value else _("no")
        case list():
            return ", ".join(map(_value, value))
        case dict():
            return "; ".join(f"{name} {_value(one)}" for name, one in value.items())
        case _:
            return str(value)
