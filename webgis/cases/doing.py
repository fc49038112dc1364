"""One step being done: what the modules that know its consequences are handed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import calendar, clock, workflow
from webgis.cases.evidence import Evidence
from webgis.settings import Settings


@dataclass
class Doing:
    """Who does which row of the table to which case (`fn.locked_case`), with what is given, at which moment.

    `facts` collects what the engine finds or decides with it, `work` what is to be done after the commit (jobs).
    `follow(number, action, given)` lets the engine do a step of another case because of this one.
    """

    session: Session
    settings: Settings
    actor: Actor
    case: Any
    step: workflow.Step
    given: Mapping[str, Any]
    at: datetime
    photos: Sequence[Evidence]
    follow: Callable[[str, str, Mapping[str, Any]], Any]
    place: tuple[float, float] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    work: list[dict[str, Any]] = field(default_factory=list)

    @property
    def calendar(self) -> clock.Calendar:
        """The city's working time."""
        return calendar.of_city(self.session, self.settings)

    @property
    def is_task(self) -> bool:
        """Whether the case is a task of another."""
        return self.case.relation == "task"

    @property
    def by_itself(self) -> bool:
        """Whether the engine does it, and not a person."""
        return self.actor.role == "engine"
