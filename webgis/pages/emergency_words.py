"""What emergencies are called on the pages: kinds, levels, states and actions of tasks, lines of the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import shapely
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

from webgis import geo
from webgis.emergency import rules
from webgis.emergency.kinds import KINDS, LEVELS, RESOURCE_KINDS
from webgis.emergency.queries import Line
from webgis.errors import Invalid, WebgisError
from webgis.hazards import impact_rules
from webgis.pages import words
from webgis.settings import Settings

TASK_STATES: dict[str, tuple[LazyString, str]] = {
    "todo": (lazy_gettext("To do"), "circle-dashed"),
    "doing": (lazy_gettext("Under way"), "player-play"),
    "done": (lazy_gettext("Done"), "circle-check"),
    "dropped": (lazy_gettext("Taken off"), "ban"),
}

TASK_ACTIONS: dict[str, tuple[LazyString, str, str]] = {
    "start": (lazy_gettext("Begin it"), "player-play", "b"),
    "finish": (lazy_gettext("Finish it"), "check", "d"),
    "put_back": (lazy_gettext("Put back"), "arrow-back-up", ""),
    "redo": (lazy_gettext("Once more"), "rotate-clockwise", ""),
    "drop": (lazy_gettext("Take off"), "ban", ""),
    "restore": (lazy_gettext("Put on again"), "arrow-back-up", ""),
}
"""Word, icon and key of what is done with a task."""

RESOURCE_ICONS = {
    "pump": "droplet", "rescue": "shield", "shelter": "home", "hospital": "building-hospital",
    "depot": "building-warehouse", "fire_station": "flame", "other": "tool",
}  # fmt: skip

ACTIONS: dict[str, tuple[LazyString, str]] = {
    "open": (lazy_gettext("Opened"), "urgent"),
    "plan": (lazy_gettext("Tasks of the plan"), "list-check"),
    "change": (lazy_gettext("Changed"), "pencil"),
    "invite": (lazy_gettext("Takes part"), "users-group"),
    "dismiss": (lazy_gettext("Takes part no longer"), "logout"),
    "link": (lazy_gettext("Case added"), "link"),
    "note": (lazy_gettext("Situation"), "message"),
    "add_task": (lazy_gettext("Task added"), "plus"),
    "assign": (lazy_gettext("Resource called in"), "ambulance"),
    "task_start": (lazy_gettext("Task begun"), "player-play"),
    "task_finish": (lazy_gettext("Task done"), "circle-check"),
    "task_put_back": (lazy_gettext("Task put back"), "arrow-back-up"),
    "task_redo": (lazy_gettext("Task to be done again"), "rotate-clockwise"),
    "task_drop": (lazy_gettext("Task taken off the board"), "ban"),
    "task_restore": (lazy_gettext("Task put on the board again"), "arrow-back-up"),
    "cap_in": (lazy_gettext("CAP message came in"), "mail-opened"),
    "close": (lazy_gettext("Ended"), "lock"),
}

MESSAGES = {
    "Alert": lazy_gettext("Alert"),
    "Update": lazy_gettext("Update"),
    "Cancel": lazy_gettext("All clear"),
}
"""Types of CAP messages."""


@dataclass(frozen=True)
class Said:
    """A line of the log as it is read."""

    seq: int
    at: datetime
    word: str
    icon: str
    who: str
    hash: str
    lines: list[str] = field(default_factory=list)
    quote: str = ""


def kind(code: str) -> str:
    """What a kind of emergency is called."""
    return KINDS[code].en if words.english() else KINDS[code].zh


def resource_kind(code: str) -> str:
    """What a kind of resource is called."""
    return RESOURCE_KINDS[code][words.english()]


def level(number: int) -> str:
    """A level with its word: “Level II, serious”."""
    one = LEVELS[number]
    return _("Level %(sign)s, %(word)s", sign=one.sign, word=one.en if words.english() else one.zh)


def task_words(facts: Mapping[str, Any]) -> str:
    """What a task says, in the reader's language if it was written in it."""
    return (facts.get("words_en") if words.english() else None) or facts["words_zh"]


def metres(far: float) -> str:
    """A distance."""
    return f"{far:,.0f} m" if far < 1000 else f"{far / 1000:,.1f} km"


def said(row: Line, names: Mapping[str, str]) -> Said:
    """A line of the log in words; `names`: what departments are called, by code."""
    word, icon = ACTIONS[row.action]
    department = (row.department_en if words.english() else None) or row.department_zh
    name = row.name or str(words.ROLES.get(row.role, row.role))
    who = f"{name} · {department}" if department and department not in name else name
    facts = row.facts
    quote = facts.get("words") or facts.get("note") or facts.get("summary") or facts.get("headline") or ""
    lines = [line for line in _lines(row.action, facts, names) if line]
    return Said(row.seq, row.at, str(word), icon, who, row.hash.hex(), lines, quote)


def _lines(action: str, facts: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    joined = [names.get(code, code) for code in facts.get("departments", ())]
    took = [_("Take part: %(names)s", names=", ".join(joined))] if joined and action != "invite" else []
    if action == "open":
        return [f"{kind(facts['kind'])} · {level(facts['level'])}", facts["title"], _ground(facts), *took]
    if action in ("plan", "add_task", "assign"):
        return [*_planned(facts, names), *took]
    if action.startswith("task_"):
        late = [_("later than it was due")] if facts["late"] else []
        return [f"{task_words(facts)} · {names.get(facts['department'], facts['department'])}", *late, *took]
    if action == "change":
        return [*_changed(facts, names), *took]
    if action == "cap_in":
        return [f"{MESSAGES.get(facts['type'], facts['type'])} · {facts['sender']} · {facts['identifier']}"]
    return [", ".join(joined), facts.get("case") or "", names.get(facts.get("department", ""), "")]


def _ground(facts: Mapping[str, Any]) -> str:
    """The ground as it was when the emergency was opened."""
    if facts.get("hazard"):
        return _(
            "Ground: %(metres)s around the hazard source %(code)s", metres=metres(facts["ring_m"]), code=facts["hazard"]
        )
    around = facts["radius_m"]
    return _("Ground: %(metres)s around the place", metres=metres(around)) if around else _("Ground: an outline")


def _planned(facts: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    tasks = facts["tasks"]
    if len(tasks) == 1:
        return [f"{task_words(tasks[0])} · {names.get(tasks[0]['department'], tasks[0]['department'])}"]
    count = ngettext("%(num)s task", "%(num)s tasks", len(tasks))
    left = [task_words(one) for one in facts.get("left", ())]
    return [count, _("No department for: %(tasks)s", tasks="; ".join(left)) if left else ""]


def _changed(facts: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    before, after = facts["before"], facts["after"]
    told = []
    if "level" in after:
        told.append(f"{level(before['level'])} → {level(after['level'])}")
    if "title" in after:
        told.append(f"{before['title']} → {after['title']}")
    if "lead" in after:
        told.append(_("Leads: %(name)s", name=names.get(after["lead"], after["lead"])))
    if facts["redrawn"]:
        around = after.get("radius_m")
        told.append(_("Ground: %(metres)s around the place", metres=metres(around)) if around else _("Ground redrawn"))
    return told


RADII = (50, 100, 200, 300, 500, 1000, 2000, 5000)


def radii() -> list[tuple[int, str]]:
    """Radii to choose from, metres, with their words."""
    return [(far, metres(far)) for far in RADII]


GROUNDS = (
    ("circle", lazy_gettext("A circle"), "target"),
    ("outline", lazy_gettext("An outline"), "polygon"),
    ("hazard", lazy_gettext("Around a hazard source"), "biohazard"),
)
"""Ways to say the ground that an emergency covers: value, word, icon."""


def rings(settings: Settings, other: Any = None) -> list[tuple[int, str]]:
    """The distances from a hazard source to choose from, metres, with their words; and the one that is given."""
    known = set(impact_rules.rings(settings.hazard_rings))
    given = str(other or "")
    return [
        (far, metres(far)) for far in sorted(known | ({int(given)} if given.isdecimal() and len(given) < 6 else set()))
    ]


def outline(corners: str) -> dict[str, Any]:
    """What was drawn on the map or typed, corners as `lon,lat`, as GeoJSON. `Invalid` for what is no ring."""
    try:
        shape = shapely.from_wkt(geo.read_ring(corners))
    except Invalid as error:
        raise rules.bad_field("area", None, error.facts["accepted"]) from None
    if not shape.is_valid:
        raise rules.bad_field("area", None, "an outline that does not cross itself")
    return shapely.geometry.mapping(shape)


FIELDS = {"kind", "title", "level", "lon", "radius_m", "lead", "note", "words", "department", "departments", "minutes"}
FIELDS |= {"summary", "case", "address", "area", "hazard", "ring_m"}
FIELD_WORDS: dict[str, Callable[[], str]] = {
    "kind": lambda: _("Choose what it is."),
    "title": lambda: _("Say in a few words what has happened (at most 100 characters)."),
    "level": lambda: _("Choose another level."),
    "lon": lambda: str(words.REFUSALS["lon"]),
    "area": lambda: _("Draw an outline that does not cross itself, within 20 km of the place and in your area."),
    "hazard": lambda: _("Choose a hazard source."),
    "ring_m": lambda: _("Choose a distance from 10 to 5,000 metres."),
    "note": lambda: _("Say why."),
    "words": lambda: _("Write what there is to say."),
    "summary": lambda: _("Write what is to be said of it in the end."),
    "departments": lambda: _("Choose at least one that does not take part yet."),
    "department": lambda: _("Choose a department."),
    "minutes": lambda: _("Give a whole number of minutes, up to 43,200."),
    "case": lambda: _("Give the 19-digit number of a case that you may see and that is not added yet."),
}


def problems(error: WebgisError) -> dict[str, str]:
    """A refusal as sentences by field."""
    if error.code == "grid.outside":
        return {"lon": words.outside(error.facts.get("distance_m"))}
    found = {}
    for fault in reversed(error.facts.get("errors") or [error.facts]):
        name = "case" if error.code == "cases.case-unknown" else fault.get("field")
        name = "lon" if name == "lat" else name
        told = FIELD_WORDS[name]() if name in FIELD_WORDS else words.sentence(error.code, error.message, fault)
        found[name if name in FIELDS else "form"] = told
    return found
