"""Words of the pages of the metro: kinds of work, states and steps of permits, what was found without one."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

WORKS: dict[str, LazyString] = {
    "building": lazy_gettext("Building, rebuilding, extending"),
    "demolition": lazy_gettext("Demolition"),
    "excavation": lazy_gettext("Pit or trench"),
    "drilling": lazy_gettext("Drilling"),
    "piling": lazy_gettext("Piling"),
    "blasting": lazy_gettext("Blasting"),
    "jacking": lazy_gettext("Pipe jacking"),
    "grouting": lazy_gettext("Grouting"),
    "anchors": lazy_gettext("Anchors"),
    "pipes": lazy_gettext("Pipes or cables"),
    "dewatering": lazy_gettext("Wells, lowering of groundwater"),
    "earthworks": lazy_gettext("Taking or filling earth"),
    "load": lazy_gettext("Large change of load"),
    "dredging": lazy_gettext("Dredging, anchoring of ships"),
    "hoisting": lazy_gettext("Hoisting, work overhead"),
    "hot_work": lazy_gettext("Hot work"),
    "other": lazy_gettext("Other"),
}

PURPOSES: dict[str, LazyString] = {
    "metro": lazy_gettext("Works of the metro"),
    "municipal": lazy_gettext("Municipal works"),
    "landscape": lazy_gettext("Landscaping"),
    "sanitation": lazy_gettext("Sanitation"),
    "defence": lazy_gettext("Civil defence"),
    "rebuilding": lazy_gettext("Approved rebuilding"),
    "other": lazy_gettext("Other"),
}


@dataclass(frozen=True)
class Look:
    """How a state or step is shown: word, icon, tone of its badge or kind of its button."""

    word: LazyString | str
    icon: str
    tone: str = ""


STATES: dict[str, Look] = {
    "applied": Look(lazy_gettext("Applied for"), "inbox", "warn"),
    "returned": Look(lazy_gettext("Returned"), "arrow-back-up", "warn"),
    "granted": Look(lazy_gettext("Granted"), "circle-check", "good"),
    "refused": Look(lazy_gettext("Refused"), "ban", "bad"),
    "withdrawn": Look(lazy_gettext("Withdrawn"), "x"),
    "revoked": Look(lazy_gettext("Revoked"), "ban", "bad"),
    "finished": Look(lazy_gettext("Work finished"), "check"),
    "expired": Look(lazy_gettext("Expired"), "clock"),
}

STEPS: dict[str, Look] = {
    "apply": Look(lazy_gettext("Applied"), "send"),
    "return": Look(lazy_gettext("Return for more documents"), "arrow-back-up"),
    "resubmit": Look(lazy_gettext("Hand in again"), "send", "btn-primary"),
    "grant": Look(lazy_gettext("Grant"), "circle-check", "btn-primary"),
    "refuse": Look(lazy_gettext("Refuse"), "ban"),
    "withdraw": Look(lazy_gettext("Withdraw"), "x"),
    "revoke": Look(lazy_gettext("Revoke"), "ban", "btn-outline-danger"),
    "finish": Look(lazy_gettext("The work is finished"), "check"),
    "expire": Look(lazy_gettext("Its days were over"), "clock"),
    "amend": Look(lazy_gettext("Application changed"), "pencil"),
    "plan": Look(lazy_gettext("Plan added"), "paperclip"),
    "monitor": Look(lazy_gettext("Monitoring changed"), "access-point"),
}

LAST_DAYS = 7
"""A permit of which fewer days are left is shown as one that ends soon."""


def in_force(permit: Any, today: date) -> Look | None:
    """How a granted permit stands to its days; of others None."""
    if permit.state != "granted":
        return None
    left = (permit.ends - today).days
    if left < 0:
        return Look(lazy_gettext("Its days were over"), "clock", "bad")
    if permit.starts > today:
        return Look(lazy_gettext("not yet begun"), "clock")
    return Look(
        ngettext("the last day", "%(num)d days left", left + 1), "clock", "warn" if left < LAST_DAYS else "good"
    )


FIELDS: dict[str, LazyString] = {
    "project": lazy_gettext("Project"),
    "applicant": lazy_gettext("Applicant"),
    "contractor": lazy_gettext("Contractor"),
    "work": lazy_gettext("What is done"),
    "purpose": lazy_gettext("What it is for"),
    "description": lazy_gettext("About the work"),
    "starts": lazy_gettext("First day"),
    "ends": lazy_gettext("Last day"),
    "ground": lazy_gettext("Ground of the work"),
}
"""What an application says, as its history names what was changed."""


def changed(names: str) -> str:
    """Names of fields, as the history keeps them, in words."""
    return " · ".join(str(FIELDS[name]) for name in names.split())


ALLOWS: dict[str, Look] = {
    "agreement": Look(lazy_gettext("needs the operator's agreement"), "clipboard-check", "warn"),
    "excluded": Look(lazy_gettext("excludes this work"), "ban", "bad"),
}

FOUND_BY: dict[str, LazyString] = {
    "case": lazy_gettext("Case"),
    "component": lazy_gettext("Component"),
    "site": lazy_gettext("Construction zone"),
}

FINDINGS: dict[str, Look] = {
    "open": Look(lazy_gettext("Nobody has looked yet"), "alert-triangle", "warn"),
    "permitted": Look(lazy_gettext("There is a permit"), "circle-check", "good"),
    "no_work": Look(lazy_gettext("No such work"), "check"),
    "stopped": Look(lazy_gettext("Work was stopped"), "ban", "good"),
}
