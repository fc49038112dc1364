"""Logging in and out, and who a request speaks for."""

from urllib.parse import urlsplit

from apiflask import APIBlueprint
from flask import g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from webgis import web
from webgis.accounts import operations, queries
from webgis.accounts.actor import Actor
from webgis.errors import Invalid

accounts = APIBlueprint("accounts", __name__, enable_openapi=False)
BLUEPRINTS = (accounts,)


def authenticate() -> Actor | None:
    """Who this request speaks for: the owner of its API key, or who is logged in; None for a stranger."""
    header = request.headers.get("Authorization")
    if header is not None:
        g.by_key = True
        scheme, _space, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        with web.runtime().reading() as connection:
            return queries.actor_of_key(connection, key.strip())
    token = session.get("token")
    if token is None:
        return None
    with web.runtime().reading() as connection:
        return queries.actor_of_session(connection, token)


@accounts.get("/login")
@web.open_to_all
def login():
    """The login page; someone who is logged in goes on to where they wanted to be."""
    if g.actor is not None:
        return redirect(_next())
    return render_template("login.html", error=None, login="")


@accounts.post("/login")
@web.open_to_all
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


def _next() -> str:
    """Where to go after the login: a path of this site only."""
    wanted = request.args.get("next", "")
    parts = urlsplit(wanted)
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc
    return wanted if local else "/"
