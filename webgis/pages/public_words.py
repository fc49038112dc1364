"""How a case is told to those who reported it: plain words, no names, nothing of the city's own business."""

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.cases.following import Told
from webgis.pages import words


@dataclass(frozen=True)
class Standing:
    """Where a case stands: a word, a sentence, an icon, and a tone (open, done, ended)."""

    word: LazyString
    text: LazyString
    icon: str
    tone: str


_RECEIVED = Standing(
    lazy_gettext("Arrived"), lazy_gettext("We have your report and are looking at it."), "inbox", "open"
)
_ON_ITS_WAY = Standing(
    lazy_gettext("Accepted"),
    lazy_gettext("Your report has been accepted and goes to the department responsible."),
    "clipboard-check",
    "open",
)
_HANDLING = Standing(
    lazy_gettext("Being handled"), lazy_gettext("The department responsible is working on it."), "tool", "open"
)
_HANDLED = Standing(
    lazy_gettext("Handled, being checked"),
    lazy_gettext("The department says it is done. Someone else looks on the spot before it is closed."),
    "clock-check",
    "open",
)
_STANDINGS = {
    "reported": _RECEIVED,
    "confirming": Standing(
        lazy_gettext("Being looked at"),
        lazy_gettext("An inspector goes to the place to see what you reported."),
        "eye",
        "open",
    ),
    "filed": _ON_ITS_WAY,
    "split": _HANDLING,
    "dispatched": _ON_ITS_WAY,
    "handling": _HANDLING,
    "suspended": Standing(
        lazy_gettext("On hold"),
        lazy_gettext("It cannot be solved just now. It is kept on record and goes on when it can."),
        "player-pause",
        "open",
    ),
    "resolved": _HANDLED,
    "verifying": _HANDLED,
    "verified": _HANDLED,
    "closed": Standing(
        lazy_gettext("Closed"), lazy_gettext("It has been handled and checked."), "circle-check", "done"
    ),
    "rejected": Standing(
        lazy_gettext("Not accepted"), lazy_gettext("Your report was not accepted as a case."), "ban", "ended"
    ),
    "merged": Standing(
        lazy_gettext("Joined"), lazy_gettext("It is handled together with another report."), "stack-2", "open"
    ),
    "void": Standing(lazy_gettext("Void"), lazy_gettext("This report has been made void."), "ban", "ended"),
}

SATISFACTION: dict[str, tuple[LazyString, str]] = {
    "satisfied": (lazy_gettext("Satisfied"), "mood-smile"),
    "partly": (lazy_gettext("Partly satisfied"), "mood-empty"),
    "unsatisfied": (lazy_gettext("Not satisfied"), "mood-sad"),
}
"""What a reporter may think of the end: word and icon."""

_STEPS: dict[str, tuple[LazyString, str]] = {
    "report": (lazy_gettext("You reported it"), "flag"),
    "confirm": (lazy_gettext("An inspector found it"), "eye"),
    "file": (lazy_gettext("Accepted as a case"), "clipboard-check"),
    "reject": (lazy_gettext("Not accepted"), "ban"),
    "dispatch": (lazy_gettext("Sent to the department responsible"), "send"),
    "split": (lazy_gettext("Sent to several departments"), "send"),
    "receive": (lazy_gettext("Work on it has begun"), "tool"),
    "suspend": (lazy_gettext("Put on hold"), "player-pause"),
    "resume": (lazy_gettext("Taken up again"), "refresh"),
    "resolve": (lazy_gettext("The department says it is done"), "circle-check"),
    "verify": (lazy_gettext("Checked on the spot"), "shield-check"),
    "close": (lazy_gettext("Case closed"), "archive"),
    "force_close": (lazy_gettext("Case closed"), "archive"),
    "reopen": (lazy_gettext("Opened again"), "rotate-clockwise"),
    "merge": (lazy_gettext("Joined with another report"), "stack-2"),
    "unmerge": (lazy_gettext("Stands for itself again"), "stack-2"),
    "void": (lazy_gettext("Made void"), "ban"),
}


@dataclass(frozen=True)
class Step:
    """A step as a reporter reads it."""

    word: str
    icon: str
    at: datetime
    department: str | None
    reason: str | None


def standing(state: str) -> Standing:
    """Where a case in this state stands, in plain words."""
    return _STANDINGS[state]


def step(one: Told) -> Step:
    """A step in plain words."""
    word, icon = _STEPS[one.action]
    if one.failed:
        word = _("Checked: not done yet") if one.action == "verify" else _("An inspector did not find it")
        icon = "rotate-clockwise"
    department = (one.department_en if words.english() else None) or one.department_zh
    return Step(str(word), icon, one.at, department, one.reason)
