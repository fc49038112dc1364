"""Rules of who handles what, in words and as values: how a rule is read and checked, and why one beat another.

Pure: values in, values out. Which rules match is asked of the database (`sql/postgis/functions/routing.sql`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from webgis.accounts.actor import DEPARTMENT_KIND_WORDS

LOST = (
    ("不是按部件的养护单位", "it is not by the component's maintainer"),
    ("优先级较低", "its priority is lower"),
    ("没有指明权属单位", "it names no owner"),
    ("类别较宽", "its class is wider"),
    ("没有指明部件或事项", "it is for components and matters alike"),
    ("没有指明保护区", "it names no zone"),
    ("范围较大", "its place is larger"),
    ("多边形较大", "its polygon is larger"),
    ("时间较宽", "its time is wider"),
    ("编号较大", "its number is higher"),
)
"""Why a candidate came second, by the first column of its rank (`fn.rule_rank`) that is smaller, in zh and en."""

KIND_WORDS = {"component": ("部件", "components"), "matter": ("事项", "matters")}
DAY_WORDS = (("一", "Mon"), ("二", "Tue"), ("三", "Wed"), ("四", "Thu"), ("五", "Fri"), ("六", "Sat"), ("日", "Sun"))
BEATEN_SHOWN = 5
"""Candidates after the first that a stored reason keeps."""


SOURCE_WORDS = {
    "component-maintainer": ("部件的养护单位", "The component's maintainer"),
    "construction-zone": ("施工管控区的施工单位", "The contractor of the construction zone"),
    "component-owner": ("部件的权属单位", "The component's owner"),
    "condition-kind": ("立案条件指明的部门类别", "The kind of department of the filing condition"),
    None: (
        "没有规则适用，立案条件也没有指明在此处服务的部门",
        "No rule applies, and the filing condition names no department that serves this place",
    ),
}
"""What a choice was made by, where it was not a rule."""


def why(candidates: Sequence[Any]) -> dict[str, Any]:
    """The reason to store for the first of some candidates (rows of `fn.choose_department`), and what it beat.

    `rule` is the rule's id, "component-maintainer", "component-owner", "condition-kind", or None without a candidate;
    texts in Chinese and English.
    """
    if not candidates:
        zh, en = SOURCE_WORDS[None]
        return {"rule": None, "text_zh": zh, "text_en": en, "beaten": []}
    first, *others = candidates
    return _told(first) | {"beaten": [_told(other) | _lost(first, other) for other in others[:BEATEN_SHOWN]]}


def _told(one: Any) -> dict[str, Any]:
    zh, en = _because(one)
    facts = {"rule": one.rule["id"] if one.source == "rule" else one.source, "department": one.department_code}
    if one.source == "rule":
        facts |= {"version": one.rule["version"], "number": one.rule["number"]}
    names = one.department_zh, one.department_en or one.department_zh
    return facts | {"text_zh": f"{zh} → {names[0]}", "text_en": f"{en} -> {names[1]}"}


def _because(one: Any) -> tuple[str, str]:
    zh, en = source_in_words(one.source, one.rule)
    if not one.by_code:
        return zh, en
    by_zh, by_en = DEPARTMENT_KIND_WORDS.get(one.by_code, (one.by_code, one.by_code))
    return f"{zh}：{by_zh}", f"{en}: {by_en}"


def source_in_words(source: str | None, rule: Mapping[str, Any] | None) -> tuple[str, str]:
    """What a choice was made by, in Chinese and English; `rule` (as JSON) when it was a rule."""
    if source != "rule":
        return SOURCE_WORDS[source]
    zh, en = conditions_in_words(rule)
    number, version, priority = rule["number"], rule["version"], rule["priority"]
    return (
        f"规则 {number}（第 {version} 版，优先级 {priority}）：{zh}",
        f"Rule {number} (version {version}, priority {priority}): {en}",
    )


def _lost(first: Any, other: Any) -> dict[str, str]:
    """Why `other` came after `first`."""
    at = next((at for at, (a, b) in enumerate(zip(first.rank, other.rank, strict=False)) if a != b), 0)
    if at == 0 and other.source == "component-owner":
        zh, en = "规则先于权属单位", "rules come before the component's owner"
    elif at == 0 and other.source == "condition-kind":
        zh, en = "规则和部件先于立案条件", "rules and components come before the filing condition"
    elif at == 0 and other.source == "component-maintainer":
        zh, en = "指明养护单位的规则在先", "a rule that names the maintainer comes first"
    elif at == 0 and first.source == "construction-zone":
        zh, en = "施工类案件先归施工单位", "cases of works go to the zone's contractor first"
    else:
        zh, en = LOST[at]
    return {"lost_zh": zh, "lost_en": en}


def conditions_in_words(rule: Mapping[str, Any]) -> tuple[str, str]:
    """The conditions of a rule (columns of `city.routing_rule` as JSON, and `polygon`) in Chinese and English."""
    parts = [part for part in _parts(rule) if part]
    if not parts:
        return "一切案件", "every case"
    return "，".join(zh for zh, _en in parts), ", ".join(en for _zh, en in parts)


def _parts(rule: Mapping[str, Any]) -> list[tuple[str, str] | None]:
    kind, code = KIND_WORDS.get(rule["kind"]), rule["class_code"]
    group = ("大类", "major class") if len(code) == 2 else ("类", "class")
    return [
        kind,
        (f"{group[0]} {code}", f"{group[1]} {code}") if code else None,
        _named(rule["area_code"], "单元网格" if len(rule["area_code"]) == 15 else "区域", "cell or area"),
        ("多边形内", "inside its polygon") if rule["polygon"] else None,
        _named(rule["owner_code"], "权属单位", "owner"),
        _named(rule["maintainer_code"], "养护单位", "maintainer"),
        _named(rule["zone"], "保护区", "zone"),
        _period(rule["first_day"], rule["last_day"]),
        _days(rule["days"]),
        _hours(rule["from_time"], rule["until_time"]),
    ]


def _named(code: str | None, zh: str, en: str) -> tuple[str, str] | None:
    return (f"{zh} {code}", f"{en} {code}") if code else None


def _period(first: Any, last: Any) -> tuple[str, str] | None:
    if not (first or last):
        return None
    zh = f"{first} 至 {last}" if first and last else f"{first} 起" if first else f"至 {last}"
    en = f"{first} to {last}" if first and last else f"from {first}" if first else f"until {last}"
    return zh, en


def _days(days: Sequence[int] | None) -> tuple[str, str] | None:
    if not days:
        return None
    return "周" + "、".join(DAY_WORDS[day - 1][0] for day in days), "/".join(DAY_WORDS[day - 1][1] for day in days)


def _hours(start: Any, end: Any) -> tuple[str, str] | None:
    if start is None:
        return None
    span = f"{str(start)[:5]}-{str(end)[:5]}"
    return span, span
