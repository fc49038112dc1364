"""What browsers send: fields of the list's filters, of the report and of a step, as the operations want them."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from webgis import api
from webgis.cases import listing, wire
from webgis.errors import Invalid, WebgisError
from webgis.pages import words

CELL_DIGITS = 15


def list_filters(given: Mapping[str, str], zone: ZoneInfo) -> tuple[listing.Filters, list[str]]:
    """The filters of the list, and what is said of those that cannot be used (they are left out).

    Differs from the API where hands type: one field takes an area's or a cell's code, days are local and `until` is
    the last day, kind and class are one choice ("matter:06010").
    """
    problems: list[str] = []
    plain = ("state", "department", "q", "within", "source", "filed", "reopened", "in_time", "overdue", "zone")
    fields = {name: value for name in plain if (value := given.get(name, "").strip())}
    kind, _colon, code = given.get("subject", "").partition(":")
    fields |= {name: value for name, value in (("kind", kind), ("class", code)) if code or name == "kind" and value}
    if area := given.get("area", "").strip():
        fields["cell" if len(area) == CELL_DIGITS else "area"] = area
    for name in ("since", "until", "closed_since", "closed_until"):
        if moment := _day(given.get(name), zone, problems, later=name.endswith("until")):
            fields[name] = moment.isoformat()
    return _usable(fields, problems), problems


def _usable(fields: dict[str, str], problems: list[str]) -> listing.Filters:
    """The filters without those that are refused."""
    while True:
        try:
            return wire.filters(api.checked(wire.ListGiven, fields))
        except Invalid as error:
            name = error.facts.get("field", "")
            if name not in fields:
                raise
            del fields[name]
            problems.append(_FILTER_PROBLEMS.get(name, lambda: _("A filter could not be used and was left out."))())


_FILTER_PROBLEMS = {
    "area": lambda: _("An area's code has 4, 6, 9 or 12 digits, a cell's code 15."),
    "cell": lambda: _("An area's code has 4, 6, 9 or 12 digits, a cell's code 15."),
    "state": lambda: _("There is no such state."),
}


def _day(text: str | None, zone: ZoneInfo, problems: list[str], later: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=later), time(), zone)
    except (ValueError, OverflowError):
        problems.append(_("Give days as year-month-day."))
        return None


def report_fields(form: MultiDict) -> dict[str, str]:
    """The fields of the report form, named as on the wire."""
    fields = filled(form, "lon", "lat", "crs", "accuracy_m", "address", "description", "subject")
    return _with_class(fields)


STEP_FIELDS = (
    *("condition", "department", "reason", "note", "result", "into", "subject", "address", "handler", "inspector"),
    *("until", "lon", "lat", "crs", "accuracy_m", "version", "footprint"),
)


def step_fields(form: MultiDict) -> dict[str, str]:
    """The fields of a step's form, named as on the wire; `version` is the version of the case that was looked at.

    Several departments may be ticked. The case to merge into is chosen, or its number typed (`into_number`).
    """
    single = MultiDict((name, value) for name, value in form.items(multi=True) if name != "departments")
    fields = filled(single, *STEP_FIELDS)
    if "lon" not in fields:
        fields = {name: value for name, value in fields.items() if name not in ("crs", "accuracy_m")}
    ticked = {"departments": ",".join(codes)} if (codes := form.getlist("departments")) else {}
    typed = {"into": number} if (number := form.get("into_number", "").strip()) else {}
    return _with_class(fields) | ticked | typed


def _with_class(fields: dict[str, str]) -> dict[str, str]:
    """Kind and class are one choice of the page ("matter:06010")."""
    kind, _colon, code = fields.pop("subject", "").partition(":")
    return fields | ({"kind": kind, "class": code} if code else {})


def filled(form: MultiDict, *names: str) -> dict[str, str]:
    """Those of these fields in which something stands, read as the API reads a form."""
    given = api.form_fields(form)
    return {name: value for name in names if (value := given.get(name, "").strip())}


def order(given: Mapping[str, str], queue: bool) -> str:
    """The order of the list: as asked; else by what is due first in somebody's queue, and newest first elsewhere."""
    asked = given.get("order")
    return asked if asked in listing.ORDERS else "due" if queue else "newest"


def problems(error: WebgisError) -> dict[str, str]:
    """A refusal as sentences by field of the page; all faults of a form at once."""
    faults = error.facts.get("errors") or [error.facts]
    return dict(words.problem(error.code, error.message, fault) for fault in reversed(faults))


def report_problems(error: WebgisError) -> dict[str, str]:
    """The same of a report's form, which needs a class where the API may be given a component."""
    found = problems(error)
    if not request.form.get("subject", "").strip():
        found.setdefault("class", str(words.REFUSALS["class"]))
    return found


def photos_given() -> bool:
    """Whether any photo came with the form; its content may have been read already."""
    return any(file.filename for file in request.files.getlist("photos"))
