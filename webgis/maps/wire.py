"""How maps tell of cases and places, as JSON. Text of people is always a value, never markup."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import format_datetime
from sqlalchemy import Row

from webgis.cases import queries as cases
from webgis.maps.queries import Found
from webgis.maps.signs import LIGHTS

SHORT_TEXT = 160


def features(rows: Iterable[Row], now: datetime, zone: ZoneInfo, *, english: bool) -> list[dict[str, Any]]:
    """Cases (columns of `fn.case_line`) as GeoJSON features with what a sign and its popup need."""
    return [_feature(row, now, zone, english) for row in rows]


def _feature(row: Row, now: datetime, zone: ZoneInfo, english: bool) -> dict[str, Any]:
    light = cases.light(row, now)
    facts = {
        "number": row.number,
        "state": row.state,
        "kind": row.kind,
        "class": row.class_code,
        "class_name": (row.class_en if english else None) or row.class_zh,
        "light": LIGHTS[light].colour if light else None,
        "light_word": str(LIGHTS[light].word) if light else None,
        "reported": format_datetime(row.reported_at.astimezone(zone), "yyyy-MM-dd HH:mm", rebase=False),
        "description": row.description[:SHORT_TEXT],
    }
    place = [round(row.lon, 6), round(row.lat, 6)]
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": facts}


def found(one: Found, *, english: bool) -> dict[str, Any]:
    """Something searched for, with its box west, south, east, north."""
    name = (one.name_en if english else None) or one.name_zh or one.code
    return {"kind": one.kind, "code": one.code, "name": name, "box": [round(side, 6) for side in one.box]}
