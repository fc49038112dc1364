"""The door of a department: its own cases by the time that is left, handled without leaving the page."""

from flask_babel import lazy_gettext

from webgis import web
from webgis.pages import desk_bulk, desk_search, workbench
from webgis.pages.blueprint import pages

DOOR = workbench.Door(
    "department",
    lazy_gettext("Our cases"),
    {"department": ("receive", "handle", "mine", "requests", "rest", "verify", "late")},
    {"department": 4},
)


@pages.get("/department")
@web.permits("department.use")
def department():
    """The whole door."""
    return workbench.page(DOOR)


@pages.get("/department/queue")
@web.permits("department.use")
def department_queue():
    """The rows of a queue alone."""
    return workbench.queue_part(DOOR)


@pages.get("/department/cases/<number>")
@web.permits("department.use")
def department_case(number: str):
    """The panel of a case alone."""
    return workbench.panel_part(DOOR, number)


@pages.post("/department/search", endpoint="department_search")
@web.permits("department.use")
def search():
    """What is found for what was typed, among the department's cases."""
    return desk_search.part(DOOR)


@pages.post("/department/bulk", endpoint="department_bulk")
@web.permits("cases.act")
def bulk():
    """The marked cases: the steps that are open for all of them, or what came of one."""
    return desk_bulk.part(DOOR)
