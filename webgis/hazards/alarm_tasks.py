"""Work for later on alarms."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis.hazards import alarm_cases, alarm_telling
from webgis.jobs import task


@task("hazards.follow_alarm")
def follow_alarm(session: Session, alarm: int) -> None:
    """Bring the case of an alarm after it."""
    alarm_cases.follow(session, session.info["settings"], alarm, at=datetime.now(UTC))


@task("hazards.pass_on_alarms")
def pass_on_alarms(session: Session) -> None:
    """Alarms that nobody acknowledged in time go up one step; those that had no case are tried again."""
    alarm_telling.pass_on(session, at=datetime.now(UTC))
    alarm_cases.try_again(session)
