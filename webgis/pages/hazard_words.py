"""The words of hazard sources: kinds, levels, live states, reasons of a grade, faults of a form."""

from collections.abc import Mapping
from typing import Any

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
