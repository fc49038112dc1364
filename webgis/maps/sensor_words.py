"""What maps say of stations and their sensors."""

from flask_babel import gettext as _


def on_maps() -> dict[str, str]:
    """The words of popups, by the names under which the browser asks for them."""
    return {
        "station": _("Sensor station"),
        "sensor_alarm": _("in alarm"),
        "sensor_silent": _("silent"),
        "sensor_ok": _("telling"),
        "sensor_new": _("nothing told yet"),
        "sensors_many": _("Sensors"),
        "sensor_more": _("Readings"),
    }
