"""Work for later on clocks."""

from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases import recompute
from webgis.jobs import task


@task("cases.recompute_deadlines", queue="slow")
def recompute_deadlines(
    session: Session, report: int | None = None, after: int = 0, most: int = recompute.BATCH
) -> None:
    """Bring a batch of open deadlines to the calendar as it is now; the next batch is a job of its own."""
    done = recompute.recompute(session, session.info["settings"], report=report, after=after, most=most)
    if done.next is not None:
        following = {"report": done.id, "after": done.next, "most": most}
        jobs.enqueue(session, "cases.recompute_deadlines", queue="slow", **following)
