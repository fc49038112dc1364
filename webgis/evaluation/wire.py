"""Figures as they go over the wire."""

from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator

from webgis import days
from webgis.api import Given
from webgis.catalog.rules import KINDS
from webgis.days import Span
from webgis.evaluation.figures import LEVELS, Open, Sums
from webgis.evaluation.overview import Line, Overview
from webgis.evaluation.spans import STEPS


class FiguresAsked(Given):
    """Which cases. Days are the city's, both included."""

    since: date | None = Field(None, description="30 days up to until when left out")
    until: date | None = Field(None, description="today when left out")
    area: str | None = Field(None, pattern=r"^([0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$", description="code of an area")
    kind: Literal[KINDS] | None = Field(None, description="needed with a class")
    class_: str | None = Field(None, alias="class", pattern=r"^[0-9]{4,5}$")
    department: str | None = Field(None, min_length=1, max_length=64, description="code of a department")
    source: str | None = Field(None, min_length=1, max_length=32)
    step: Literal[STEPS] | None = Field(None, description="of the trend; as the span is long when left out")
    level: Literal[tuple(LEVELS)] | None = Field(None, description="of the areas; those below `area` when left out")

    @field_validator("since", "until", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        return days.read(value)

    def narrowing(self) -> dict[str, str | None]:
        """What narrows the question besides its span."""
        return {
            "area": self.area,
            "kind": self.kind,
            "class_code": self.class_,
            "department": self.department,
            "source": self.source,
        }


def told(picture: Overview) -> dict[str, Any]:
    """The whole picture as JSON."""
    return {
        **_span(picture.span),
        "before": _span(picture.span.before),
        "total": _sums(picture.total) | _open(picture.now) | {"before": _sums(picture.before)},
        "trend": {"step": picture.step, "rows": [_span(part) | _sums(sums) for part, sums in picture.trend]},
        "areas": {"level": picture.level, "rows": [_line(one) for one in picture.areas]},
        "departments": {"rows": [_line(one) for one in picture.departments]},
        "classes": {"rows": [_line(one) for one in picture.classes]},
        "sources": {"rows": [_line(one) for one in picture.sources]},
    }


def _span(span: Span) -> dict[str, Any]:
    return {"since": span.since, "until": span.until, "days": span.days}


def _sums(sums: Sums) -> dict[str, Any]:
    share = sums.on_time_share
    return sums._asdict() | {"on_time_share": None if share is None else round(share, 4)}


def _open(now: Open) -> dict[str, Any]:
    return now._asdict()


def _line(line: Line) -> dict[str, Any]:
    names = {"zh": line.names[0], "en": line.names[1]}
    return {"code": line.code, "name": names} | _sums(line.sums) | _open(line.now) | {"before": _sums(line.before)}
