"""Logging in and out, and who a request speaks for."""

from typing import Literal
from urllib.parse import urlsplit

from apiflask import APIBlueprint
from flask import g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from pydantic import Field

from webgis import api, limits, web
from webgis.accounts import operations, queries
from webgis.accounts.actor import DEPARTMENT_KINDS, Actor
from webgis.errors import Invalid

accounts = APIBlueprint("accounts", __name__, enable_openapi=False)
departments = APIBlueprint("departments", __name__, url_prefix="/api/v1/departments", tag="Departments")
BLUEPRINTS = (accounts, departments)


class DepartmentSearch(api.Given):
    """Which departments."""

    kind: Literal[DEPARTMENT_KINDS] | None = None
    place: str | None = Field(None, pattern=r"^\d{4,15}$", description="code of a cell or area that they serve")


def authenticate() -> Actor | None:
    """Who this request speaks for: the owner of its API key, or who is logged in; None for a stranger."""
    header = request.headers.get("Authorization")
    if header is not None:
        g.by_key = True
        scheme, _space, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        return queries.actor_of_key(web.runtime().ask, key.strip())
    token = session.get("token")
    return None if token is None else queries.actor_of_session(web.runtime().ask, token)


@accounts.get("/login")
@web.open_to_all
def login():
    """The login page; someone who is logged in goes on to where they wanted to be."""
    if g.actor is not None:
        return redirect(_next())
    return render_template("login.html", error=None, login="")


def _who_tries() -> str:
    """Failed logins are counted by account and address: nobody can lock another out from elsewhere."""
    return f"{limits.address()} {request.form.get('login', '').strip().lower()[:64]}"


@accounts.post("/login")
@web.open_to_all
@limits.at_most("login_limit", per=_who_tries, counts=lambda answer: answer.status_code == 422)
def log_in():
    """Check the password and set the cookie."""
    name = request.form.get("login", "")
    try:
        with web.transaction() as database:
            hours = web.runtime().settings.session_hours
            _person, token = operations.log_in(database, name, request.form.get("password", ""), hours)
    except Invalid as error:
        return render_template("login.html", error=_(error.message), login=name), 422
    session.clear()
    session["token"] = token
    return redirect(_next())


@accounts.post("/logout")
def log_out():
    """End this login."""
    with web.transaction() as database:
        operations.log_out(database, session.get("token", ""))
    session.clear()
    return redirect(url_for("accounts.login"))


@departments.get("")
@departments.doc(summary="Departments", description="Those that a case can be dispatched to, by kind and place.")
@api.documented(query=DepartmentSearch)
def listed():
    """Departments, of a kind and serving a place where these are given; the smallest area first then."""
    given = api.checked(DepartmentSearch, request.args.to_dict())
    with web.transaction() as database:
        found = queries.departments(database, given.kind)
    found = found if given.place is None else queries.serving(found, given.place)
    return {
        "departments": [
            {"code": one.code, "kind": one.kind, "area": one.area_code, "name": {"zh": one.name_zh, "en": one.name_en}}
            for one in found
        ]
    }


def _next() -> str:
    """Where to go after the login: a path of this site only."""
    wanted = request.args.get("next", "")
    try:
        elsewhere = urlsplit(wanted).netloc
    except ValueError:
        return "/"
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not elsewhere and wanted.isprintable()
    return wanted if local else "/"
