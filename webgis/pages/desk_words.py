"""What queues are called at the desk and the department's door, and the keys by which steps are done there."""

from dataclasses import dataclass

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class QueueWords:
    """A queue's name, icon, and what is said when nothing waits in it."""

    word: LazyString
    icon: str
    empty: LazyString


_NOTHING = lazy_gettext("Nothing waits here just now. What arrives appears by itself.")

QUEUES: dict[str, QueueWords] = {
    "accept": QueueWords(lazy_gettext("To accept"), "flag", _NOTHING),
    "confirm": QueueWords(lazy_gettext("Being confirmed"), "eye", _NOTHING),
    "dispatch": QueueWords(lazy_gettext("To dispatch"), "send", _NOTHING),
    "receive": QueueWords(lazy_gettext("To receive"), "inbox", _NOTHING),
    "handle": QueueWords(lazy_gettext("In handling"), "tool", _NOTHING),
    "mine": QueueWords(lazy_gettext("Assigned to me"), "user", lazy_gettext("No case is assigned to you.")),
    "outside": QueueWords(lazy_gettext("With departments"), "building-community", _NOTHING),
    "rest": QueueWords(lazy_gettext("Suspended"), "player-pause", lazy_gettext("No case is suspended.")),
    "verify": QueueWords(lazy_gettext("To verify"), "focus-2", _NOTHING),
    "close": QueueWords(lazy_gettext("To close"), "archive", _NOTHING),
    "late": QueueWords(lazy_gettext("Overdue"), "alert-triangle", lazy_gettext("Nothing is overdue.")),
    "requests": QueueWords(lazy_gettext("Requests"), "hourglass", lazy_gettext("No request waits for you.")),
}

ORDERS: dict[str, LazyString] = {
    "due": lazy_gettext("Due"),
    "near": lazy_gettext("Near"),
    "new": lazy_gettext("New"),
}

KEYS = {
    "file": "f",
    "reject": "x",
    "request_confirmation": "c",
    "dispatch": "d",
    "split": "s",
    "return": "r",
    "receive": "i",
    "assign": "g",
    "resolve": "e",
    "redo": "b",
    "request_verification": "v",
    "close": "e",
    "merge": "m",
    "unmerge": "m",
    "reclassify": "l",
    "relocate": "p",
    "suspend": "h",
    "resume": "h",
    "urge": "u",
    "note": "a",
    "void": "z",
    "force_close": "w",
    "reopen": "o",
    "ask-extension": "1",
    "ask-suspension": "2",
    "ask-appeal": "3",
}
"""Action -> its key at the desk. Two actions share one only where no state offers both; a test holds that."""

MOVES: dict[str, LazyString] = {
    "j": lazy_gettext("Next case of the queue"),
    "k": lazy_gettext("Case before it"),
    "n": lazy_gettext("Take the next case, so that nobody else works on it"),
    "t": lazy_gettext("Take the chosen case, or give it back"),
    "Enter": lazy_gettext("Do the open step"),
    "Esc": lazy_gettext("Leave the field, close what is open"),
    "1…9": lazy_gettext("Choose in the open step"),
    "Space": lazy_gettext("Mark the case for a step with several"),
    "q": lazy_gettext("Next queue"),
    ".": lazy_gettext("Show what is new"),
    "/": lazy_gettext("Search"),
    "y": lazy_gettext("Take in a call"),
    "?": lazy_gettext("This help"),
}
"""Keys besides those of the steps."""


def moves(with_map: bool) -> dict[str, LazyString]:
    """The keys of a door; calls are taken in only at the desk."""
    return {key: word for key, word in MOVES.items() if with_map or key != "y"}
