"""What maps say of alarms and of water on roads."""

from flask_babel import gettext as _


def on_maps() -> dict[str, str]:
    """The words of popups, by the names under which the browser asks for them."""
    return {
        "alarm": _("Alarm of a sensor"),
        "alarm_since": _("Since"),
        "alarm_waiting": _("Not acknowledged"),
        "alarm_more": _("Alarm and its history"),
        "water": _("Water on the road"),
        "road_open": _("Road open"),
        "road_slowed": _("Pass slowly"),
        "road_closed": _("Advised to close"),
        "water_more": _("Waterlogging"),
    }
