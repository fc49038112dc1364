"""Work for later: what was kept long enough is removed."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases import contacts, retention
from webgis.jobs import task


@task("cases.remove_old", queue="slow")
def remove_old(session: Session) -> None:
    """Remove what was kept long enough; run every hour by the timetable, again at once while there is more."""
    gone = retention.remove(session, session.info["settings"], datetime.now(UTC))
    if gone.get("photos") == retention.BATCH or gone.get("contacts") == contacts.BATCH:
        jobs.enqueue(session, "cases.remove_old", queue="slow")


@task("cases.remove_photo_files", queue="slow")
def remove_photo_files(session: Session, photos: list[str]) -> None:
    """Remove the files of photos that no case keeps any more."""
    retention.remove_photo_files(session, session.info["settings"], photos)
