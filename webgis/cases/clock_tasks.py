"""Work for later on clocks."""

from sqlalchemy.orm import Session

from webgis.cases import recompute
from webgis.jobs import task


@task("cases.recompute_deadlines", queue="slow")
def recompute_deadlines(session: Session) -> None:
    """Bring open deadlines to the calendar as it is now, with a report."""
    recompute.recompute(session, session.info["settings"])
