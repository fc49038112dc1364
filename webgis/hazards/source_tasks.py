"""Work for later on hazard sources."""

from datetime import UTC, datetime

import structlog
from sqlalchemy.orm import Session

from webgis.hazards import grading
from webgis.jobs import task

log = structlog.get_logger(__name__)


@task("hazards.regrade", queue="slow")
def regrade(session: Session) -> None:
    """Grade every source anew whose population, outline or tables have changed."""
    done = grading.regrade_all(session, at=datetime.now(UTC))
    if done.grades or done.refused:
        log.info("regraded", sources=done.sources, grades=done.grades, refused=done.refused)
