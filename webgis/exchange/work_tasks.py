"""Work for later of administrators: files looked at and taken over."""

from sqlalchemy.orm import Session

from webgis import jobs
from webgis.exchange import (
    alarm_work,
    calendar_work,
    construction_work,
    emergency_work,
    ground_work,
    hazard_work,
    metro_work,
    standard_work,
)
from webgis.exchange.work import do
from webgis.jobs import task

PARTS = (
    alarm_work,
    calendar_work,
    construction_work,
    emergency_work,
    ground_work,
    hazard_work,
    metro_work,
    standard_work,
)
"""Modules that register their kinds of work when they are imported."""


@task("exchange.work", queue="slow")
def do_work(session: Session, work: str, state: str) -> None:
    """Look at the work of this name, or take it over, if it still waits for that."""
    settings = session.info["settings"]
    do(session, settings, jobs.connect(settings), work, state)
