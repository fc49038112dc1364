"""People, kept by administrators: search, add, change, deactivate, and in and out as tables."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import admin_log, logins, operations, passwords, queries, second_factor
from webgis.accounts.actor import ROLES
from webgis.accounts.models import Person
from webgis.cases import table_wire
from webgis.catalog import queries as catalog
from webgis.catalog import sheets
from webgis.errors import Invalid
from webgis.exchange import people_tables
from webgis.grid import queries as grid
from webgis.pages import words
from webgis.pages.admin import REFUSALS, admin, given, page, problems

ROWS = 50
FACTS = ("name", "role", "department", "area", "classes")


@admin.get("/people")
@web.permits("admin.people")
def people():
    """Everyone, by part of login or name, role, department and whether they are active."""
    asked = {name: request.args.get(name, "").strip() for name in ("q", "role", "department", "state", "after")}
    active = {"off": False, "all": None}.get(asked["state"], True)
    with web.transaction() as session:
        found = queries.search(
            session, words=asked["q"], role=asked["role"], department=asked["department"], active=active,
            after=asked["after"], most=ROWS + 1,
        )  # fmt: skip
        more = url_for(".people", **(asked | {"after": found[ROWS - 1].login})) if len(found) > ROWS else None
        return page("people", "people", people=found[:ROWS], asked=asked, more=more, locked=logins.locked(session),
                    **_choices(session))  # fmt: skip


def _choices(session: Session) -> dict:
    departments = queries.departments(session)
    return {
        "roles": ROLES,
        "departments": departments,
        "department_names": {one.code: words.name_of(one) for one in departments},
        "majors": [
            {
                "key": f"{one.kind}:{one.code}",
                "name": words.name_of(one),
                "kind": words.KINDS[one.kind],
                "code": one.code,
            }
            for one in catalog.majors(session)
        ],
        "areas": [*grid.areas(session, "county"), *grid.areas(session, "subdistrict")],
    }


@admin.get("/people/new")
@web.permits("admin.people")
def new_person():
    """The empty form of a person."""
    return _form(request.args.to_dict())


def _given(*names: str) -> dict[str, str]:
    """Fields of the form; the classes that were ticked stand with those that were typed."""
    fields = given(*names)
    ticked = [one.replace("\0", "") for one in request.form.getlist("major")]
    return fields | {"classes": ",".join(filter(None, [*ticked, fields["classes"]]))}


def _form(fields: dict, faults: dict | None = None) -> str:
    with web.transaction() as session:
        return page("person_new", "people", given=fields, problems=faults or {}, **_choices(session))


@admin.post("/people/new")
@web.permits("admin.people")
def add_person():
    """Add someone; the password for the first login is made and shown once."""
    fields, password = _given("login", *FACTS), passwords.made()
    about = {name: fields[name] or None for name in ("department", "area", "classes")}
    try:
        with web.transaction() as session:
            operations.add_person(
                session, fields["login"], fields["name"], fields["role"], password, must_change=True, by=web.actor(),
                **about,
            )  # fmt: skip
    except REFUSALS as error:
        return _form(fields, problems(error)), 422
    made = people_tables.Made(fields["login"], fields["name"], password)
    return page("people_made", "people", made=[made], plan=None), 201


@admin.get("/people/one/<login>")
@web.permits("admin.people")
def person(login: str):
    """One person, with what can be done."""
    return _person(login)


def _person(login: str, fields: dict | None = None, faults: dict | None = None) -> str:
    with web.transaction() as session:
        found = logins.require_person(session, login)
        about = fields or {name: value or "" for name, value in operations.person_facts(found).items()}
        return page(
            "person", "people", who=found, given=about, problems=faults or {}, mine=found.id == web.actor().id,
            sessions=logins.of_person(session, found.id), keys=queries.keys(session, person_id=found.id),
            locked=logins.locked(session).get(found.login.lower(), False),
            **_choices(session),
        )  # fmt: skip


@admin.post("/people/one/<login>")
@web.permits("admin.people")
def change_person(login: str):
    """Change name, role, department, area or classes."""
    fields = _given(*FACTS)
    try:
        with web.transaction() as session:
            operations.change_person(session, login, fields, by=web.actor())
    except REFUSALS as error:
        return _person(login, fields, problems(error)), 422
    flash(_("Kept."), "success")
    return redirect(url_for(".person", login=login), 303)


@admin.post("/people/one/<login>/password")
@web.permits("admin.people")
def new_password(login: str):
    """A new password for the first login; it is shown once."""
    password = passwords.made()
    with web.transaction() as session:
        found = operations.set_password(session, login, password, must_change=True, by=web.actor())
    return page("people_made", "people", made=[people_tables.Made(found.login, found.name, password)], plan=None)


def _verb(name: str, do: Callable[[Session, Person], object]) -> None:
    """An address by which something is done to a person."""

    def act(login: str):
        try:
            with web.transaction() as session:
                do(session, logins.require_person(session, login))
        except REFUSALS as error:
            flash(words.sentence(error.code, error.message, error.facts), "warning")
        else:
            flash(_("Done."), "success")
        return redirect(url_for(".person", login=login), 303)

    act.__doc__ = do.__doc__
    address = f"/people/one/<login>/{name}"
    admin.add_url_rule(address, f"person_{name}", web.permits("admin.people")(act), methods=["POST"])


def _end_sessions(session: Session, found: Person) -> None:
    """End all logins of a person."""
    count = logins.end_all(session, found.id)
    admin_log.record(session, web.actor(), "sessions.end", found.login, None, {"sessions": count})


_verb("deactivate", lambda session, found: operations.set_active(session, found.login, False, by=web.actor()))
_verb("activate", lambda session, found: operations.set_active(session, found.login, True, by=web.actor()))
_verb("unlock", lambda session, found: logins.unlock(session, found.login, web.actor()))
_verb("end-sessions", _end_sessions)
_verb("second-factor-off", lambda session, found: second_factor.take_off(session, found, web.actor()))


@admin.get("/people/export.xlsx")
@web.permits("admin.people")
def export_people():
    """Everyone as a table that `import` reads back."""
    language = "en" if words.english() else "zh"
    with web.transaction() as session:
        rows = people_tables.export_rows(queries.people(session), language)
        admin_log.record(session, web.actor(), "people.export", "people", None, {"rows": len(rows)})
    return table_wire.rows_workbook("people", people_tables.EXPORT_HEADINGS[language], rows)


@admin.get("/people/template.xlsx")
@web.permits("admin.people")
def people_template():
    """A table to fill in."""
    language = "en" if words.english() else "zh"
    return table_wire.workbook("people_template", lambda path: people_tables.template(path, language))


@admin.get("/people/import")
@web.permits("admin.people")
def import_form():
    """The form by which a table comes in."""
    return page("people_import", "people", plan=None, problem=None)


@admin.post("/people/import")
@web.permits("admin.people")
def import_people():
    """Look at a table, or take it over; nothing is changed while it has faults."""
    actor, checking = web.actor(), "check" in request.form
    try:
        with table_wire.uploaded() as path, web.transaction() as session:
            plan = people_tables.read(session, sheets.read(path), actor)
            if plan.faults or checking:
                return page("people_import", "people", plan=plan, problem=None), 422 if plan.faults else 200
            made = people_tables.take_over(session, plan, by=actor)
            counts = {verb: plan.count(verb) for verb in ("add", "change", "same")}
    except Invalid as error:
        problem = words.sentence(error.code, error.message, error.facts)
        return page("people_import", "people", plan=None, problem=problem), 422
    return page("people_made", "people", made=made, plan=counts), 201
