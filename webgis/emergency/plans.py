"""Plans: what is to be done first in an emergency of a kind, by which kind of department, within how many minutes.

A city's own stand in `city.emergency_plan`; a kind of which it has none uses the plan that ships (`data/plans.csv`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import DEPARTMENT_KINDS, Actor
from webgis.catalog import sheets
from webgis.emergency import rules
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import EmergencyPlan
from webgis.errors import Invalid

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
LONGEST = 200


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
    return _read(SHIPPED)


def plan(session: Session, kind: str) -> list[Planned]:
    """The plan of a kind, in its order: the city's own, else the one that ships."""
    wanted = select(EmergencyPlan).where(EmergencyPlan.kind == kind).order_by(EmergencyPlan.seq)
    own = [Planned(*(getattr(row, name) for name in COLUMNS)) for row in session.scalars(wanted)]
    return own or [one for one in shipped() if one.kind == kind]


def plans(session: Session) -> dict[str, list[Planned]]:
    """The plan of every kind."""
    return {kind: plan(session, kind) for kind in KINDS}


def take_over(session: Session, file: Path, by: Actor | None = None) -> dict[str, int]:
    """Make the plans of a table those of the city, each in the place of the one there was; tasks by kind. A fault names
    its row, and nothing is changed."""
    given = _read(file)
    counts: dict[str, int] = {}
    for kind in dict.fromkeys(one.kind for one in given):
        before = [asdict(one) for one in plan(session, kind)]
        session.execute(delete(EmergencyPlan).where(EmergencyPlan.kind == kind))
        rows = [one for one in given if one.kind == kind]
        session.add_all(EmergencyPlan(seq=seq, **asdict(one)) for seq, one in enumerate(rows, start=1))
        after = {"tasks": [asdict(one) for one in rows]}
        admin_log.record(session, by, "emergency.plan", kind, {"tasks": before}, after)
        counts[kind] = len(rows)
    return counts


def _read(file: Path) -> tuple[Planned, ...]:
    table = sheets.read(file)
    names, _unknown = sheets.columns(table.header, COLUMNS)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise sheets.bad_header(f"the columns {', '.join(missing)} are missing", missing[0])
    found = tuple(_planned(row.number, {name: row.cells[names[name]] for name in COLUMNS}) for row in table.rows)
    if not found:
        raise rules.bad_field("file", None, "a table with at least one task")
    return found


def _planned(number: int, cells: Mapping[str, str]) -> Planned:
    try:
        return Planned(
            rules.kind(cells["kind"]),
            rules.level(_whole("level", cells["level"], LEVELS)),
            _department_kind(cells["department_kind"]),
            rules.minutes(_whole("minutes", cells["minutes"])),
            *(rules.words(name, cells[name], LONGEST) for name in ("words_zh", "words_en", "source")),
        )
    except Invalid as error:
        message = f"Row {number}: {error.message}"
        raise Invalid("emergency.bad-row", message, row=number, **error.facts) from None


def _whole(field: str, given: str, known: Mapping[int, object] | None = None) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 8):
        raise rules.bad_field(field, given, "1 to 4" if known else "a whole number")
    return int(given)


def _department_kind(given: str) -> str:
    if given not in DEPARTMENT_KINDS:
        raise rules.bad_field("department_kind", given, ", ".join(DEPARTMENT_KINDS))
    return given
