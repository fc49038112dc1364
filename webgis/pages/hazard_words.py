"""The words of hazard sources: kinds, levels, live states, derivation and reasons of a grade, faults of a form."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

FAULTS: dict[str, LazyString] = {
    "code": lazy_gettext("A code is 1 to 40 letters, digits, points or hyphens, and is used once."),
    "credit_code": lazy_gettext("This is no unified social credit code: its last sign checks the others."),
    "geometry": lazy_gettext("Draw the outline on the map: at least three corners, sides that do not cross."),
    "kind": lazy_gettext("Choose the kind."),
    "persons": lazy_gettext("A name or telephone number of the persons in charge cannot be used."),
    "radius_m": lazy_gettext("Give the radius in metres, at most 2,000."),
    "stations": lazy_gettext("Not all of these stations are registered."),
    "units": lazy_gettext("Each unit needs a name of its own."),
}


def bad_field(facts: Mapping[str, Any]) -> str:
    """What is wrong with a field of a source."""
    return str(FAULTS.get(facts.get("field", ""), _ANY))


_ANY = lazy_gettext("A field of this hazard source cannot be used. Check it.")


LEVELS: dict[int, LazyString] = {
    1: lazy_gettext("Level 1"),
    2: lazy_gettext("Level 2"),
    3: lazy_gettext("Level 3"),
    4: lazy_gettext("Level 4"),
    0: lazy_gettext("Not major"),
}
"""Levels of a major hazard source, 1 the gravest; 0 for what is none."""

LIVE: dict[str | None, tuple[LazyString, str, str]] = {
    "alarm": (lazy_gettext("In alarm"), "bell-ringing", "bad"),
    "silent": (lazy_gettext("A sensor is silent"), "wifi-off", "warn"),
    "ok": (lazy_gettext("Sensors in order"), "circle-check", "good"),
    None: (lazy_gettext("No sensor"), "circle-dashed", ""),
}
"""Live state -> its word, icon and tone."""

DUTIES: dict[str, LazyString] = {
    "chief": lazy_gettext("Main person in charge"),
    "technical": lazy_gettext("Technical person in charge"),
    "operation": lazy_gettext("Operation person in charge"),
    "duty": lazy_gettext("Duty room"),
}

UNITS: dict[str, LazyString] = {
    "storage": lazy_gettext("Storage unit"),
    "production": lazy_gettext("Production unit"),
}

WHY: dict[str, LazyString] = {
    "first": lazy_gettext("first grade"),
    "stocks": lazy_gettext("stocks changed"),
    "outline": lazy_gettext("outline changed"),
    "population": lazy_gettext("population changed"),
    "people": lazy_gettext("people entered anew"),
    "tables": lazy_gettext("tables of the standard changed"),
}
"""Why a grade was found anew."""

PEOPLE_FROM: dict[str, LazyString] = {
    "population": lazy_gettext("from the population of the communities, spread over their area"),
    "entered": lazy_gettext("as entered: the population is not known here"),
}

PLACES: dict[str, tuple[LazyString, str]] = {
    "school": (lazy_gettext("Schools"), "school"),
    "hospital": (lazy_gettext("Hospitals"), "building-hospital"),
    "care": (lazy_gettext("Care homes"), "users"),
    "market": (lazy_gettext("Markets"), "building"),
}
"""Kinds of places of an impact sheet: word and icon."""


def number(value: float | None) -> str:
    """A figure of a grade, with no more digits than it needs."""
    return "–" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def derivation(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """How a grade was found, line by line."""
    return [str(_LINES[line["step"]](line)) for line in lines]


def _ratio(line: Mapping[str, Any]) -> str:
    facts = {"name": line["name"], "q": number(line["q"]), "big": number(line["q_critical"])}
    facts["ratio"] = number(line["ratio"])
    if line["class"]:
        return _("%(name)s: q/Q = %(q)s t / %(big)s t = %(ratio)s (table 2, class %(cls)s)", cls=line["class"], **facts)
    return _("%(name)s: q/Q = %(q)s t / %(big)s t = %(ratio)s (table 1, row %(row)s)", row=line["row"], **facts)


def _sum(line: Mapping[str, Any]) -> str:
    s = number(line["s"])
    if line["major"]:
        return _("S = Σ q/Q = %(s)s ≥ 1: a major hazard source", s=s)
    return _("S = Σ q/Q = %(s)s < 1: no major hazard source", s=s)


def _beta(line: Mapping[str, Any]) -> str:
    facts = {"name": line["name"], "beta": number(line["beta"]), "ratio": number(line["ratio"])}
    facts["weighted"] = number(line["weighted"])
    if line["class"] is None:
        return _("%(name)s: β = %(beta)s (table 3), β · q/Q = %(beta)s × %(ratio)s = %(weighted)s", **facts)
    facts["cls"] = line["class"]
    if line["assumed"]:
        return _(
            "%(name)s: β = %(beta)s (table 4, taken as class %(cls)s), β · q/Q = %(beta)s × %(ratio)s = %(weighted)s",
            **facts,
        )
    return _("%(name)s: β = %(beta)s (table 4, class %(cls)s), β · q/Q = %(beta)s × %(ratio)s = %(weighted)s", **facts)


def _alpha(line: Mapping[str, Any]) -> str:
    facts = {"people": line["people"], "metres": number(line["within_m"]), "alpha": number(line["alpha"])}
    return _("%(people)s people within %(metres)s m: α = %(alpha)s (table 5)", **facts)


def _grade(line: Mapping[str, Any]) -> str:
    facts = {"alpha": number(line["alpha"]), "weighted": number(line["weighted"]), "r": number(line["r"])}
    return _("R = α · Σ β q/Q = %(alpha)s × %(weighted)s = %(r)s", **facts)


def _level(line: Mapping[str, Any]) -> str:
    facts = {"r": number(line["r"]), "least": number(line["at_least"]), "level": line["level"]}
    if line["level"] == 4:
        return _("R = %(r)s < 10: level 4 (table 6)", r=facts["r"])
    return _("R = %(r)s ≥ %(least)s: level %(level)s (table 6)", **facts)


_LINES = {"ratio": _ratio, "sum": _sum, "beta": _beta, "alpha": _alpha, "grade": _grade, "level": _level}

_FIELDS: dict[str, LazyString] = {
    "code": lazy_gettext("Code"),
    "name_zh": lazy_gettext("Name in Chinese"),
    "name_en": lazy_gettext("Name in English"),
    "holder": lazy_gettext("Holder"),
    "kind": lazy_gettext("Kind"),
    "people": lazy_gettext("People within 500 m"),
    "credit_code": lazy_gettext("Unified social credit code"),
    "units": lazy_gettext("Units and stocks"),
    "remark": lazy_gettext("Remark"),
    "source": lazy_gettext("Known from"),
}


def bad_input(facts: Mapping[str, Any]) -> str:
    """What is said of a field that is missing or has another form than it must have."""
    field = facts.get("field", "")
    return _("%(field)s: this is missing or cannot be used.", field=_FIELDS.get(field, field))
