"""Of what people are told by message when something is done in an emergency: lines of the log in, happenings out. Pure.

One act is one or two lines: opening and changing an emergency may bring tasks of its plan, in the line after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from webgis.emergency.kinds import LEVELS

OF_ACTION = {
    "open": None,
    "invite": None,
    "change": "changed",
    "add_task": "task",
    "assign": "task",
    "task_redo": "task",
    "task_restore": "task",
    "task_drop": "task_off",
    "dismiss": "released",
    "close": "closed",
}
"""Act -> what is told of it, besides departments that take part from then on and tasks that they get; the other acts
are told to nobody."""


class Line(Protocol):
    """A line of the log."""

    action: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Happening:
    """What is told (`kinds.TOLD`), of which departments (None: all that take part), with which tasks, and why."""

    event: str
    departments: tuple[str, ...] | None
    tasks: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] | None = None


def happenings(act: Sequence[Line]) -> list[Happening]:
    """What is told of an act, the most telling first: who is told of one hears no other of the same act."""
    first = act[0]
    joined = tuple(dict.fromkeys(code for line in act for code in line.facts.get("departments", ())))
    tasks = tuple(one for line in act for one in _tasks(line))
    told = [Happening("joined", joined, tasks)] if joined else []
    if first.action == "change":
        told.append(Happening("changed", None, tasks, _changed(first.facts)))
    elif first.action == "close":
        told.append(Happening("closed", None, facts={"reason": first.facts["summary"]}))
    elif first.action in ("dismiss", "task_drop"):
        told.append(Happening(OF_ACTION[first.action], (first.facts["department"],), tasks, _reason(first.facts)))
    if tasks and first.action != "task_drop":
        owners = tuple(dict.fromkeys(one["department"] for one in tasks))
        told.append(Happening("task", owners, tasks, _reason(first.facts)))
    return told


def _tasks(line: Line) -> Sequence[Mapping[str, Any]]:
    if line.action in ("plan", "add_task", "assign"):
        return line.facts["tasks"]
    return [line.facts] if line.action in ("task_redo", "task_restore", "task_drop") else ()


def _reason(facts: Mapping[str, Any]) -> dict[str, str]:
    return {"reason": facts.get("note", "")}


def _changed(facts: Mapping[str, Any]) -> dict[str, Any]:
    before, after = facts["before"], facts["after"]
    was = LEVELS[before["level"]].sign if "level" in before else ""
    return {"was": was, "renamed": "title" in after, "other_lead": "lead" in after, "redrawn": facts["redrawn"],
            "reason": facts["note"]}  # fmt: skip


def tasks_told(
    tasks: Sequence[Mapping[str, Any]], zone: ZoneInfo, names: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Tasks as a notice tells them: `count`, `deadline` of the first, and a line for each in Chinese and English, with
    the department as far as `names` (Chinese, English) holds it."""
    listed = sorted(tasks, key=lambda one: one.get("due", ""))
    told: dict[str, Any] = {"count": len(listed), "deadline": _moment(listed[0], zone) if listed else ""}
    zh, en = [], []
    for one in listed:
        name_zh, name_en = names.get(one["department"], ("", ""))
        due = _moment(one, zone)
        zh.append(f"- {one['words_zh']}（{'，'.join(part for part in (name_zh, due) if part)}）")
        en.append(f"- {one['words_en'] or one['words_zh']} ({', '.join(part for part in (name_en, due) if part)})")
    return told | {"tasks_zh": "\n".join(zh), "tasks_en": "\n".join(en)}


def _moment(task: Mapping[str, Any], zone: ZoneInfo) -> str:
    due = task.get("due")
    return f"{datetime.fromisoformat(due).astimezone(zone):%Y-%m-%d %H:%M}" if due else ""
