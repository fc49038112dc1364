"""Rules of the catalogue: forms of codes, the crosswalk between standards, time limits. Values in, value or error out.

Every pair of standards meets in the 2026 one: 2007 to 2013 goes by way of it. Not here: how a file of filing
conditions is read (`filing.py`).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from webgis.catalog import standards
from webgis.catalog.standards import CJT_2007, EXTENSION_FROM, GBT_2026, MAJOR_DIGITS, MINOR_DIGITS
from webgis.errors import Invalid

KINDS = ("component", "matter")

LIMIT_UNITS = {
    "urgent_hour": ("紧急工作时", "urgent hour"),
    "working_hour": ("工作时", "working hour"),
    "urgent_day": ("紧急工作日", "urgent day"),
    "working_day": ("工作日", "working day"),
}
"""The four units of a time limit (GB/T 30428.8) in zh and en. Urgent ones run on through nights and holidays."""

LONGEST_NAME = 30
"""Characters of a class name (GB/T 47678.5-2026, tables 2 and 3)."""

LONGEST_LIMIT = 9999


def require_standard(standard: str) -> str:
    """`standard` itself, or `Invalid` naming those that are known."""
    if standard not in MINOR_DIGITS:
        raise Invalid(
            "catalog.standard-unknown",
            f"There is no standard {standard!r}. Known: {', '.join(MINOR_DIGITS)}",
            field="standard",
            got=standard,
            accepted=list(MINOR_DIGITS),
        )
    return standard


def code_digits(standard: str) -> int:
    """Digits of a class code of `standard`: 5 since 2026, 4 before."""
    return MAJOR_DIGITS + MINOR_DIGITS[require_standard(standard)]


def has_code_form(standard: str, code: str) -> bool:
    """Whether `code` could be a class code of `standard`: its number of ASCII digits is right."""
    return code.isascii() and code.isdigit() and len(code) == code_digits(standard)


def is_extension(standard: str, code: str) -> bool:
    """Whether `code` lies in the range that a city numbers itself."""
    if standard == CJT_2007:
        return code[:MAJOR_DIGITS] == "21"
    return int(code[MAJOR_DIGITS:]) >= EXTENSION_FROM[standard]


@dataclass(frozen=True)
class Crossing:
    """Where a class went: `code` is None when it has no counterpart; `change` says by what.

    `change`: "same" (same standard), "rule", "renamed", "moved", "gone", "new" (seen backwards: not there before),
    "extension" (a city's own class, kept in the extension range).
    """

    code: str | None
    change: str
    note: str = ""


def crosswalk(kind: str, code: str, from_standard: str, to_standard: str) -> str | None:
    """The code in `to_standard` of a class of `from_standard`, or None when the class has no counterpart there.

    Raises `Invalid` with the reason for a standard or form that is unknown, and for a code of which nothing is known.
    """
    return crossing(kind, code, from_standard, to_standard).code


def crossing(kind: str, code: str, from_standard: str, to_standard: str) -> Crossing:
    """Like `crosswalk`, with what changed and why."""
    _require_form(kind, code, from_standard)
    require_standard(to_standard)
    if from_standard == to_standard:
        return Crossing(code, "same")
    if to_standard == GBT_2026:
        return _forward(kind, code, from_standard)
    if from_standard == GBT_2026:
        return _backward(kind, code, to_standard)
    here = _forward(kind, code, from_standard)
    return here if here.code is None else _backward(kind, here.code, to_standard)


def kept_extension(kind: str, code: str, from_standard: str) -> str | None:
    """The 2026 extension code under which a city may keep a class of an older standard that 2026 no longer has.

    None where the older major class has no place in 2026. One to one: the extension range is split by prefix.
    """
    rule = _rule(kind, code[:MAJOR_DIGITS], from_standard)
    return rule and f"{rule.to_major}{rule.extension_prefix}{code[MAJOR_DIGITS:]}"


def local_class(kind: str, name: str) -> str | None:
    """The 2026 class that a city had named itself before 2026 (for example 占用消防通道), or None."""
    return standards.local_names().get((kind, name))


def _require_form(kind: str, code: str, standard: str) -> None:
    if kind not in KINDS:
        raise Invalid(
            "catalog.kind-unknown", f"kind is component or matter, not {kind!r}", field="kind", accepted=KINDS
        )
    if not has_code_form(standard, code):
        raise Invalid(
            "catalog.code-form",
            f"{code!r} is no class code of {standard}: {code_digits(standard)} digits are",
            field="class",
            got=code,
            accepted=f"{code_digits(standard)} digits",
        )


def _forward(kind: str, code: str, standard: str) -> Crossing:
    listed = _listed_forward().get((standard, kind, code))
    if listed:
        return Crossing(listed.to_code or None, listed.change, listed.note)
    rule = _rule(kind, code[:MAJOR_DIGITS], standard)
    if rule is None:
        raise _unmapped(kind, code, standard, GBT_2026, "its major class is not known there")
    if is_extension(standard, code):
        return Crossing(kept_extension(kind, code, standard), "extension", "a city's own class")
    if not rule.minor_prefix:
        raise _unmapped(kind, code, standard, GBT_2026, "only some classes of this major are known to have crossed")
    target = f"{rule.to_major}{rule.minor_prefix}{code[MAJOR_DIGITS:]}"
    if (kind, target) not in standards.classes(GBT_2026):
        raise _unmapped(kind, code, standard, GBT_2026, f"by rule it would be {target}, which does not exist")
    if taken := _listed_backward(standard).get((kind, target)):
        reason = f"by rule it would be {target}, but that is {taken.from_code or 'a new class'}: {taken.note}"
        raise _unmapped(kind, code, standard, GBT_2026, reason)
    return Crossing(target, "rule")


def _backward(kind: str, code: str, standard: str) -> Crossing:
    listed = _listed_backward(standard).get((kind, code))
    if listed:
        return Crossing(listed.from_code or None, listed.change, listed.note)
    if kind == "matter" and ("component", code) in standards.classes(GBT_2026):
        return Crossing(None, "new", "before 2026 an abnormal component was reported under the component's class alone")
    for rule in standards.major_rules():
        if (rule.from_standard, rule.kind, rule.to_major) == (standard, kind, code[:MAJOR_DIGITS]):
            prefix, minor = code[MAJOR_DIGITS], code[MAJOR_DIGITS + 1 :]
            if prefix == rule.extension_prefix and _is_kept(kind, rule.from_major + minor, standard):
                return Crossing(rule.from_major + minor, "extension", "a city's own class")
            if prefix == rule.minor_prefix and (kind, code) in standards.classes(GBT_2026):
                return Crossing(rule.from_major + minor, "rule")
    if is_extension(GBT_2026, code) or (kind, code) in standards.classes(GBT_2026):
        return Crossing(None, "new", f"no class of {standard} is known for it")
    raise _unmapped(kind, code, GBT_2026, standard, "it is not a class of the standard")


def _is_kept(kind: str, code: str, standard: str) -> bool:
    listed = _listed_forward().get((standard, kind, code))
    return is_extension(standard, code) or (listed is not None and not listed.to_code)


def _rule(kind: str, major: str, standard: str) -> standards.MajorRule | None:
    for rule in standards.major_rules():
        if (rule.from_standard, rule.kind, rule.from_major) == (standard, kind, major):
            return rule
    return None


@cache
def _listed_forward() -> dict[tuple[str, str, str], standards.ExceptionRow]:
    listed = (row for row in standards.exceptions() if row.from_code)
    return {(row.from_standard, row.from_kind, row.from_code): row for row in listed}


@cache
def _listed_backward(standard: str) -> dict[tuple[str, str], standards.ExceptionRow]:
    listed = (row for row in standards.exceptions() if row.from_standard == standard and row.to_code)
    return {(row.to_kind, row.to_code): row for row in listed}


def _unmapped(kind: str, code: str, from_standard: str, to_standard: str, reason: str) -> Invalid:
    return Invalid(
        "catalog.code-unmapped",
        f"{kind} {code} of {from_standard} has no known class in {to_standard}: {reason}",
        field="class",
        got=code,
        reason=reason,
    )


_UNITS = {
    "urgent_hour": ("紧急工作时", "紧急工作小时", "紧急小时", "urgent hour", "urgent_hour", "uh"),
    "urgent_day": ("紧急工作日", "紧急工作天", "紧急日", "urgent day", "urgent_day", "ud"),
    "working_hour": ("工作时", "工作小时", "小时", "working hour", "working_hour", "wh", "hour", "h"),
    "working_day": ("工作日", "工作天", "天", "日", "working day", "working_day", "wd", "day", "d"),
}
_UNIT_OF_WORD = {word.replace(" ", ""): unit for unit, words in _UNITS.items() for word in words}
_TAILS = "(?:以内|之内|内|制止|处置|处理|完成|修复|清理|整改)"
_NUMERALS = {word: value for value, word in enumerate("一二三四五六七八九十", start=1)} | {"两": 2}
_LIMIT = re.compile(rf"(?P<value>[0-9]+|[一两二三四五六七八九十])个?(?P<unit>\D*?){_TAILS}*")

LIMIT_FORMS = "a whole number and a unit, such as 2紧急工作时, 4小时, 5个工作日, 1紧急工作日, 3 working days"


def parse_limit(text: str) -> tuple[int, str]:
    """Value and unit of a time limit as people write it: "2紧急工作时" is (2, "urgent_hour").

    Plain 小时 and 天 are working time, as in the filing standards in use. Raises `Invalid` for anything else.
    """
    plain = unicodedata.normalize("NFKC", text).lower().replace(" ", "")
    match = _LIMIT.fullmatch(plain)
    unit = match and unit_of(match["unit"])
    if not unit:
        raise Invalid(
            "catalog.limit-form", f"{text!r} is no time limit: {LIMIT_FORMS}", field="limit", accepted=LIMIT_FORMS
        )
    value = match["value"]
    return limit_value(_NUMERALS.get(value, value)), unit


def unit_of(word: str) -> str | None:
    """The unit that `word` stands for (Chinese, English singular or plural, or our own name), or None."""
    plain = word.lower().replace(" ", "")
    return _UNIT_OF_WORD.get(plain) or _UNIT_OF_WORD.get(plain.removesuffix("s"))


def limit_value(given: int | str) -> int:
    """A whole number from 1 to 9999, or `Invalid`."""
    text = str(given).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_LIMIT):
        raise Invalid(
            "catalog.limit-value",
            f"{text!r} is no time limit: a whole number from 1 to {LONGEST_LIMIT} is",
            field="limit_value",
            got=text,
        )
    return int(text)


def limit_text(value: int, unit: str, language: str = "zh") -> str:
    """A time limit for people: "2紧急工作时" (zh) or "2 urgent hours" (en)."""
    zh, en = LIMIT_UNITS[unit]
    if language == "zh":
        return f"{value}{zh}"
    return f"{value} {en}" if value == 1 else f"{value} {en}s"
