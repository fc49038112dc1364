"""How the city does, as questions: sums that are kept beside the cases, and open cases counted as they are.

Reported, filed and reopened cases are counted on the day of the report, closed ones on the day they were closed.
Everything passes `Asked`, which holds the sight of who asks.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.catalog import queries as catalog
from webgis.days import DAY, Span
from webgis.errors import Invalid
from webgis.evaluation import spans
from webgis.grid import queries as grid
from webgis.grid.models import CODE_LENGTHS

LEVELS = {level: CODE_LENGTHS[level] for level in ("county", "subdistrict", "community")}
"""Levels of areas and the digits of their codes."""

LONGEST_DAYS = 3660


class Sums(NamedTuple):
    """Cases that were reported in a span, of them filed and reopened; cases closed in it, of them on time."""

    reported: int = 0
    filed: int = 0
    reopened: int = 0
    closed: int = 0
    on_time: int = 0

    @property
    def on_time_share(self) -> float | None:
        """The part of those closed that was resolved by its deadline; None of none."""
        return self.on_time / self.closed if self.closed else None


class Open(NamedTuple):
    """Cases that have not ended now, and how many of them are past what they are due by."""

    open: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class Asked:
    """Which cases: of a span of days, of departments (None: all), in an area, of a kind and class, of a source,
    of the classes that one is limited to (`cases.queries.Sight`)."""

    span: Span
    departments: tuple[str, ...] | None = None
    area: str | None = None
    kind: str | None = None
    class_code: str | None = None
    source: str | None = None
    classes: tuple[str, ...] | None = None

    def values(self) -> dict:
        """The parameters of `fn.figures` and `fn.open_figures`."""
        return {
            "since": self.span.since,
            "until": self.span.until,
            "area": self.area,
            "kind": self.kind,
            "class": self.class_code,
            "departments": None if self.departments is None else list(self.departments),
            "source": self.source,
            "classes": None if self.classes is None else list(self.classes),
        }

    def before(self) -> "Asked":
        """The same question of the span before."""
        return replace(self, span=self.span.before)


def asked(
    session: Session,
    actor: Actor,
    span: Span,
    *,
    area: str | None = None,
    kind: str | None = None,
    class_code: str | None = None,
    department: str | None = None,
    source: str | None = None,
) -> Asked:
    """The question of this person. Refused: an area beyond theirs; an area, department or class that is none."""
    seen, own, classes = cases.sight(actor)
    if area is not None:
        permissions.require_area(actor, [area])
        grid.area(session, area)
    if department is not None:
        accounts.require_department(session, department)
    if class_code is not None:
        if kind is None:
            raise refused("kind", None, "component or matter: both have classes of the same numbers")
        catalog.require_class(session, kind, class_code)
        permissions.require_class(actor, kind, class_code)
    wanted = [department] if department else None
    if seen is not None:
        wanted = [code for code in seen if department in (None, code)]
    departments = None if wanted is None else tuple(sorted(wanted))
    of = None if classes is None else tuple(classes)
    return Asked(span, departments, area or own, kind, class_code, source, of)


def refused(field: str, got: object, accepted: str) -> Invalid:
    """The refusal of a field of a question."""
    return Invalid("evaluation.bad-field", f"{field}: {accepted}", field=field, got=got, accepted=accepted)


def span(since: date | None, until: date | None, today: date) -> Span:
    """The span between two days: up to today, and 30 days, where they are left out."""
    last = until or today
    first = since or last - 29 * DAY
    if first > last:
        raise refused("until", last.isoformat(), f"a day that is not before {first.isoformat()}")
    if (last - first).days >= LONGEST_DAYS:
        raise refused("since", first.isoformat(), f"at most {LONGEST_DAYS} days before until")
    return Span(first, last)


_FIGURES = text(
    "SELECT name, reported, filed, reopened, closed, on_time FROM fn.figures(:facet, :digits, :since, :until, :area,"
    " :kind, :class, CAST(:departments AS text[]), :source, CAST(:classes AS text[]))"
)
_OPEN = text(
    "SELECT facet, name, open, overdue FROM fn.open_figures(:digits, :now, :area, :kind, :class,"
    " CAST(:departments AS text[]), :source, CAST(:classes AS text[]))"
)


def told_apart(session: Session, question: Asked, facet: str, digits: int | None = None) -> dict[str, Sums]:
    """The sums by area (so many digits of its code), class (kind:code), department ("": none yet) or source."""
    rows = session.execute(_FIGURES, question.values() | {"facet": facet, "digits": digits})
    return {row.name: Sums(*map(int, row[1:])) for row in rows}


def total(session: Session, question: Asked) -> Sums:
    """All together."""
    return told_apart(session, question, "all").get("all", Sums())


def open_now(session: Session, question: Asked, now: datetime, digits: int) -> dict[str, dict[str, Open]]:
    """Open cases whenever they were reported: facet (also "all") -> name -> how many; areas by so many digits."""
    found: dict[str, dict[str, Open]] = {facet: {} for facet in ("all", "area", "class", "department", "source")}
    for row in session.execute(_OPEN, question.values() | {"digits": digits, "now": now}):
        found[row.facet][row.name] = Open(row.open, row.overdue)
    return found


def trend(session: Session, question: Asked, step: str) -> list[tuple[Span, Sums]]:
    """The sums of each day, week or month of the span, also of those in which nothing was."""
    found = told_apart(session, question, "month" if step == "month" else "day")
    sums: dict[date, Counter] = {}
    for name, one in found.items():
        first = spans.start(step, date.fromisoformat(name))
        sums.setdefault(first, Counter()).update(one._asdict())
    return [
        (part, Sums(**sums.get(spans.start(step, part.since), Counter()))) for part in spans.parts(step, question.span)
    ]
