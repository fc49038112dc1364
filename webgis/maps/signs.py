"""How a state and a deadline look: word, colour, shape and icon. Never colour alone: not everyone tells red from green.

The order is the way of a case. Colours are dark enough for a white icon (4.5:1 or more).
"""

from dataclasses import dataclass

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class Sign:
    """One row: `word` is translated when it is shown, `icon` names a symbol of `static/app/icons.svg`."""

    word: LazyString
    colour: str
    shape: str
    icon: str


STATES: dict[str, Sign] = {
    "reported": Sign(lazy_gettext("Reported"), "#1d4ed8", "circle", "flag"),
    "confirming": Sign(lazy_gettext("Being confirmed"), "#0369a1", "circle", "eye"),
    "filed": Sign(lazy_gettext("Filed"), "#4338ca", "circle", "clipboard-check"),
    "dispatched": Sign(lazy_gettext("Dispatched"), "#7c3aed", "square", "send"),
    "handling": Sign(lazy_gettext("In handling"), "#a21caf", "square", "tool"),
    "suspended": Sign(lazy_gettext("Suspended"), "#92400e", "square", "player-pause"),
    "split": Sign(lazy_gettext("With several departments"), "#86198f", "square", "stack-2"),
    "resolved": Sign(lazy_gettext("Resolved"), "#0f766e", "diamond", "circle-check"),
    "verifying": Sign(lazy_gettext("Being verified"), "#0e7490", "diamond", "focus-2"),
    "verified": Sign(lazy_gettext("Verified"), "#155e75", "diamond", "shield-check"),
    "closed": Sign(lazy_gettext("Closed"), "#475569", "small", "archive"),
    "rejected": Sign(lazy_gettext("Not filed"), "#57534e", "small", "ban"),
    "merged": Sign(lazy_gettext("Merged"), "#64748b", "small", "copy"),
    "void": Sign(lazy_gettext("Void"), "#6b7280", "small", "trash"),
}


LIGHTS: dict[str, Sign] = {
    "in_time": Sign(lazy_gettext("In time"), "green", "circle", "clock-check"),
    "due_soon": Sign(lazy_gettext("Due soon"), "amber", "circle", "clock-exclamation"),
    "overdue": Sign(lazy_gettext("Overdue"), "red", "circle", "alert-triangle"),
}
"""The light of the handling clock (`ui.md`); the colour is a class of our style sheets."""


def lights() -> dict[str, str]:
    """Words of the lights by their colour."""
    return {sign.colour: str(sign.word) for sign in LIGHTS.values()}


def legend_rows() -> list[dict[str, str]]:
    """The table in the language of the reader, for a map's legend."""
    return [
        {"state": state, "word": str(sign.word), "colour": sign.colour, "shape": sign.shape, "icon": sign.icon}
        for state, sign in STATES.items()
    ]
