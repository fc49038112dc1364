"""What an alarm is called in Chinese and English where it is stored or sent: descriptions, notes, notices. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

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


def level_words(levels: Sequence[Mapping[str, Any]], name: str) -> tuple[str, str]:
    """What a level is called in Chinese and English."""
    found = level_of(levels, name)
    return found.get("name_zh") or name, found.get("name_en") or name


def reached(alarm: Any, zone: ZoneInfo, levels: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """An alarm (a row of `fn.alarm_line`) in a sentence, in Chinese and English: where, which level, the peak, when."""
    zh, en = level_words(levels, alarm.level)
    at = alarm.raised_at.astimezone(zone)
    peak = "" if alarm.peak is None else f"{alarm.peak:g} {alarm.unit}"
    when = f"{at:%Y-%m-%d %H:%M}"
    return (
        f"{alarm.station_zh}：{alarm.rule_zh}达到“{zh}”" + (f"，最高 {peak}" if peak else "") + f"，{when} 起",
        f"{alarm.station_en or alarm.station_zh}: {alarm.rule_en}, {en}"
        + (f", at most {peak}" if peak else "")
        + f", since {when}",
    )


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
