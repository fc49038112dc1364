"""Work for later of the audit: the anchor of each day, and its publication after the commit."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases import anchors
from webgis.jobs import task


@task("cases.anchor", queue="slow")
def make_anchor(session: Session) -> None:
    """Anchor up to yesterday, if that is not done; the timetable asks every hour, so that a missed night is made up."""
    if anchors.make(session, session.info["settings"], datetime.now(UTC)):
        jobs.enqueue(session, "cases.publish_anchors", queue="slow")


@task("cases.publish_anchors", queue="slow")
def publish(session: Session) -> None:
    """Append to the published file what was committed."""
    anchors.publish(session, session.info["settings"])
