"""The words of hazard sources: kinds, levels, live states, derivation and reasons of a grade, faults of a form."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.hazards.screening import Circle
from webgis.maps.hazard_words import LEVELS

FAULTS: dict[str, LazyString] = {
    "code": lazy_gettext(
        "A code is 1 to 40 letters, digits, points or hyphens, is used once, and is not new or kinds."
    ),
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
    "population": lazy_gettext("from the population of cells; where not known, of communities, spread over their area"),
    "entered": lazy_gettext("as entered: the population is not known here"),
}

PLACES: dict[str, tuple[LazyString, str]] = {
    "school": (lazy_gettext("Schools"), "school"),
    "hospital": (lazy_gettext("Hospitals"), "building-hospital"),
    "care": (lazy_gettext("Care homes"), "users"),
    "market": (lazy_gettext("Markets"), "building"),
}
"""Kinds of places of an impact sheet: word and icon."""


SPILLS: dict[str, LazyString] = {
    "small": lazy_gettext("Small spill (up to 208 litres)"),
    "large": lazy_gettext("Large spill"),
}

CONTAINERS: dict[str, LazyString] = {
    "small_cylinders": lazy_gettext("several small cylinders"),
    "cylinders": lazy_gettext("several small cylinders or one ton cylinder"),
    "ton_cylinders": lazy_gettext("several ton cylinders"),
    "nurse_tank": lazy_gettext("agricultural nurse tank"),
    "tank_truck": lazy_gettext("road tanker"),
    "rail_car": lazy_gettext("rail tank car"),
}
"""What the guidebook's table 3 tells large spills apart by."""

ZONES: dict[str, LazyString] = {
    "isolate": lazy_gettext("Keep away, all round"),
    "day": lazy_gettext("Downwind by day"),
    "night": lazy_gettext("Downwind by night"),
    "blast": lazy_gettext("Vapour cloud explosion, to 1 psi (6.9 kPa)"),
}


def scenario(circle: Circle) -> str:
    """What happens, in words: how much is spilled from what, or explodes."""
    if circle.zone == "blast":
        return _("Explosion of %(tonnes)s t as one vapour cloud, to 1 psi", tonnes=number(circle.tonnes))
    spill = str(SPILLS[circle.spill or ""])
    return (
        _("%(spill)s: %(container)s", spill=spill, container=CONTAINERS[circle.container])
        if circle.container
        else spill
    )


def screening(circles: Sequence[Circle]) -> dict[str, dict[str, list[Circle]]]:
    """Published distances by substance and what happens, for a table."""
    found: dict[str, dict[str, list[Circle]]] = {}
    for circle in circles:
        found.setdefault(circle.name, {}).setdefault(scenario(circle), []).append(circle)
    return found


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
    facts = {"people": number(line["people"]), "metres": number(line["within_m"]), "alpha": number(line["alpha"])}
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
    "department": lazy_gettext("Department"),
    "stations": lazy_gettext("Stations that watch it"),
    "outline": lazy_gettext("Outline"),
    "persons": lazy_gettext("In charge"),
    "level": lazy_gettext("Level"),
}


def differing(changed: Mapping[str, Sequence[Any]], kinds: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What each field that changed is called, was and is; `kinds`: what kinds are called."""

    def said(name: str, value: Any) -> str:
        if name == "kind":
            return kinds.get(value, value)
        if name == "level":
            return str(LEVELS[value or 0])
        if name == "units":
            return "; ".join(f"{unit['name']}: {_stocks(unit['stocks'])}" for unit in value) or "–"
        return (" ".join(value) if isinstance(value, list) else str("" if value is None else value)) or "–"

    unseen = dict.fromkeys(("outline", "persons"), ("–", _("not as before")))
    return [
        (str(_FIELDS.get(name, name)), *(unseen.get(name) or [said(name, one) for one in values]))
        for name, values in changed.items()
    ]


def _stocks(stocks: Sequence[Sequence[Any]]) -> str:
    return ", ".join(f"{name} {tonnes:,.9g} t" for name, tonnes, *_named in stocks) or "–"


def bad_input(facts: Mapping[str, Any]) -> str:
    """What is said of a field that is missing or has another form than it must have."""
    field = facts.get("field", "")
    return _("%(field)s: this is missing or cannot be used.", field=_FIELDS.get(field, field))
