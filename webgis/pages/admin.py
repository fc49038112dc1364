"""The administrator's door: its frame with the sections, which other modules of pages add to.

A section is a page of its own under /admin whose view asks for a right of its own; who may not open it does not see it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis import web
from webgis.accounts import permissions
from webgis.errors import Conflict, Invalid, WebgisError
from webgis.pages import words

admin = APIBlueprint("admin", __name__, url_prefix="/admin", enable_openapi=False)


@dataclass(frozen=True)
class Section:
    """A section of the side navigation: its name and words, its icon, its first page, the right that it needs, and
    whether there is anything to do in it now."""

    name: str
    words: LazyString
    icon: str
    endpoint: str
    action: str
    open: Callable[[], bool] = lambda: True


SECTIONS = [
    Section("people", lazy_gettext("People"), "users", "admin.people", "admin.people"),
    Section("departments", lazy_gettext("Departments"), "building", "admin.departments", "admin.departments"),
    Section("sessions", lazy_gettext("Logins"), "device-desktop", "admin.sessions", "admin.sessions"),
    Section("keys", lazy_gettext("API keys"), "key", "admin.keys", "admin.keys"),
    Section("security", lazy_gettext("Security"), "shield-check", "admin.security", "admin.security"),
    Section("log", lazy_gettext("Log"), "history", "admin.log", "admin.log"),
]
"""The sections in their order. Modules that bring one put it in when they are imported."""


def put(section: Section, after: str | None) -> None:
    """Put a section behind another one, or before all."""
    names = [one.name for one in SECTIONS]
    SECTIONS.insert(0 if after is None else names.index(after) + 1, section)


@admin.app_context_processor
def _frame() -> dict[str, Callable]:
    return {
        "admin_sections": sections,
        "may": lambda action: permissions.may(web.actor(), action),
        "weekdays": words.weekdays,
    }


def sections() -> list[Section]:
    """The sections that the reader may open."""
    return [one for one in SECTIONS if permissions.may(web.actor(), one.action) and one.open()]


@admin.get("")
@web.permits("admin.use")
def home():
    """The first section that the reader may open."""
    found = sections()
    if not found:
        permissions.require(web.actor(), SECTIONS[0].action)
    return redirect(url_for(found[0].endpoint))


def page(template: str, section: str, **values) -> str:
    """A page of a section."""
    return render_template(f"admin/{template}.html", section=section, **values)


def problems(error: WebgisError) -> dict[str, str]:
    """A refusal as sentences by field of an administrator's form."""
    field = error.facts.get("field") or "form"
    if error.code in ("accounts.bad-field", "cases.bad-field"):
        return {field: str(FIELDS.get(field, FIELDS["other"]))}
    if isinstance(error, Conflict) and field == "form":
        return {"form": words.conflict(error)}
    return {field: words.sentence(error.code, error.message, error.facts)}


FIELDS: dict[str, LazyString] = {
    "login": lazy_gettext("2 to 64 letters, digits or . _ @ -, beginning with a letter or digit."),
    "code": lazy_gettext("1 to 64 letters, digits or . _ -, beginning with a letter or digit."),
    "name": lazy_gettext("1 to 64 characters."),
    "name_zh": lazy_gettext("1 to 64 characters."),
    "department": lazy_gettext("Choose a department: this role needs one."),
    "classes": lazy_gettext("Beginnings of codes of the catalogue, such as 01, 0601 or matter:06."),
    "area": lazy_gettext("The code of an area: 4, 6, 9 or 12 digits; empty for the whole city."),
    "parent": lazy_gettext("Choose a department that is not below this one."),
    "role": lazy_gettext("Choose a role."),
    "kind": lazy_gettext("Choose a kind."),
    "days": lazy_gettext("1 to 3650 days; empty for a key without an end."),
    "label": lazy_gettext("At most 100 characters."),
    "file": lazy_gettext("Choose a file of a kind that is named here."),
    "ground": lazy_gettext("Choose one of the areas."),
    "size_m": lazy_gettext("Metres from 20 to 1000."),
    "source": lazy_gettext("At most 200 characters."),
    "day": lazy_gettext("Give a date, such as 2026-10-01."),
    "since": lazy_gettext("Give a date on which no other period holds."),
    "until": lazy_gettext("Give a date that is not before the first day, at most 62 days later."),
    "working": lazy_gettext("Choose one of the two."),
    "shifts": lazy_gettext("Give shifts that follow one another, such as 08:30-12:00,14:30-18:00."),
    "other": lazy_gettext("This cannot be used. Check it."),
}
"""What is said at a field of a form that cannot be used."""


def given(*names: str) -> dict[str, str]:
    """Fields of the form, without white space around them."""
    return {name: request.form.get(name, "").replace("\0", "").strip() for name in names}


REFUSALS = (Invalid, Conflict)
"""What a form shows at its fields."""
