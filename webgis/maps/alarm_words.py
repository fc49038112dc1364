"""What maps say of alarms and of water on roads."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

ROADS: dict[str, LazyString] = {
    "closed": lazy_gettext("Advised to close"),
    "slowed": lazy_gettext("Pass slowly"),
    "open": lazy_gettext("Road open"),
}
"""What an alarm advises for a road, the gravest first."""


def on_maps() -> dict[str, str]:
    """The words of popups, by the names under which the browser asks for them."""
    return {
        "alarm": _("Alarm of a sensor"),
        "alarm_since": _("Since"),
        "alarm_waiting": _("Not acknowledged"),
        "alarm_more": _("Alarm and its history"),
        "water": _("Water on the road"),
        **{f"road_{advice}": str(word) for advice, word in ROADS.items()},
        "water_more": _("Waterlogging"),
    }
