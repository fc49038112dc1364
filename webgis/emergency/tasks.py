"""Work for later on emergencies."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis.emergency import telling
from webgis.jobs import task


@task("emergency.notify")
def notify(session: Session, emergency: int, seq: int) -> None:
    """Tell of the act that this line of the log begins."""
    telling.tell(session, session.info["settings"], emergency, seq)


@task("emergency.tell_due")
def tell_due(session: Session) -> None:
    """Tell of deadlines of tasks that are near or past."""
    telling.tell_due(session, session.info["settings"], at=datetime.now(UTC))
