"""What pages say of construction zones: severities, lines, fields, the findings of an effect study."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis.evaluation.works import Finding
from webgis.maps import metro_words, works_words

PHASES = works_words.PHASES
SEVERITIES = {
    "ordinary": lazy_gettext("Ordinary"),
    "serious": lazy_gettext("Serious"),
    "urgent": lazy_gettext("Urgent"),
}
PROTECTION = metro_words.ZONES
LINES = works_words.LINES | {
    "emergency-route": lazy_gettext("Route of emergency vehicles"),
    "water": lazy_gettext("Place under water"),
}
IN_CONFLICT = works_words.IN_CONFLICT
PARTS = {"inside": lazy_gettext("Inside the zone"), "ring": lazy_gettext("Within 200 m")}
WAYS = {"act": lazy_gettext("noted on the phone"), "track": lazy_gettext("by the track of a shift")}
_PHASES = lazy_gettext("such as hoarding 2026-06-10..2026-06-30; each on days of the zone")
_NIGHTS = lazy_gettext("such as N-1 2026-06-10..2026-06-30; each on days of the zone")
_DEPARTMENT = lazy_gettext("the code of a department that there is")
_TEXT = lazy_gettext("at most 200 characters")
_NEEDED = lazy_gettext("1 to 200 characters")
_HOURS = lazy_gettext("both hours, such as 07:00 and 21:00, or none")
FIELDS = {
    "code": (
        lazy_gettext("Code"),
        lazy_gettext("1 to 40 letters, digits, . - _, a letter or digit first; another for each zone"),
    ),
    "name_zh": (lazy_gettext("Name in Chinese"), _NEEDED),
    "name_en": (lazy_gettext("Name in English"), _TEXT),
    "project": (lazy_gettext("Project"), _NEEDED),
    "permit_number": (lazy_gettext("Permit number"), _TEXT),
    "owner": (lazy_gettext("Project owner"), _TEXT),
    "contractor": (lazy_gettext("Contractor"), _NEEDED),
    "supervisor": (lazy_gettext("Supervisor"), _TEXT),
    "department": (lazy_gettext("Contractor's department"), _DEPARTMENT),
    "metro_department": (lazy_gettext("Metro company"), _DEPARTMENT),
    "first_day": (lazy_gettext("First day"), lazy_gettext("a day such as 2026-06-10")),
    "last_day": (lazy_gettext("Last day"), lazy_gettext("a day that is not before the first, or none")),
    "road": (lazy_gettext("Road"), _TEXT),
    "width_left_m": (lazy_gettext("Width left, metres"), lazy_gettext("metres from 0 to 200")),
    "works_from": (lazy_gettext("Working hours"), _HOURS),
    "works_until": (lazy_gettext("Working hours"), _HOURS),
    "night_permits": (lazy_gettext("Night permits"), _NIGHTS),
    "patrols": (lazy_gettext("Patrols a day"), lazy_gettext("a whole number from 0 to 24")),
    "points": (lazy_gettext("Monitoring points"), lazy_gettext("codes of datastreams that there are")),
    "phases": (lazy_gettext("Phases"), _PHASES),
    "lines": (
        lazy_gettext("Roads closed and ways round"),
        lazy_gettext("lines of two places or more, on days of the zone"),
    ),
    "line": (lazy_gettext("Roads closed and ways round"), lazy_gettext("closure, narrowed or diversion")),
    "zone": (lazy_gettext("Construction zone"), lazy_gettext("the code of a zone of this file")),
    "ground": (
        lazy_gettext("Ground of the zone"),
        lazy_gettext("an outline in the city's grid that does not cross itself, at most 5 km² and 5,000 corners"),
    ),
    "illustrative": (lazy_gettext("illustrative"), lazy_gettext("yes, or nothing")),
    "words": (lazy_gettext("Words of a line"), _TEXT),
}
"""Fields by the names that refusals give: what they are called, and what is accepted."""

FIELDS["geometry"] = FIELDS["ground"]


def field(name: str) -> str:
    """What a field is called."""
    return str(FIELDS[name][0]) if name in FIELDS else name


def of_files(names: Mapping[str, Sequence[str]]) -> list[tuple[str, str, Sequence[str], str]]:
    """The fields of a file: each with its word, what a file may call it, and what is accepted."""
    return [(name, field(name), names[name], str(FIELDS[name][1])) for name in names if name in FIELDS]


def wrong(name: str, got: Any) -> str:
    """Why a field cannot be so: what is there, and what is accepted."""
    accepted = FIELDS[name][1] if name in FIELDS else _("something else")
    if got in (None, ""):
        return _("this is missing; accepted is: %(accepted)s", accepted=accepted)
    return _("“%(got)s” cannot be used; accepted is: %(accepted)s", got=got, accepted=accepted)


def value(name: str, told: Any) -> str:
    """What a field of `construction_wire.facts` says, in the reader's words."""
    if told in (None, ""):
        return "–"
    if isinstance(told, bool):
        return _("yes") if told else _("no")
    kinds = {"phases": PHASES, "lines": LINES}.get(name, {})
    parts = (part.partition(" ") for part in str(told).split("; "))
    return "\n".join(f"{kinds.get(first, first)}{gap}{rest}" for first, gap, rest in parts)


def finding(one: Finding) -> str:
    """What a finding says, in a sentence."""
    effect = one.effect
    if effect.claim == "too-little":
        return _("Too few cases or cells to say anything.")
    if effect.claim == "unlike":
        return _("No cells elsewhere are like these: there is nothing to compare with.")
    if effect.claim == "none":
        return _("Nothing is shown: as places without works stray by themselves.")
    values = {"percent": abs(round((effect.ratio - 1) * 100))}
    if effect.claim == "more":
        return _("%(percent)s %% more cases than would be expected.", **values)
    return _("%(percent)s %% fewer cases than would be expected.", **values)
