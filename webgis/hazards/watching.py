"""The writer of readings as a city runs it: with alarms. `webgis telemetry run` starts it."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from webgis.db import Runtime
from webgis.hazards.alarms import Considering
from webgis.settings import Settings
from webgis.telemetry.writing import Found, Writer


class Lately:
    """Considers readings of the last hours. What is older is history: a case of it would send somebody to water that is
    long gone."""

    def __init__(self, settings: Settings) -> None:
        self._consider = Considering(settings)
        self._oldest = timedelta(hours=settings.alarm_oldest_h)

    def __call__(self, session: Session, found: Found, now: datetime) -> list[int]:
        """As `Considering`, for what is not too old at the aware moment `now`."""
        since = now - self._oldest
        lately = {id: [one for one in readings if one[0] >= since] for id, readings in found.items()}
        lately = {id: readings for id, readings in lately.items() if readings}
        return self._consider(session, lately, now) if lately else []


def writer(runtime: Runtime) -> Writer:
    """The one writer, which considers alarms in the transaction that puts readings in place."""
    return Writer(runtime, Lately(runtime.settings))
