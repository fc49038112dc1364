"""Faults of areas and cells in words: what each kind is called, and a sentence made from its facts."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.days import FIRST_DAY
from webgis.grid import areas, cell_people, survey
from webgis.grid.models import CODE_LENGTHS

KINDS: dict[str, LazyString] = {
    "code-form": lazy_gettext("Code"),
    "duplicate": lazy_gettext("Code twice"),
    "no-name": lazy_gettext("No name"),
    "empty-geometry": lazy_gettext("No surface"),
    "invalid-geometry": lazy_gettext("Broken outline"),
    "unknown-parent": lazy_gettext("Area above missing"),
    "unknown-community": lazy_gettext("Community missing"),
    "unknown-cell": lazy_gettext("Cell missing"),
    "people-form": lazy_gettext("Population"),
    "day-form": lazy_gettext("Day"),
    "cells-stale": lazy_gettext("Cells no longer fit"),
    "overlap": lazy_gettext("Overlap"),
    "gap": lazy_gettext("Gap"),
    "outside": lazy_gettext("Sticks out"),
    "wrong-parent": lazy_gettext("In another community"),
    "multipart": lazy_gettext("Several parts"),
    "time": lazy_gettext("Time"),
    "area-mismatch": lazy_gettext("Stated area"),
    "reused-code": lazy_gettext("Code used before"),
    "order": lazy_gettext("Order of numbers"),
}
"""Kind of fault -> what it is called."""


def stops(work: str, kind: str) -> bool:
    """Whether nothing is loaded while there is a fault of this kind."""
    return kind in areas.REFUSED if work == "areas" else work in ("cells", "cell_people")


def leaves_out(kind: str) -> bool:
    """Whether rows of cells with this fault cannot be stored at all."""
    return kind in survey.UNSTORABLE


def sentence(work: str, fault: Mapping[str, Any]) -> str:
    """What is wrong, in the reader's language."""
    facts = {
        "code": fault.get("code") or "–",
        "other": fault.get("other") or "–",
        "m2": _square_metres(fault.get("m2")),
    }
    match fault["kind"]:
        case "code-form" if work in ("cells", "cell_people"):
            return _("The code must be 15 digits: those of the community, then a number from 001.")
        case "code-form":
            return _("The code must be 4, 6, 9 or 12 digits.")
        case "duplicate":
            return _("Another row has this code already.")
        case "no-name":
            return _("The name is empty.")
        case "empty-geometry":
            return _("It is no polygon, or one without a surface.")
        case "invalid-geometry":
            return _("The outline crosses itself or is broken; it is mended when it is taken over.")
        case "unknown-parent":
            above = areas.parent_of(fault["code"]) if len(fault["code"]) in CODE_LENGTHS.values() else "–"
            return _("The area above it, %(above)s, is neither stored nor in the file.", above=above)
        case "unknown-community":
            return _("There is no community %(above)s.", above=facts["code"][:12])
        case "unknown-cell":
            return _("No cell has this code now.")
        case "people-form":
            most = f"{cell_people.MOST_PEOPLE:,}"
            return _("People: a whole number from 0 to %(most)s is expected, not %(other)s.", most=most, **facts)
        case "day-form":
            return _("As of: a day from %(first)s to today is expected, not %(other)s.", first=FIRST_DAY, **facts)
        case "cells-stale":
            return _("Its boundary changes under its cells. Divide it again afterwards.")
        case "overlap":
            return _("Overlaps %(other)s by %(m2)s m².", **facts)
        case "gap":
            return _("%(m2)s m² of %(code)s belong to none of its parts.", **facts)
        case "outside":
            return _("Reaches %(m2)s m² beyond %(other)s.", **facts)
        case "wrong-parent":
            return _("Lies in %(other)s by %(m2)s m².", **facts)
        case "multipart":
            return _("It consists of separate parts; a cell is one polygon.")
        case "time":
            return _("Its initial or end time cannot be.")
        case "area-mismatch":
            return _("The stated area differs by %(m2)s m² from the measured one.", **facts)
        case "reused-code":
            return _("An earlier cell of another shape bore this code.")
        case "order":
            return _("Its number breaks the order west to east, north to south.")
    return fault["message"]


def _square_metres(m2: float | None) -> str:
    if m2 is None:
        return "–"
    return f"{m2:,.0f}" if m2 >= 10 else f"{m2:,.2f}"
