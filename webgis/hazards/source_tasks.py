"""Work for later on hazard sources."""

from datetime import UTC, datetime

import structlog
from sqlalchemy.orm import Session

from webgis.errors import Invalid
from webgis.hazards import grading
from webgis.jobs import task

log = structlog.get_logger(__name__)


@task("hazards.regrade", queue="slow")
def regrade(session: Session) -> None:
    """Have every source graded anew."""
    grading.regrade_later(session)


@task("hazards.regrade_one", queue="slow")
def regrade_one(session: Session, source: int) -> None:
    """Grade a source anew if its population, outline or tables have changed."""
    for done in grading.regrade_or_mark(session, [source], at=datetime.now(UTC)).values():
        if isinstance(done, Invalid):
            log.info("regraded", source=source, grades=0, refused=done.code)
        elif done:
            log.info("regraded", source=source, grades=done, refused=None)
