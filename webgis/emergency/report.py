"""The closing report of an emergency, made from its log and from nothing else: what is not written there is not in it.
Pure: lines in, facts out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


class Line(Protocol):
    """A line of the log."""

    seq: int
    at: datetime
    action: str
    facts: dict[str, Any]


@dataclass
class TaskTold:
    """What the log tells of a task."""

    seq: int
    words_zh: str
    words_en: str | None
    department: str
    due: datetime
    state: str = "todo"
    begun: datetime | None = None
    ended: datetime | None = None
    note: str | None = None

    @property
    def late(self) -> bool:
        """Done after it was due."""
        return self.state == "done" and self.ended is not None and self.ended > self.due


@dataclass
class Report:
    """An emergency as its log tells it. `levels`: (moment, level) from the first on; `by_department`: tasks done, of
    them late, and taken off the board, by code; `undone`: planned tasks that no department could take."""

    opened: datetime | None = None
    closed: datetime | None = None
    levels: list[tuple[datetime, int]] = field(default_factory=list)
    departments: list[tuple[datetime, str]] = field(default_factory=list)
    tasks: dict[int, TaskTold] = field(default_factory=dict)
    cases: list[str | None] = field(default_factory=list)
    notes: int = 0
    heard: int = 0
    undone: list[dict[str, Any]] = field(default_factory=list)
    summary: str | None = None

    @property
    def minutes(self) -> int | None:
        """How long it lasted."""
        if self.opened is None or self.closed is None:
            return None
        return int((self.closed - self.opened).total_seconds() // 60)

    @property
    def by_department(self) -> dict[str, dict[str, int]]:
        """Tasks of each department."""
        counted: dict[str, dict[str, int]] = {}
        for task in self.tasks.values():
            one = counted.setdefault(task.department, {"done": 0, "late": 0, "dropped": 0})
            one["done"] += task.state == "done"
            one["late"] += task.late
            one["dropped"] += task.state == "dropped"
        return counted

    @property
    def done(self) -> int:
        """Tasks that were done."""
        return sum(one["done"] for one in self.by_department.values())

    @property
    def late(self) -> int:
        """Tasks that were done late."""
        return sum(one["late"] for one in self.by_department.values())


def made(lines: Iterable[Line]) -> Report:
    """The report of a log, oldest line first."""
    told = Report()
    for line in lines:
        _take(told, line)
    return told


def _take(told: Report, line: Line) -> None:
    facts = line.facts
    told.departments += [(line.at, code) for code in facts.get("departments", ())]
    if line.action == "open":
        told.opened, told.levels = line.at, [(line.at, facts["level"])]
    elif line.action == "change" and "level" in facts["after"]:
        told.levels.append((line.at, facts["after"]["level"]))
    elif line.action in ("plan", "add_task", "assign"):
        told.tasks |= {one["task"]: _task(one) for one in facts["tasks"]}
        told.undone += facts.get("left", [])
    elif line.action.startswith("task_"):
        _move(told.tasks[facts["task"]], line)
    elif line.action == "link":
        told.cases.append(facts["case"])
    elif line.action == "close":
        told.closed, told.summary = line.at, facts["summary"]
    told.notes += line.action == "note"
    told.heard += line.action == "cap_in"


def _task(one: dict[str, Any]) -> TaskTold:
    due = datetime.fromisoformat(one["due"])
    return TaskTold(one["task"], one["words_zh"], one["words_en"], one["department"], due)


def _move(task: TaskTold, line: Line) -> None:
    task.state = line.facts["to"]
    task.note = line.facts.get("note") or task.note
    if task.state == "doing" and task.begun is None:
        task.begun = line.at
    task.ended = line.at if task.state in ("done", "dropped") else None
