"""What columns of plans and resources are called for administrators, and what is said of one that cannot be used."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.errors import WebgisError
from webgis.pages import words
from webgis.pages.admin import problems

COLUMNS: dict[str, LazyString] = {
    "kind": lazy_gettext("Kind"),
    "level": lazy_gettext("Level"),
    "department_kind": lazy_gettext("Kind of department"),
    "minutes": lazy_gettext("Within so many minutes"),
    "words_zh": lazy_gettext("Task in Chinese"),
    "words_en": lazy_gettext("Task in English"),
    "source": lazy_gettext("Source"),
    "code": lazy_gettext("Code"),
    "name_zh": lazy_gettext("Name of the resource"),
    "name_en": lazy_gettext("Name in English"),
    "lon": lazy_gettext("Longitude"),
    "lat": lazy_gettext("Latitude"),
    "department": lazy_gettext("Department"),
    "amount": lazy_gettext("Amount"),
    "phone": lazy_gettext("Phone"),
    "address": lazy_gettext("Address"),
    "illustrative": lazy_gettext("illustrative"),
    "active": lazy_gettext("In use now"),
}


def _one_of(facts: Mapping[str, Any]) -> str:
    return _("One of: %(names)s", names=facts.get("accepted", ""))


def _place(_facts: Mapping[str, Any]) -> str:
    return _("Degrees, such as 104.065 and 30.657.")


def _truth(_facts: Mapping[str, Any]) -> str:
    return _("yes or no")


WRONG: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "kind": _one_of,
    "department_kind": _one_of,
    "level": lambda facts: _("1 (the gravest) to 4"),
    "minutes": lambda facts: _("Give a whole number of minutes, up to 43,200."),
    "tasks": lambda facts: _("At most 100 tasks."),
    "code": lambda facts: _("1 to 64 letters, digits or . _ -, beginning with a letter or digit; each code once."),
    "department": lambda facts: _("The code of a department, or nothing."),
    "amount": lambda facts: _("At most 100 characters."),
    "phone": lambda facts: _("At most 64 characters."),
    "lon": _place,
    "lat": _place,
    "active": _truth,
    "illustrative": _truth,
}


def wrong(facts: Mapping[str, Any]) -> str:
    """What would be accepted in a column, from the facts of a refusal."""
    say = WRONG.get(facts.get("field", ""))
    return say(facts) if say else _("1 to 200 characters.")


def faults(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a file that cannot be used, in the reader's words."""
    found = []
    for fault in facts.get("errors", ()):
        said, name = wrong(fault), fault.get("field", "")
        told = f"{fault['got']} · {said}" if fault.get("got") not in (None, "") else said
        found.append({"row": fault["row"], "column": COLUMNS.get(name, name), "problem": told, "problem_zh": told})
    return found


def at_fields(error: WebgisError) -> dict[str, str]:
    """A refusal as sentences by field of a form; longitude and latitude are one field."""
    field = error.facts.get("field")
    if error.code == "emergency.resource-exists":
        return {"code": words.sentence(error.code, error.message, error.facts)}
    if field in ("lon", "lat"):
        return {"lon": str(words.REFUSALS["lon"])}
    return {field: wrong(error.facts)} if error.code == "emergency.bad-field" else problems(error)
