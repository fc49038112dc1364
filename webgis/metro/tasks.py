"""Work for later: zones that begin or end as planned, permits whose days are over, work without one."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis.jobs import task
from webgis.metro import findings, permits, zoning


@task("metro.expire_permits")
def expire_permits(session: Session) -> None:
    """End permits whose last day is over."""
    permits.expire(session, datetime.now(UTC))


@task("metro.follow_time", queue="slow")
def follow_time(session: Session) -> None:
    """Draw the zones anew that began or ended as planned."""
    zoning.follow_time(session, datetime.now(UTC))


@task("metro.find_unpermitted", queue="slow")
def find_unpermitted(session: Session) -> None:
    """Look for work in protection zones without a permit."""
    findings.find(session, datetime.now(UTC))
