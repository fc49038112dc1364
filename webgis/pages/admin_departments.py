"""Departments as a tree, kept by administrators."""

from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import operations, queries
from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.accounts.models import Department, Person
from webgis.errors import NotFound
from webgis.grid import queries as grid
from webgis.pages.admin import REFUSALS, admin, given, page, problems

FACTS = tuple(operations.DEPARTMENT_COLUMNS)


@dataclass(frozen=True)
class Branch:
    """A department in the tree: how deep it stands, and how many active people it has."""

    department: Department
    depth: int
    people: int


def tree(session: Session) -> list[Branch]:
    """All departments, each followed by those below it."""
    counted = select(Person.department_code, func.count()).where(Person.active).group_by(Person.department_code)
    people = dict(session.execute(counted).all())
    below: dict[str | None, list[Department]] = {}
    for one in queries.departments(session):
        below.setdefault(one.parent_code, []).append(one)
    found: list[Branch] = []

    def add(parent: str | None, depth: int) -> None:
        for one in below.get(parent, ()):
            found.append(Branch(one, depth, people.get(one.code, 0)))
            add(one.code, depth + 1)

    add(None, 0)
    return found


@admin.get("/departments")
@web.permits("admin.departments")
def departments():
    """The tree of departments."""
    with web.transaction() as session:
        return page("departments", "departments", branches=tree(session))


def _form(code: str | None, fields: dict, faults: dict | None = None) -> str:
    with web.transaction() as session:
        areas = [*grid.areas(session, "county"), *grid.areas(session, "subdistrict")]
        own = set() if code is None else {code, *queries.departments_below(session, code)}
        parents = [one for one in queries.departments(session) if one.code not in own]
        return page(
            "department", "departments", code=code, given=fields, problems=faults or {}, kinds=DEPARTMENT_KINDS,
            areas=areas, parents=parents,
        )  # fmt: skip


@admin.get("/departments/new")
@web.permits("admin.departments")
def new_department():
    """The empty form of a department; `parent` may be given."""
    return _form(None, {"parent": request.args.get("parent", "")})


@admin.post("/departments/new")
@web.permits("admin.departments")
def add_department():
    """Add a department."""
    fields = given("code", *FACTS)
    try:
        with web.transaction() as session:
            about = {name: fields[name] or None for name in ("area", "parent")}
            operations.add_department(
                session, fields["code"], fields["name_zh"], fields["name_en"] or None, kind=fields["kind"],
                by=web.actor(), **about,
            )  # fmt: skip
    except REFUSALS as error:
        return _form(None, fields, problems(error)), 422
    flash(_("The department was added."), "success")
    return redirect(url_for(".departments"), 303)


@admin.get("/departments/one/<code>")
@web.permits("admin.departments")
def department(code: str):
    """One department."""
    with web.transaction() as session:
        found = session.get(Department, code)
        if found is None:
            raise NotFound("accounts.department-missing", f"There is no department {code}", field="code")
        fields = {name: value or "" for name, value in operations.department_facts(found).items()}
    return _form(code, fields)


@admin.post("/departments/one/<code>")
@web.permits("admin.departments")
def change_department(code: str):
    """Change a department, or put it elsewhere in the tree."""
    fields = given(*FACTS)
    try:
        with web.transaction() as session:
            operations.change_department(session, code, fields, by=web.actor())
    except REFUSALS as error:
        return _form(code, fields, problems(error)), 422
    flash(_("Kept."), "success")
    return redirect(url_for(".departments"), 303)
