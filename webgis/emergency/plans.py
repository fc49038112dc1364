"""Plans: what is to be done first in an emergency of a kind, by which kind of department, within how many minutes.

A city's own stand in `city.emergency_plan`; a kind of which it has none uses the plan that ships (`data/plans.csv`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import DEPARTMENT_KINDS, Actor
from webgis.emergency import rules, tables
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import EmergencyPlan
from webgis.errors import Conflict

SHIPPED = Path(__file__).parent / "data" / "plans.csv"
COLUMNS = {
    "kind": ("kind", "类别"),
    "level": ("level", "级别"),
    "department_kind": ("department_kind", "部门类别"),
    "minutes": ("minutes", "时限（分钟）", "分钟"),
    "words_zh": ("words_zh", "任务"),
    "words_en": ("words_en", "任务（英文）"),
    "source": ("source", "来源"),
}
LONGEST, MOST_TASKS = 200, 100


@dataclass(frozen=True)
class Planned:
    """A task of a plan. `level`: from which on it is needed, 4 always, 1 only at level I."""

    kind: str
    level: int
    department_kind: str
    minutes: int
    words_zh: str
    words_en: str
    source: str


@cache
def shipped() -> tuple[Planned, ...]:
    """The plans that ship."""
    return tuple(_read(SHIPPED))


def plan(session: Session, kind: str) -> list[Planned]:
    """The plan of a kind, in its order: the city's own, else the one that ships."""
    wanted = select(EmergencyPlan).where(EmergencyPlan.kind == kind).order_by(EmergencyPlan.seq)
    tasks = [Planned(*(getattr(row, name) for name in COLUMNS)) for row in session.scalars(wanted)]
    return tasks or [one for one in shipped() if one.kind == kind]


def plans(session: Session) -> dict[str, list[Planned]]:
    """The plan of every kind."""
    return {kind: plan(session, kind) for kind in KINDS}


def own(session: Session) -> set[str]:
    """The kinds of which the city has a plan of its own."""
    return set(session.scalars(select(EmergencyPlan.kind).distinct()))


def planned(cells: Mapping[str, str]) -> Planned:
    """A task from the texts of a table or a form. `Invalid` "emergency.bad-field" for what is none."""
    return Planned(
        rules.kind(cells["kind"]),
        rules.level(_whole("level", cells["level"], LEVELS)),
        _department_kind(cells["department_kind"]),
        rules.minutes(_whole("minutes", cells["minutes"])),
        *(rules.words(name, cells[name], LONGEST) for name in ("words_zh", "words_en", "source")),
    )


def mark(tasks: Sequence[Planned]) -> str:
    """Another text for every other plan."""
    return hashlib.sha256(json.dumps([asdict(one) for one in tasks]).encode()).hexdigest()[:16]


def replace(session: Session, by: Actor | None, kind: str, tasks: Sequence[Planned], seen: str | None = None) -> None:
    """Make these tasks the city's own plan of a kind, in the place of the one there was; none: the one that ships holds
    again. Emergencies that are open keep the tasks that they have. `seen`: the mark of the plan as it was read;
    `Conflict` when it is another by now."""
    session.execute(_ONE_AT_A_TIME)
    if len(tasks) > MOST_TASKS:
        raise rules.bad_field("tasks", len(tasks), f"at most {MOST_TASKS}")
    before = plan(session, kind)
    if seen not in (None, mark(before)):
        raise Conflict("emergency.plan-changed", f"The plan of {kind} was changed by somebody else meanwhile", got=kind)
    session.execute(delete(EmergencyPlan).where(EmergencyPlan.kind == kind))
    session.add_all(EmergencyPlan(seq=seq, **asdict(one)) for seq, one in enumerate(tasks, start=1))
    session.flush()
    told = ({"tasks": [asdict(one) for one in found]} for found in (before, plan(session, kind)))
    admin_log.record_change(session, by, "emergency.plan", kind, *told)


_ONE_AT_A_TIME = text("LOCK TABLE city.emergency_plan IN SHARE ROW EXCLUSIVE MODE")


def compared(before: Sequence[Planned], after: Sequence[Planned]) -> dict[str, list[Planned]]:
    """What a plan gains and loses; a task that is changed is lost as it was and gained as it is."""
    return {
        "added": [one for one in after if one not in before],
        "gone": [one for one in before if one not in after],
        "same": [one for one in after if one in before],
    }


def take_over(session: Session, file: Path, by: Actor | None = None) -> dict[str, int]:
    """Make the plans of a table those of the city, each in the place of the one there was; tasks by kind. Faults name
    their rows, and nothing is changed."""
    given = _read(file)
    by_kind = {kind: [one for one in given if one.kind == kind] for kind in dict.fromkeys(one.kind for one in given)}
    for kind, tasks in by_kind.items():
        replace(session, by, kind, tasks)
    return {kind: len(tasks) for kind, tasks in by_kind.items()}


def _read(file: Path) -> list[Planned]:
    return tables.read(file, COLUMNS, tuple(COLUMNS), planned)


def _whole(field: str, given: str, known: Mapping[int, object] | None = None) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 8):
        raise rules.bad_field(field, given, "1 to 4" if known else "a whole number")
    return int(given)


def _department_kind(given: str) -> str:
    if given not in DEPARTMENT_KINDS:
        raise rules.bad_field("department_kind", given, ", ".join(DEPARTMENT_KINDS))
    return given
