"""The forms of rules of alarms and of their ladders: what was typed read into rules, and rules into what is typed."""

from collections.abc import Mapping, Sequence
from datetime import time
from itertools import count
from typing import Any

from flask import request

from webgis.errors import Invalid
from webgis.hazards.alarm_ladders import Rung, bad_ladder
from webgis.hazards.threshold_tables import bad_rule
from webgis.pages import alarm_sources
from webgis.pages.alarm_rule_words import minutes
from webgis.telemetry.quantities import PLACES, QUANTITIES

PLAIN = ("name_zh", "name_en", "least", "most", "late", "silence", "subject")
LEVEL = ("name", "level_zh", "level_en", "rank", "measure", "window", "at", "reset", "lasting", "quiet", "hours",
         "advice", "sureness", "source")  # fmt: skip
RUNG = ("rank", "who", "minutes", "source")
LONGEST_NUMBER = 20


def levels() -> list[dict[str, str]]:
    """The levels of the form in the order of their ranks; one without names is left out."""
    rows = [row for row in columns(LEVEL) if row["level_zh"] or row["level_en"]]
    return sorted(rows, key=lambda row: row["rank"])


def columns(names: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a form whose fields repeat."""
    given = [request.form.getlist(name) for name in names]
    rows = [dict(zip(names, map(_clean, row), strict=True)) for row in zip(*given, strict=False)]
    return [row | {"source": alarm_sources.stored(row["source"])} for row in rows]


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()


def typed(rule: Any) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The fields of a rule and those of its levels, as they would be typed."""
    fields = {"name_zh": rule.name_zh, "name_en": rule.name_en, "subject": f"{rule.kind}:{rule.class_code}"}
    fields |= {name: f"{getattr(rule, name):g}" for name in ("least", "most")}
    fields |= {"late": minutes(rule.late_s), "silence": minutes(rule.silence_s)}
    return fields, [_typed_level(one) for one in rule.levels]


def _typed_level(level: Mapping[str, Any]) -> dict[str, str]:
    told = {name: level.get(name) or "" for name in ("name", "measure", "hours", "advice", "sureness", "source")}
    told |= {"level_zh": level["name_zh"], "level_en": level["name_en"], "rank": str(level["rank"])}
    told |= {name: f"{level[name]:g}" for name in ("at", "reset")}
    return told | {name: minutes(level[f"{name}_s"]) for name in ("window", "lasting", "quiet")}


def rule_given(key: str, fields: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The fields of a rule as `alarm_rules.set_rule` takes them. `Invalid` with `field` and `level` (from 0) for what
    is no number."""
    kind, _colon, class_code = fields["subject"].partition(":")
    given = {"name_zh": fields["name_zh"], "name_en": fields["name_en"], "kind": kind, "class_code": class_code}
    given |= {name: _number(key, name, fields[name]) for name in ("least", "most")}
    given |= {f"{name}_s": _seconds(key, f"{name}_s", fields[name]) for name in ("late", "silence")}
    taken = {row["name"] for row in rows}
    free = (name for name in (f"own{number}" for number in count(1)) if name not in taken)
    return given | {"levels": [_level(key, place, row, row["name"] or next(free)) for place, row in enumerate(rows)]}


def new_rule_given(fields: Mapping[str, str]) -> dict[str, Any]:
    """What else a new rule says: its quantity, kind of place and unit."""
    quantity = QUANTITIES.get(fields["quantity"])
    if quantity is None:
        raise bad_rule(fields["key"][:64], "unit", "that of a quantity")
    if fields["place"] not in PLACES:
        raise bad_rule(fields["key"][:64], "place", ", ".join(PLACES))
    return {"quantity": quantity.key, "place": fields["place"], "unit": quantity.unit}


def _rank(key: str, place: int, row: Mapping[str, str]) -> int:
    if not (row["rank"].isascii() and row["rank"].isdigit() and len(row["rank"]) == 1):
        raise bad_rule(key, "rank", "1 to 9", place)
    return int(row["rank"])


def _level(key: str, place: int, row: Mapping[str, str], name: str) -> dict[str, Any]:
    level = {"name": name, "name_zh": row["level_zh"], "name_en": row["level_en"], "rank": _rank(key, place, row)}
    level |= {"measure": row["measure"], "sureness": row["sureness"], "advice": row["advice"] or None}
    level |= {name: _number(key, name, row[name], place) for name in ("at", "reset")}
    level |= {f"{name}_s": _seconds(key, name, row[name] or "0", place) for name in ("window", "lasting", "quiet")}
    return level | {"hours": _hours(key, row["hours"], place), "source": row["source"]}


def _number(key: str, field: str, written: str, place: int | None = None) -> float:
    try:
        if len(written) > LONGEST_NUMBER or "_" in written:
            raise ValueError
        return float(written)
    except ValueError:
        raise bad_rule(key, field, "a number", place) from None


def _seconds(key: str, field: str, written: str, place: int | None = None) -> int:
    number = _number(key, field, written, place)
    if not 0 <= number <= 14_400:
        raise bad_rule(key, field, "minutes from 0 to ten days", place)
    return round(number * 60)


def _hours(key: str, written: str, place: int) -> str | None:
    if not written:
        return None
    try:
        begin, end = (time.fromisoformat(one.strip()) for one in written.split("-"))
        return f"{begin:%H:%M}-{end:%H:%M}"
    except ValueError:
        raise bad_rule(key, "hours", "hours such as 22:00-06:00", place) from None


def rungs(rows: Sequence[Mapping[str, str]]) -> list[Rung]:
    """The steps of a ladder; `Invalid` with `field` and `step` (from 0) for what is no number."""
    return [
        Rung(_whole("rank", row, place), row["who"], _whole("minutes", row, place), row["source"])
        for place, row in enumerate(rows)
    ]


def _whole(field: str, row: Mapping[str, str], place: int) -> int:
    written = row[field]
    if not (written.isascii() and written.isdigit() and len(written) < 6):
        raise bad_ladder(field, written[:20], "a whole number", place)
    return int(written)


def place_of(error: Invalid) -> int | None:
    """The row (from 0) at fault, if the refusal names one."""
    return error.facts.get("level", error.facts.get("step"))
