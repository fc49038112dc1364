"""What a login may still need after the password: a code of the second factor, a new password, a second factor of one's
own. Whoever is here is nobody yet; the pages are open to strangers and send those away who have no such login."""

import time
from collections.abc import Callable
from functools import wraps

from flask import g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from webgis import limits, web
from webgis.accounts import logins, second_factor, totp
from webgis.accounts.login_views import accounts, next_page, step_page, words_of
from webgis.accounts.models import Person
from webgis.errors import WebgisError


def _needing(needs: str) -> Callable:
    """A view for logins that need this; others are sent to the login page, which knows where they belong."""

    def mark(view: Callable) -> Callable:
        @wraps(view)
        def guarded():
            pending = g.get("pending")
            if pending is None or pending.needs != needs:
                return redirect(url_for("accounts.login", next=request.args.get("next")))
            return view(pending.actor)

        return web.open_to_all(guarded)

    return mark


def _tries() -> str:
    pending = g.get("pending")
    return f"{limits.address()} {pending.actor.login if pending else ''}"


_COUNTED = limits.at_most("login_limit", per=_tries, counts=lambda answer: answer.status_code == 422)


@accounts.get("/login/code", endpoint="second_form")
@_needing("second")
def second_form(_actor):
    """The page that asks for a code."""
    return render_template("login_code.html", error=None)


@accounts.post("/login/code", endpoint="second")
@_COUNTED
@_needing("second")
def second(actor):
    """Take a code of the app, or a recovery code."""
    settings, given = web.runtime().settings, request.form.get("code", "")
    with web.transaction() as database:
        person = _locked(database, actor.id)

        def right() -> bool:
            return second_factor.right(database, settings, person, given, time.time())

        refused = logins.try_code(database, settings, person, right)
        needs = None if refused else logins.pass_on(database, settings, g.session_id)
    if refused is not None:
        return render_template("login_code.html", error=words_of(refused)), 422
    return _on(needs)


def _locked(database: Session, person_id: int) -> Person:
    return database.get_one(Person, person_id, with_for_update=True)


def _on(needs: str | None):
    return redirect(step_page(needs) if needs else next_page())


@accounts.get("/login/password", endpoint="password_form")
@_needing("password")
def password_form(_actor):
    """The page that asks for a password of one's own."""
    return _password_page()


def _password_page(problems: dict[str, str] | None = None) -> str:
    shortest = web.runtime().settings.password_length
    return render_template("login_password.html", problems=problems or {}, shortest=shortest)


@accounts.post("/login/password", endpoint="password")
@_COUNTED
@_needing("password")
def password(actor):
    """Take the new password."""
    settings, form = web.runtime().settings, request.form
    try:
        with web.transaction() as database:
            person = _locked(database, actor.id)
            old, new = form.get("password", ""), form.get("new", "")
            logins.change_password(database, settings, person, old, new, g.session_id)
            needs = logins.pass_on(database, settings, g.session_id)
    except WebgisError as error:
        return _password_page({error.facts["field"]: words_of(error)}), 422
    return _on(needs)


@accounts.get("/login/second-factor", endpoint="enrol_form")
@_needing("enrol")
def enrol_form(actor):
    """The page on which a second factor is set up that the role needs."""
    return _enrol_page(actor.id)


def _enrol_page(person_id: int, error: str | None = None) -> str:
    with web.transaction() as database:
        person = _locked(database, person_id)
        secret = second_factor.begin(database, web.runtime().settings, person)
        return render_template("login_enrol.html", error=error, codes=None, **enrolment(secret, person.login))


def enrolment(secret: bytes, login: str) -> dict[str, str]:
    """What is shown of a secret that is to be scanned: the picture and the letters."""
    letters = totp.written(secret)
    apart = " ".join(letters[i : i + 4] for i in range(0, len(letters), 4))
    return {"picture": second_factor.picture(secret, login, "webgis"), "letters": apart}


@accounts.post("/login/second-factor", endpoint="enrol")
@_COUNTED
@_needing("enrol")
def enrol(actor):
    """Take a first code; the recovery codes are shown once."""
    settings, codes = web.runtime().settings, None
    with web.transaction() as database:
        person = _locked(database, actor.id)

        def right() -> bool:
            nonlocal codes
            codes = second_factor.confirm(database, settings, person, request.form.get("code", ""), time.time())
            return codes is not None

        refused = logins.try_code(database, settings, person, right)
        if refused is None:
            logins.pass_on(database, settings, g.session_id)
    if refused is not None:
        return _enrol_page(actor.id, words_of(refused)), 422
    return render_template("login_enrol.html", error=None, codes=codes, go_on=next_page())
