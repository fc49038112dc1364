"""Alarms over the wire: what may be asked, and how one is told."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Row

from webgis.api import Given
from webgis.hazards import alarm_words
from webgis.hazards.alarm_models import STATES


class ListAsked(Given):
    """Which alarms."""

    state: Literal[STATES] | None = Field(None, description="open: those that stand; without: all, newest first")
    quantity: str | None = Field(None, max_length=40, description="methane, gas, depth, level, rain, noise, dust")
    datastream: str | None = Field(None, max_length=64, description="code of the datastream")
    cursor: str | None = Field(None, max_length=64, description="`next` of the page before")


class DismissGiven(Given):
    """Why an alarm is none."""

    reason: str = Field(max_length=2000)


TOLD = (
    "id", "number", "state", "level", "rank", "advice", "raised_at", "reset_at", "told_at", "peak", "measure",
    "window_s", "now_value", "unit", "quantity", "datastream", "last_at", "last_value", "station", "waiting", "due_at",
    "acknowledged_at", "no_case",
)  # fmt: skip
NAMES = {"rule": "rule_key", "name_zh": "station_zh", "name_en": "station_en", "cell": "cell_code",
         "case": "case_number", "department": "department_code"}  # fmt: skip


def feature(row: Row) -> dict[str, Any]:
    """An alarm (`fn.alarm_line`) as a Feature at the place of its station."""
    zh, en = alarm_words.level_words(row.levels, row.level)
    facts = {name: getattr(row, name) for name in TOLD} | {name: getattr(row, own) for name, own in NAMES.items()}
    facts |= {"class": f"{row.kind}:{row.class_code}", "level_zh": zh, "level_en": en}
    facts["peak_zh"], facts["peak_en"] = alarm_words.peak(row) or (None, None)
    place = {"type": "Point", "coordinates": [round(row.lon, 6), round(row.lat, 6)]}
    return {"type": "Feature", "id": row.id, "geometry": place, "properties": facts}


def event(row: Row) -> dict[str, Any]:
    """An entry of an alarm's history."""
    return {name: getattr(row, name) for name in ("at", "action", "level", "facts", "login", "name")}


def notice(row: Row) -> dict[str, Any]:
    """A step of the ladder that was told."""
    names = ("rank", "step", "who", "made_at", "due_at", "told_at", "acknowledged_at", "overdue_at", "name")
    return {name: getattr(row, name) for name in names}


def rule(row: Any) -> Mapping[str, Any]:
    """A rule of thresholds as a city has it; `bounds`: when each of its levels is reached, in words."""
    names = ("key", "name_zh", "name_en", "quantity", "place", "unit", "least", "most", "late_s", "silence_s", "levels")
    told = {name: getattr(row, name) for name in names}
    bounds = [dict(zip(("zh", "en"), alarm_words.bound(one, row.unit), strict=True)) for one in row.levels]
    told |= {"bounds": bounds, "class": f"{row.kind}:{row.class_code}"}
    return told | {"version": row.version, "shipped": row.shipped}
