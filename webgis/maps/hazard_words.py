"""What levels and live states of hazard sources are called, on maps and pages alike."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

LEVELS: dict[int, LazyString] = {
    1: lazy_gettext("Level 1"),
    2: lazy_gettext("Level 2"),
    3: lazy_gettext("Level 3"),
    4: lazy_gettext("Level 4"),
    0: lazy_gettext("Not major"),
}
"""Levels of a major hazard source, 1 the gravest; 0 for what is none."""

LIVE: dict[str | None, tuple[LazyString, str, str]] = {
    "alarm": (lazy_gettext("In alarm"), "bell-ringing", "bad"),
    "silent": (lazy_gettext("A sensor is silent"), "wifi-off", "warn"),
    "ok": (lazy_gettext("Sensors in order"), "circle-check", "good"),
    None: (lazy_gettext("No sensor"), "circle-dashed", ""),
}
"""Live state -> its word, icon and tone."""


def on_maps() -> dict[str, str]:
    """The words of popups, by the names under which the browser asks for them."""
    levels = {f"hazard_level_{level}": str(word) for level, word in LEVELS.items()}
    live = {f"hazard_live_{state or 'none'}": str(word) for state, (word, _icon, _tone) in LIVE.items()}
    return {"hazard": _("Hazard source"), "hazard_more": _("Hazard source and its grade")} | levels | live
