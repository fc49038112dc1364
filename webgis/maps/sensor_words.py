"""What maps say of stations and their sensors."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

STATES: dict[str, LazyString] = {
    "alarm": lazy_gettext("in alarm"),
    "silent": lazy_gettext("silent"),
    "ok": lazy_gettext("telling"),
    "new": lazy_gettext("nothing told yet"),
}
"""How a sensor stands, the worst first."""


def on_maps() -> dict[str, str]:
    """The words of popups, by the names under which the browser asks for them."""
    return {
        "station": _("Sensor station"),
        **{f"sensor_{state}": str(word) for state, word in STATES.items()},
        "sensors_many": _("Sensors"),
        "sensor_more": _("Readings"),
    }
