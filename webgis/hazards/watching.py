"""The writer of readings as a city runs it: with alarms. `webgis telemetry run` starts it."""

from webgis.db import Runtime
from webgis.hazards.alarms import Considering
from webgis.telemetry.writing import Writer


def writer(runtime: Runtime) -> Writer:
    """The one writer, which considers alarms in the transaction that puts readings in place."""
    return Writer(runtime, Considering(runtime.settings))
