"""Work for later on hot spots: runs that take long, and those of the standard spans."""

from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from webgis.jobs import task
from webgis.maps import hotspot_operations

_PROGRESS = text("UPDATE city.hotspot_run SET progress = :percent WHERE id = :run")


@task("maps.find_hotspots", queue="slow")
def find_hotspots(session: Session, run: int) -> None:
    """Answer a run. Its progress is told outside the task's transaction, so that who waits sees it."""

    def progress(percent: int) -> None:
        bound = session.get_bind()
        if isinstance(bound, Engine):
            with bound.begin() as connection:
                connection.execute(_PROGRESS, {"run": run, "percent": percent})

    hotspot_operations.work_out(session, run, progress)


@task("maps.find_standard_hotspots", queue="slow")
def find_standard_hotspots(session: Session) -> None:
    """Have the runs of the standard spans made, unless they stand on the counts and the grid of now."""
    today = datetime.now(session.info["settings"].zone).date()
    hotspot_operations.find_standard(session, today)
