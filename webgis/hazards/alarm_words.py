"""What an alarm is called in Chinese and English where it is stored or sent: descriptions, notes, notices. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from webgis.hazards.threshold_tables import level_of as read_level

CHANGE_WORDS = {
    "opened": ("报警", "Alarm"),
    "escalated": ("报警升级", "Alarm graver"),
    "amended": ("报警修正", "Alarm amended"),
    "reset": ("报警复位", "Alarm reset"),
    "withdrawn": ("报警因迟到读数撤回", "Alarm withdrawn by late readings"),
    "dismissed": ("报警经人工解除", "Alarm dismissed by a person"),
}


def level_of(levels: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The level of this name among those of a rule; of several the first."""
    return next((one for one in levels if one["name"] == name), {"name": name})


def compared(alarm: Any, zone: ZoneInfo) -> list[Mapping[str, Any]]:
    """The levels that look at what the level of an alarm (a row of `fn.alarm_line`) does, over the same window and at
    the hour at which it began: those whose figures its chart shows. The alarm's own is among them."""
    same = [one for one in alarm.levels if (one["measure"], one["window_s"]) == (alarm.measure, alarm.window_s)]
    found = [one for one in same if read_level(one).looks(alarm.raised_at, zone)]
    if any(one["name"] == alarm.level for one in found):
        return found
    return [one for one in same if one in found or one["name"] == alarm.level]


def shown_since(alarm: Any, before: timedelta) -> datetime:
    """From when on a chart shows an alarm: the whole window of its level and a tenth more, and `before` at least."""
    return alarm.raised_at - max(before, timedelta(seconds=alarm.window_s * 1.1))


def level_words(levels: Sequence[Mapping[str, Any]], name: str) -> tuple[str, str]:
    """What a level is called in Chinese and English."""
    found = level_of(levels, name)
    return found.get("name_zh") or name, found.get("name_en") or name


MEASURED = {
    "value": ("{figure}", "{figure}"),
    "sum": ("{zh}内累计 {figure}", "{figure} in {en}"),
    "mean": ("{zh}平均 {figure}", "{figure}, mean of {en}"),
    "rise": ("{zh}内上涨 {figure}", "rising {figure} in {en}"),
}
"""A figure of what a level looks at, over a span in Chinese and English."""

LOOKED_AT = {
    "value": ("读数", "reading"),
    "sum": ("{zh}累计", "sum of {en}"),
    "mean": ("{zh}平均", "mean of {en}"),
    "rise": ("{zh}内上涨", "rise in {en}"),
}
"""What a level looks at."""


def span(seconds: float) -> tuple[str, str]:
    """A span in whole hours, else in minutes."""
    if seconds and not seconds % 3600:
        return f"{seconds / 3600:g} 小时", f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} 分钟", f"{seconds / 60:g} min"


def measured(figure: str, measure: str, window_s: float) -> tuple[str, str]:
    """A figure with its unit as that of what a level looks at: "59.9 mm in 12 h"."""
    return _over(MEASURED[measure], window_s, figure)


def looked_at(measure: str, window_s: float) -> tuple[str, str]:
    """What a level looks at: "sum of 12 h"."""
    return _over(LOOKED_AT[measure], window_s)


def _over(words: tuple[str, str], window_s: float, figure: str = "") -> tuple[str, str]:
    zh, en = span(window_s)
    return words[0].format(figure=figure, zh=zh), words[1].format(figure=figure, en=en)


def bound(level: Mapping[str, Any], unit: str) -> tuple[str, str]:
    """When a level of a rule is reached: "≥ 50 mm in 12 h", "≥ 55 dB(A) for 5 min, 22:00-06:00"."""
    zh, en = measured(f"≥ {level['at']:g} {unit}", level["measure"], level["window_s"])
    if level["lasting_s"]:
        for_zh, for_en = span(level["lasting_s"])
        zh, en = f"{zh}，持续 {for_zh}", f"{en} for {for_en}"
    hours = level.get("hours")
    return (f"{zh}，{hours}", f"{en}, {hours}") if hours else (zh, en)


def peak(alarm: Any) -> tuple[str, str] | None:
    """The highest of what the level of an alarm (a row of `fn.alarm_line`) looks at; None when no reading is kept."""
    if alarm.peak is None:
        return None
    return measured(f"{alarm.peak:g} {alarm.unit}", alarm.measure, alarm.window_s)


def reached(alarm: Any, zone: ZoneInfo, levels: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """An alarm (a row of `fn.alarm_line`) in a sentence, in Chinese and English: where, which level, the highest of
    what that looks at, from when until when."""
    zh, en = level_words(levels, alarm.level)
    zh, en = f"{alarm.rule_zh}达到“{zh}”", f"{alarm.rule_en}, {en}"
    if highest := peak(alarm):
        zh, en = f"{zh}，最高 {highest[0]}", f"{en}, highest {highest[1]}"
    when = _minute(alarm.raised_at, zone)
    zh, en = f"{zh}，{when} 起", f"{en}, since {when}"
    if alarm.reset_at is not None:
        over = _minute(alarm.reset_at, zone)
        zh, en = f"{zh}，{over} 复位", f"{en}, reset {over}"
    return f"{alarm.station_zh}：{zh}", f"{alarm.station_en or alarm.station_zh}: {en}"


def _minute(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def note(change: str, level: tuple[str, str], at: datetime, zone: ZoneInfo, reason: str = "") -> str:
    """What the case's history says of a change: in both languages, since it is stored."""
    zh, en = CHANGE_WORDS[change]
    when = f"{at.astimezone(zone):%m-%d %H:%M:%S}"
    said = f"{zh}：{level[0]}，{when} / {en}: {level[1]}, {when}"
    return f"{said} · {reason}" if reason else said


def case_after(number: str) -> str:
    """What the history of a case that has ended says when its alarm stands again and opened another."""
    return f"报警再次成立，已另立案件 {number} / The alarm stands again; case {number} was opened for it"


LATE_READINGS = "读数迟到 / Readings came late"
"""Why an alarm stands otherwise than it was told."""

WATCHED_AGAIN = "监测中断后恢复，按最近读数如此 / It was not watched for a while; its last readings say so"
"""Why an alarm stands otherwise, or stands no more, after a pause of the watch."""


def rule_ends(version: int) -> str:
    """Why an alarm ended without its readings."""
    return f"规则已改为第 {version} 版，按新规则不再成立 / The rule was changed (version {version}): it finds none"


def rule_finds(version: int) -> str:
    """Why an alarm stands otherwise, or again, without new readings of it."""
    return f"规则已改为第 {version} 版，按新规则如此 / The rule was changed (version {version}): it finds it so"
