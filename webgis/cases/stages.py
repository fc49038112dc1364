"""What is due next, and when: the limit of each stage outside the handling (acceptance, filing, dispatch, ...)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from webgis.cases import clock, workflow
from webgis.settings import Settings

HANDLED = (workflow.DISPATCHED, workflow.HANDLING)
"""States in which the handling clock is what runs."""

STAGES = {
    workflow.REPORTED: "accept",
    workflow.CONFIRMING: "confirm",
    workflow.FILED: "dispatch",
    workflow.RESOLVED: "verify",
    workflow.VERIFYING: "verify",
    workflow.VERIFIED: "close",
}
"""State -> the stage whose limit runs in it."""


def limit(settings: Settings, stage: str) -> int:
    """The limit of a stage in minutes (`settings.stage_<stage>_minutes`)."""
    return getattr(settings, f"stage_{stage}_minutes")


def due_at(settings: Settings, state: str, at: datetime, calendar: clock.Calendar) -> datetime:
    """When the stage that begins at `at` in this state is to be done."""
    return clock.stage_due(at, limit(settings, STAGES[state]), settings.stage_clock, calendar)


def due(doing, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The column `due_at` after a step, when it changes: the handling deadline, the end of a suspension, or a stage's.

    A step that leaves the state as it is leaves what is due, unless it is given to somebody anew.
    """
    step, case = doing.step, doing.case
    if step.target in workflow.OUTCOMES:
        return {"due_at": None}
    if step.target in HANDLED:
        return {"due_at": changes.get("deadline_at", case.deadline_at)}
    if step.target == workflow.SUSPENDED:
        return {"due_at": changes["resume_at"]} if "resume_at" in changes else {}
    if step.target == workflow.SPLIT:
        return {"due_at": changes.get("due_at", case.due_at)}
    if step.source == step.target and "inspector_id" not in changes:
        return {}
    return {"due_at": due_at(doing.settings, step.target, doing.at, doing.calendar)}


def due_of_split(tasks: Iterable[Any], otherwise: datetime | None) -> datetime | None:
    """When a case that was split is due: with the last of its tasks (`deadline_at`, `resume_at`), and not while one of
    them is suspended. `otherwise` when none of them is with a department."""
    moments = [moment for task in tasks for moment in (task.deadline_at, task.resume_at) if moment]
    return max(moments, default=otherwise)


def longest_suspension(settings: Settings) -> timedelta:
    """How long a suspension may last at most."""
    return timedelta(days=settings.suspension_days)
