"""The blueprints of accounts, and departments over HTTP."""

from typing import Literal

from apiflask import APIBlueprint
from flask import request
from pydantic import Field

from webgis import api, web
from webgis.accounts import demo_logins, login_steps, oidc_views, queries
from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.accounts.login_views import accounts

departments = APIBlueprint("departments", __name__, url_prefix="/api/v1/departments", tag="Departments")
BLUEPRINTS = (accounts, departments)
PARTS = (demo_logins, login_steps, oidc_views)
"""Modules that put their addresses on the blueprint of logins when they are imported."""


class DepartmentSearch(api.Given):
    """Which departments."""

    kind: Literal[DEPARTMENT_KINDS] | None = None
    place: str | None = Field(None, pattern=r"^\d{4,15}$", description="code of a cell or area that they serve")


@departments.get("")
@departments.doc(summary="Departments", description="Those that a case can be dispatched to, by kind and place.")
@api.documented(query=DepartmentSearch)
@web.permits("departments.see")
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
