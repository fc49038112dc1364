"""What steps, requests and marks are called on the pages: as a choice, on a button, in the history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class ActionWords:
    """How a step is called: as a choice, on its button, in the history; its icon, and a line of help."""

    choice: LazyString
    button: LazyString
    past: LazyString
    icon: str
    hint: LazyString | str = ""


ACTIONS: dict[str, ActionWords] = {
    "report": ActionWords(lazy_gettext("Report"), lazy_gettext("Send report"), lazy_gettext("Reported"), "flag"),
    "request_confirmation": ActionWords(
        lazy_gettext("Have it looked at first"),
        lazy_gettext("Send to an inspector"),
        lazy_gettext("Sent for confirmation"),
        "eye",
        lazy_gettext("An inspector looks on the spot whether the report is true, before it is filed."),
    ),
    "confirm": ActionWords(
        lazy_gettext("Confirm on site"),
        lazy_gettext("Send what was found"),
        lazy_gettext("Found on site"),
        "eye",
    ),
    "file": ActionWords(lazy_gettext("File the case"), lazy_gettext("File"), lazy_gettext("Filed"), "clipboard-check"),
    "reject": ActionWords(lazy_gettext("Do not file"), lazy_gettext("Do not file"), lazy_gettext("Not filed"), "ban"),
    "reclassify": ActionWords(
        lazy_gettext("Change the class"),
        lazy_gettext("Change the class"),
        lazy_gettext("Class changed"),
        "tag",
        lazy_gettext("The filing condition falls away; the case is to be filed by one of the new class."),
    ),
    "relocate": ActionWords(
        lazy_gettext("Correct the place"),
        lazy_gettext("Save the place"),
        lazy_gettext("Place corrected"),
        "map-pin",
    ),
    "merge": ActionWords(
        lazy_gettext("Merge into another case"),
        lazy_gettext("Merge"),
        lazy_gettext("Merged"),
        "copy",
        lazy_gettext("This report ends and follows the other case from now on; who reported it is told."),
    ),
    "unmerge": ActionWords(
        lazy_gettext("Undo the merge"),
        lazy_gettext("Undo the merge"),
        lazy_gettext("Merge undone"),
        "arrow-back-up",
        lazy_gettext("The case stands for itself again and is to be filed."),
    ),
    "void": ActionWords(
        lazy_gettext("Make void"),
        lazy_gettext("Make void"),
        lazy_gettext("Made void"),
        "trash",
        lazy_gettext("For what should never have been a case. The case ends and counts for nobody."),
    ),
    "dispatch": ActionWords(lazy_gettext("Dispatch"), lazy_gettext("Dispatch"), lazy_gettext("Dispatched"), "send"),
    "split": ActionWords(
        lazy_gettext("Split among departments"),
        lazy_gettext("Split"),
        lazy_gettext("Split into tasks"),
        "stack-2",
        lazy_gettext("Each department gets a task with a clock of its own; the case is done when all tasks are."),
    ),
    "return": ActionWords(lazy_gettext("Return"), lazy_gettext("Return"), lazy_gettext("Returned"), "arrow-back-up"),
    "receive": ActionWords(
        lazy_gettext("Receive"),
        lazy_gettext("Receive"),
        lazy_gettext("Received"),
        "inbox",
        lazy_gettext("Your department takes the case on. The limit has been running since the dispatch."),
    ),
    "assign": ActionWords(
        lazy_gettext("Assign a handler"),
        lazy_gettext("Assign"),
        lazy_gettext("Handler assigned"),
        "user",
    ),
    "suspend": ActionWords(
        lazy_gettext("Suspend"),
        lazy_gettext("Suspend"),
        lazy_gettext("Suspended"),
        "player-pause",
        lazy_gettext("The clock stands still until the given moment; the case then resumes by itself."),
    ),
    "resume": ActionWords(
        lazy_gettext("Resume"),
        lazy_gettext("Resume"),
        lazy_gettext("Resumed"),
        "clock",
        lazy_gettext("The suspension ends now and the clock runs on."),
    ),
    "resolve": ActionWords(
        lazy_gettext("Report it done"),
        lazy_gettext("Report it done"),
        lazy_gettext("Resolved"),
        "circle-check",
    ),
    "redo": ActionWords(
        lazy_gettext("Have it done again"),
        lazy_gettext("Send back"),
        lazy_gettext("Sent back to be done again"),
        "rotate-clockwise",
        lazy_gettext("The result is poor: back to the department before anyone goes to verify it."),
    ),
    "request_verification": ActionWords(
        lazy_gettext("Have it verified"),
        lazy_gettext("Send to an inspector"),
        lazy_gettext("Sent for verification"),
        "focus-2",
    ),
    "verify": ActionWords(
        lazy_gettext("Verify on site"),
        lazy_gettext("Send the result"),
        lazy_gettext("Verification passed"),
        "shield-check",
    ),
    "close": ActionWords(
        lazy_gettext("Close the case"),
        lazy_gettext("Close"),
        lazy_gettext("Closed"),
        "archive",
        lazy_gettext("The verification has passed. Closing ends the case."),
    ),
    "force_close": ActionWords(
        lazy_gettext("Close by order"),
        lazy_gettext("Close by order"),
        lazy_gettext("Closed by order"),
        "lock",
        lazy_gettext("Ends the case without verification, and marks it so."),
    ),
    "reopen": ActionWords(
        lazy_gettext("Open again"),
        lazy_gettext("Open again"),
        lazy_gettext("Opened again"),
        "refresh",
        lazy_gettext("The case begins anew, with a new clock; its history stays."),
    ),
    "urge": ActionWords(
        lazy_gettext("Urge"),
        lazy_gettext("Urge"),
        lazy_gettext("Urged"),
        "alert-circle",
        lazy_gettext("The case is marked as urged, and the department is told."),
    ),
    "note": ActionWords(lazy_gettext("Add a note"), lazy_gettext("Add"), lazy_gettext("Note"), "message"),
    "alarm": ActionWords(lazy_gettext("Alarm"), lazy_gettext("Alarm"), lazy_gettext("Alarm"), "bell-ringing"),
}


LABELS: dict[str, LazyString] = {
    "condition": lazy_gettext("Filing condition"),
    "department": lazy_gettext("Department"),
    "departments": lazy_gettext("Departments"),
    "class": lazy_gettext("Class"),
    "into": lazy_gettext("Case that goes on"),
    "result": lazy_gettext("Result"),
    "inspector": lazy_gettext("Inspector"),
    "handler": lazy_gettext("Handler"),
    "until": lazy_gettext("Until"),
    "lon": lazy_gettext("Where you are"),
    "reason": lazy_gettext("Reason"),
    "note": lazy_gettext("Note"),
    "photos": lazy_gettext("Photos"),
}
"""Field of a step's form -> what it is called."""

OWN_LABELS: dict[tuple[str, str], LazyString] = {
    ("relocate", "lon"): lazy_gettext("Place"),
    ("confirm", "note"): lazy_gettext("What you found"),
    ("verify", "note"): lazy_gettext("What you found"),
    ("confirm", "reason"): lazy_gettext("Reason, if you are not on the spot"),
    ("verify", "reason"): lazy_gettext("Reason, if you are not on the spot"),
    ("verify", "departments"): lazy_gettext("Whose work is to be done again (none: all)"),
    ("redo", "departments"): lazy_gettext("Whose work is to be done again (none: all)"),
    ("resolve", "note"): lazy_gettext("What was done"),
    ("resolve", "photos"): lazy_gettext("Photos of the result"),
}
"""(Action, field) -> what it is called there."""

RESULTS: dict[str, tuple[LazyString, LazyString, str, str]] = {
    "pass": (lazy_gettext("Pass"), lazy_gettext("It is done"), "circle-check", "pass"),
    "fail": (lazy_gettext("Fail"), lazy_gettext("Back to the department"), "rotate-clockwise", "fail"),
    "found": (lazy_gettext("Found"), lazy_gettext("It is as reported"), "circle-check", "pass"),
    "not_found": (lazy_gettext("Not found"), lazy_gettext("Nothing of it is there"), "map-pin-off", "fail"),
}
"""Result -> word, what it means, icon, and whether it is good."""

DUE: dict[str, LazyString] = {
    "reported": lazy_gettext("To be accepted by"),
    "confirming": lazy_gettext("To be confirmed by"),
    "filed": lazy_gettext("To be dispatched by"),
    "dispatched": lazy_gettext("To be handled by"),
    "handling": lazy_gettext("To be handled by"),
    "suspended": lazy_gettext("Suspended until"),
    "split": lazy_gettext("Last task due"),
    "resolved": lazy_gettext("To be verified by"),
    "verifying": lazy_gettext("To be verified by"),
    "verified": lazy_gettext("To be closed by"),
}
"""State -> what is due at the moment that the queues sort by."""


def label(action: str, name: str) -> str:
    """How a field is called in the form of a step."""
    return str(OWN_LABELS.get((action, name)) or LABELS[name])


ALARM_CHANGES: dict[str, LazyString] = {
    "opened": lazy_gettext("Opened by an alarm"),
    "escalated": lazy_gettext("Alarm graver"),
    "amended": lazy_gettext("Alarm amended"),
    "reset": lazy_gettext("Alarm reset"),
    "withdrawn": lazy_gettext("Alarm withdrawn by late readings"),
    "dismissed": lazy_gettext("Alarm dismissed by a person"),
}
"""What the engine writes of the alarm that opened a case."""


@dataclass(frozen=True)
class RequestWords:
    """How a kind of request is called, how it is asked for, and what granting it does."""

    word: LazyString
    ask: LazyString
    icon: str
    hint: LazyString


REQUESTS: dict[str, RequestWords] = {
    "extension": RequestWords(
        lazy_gettext("Extension"),
        lazy_gettext("Ask for an extension"),
        "hourglass",
        lazy_gettext("When it is granted, the limit of the case is added to its deadline once more."),
    ),
    "suspension": RequestWords(
        lazy_gettext("Suspension"),
        lazy_gettext("Ask for a suspension"),
        "player-pause",
        lazy_gettext("For what cannot be solved now. When it is granted, the clock stands still until then."),
    ),
    "appeal": RequestWords(
        lazy_gettext("Appeal"),
        lazy_gettext("Appeal against lateness"),
        "hand-stop",
        lazy_gettext("When it is granted, the lateness does not count; that the case was late stays shown. Once only."),
    ),
}

TURNS: dict[str, LazyString] = {
    "ask": lazy_gettext("%(kind)s asked for"),
    "passed": lazy_gettext("%(kind)s passed on by the department"),
    "refused": lazy_gettext("%(kind)s refused"),
    "granted": lazy_gettext("%(kind)s granted"),
    "withdraw": lazy_gettext("%(kind)s withdrawn"),
}
"""What happened with a request, for the history."""

REQUEST_STATES: dict[str, LazyString] = {
    "asked": lazy_gettext("waits for the department's review"),
    "reviewed": lazy_gettext("waits for the dispatcher's decision"),
    "granted": lazy_gettext("granted"),
    "refused": lazy_gettext("refused"),
    "withdrawn": lazy_gettext("withdrawn"),
}


@dataclass(frozen=True)
class Badge:
    """A mark of a case or event: word, icon, and `bad`, `good` or `plain`; that of a claim lasts until a moment."""

    word: LazyString | str
    icon: str
    tone: str = "plain"
    held: datetime | None = None


FLAGS: dict[str, Badge] = {
    "urged": Badge(lazy_gettext("Urged"), "alert-circle", "bad"),
    "forced": Badge(lazy_gettext("Closed by order"), "lock"),
    "reopened": Badge(lazy_gettext("Opened again"), "refresh"),
    "excused": Badge(lazy_gettext("Lateness excused"), "hand-stop", "good"),
    "split": Badge(lazy_gettext("Several departments"), "stack-2"),
    "asking": Badge(lazy_gettext("Request waits"), "hourglass", "bad"),
    "alarm": Badge(lazy_gettext("Alarm stands"), "bell-ringing", "bad"),
}

CONFIRMATIONS: dict[str, Badge] = {
    "found": Badge(lazy_gettext("Found on site"), "eye", "good"),
    "not_found": Badge(lazy_gettext("Not found on site"), "eye", "bad"),
}


PHOTO_MARKS: dict[str, Badge] = {
    "taken_long_before": Badge(lazy_gettext("Photo taken long before"), "clock-x", "bad"),
    "taken_in_future": Badge(lazy_gettext("Photo from the future"), "clock-x", "bad"),
    "taken_elsewhere": Badge(lazy_gettext("Photo taken elsewhere"), "photo-off", "bad"),
    "other_place": Badge(lazy_gettext("Photo not of the same place as before"), "photo-off", "bad"),
    "used_before": Badge(lazy_gettext("Photo used before"), "photo-off", "bad"),
}
"""Marks of photos that say something is wrong; that a photo tells no time or place is nobody's fault."""


def photo_badges(photos: Iterable[Any]) -> list[Badge]:
    """What is doubtful about the photos of an event (facts of `geofence.judge_photo`)."""
    marks = {mark for one in photos if isinstance(one, Mapping) for mark in one.get("marks", ())}
    return [badge for mark, badge in PHOTO_MARKS.items() if mark in marks]


def place_badge(place: Mapping[str, Any]) -> Badge:
    """What is said of where somebody stood (facts of `geofence.Judgement`)."""
    if place.get("distance_m") is None:
        return Badge(_("Without a position"), "map-pin-off", "bad")
    metres = f"{place['distance_m']:,.0f}"
    if place.get("inside"):
        return Badge(_("On the spot, %(m)s m from the place", m=metres), "map-pin", "good")
    return Badge(_("Away: %(m)s m from the place", m=metres), "map-pin-off", "bad")


@dataclass(frozen=True)
class Told:
    """What an event is called in the history, with its icon, and whether it is bad news."""

    word: str
    icon: str
    bad: bool = False


def told(action: str, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Told:
    """How an event is told. Steps have their words; a turn of a request has its kind and what became of it."""
    if action in ACTIONS:
        return _told_step(action, given.get("result"), given.get("change"))
    turn, _line, kind = action.partition("_")
    if kind not in REQUESTS:
        return Told(action.replace("_", " "), "info-circle")
    state = facts.get("state", "")
    became = turn if turn in TURNS else "passed" if state == "reviewed" else state
    word = str(TURNS.get(became, TURNS["ask"])) % {"kind": REQUESTS[kind].word}
    return Told(word, REQUESTS[kind].icon, state == "refused")


def _told_step(action: str, result: str | None, change: str | None) -> Told:
    words = ACTIONS[action]
    if action == "verify" and result == "fail":
        return Told(_("Verification failed"), "rotate-clockwise", True)
    if action == "confirm" and result == "not_found":
        return Told(_("Not found on site"), words.icon, True)
    if action == "alarm" and change in ALARM_CHANGES:
        return Told(str(ALARM_CHANGES[change]), words.icon, change in ("opened", "escalated"))
    return Told(str(words.past), words.icon, action == "redo")
