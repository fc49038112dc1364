"""Logging in and out, and who a request speaks for. What a login needs beside the password is in `login_steps.py`."""

from urllib.parse import urlsplit

from apiflask import APIBlueprint
from flask import g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis import limits, web
from webgis.accounts import logins, permissions, queries
from webgis.accounts.actor import Actor
from webgis.errors import WebgisError

accounts = APIBlueprint("accounts", __name__, enable_openapi=False)


def authenticate() -> Actor | None:
    """Who this request speaks for: the owner of its API key, or who is logged in; None for a stranger, and for a login
    that still needs something (`g.pending`)."""
    ask = web.runtime().ask
    header = request.headers.get("Authorization")
    if header is not None:
        g.by_key = True
        scheme, _space, key = header.partition(" ")
        found = queries.admitted_by_key(ask, key.strip()) if scheme.lower() == "bearer" and key else None
        if found and found.stale:
            ask("SELECT fn.touch_key(%s)", found.by_id)
        g.key_limits = found and found.limits
        return found and found.actor
    token = session.get("token")
    found = None if token is None else queries.admitted_by_session(ask, token)
    if found is None:
        return None
    if found.stale:
        ask("SELECT fn.touch_session(%s, %s, %s)", found.by_id, web.runtime().settings.session_hours, address())
    g.session_id = found.by_id
    if found.needs:
        g.pending = found
        return None
    return found.actor


def address() -> str:
    """From where somebody asks, as it is written down."""
    return limits.address()


def permit(actor: Actor, action: str) -> None:
    """Refuse what this person, or the API key that speaks for them, may not do."""
    permissions.require(actor, action)
    if g.by_key:
        permissions.require_key(g.key_limits, action)


@accounts.get("/login")
@web.open_to_all
def login():
    """The login page; someone who is logged in goes on to where they wanted to be."""
    if g.actor is not None:
        return redirect(next_page())
    if (pending := g.get("pending")) is not None:
        return redirect(step_page(pending.needs))
    return _page()


def _page(error: str | None = None, name: str = "") -> str:
    settings = web.runtime().settings
    service = settings.oidc_name if settings.oidc_issuer else None
    return render_template("login.html", error=error, login=name, service=service)


def login_page(code: str) -> str:
    """The login page with what is said of a refusal of this code."""
    return _page(str(WORDS[code]))


def _who_tries() -> str:
    """Requests to log in are counted by account and address; the account itself is locked by `lock_after`."""
    return f"{limits.address()} {request.form.get('login', '').strip().lower()[:64]}"


@accounts.post("/login")
@web.open_to_all
@limits.at_most("login_limit", per=_who_tries, counts=lambda answer: answer.status_code in (403, 422))
def log_in():
    """Check the password and set the cookie; where the login needs more, the next page asks for it."""
    name = request.form.get("login", "")
    settings = web.runtime().settings
    with web.transaction() as database:
        tried = logins.log_in(database, settings, name, request.form.get("password", ""), device())
    if tried.refused is not None:
        return refused_page(tried.refused, name)
    return logged_in(tried)


def refused_page(refused: WebgisError, name: str):
    """The login page with what is said of a login that was refused."""
    return _page(words_of(refused), name), 422


def device() -> logins.Device:
    """The browser that asks."""
    return logins.Device(str(request.user_agent)[: logins.LONGEST_DEVICE], address())


def logged_in(tried: logins.Tried, wanted: str | None = None):
    """Set the cookie of a login, in the language of whose it is, and go on to what it needs, or to the wanted page."""
    session.clear()
    session["token"] = tried.token
    response = redirect(step_page(tried.needs) if tried.needs else wanted or next_page())
    if tried.person.language:
        web.choose_language(response, tried.person.language)
    return response


def step_page(needs: str) -> str:
    """The page that asks for what a login needs."""
    return url_for(f"accounts.{needs}_form", next=request.args.get("next"))


def words_of(error: WebgisError) -> str:
    """What is said of a refusal on the pages before the login."""
    if error.code == "accounts.locked":
        wait = error.facts.get("retry_after_s")
        if wait is None:
            return _("Too many failures: this login is locked. An administrator can unlock it.")
        return _("Too many failures: this login is locked. Try again in %(n)s minutes.", n=max(1, -(-wait // 60)))
    if error.code == "accounts.weak-password":
        return weak_password(error.facts["why"], error.facts["shortest"])
    return str(WORDS[error.code])


WORDS = {
    "accounts.wrong-login": lazy_gettext("The login or the password is wrong"),
    "accounts.wrong-code": lazy_gettext("The code is wrong, too old or was used already."),
    "accounts.wrong-password": lazy_gettext("That is not your password."),
    "accounts.same-password": lazy_gettext("Choose another one than before."),
    "accounts.service-failed": lazy_gettext("The login service did not let you in, or does not answer. Try again."),
    "accounts.service-unknown": lazy_gettext("There is no account here for you. Ask the administrator."),
}


def weak_password(why: str, shortest: int) -> str:
    """What is said of a password that may be none."""
    said = {
        "short": _("Too short, or always the same sign: at least %(n)s characters.", n=shortest),
        "long": _("Too long: at most 256 characters."),
        "login": _("Too much like the login."),
        "common": _("Many people use this one. Choose another."),
    }
    return said[why]


@accounts.post("/logout")
@web.open_to_all
def log_out():
    """End this login."""
    with web.transaction() as database:
        logins.log_out(database, session.get("token", ""))
    session.clear()
    return redirect(url_for("accounts.login"))


def next_page() -> str:
    """Where to go after the login: a path of this site only."""
    wanted = request.args.get("next", "")
    try:
        elsewhere = urlsplit(wanted).netloc
    except ValueError:
        return "/"
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not elsewhere and wanted.isprintable()
    return wanted if local else "/"
