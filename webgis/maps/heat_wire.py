"""What heat and hot spots ask and answer over HTTP, in numbers and in words of both languages."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator
from sqlalchemy import Row

from webgis import days
from webgis.api import Given
from webgis.catalog.rules import KINDS
from webgis.days import Span
from webgis.maps import hotspots, rates, trends
from webgis.maps.heat_queries import LEVELS, Places
from webgis.maps.hotspot_models import HotspotRun

AREA = r"^([0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$"
CLASS = r"^[0-9]{4,5}$"
MOST_ROWS = 5000

UNITS = {
    "count": {"zh": "件", "en": "cases"},
    "per_km2": {"zh": "件/平方公里", "en": "cases per km2"},
    "per_10000_people": {"zh": "件/万人", "en": "cases per 10,000 people"},
    "per_patrol_hour": {"zh": "件/巡查小时", "en": "cases per hour of patrol"},
}


class SpanAsked(Given):
    """Which cases. Days are the city's, of the report, and both are included."""

    since: date | None = Field(None, description="from the first case on when left out")
    until: date | None = Field(None, description="today when left out")
    kind: Literal[KINDS] | None = Field(None, description="needed with a class")
    class_: str | None = Field(None, alias="class", pattern=CLASS)
    area: str | None = Field(None, pattern=AREA, description="code of an area; all that one may see when left out")

    @field_validator("since", "until", "than_since", "than_until", mode="before", check_fields=False)
    @classmethod
    def _day(cls, value: Any) -> Any:
        return days.read(value)


class HeatAsked(SpanAsked):
    """What is measured where, and a second span to compare with."""

    level: Literal[tuple(LEVELS)] = "community"
    measure: Literal[rates.MEASURES] = "count"
    than_since: date | None = Field(None, description="with than_until: the span to compare with")
    than_until: date | None = None
    limit: int = Field(500, ge=1, le=MOST_ROWS, description="rows, the highest first")


class HotspotsAsked(SpanAsked):
    """Cases in which hot spots are looked for."""

    windows: int = Field(
        0,
        ge=0,
        le=trends.MOST,
        description=f"0, or {trends.FEWEST} to {trends.MOST}: windows whose trend tells new from fading",
    )


class RunAsked(Given):
    """Which cells of a run."""

    word: Literal[trends.WORDS] | None = None
    limit: int = Field(500, ge=1, le=MOST_ROWS, description="cells, the surest first")


def number(value: float) -> int | float | None:
    """A number with the digits that mean something, a whole one as such, or None for none."""
    if math.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")


def _span(span: Span) -> dict[str, Any]:
    """A span as it is told."""
    return {"since": str(span.since), "until": str(span.until), "days": span.days}


def heat(asked: HeatAsked, where: Places, span: Span, counts: np.ndarray, per: np.ndarray) -> dict[str, Any]:
    """The answer about one span: places, the highest first, and all together."""
    values = rates.rate(counts, per)
    chosen = _chosen(asked, values, counts > 0)
    rows = [_place(where, i) | {"count": number(counts[i]), "value": number(values[i])} for i in chosen]
    whole = {"count": number(counts.sum()), "value": number(rates.rate(counts.sum(keepdims=True), _all(asked, per))[0])}
    return _head(asked, span) | {"total": whole, "places": len(values), "rows": rows, "notes": _notes(asked, per)}


def compared(
    asked: HeatAsked,
    where: Places,
    spans: tuple[Span, Span],
    counts: tuple[np.ndarray, np.ndarray],
    per: tuple[np.ndarray, np.ndarray],
) -> dict[str, Any]:
    """The answer about two spans: figures of both, difference, ratio, and whether it is more than chance."""
    daily = asked.measure != "per_patrol_hour"
    exposed = tuple(one * (span.days if daily else 1) for one, span in zip(per, spans, strict=True))
    told = rates.compare(*counts, *exposed)
    tested = ~np.isnan(told.p) & (counts[0] + counts[1] > 0)
    q = np.full(len(told.p), np.nan)
    q[tested] = hotspots.discovery_rate(told.p[tested])
    chosen = _chosen(asked, np.abs(told.difference), counts[0] + counts[1] > 0)
    rows = [_place(where, i) | _pair(told, counts, q, i) for i in chosen]
    sums = tuple(one.sum(keepdims=True) for one in counts)
    whole = rates.compare(*sums, *(_all(asked, one) for one in exposed))
    total = _pair(whole, sums, whole.p, 0)
    head = _head(asked, spans[0]) | {"than": _span(spans[1]), "a_day": daily}
    notes = _notes(asked, per[0] * per[1])
    return head | {"total": total, "places": len(q), "rows": rows, "notes": notes}


def _head(asked: HeatAsked, span: Span) -> dict[str, Any]:
    return {"level": asked.level, "measure": asked.measure, "unit": UNITS[asked.measure]} | _span(span)


def _chosen(asked: HeatAsked, values: np.ndarray, some: np.ndarray) -> list[int]:
    """Rows, the highest first, those without a figure last. Cells without cases are left out: they are most."""
    order = np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")
    return (order[some[order]] if asked.level == "cell" else order)[: asked.limit].tolist()


def _place(where: Places, i: int) -> dict[str, Any]:
    code, (zh, en) = str(where.codes[i]), where.names[i]
    return {"code": code} if where.level == "cell" else {"code": code, "name": {"zh": zh, "en": en or zh}}


def _pair(told: rates.Comparison, counts: Sequence[np.ndarray], q: np.ndarray, i: int) -> dict[str, Any]:
    return {
        "count": number(counts[0][i]),
        "value": number(told.now[i]),
        "than_count": number(counts[1][i]),
        "than_value": number(told.then[i]),
        "difference": number(told.difference[i]),
        "ratio": number(told.ratio[i]),
        "p": number(told.p[i]),
        "q": number(q[i]),
        "more_than_chance": None if math.isnan(q[i]) else bool(q[i] <= rates.SURE),
    }


def _all(asked: HeatAsked, per: np.ndarray) -> np.ndarray:
    """What the count of all places together is divided by; NaN when it is not known of one, 0 when there is none."""
    return per[:1] if asked.measure == "count" and per.size else per.sum(keepdims=True)


def _notes(asked: HeatAsked, per: np.ndarray) -> list[dict[str, str]]:
    """What the figures cannot say."""
    absent = int((~(per > 0)).sum())
    if not absent or asked.measure in ("count", "per_km2"):
        return []
    if asked.measure == "per_patrol_hour":
        return [
            {
                "zh": f"{absent} 处在该时段没有排班的巡查小时，没有数值",
                "en": f"{absent} places had no hour of patrol on duty and have no figure",
            }
        ]
    if asked.level == "cell":
        return [
            {
                "zh": "每万人数值按区域计算，单元网格没有",
                "en": "Figures per 10,000 people are of areas, not of cells",
            }
        ]
    return [
        {
            "zh": f"{absent} 个区域未登记人口，没有每万人数值",
            "en": f"The population of {absent} areas is not known; they have no figure, nor have all together",
        }
    ]


UNSAYABLE = {
    "few_cells": {
        "zh": f"范围内单元网格不足 {hotspots.LEAST_CELLS} 个，无法判断热点",
        "en": f"There are fewer than {hotspots.LEAST_CELLS} cells: nothing can be said about hot spots",
    },
    "few_cases": {
        "zh": f"案件不足 {hotspots.LEAST_CASES} 件，无法判断热点；请选更长时段或更大范围",
        "en": f"There are fewer than {hotspots.LEAST_CASES} cases: nothing can be said. Ask for more days or ground",
    },
    "all_alike": {
        "zh": "各单元网格案件数相同，没有热点可言",
        "en": "All cells count the same: there is nothing hot or cold",
    },
}
THIN = {
    "zh": f"有的时间窗案件不足 {hotspots.LEAST_CASES} 件，无法判断热点的变化",
    "en": f"Some windows hold fewer than {hotspots.LEAST_CASES} cases: nothing can be said of how hot spots change",
}


def run(found: HotspotRun, cells: Sequence[Row], fresh: bool) -> dict[str, Any]:
    """A run: what was asked, how far it is, and when it is done what it found."""
    told = {
        "run": found.id,
        "done": found.told is not None,
        "progress": found.progress,
        "made_at": found.made_at.isoformat(),
        "fresh": fresh,
        "asked": found.asked,
    }
    if found.told is None:
        return told
    notes = [UNSAYABLE[found.told["unsayable"]]] if found.told["unsayable"] else []
    notes += [THIN] if found.told.get("thin_windows") else []
    return told | found.told | {"notes": notes, "rows": [_cell(row) for row in cells]}


def _cell(row: Row) -> dict[str, Any]:
    figures = {name: number(value) for name, value in (("z", row.z), ("p", row.p), ("q", row.q))}
    return {"code": row.code, "count": number(row.reported), "called": row.called, "word": row.word} | figures
