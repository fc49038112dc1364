"""One's own account: password, second factor, logins, keys, language."""

import time
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import logins, operations, permissions, queries, second_factor
from webgis.accounts.login_steps import enrolment
from webgis.accounts.login_views import words_of
from webgis.accounts.models import Person
from webgis.errors import WebgisError
from webgis.pages.admin import REFUSALS, problems
from webgis.pages.blueprint import pages
from webgis.pages.devices import device_name

KEY_DAYS = (30, 90, 365)


def _me(session: Session, lock: bool = True) -> Person:
    return session.get_one(Person, web.actor().id, with_for_update=lock)


@pages.get("/account")
@web.permits("account.own")
def account():
    """The page of one's own account."""
    return _page()


def _page(form: str = "", faults: dict[str, str] | None = None, **more: Any) -> str:
    """The page; `form` is the one that was refused, with its `faults`."""
    actor, settings = web.actor(), web.runtime().settings
    with web.transaction() as session:
        me = _me(session, lock=False)
        department = queries.require_department(session, me.department_code) if me.department_code else None
        return render_template(
            "account.html", me=me, department=department, sessions=logins.of_person(session, me.id), here=g.session_id,
            keys=queries.keys(session, person_id=me.id), codes_left=second_factor.codes_left(session, me.id),
            needed=me.role in settings.second_factor_roles.split(","), shortest=settings.password_length,
            actions=_actions(actor), days=KEY_DAYS, device_name=device_name, refused=form, problems=faults or {},
            **({"made_key": None, "codes": None} | more),
        )  # fmt: skip


def _actions(actor) -> list[permissions.Permission]:
    """What a key of this person could be for."""
    return [one for one in permissions.TABLE if one.keys and permissions.may(actor, one.action)]


def _done(text: str):
    flash(text, "success")
    return redirect(url_for("pages.account"), 303)


@pages.post("/account/password")
@web.permits("account.own")
def account_password():
    """Another password; the other logins end."""
    settings, form = web.runtime().settings, request.form
    try:
        with web.transaction() as session:
            old, new = form.get("password", ""), form.get("new", "")
            logins.change_password(session, settings, _me(session), old, new, g.session_id)
    except REFUSALS as error:
        return _page("password", {error.facts["field"]: words_of(error)}), 422
    return _done(_("The password was changed; all your other logins have ended."))


@pages.post("/account/language")
@web.permits("account.own")
def account_language():
    """The language of one's own, on every device from the next login on."""
    chosen = request.form.get("language", "")
    if chosen not in web.LOCALES:
        return _page("language", {"language": _("Choose one of the two.")}), 422
    with web.transaction() as session:
        _me(session).language = chosen
    response = redirect(url_for("pages.account"), 303)
    web.choose_language(response, chosen)
    return response


@pages.post("/account/sessions/<int:session_id>/end")
@web.permits("account.own")
def account_end_session(session_id: int):
    """End one of one's own logins."""
    with web.transaction() as session:
        logins.end(session, session_id, of=web.actor().id)
    return _done(_("The login was ended."))


@pages.post("/account/sessions/end-others")
@web.permits("account.own")
def account_end_others():
    """End all logins but this one."""
    with web.transaction() as session:
        logins.end_all(session, web.actor().id, keep=g.session_id)
    return _done(_("All your other logins have ended."))


@pages.post("/account/keys")
@web.permits("account.own")
def account_make_key():
    """Make a key; it is shown once."""
    form, actor = request.form, web.actor()
    days = form.get("days", "")
    try:
        with web.transaction() as session:
            made = operations.make_key(
                session, actor.login, form.get("label", "").strip() or None, read_only=form.get("reach") == "read",
                actions=form.getlist("actions") if form.get("reach") == "some" else None,
                days=int(days) if days.isdecimal() and len(days) < 6 else None, by=actor,
            )  # fmt: skip
    except REFUSALS as error:
        return _page("key", problems(error)), 422
    return _page(made_key=made), 201


@pages.post("/account/keys/<int:key_id>/revoke")
@web.permits("account.own")
def account_revoke_key(key_id: int):
    """Revoke one of one's own keys."""
    with web.transaction() as session:
        operations.revoke_key(session, key_id, of=web.actor().id, by=web.actor())
    return _done(_("The key was revoked."))


@pages.get("/account/second-factor")
@web.permits("account.own")
def account_second_factor():
    """The page on which a second factor is set up."""
    return _enrol()


def _enrol(error: str | None = None):
    with web.transaction() as session:
        me = _me(session)
        if me.totp_since is not None:
            return redirect(url_for("pages.account"), 303)
        secret = second_factor.begin(session, web.runtime().settings, me)
        return render_template("account_enrol.html", error=error, **enrolment(secret, me.login))


@pages.post("/account/second-factor")
@web.permits("account.own")
def account_second_factor_on():
    """Take a first code; the recovery codes are shown once."""
    codes = None

    def right(session: Session, me: Person) -> bool:
        nonlocal codes
        given = request.form.get("code", "")
        codes = second_factor.confirm(session, web.runtime().settings, me, given, time.time())
        return codes is not None

    if (refused := _tried(right)) is not None:
        return _enrol(words_of(refused)), 422
    return _page(codes=codes)


def _tried(right) -> WebgisError | None:
    """Try a code, counted like a login."""
    with web.transaction() as session:
        me = _me(session)
        return logins.try_code(session, web.runtime().settings, me, lambda: right(session, me))


def _with_code(then):
    """Do something for which a code must be given."""

    def right(session: Session, me: Person) -> bool:
        given = request.form.get("code", "")
        if not second_factor.right(session, web.runtime().settings, me, given, time.time()):
            return False
        then(session, me)
        return True

    return _tried(right)


@pages.post("/account/second-factor/off")
@web.permits("account.own")
def account_second_factor_off():
    """Take the second factor off, which takes a code."""
    refused = _with_code(lambda session, me: second_factor.take_off(session, me, web.actor()))
    if refused is not None:
        return _page("second", {"code": words_of(refused)}), 422
    return _done(_("The second factor was taken off."))


@pages.post("/account/second-factor/codes")
@web.permits("account.own")
def account_new_codes():
    """New recovery codes, which takes a code."""
    codes: list[str] = []
    refused = _with_code(lambda session, me: codes.extend(second_factor.new_codes(session, me)))
    if refused is not None:
        return _page("second", {"code": words_of(refused)}), 422
    return _page(codes=codes)
