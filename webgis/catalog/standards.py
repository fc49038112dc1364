"""The tables that ship with webgis: classes of each standard, their majors, and the crosswalk between standards.

Read once per process from `webgis/catalog/data/*.csv`. Codes and names are facts of the standards; the two older
standards are listed as far as they are known (`data/README.md`). Nothing of a city is here.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

GBT_2026 = "GB/T 47678.5-2026"
GBT_2013 = "GB/T 30428.2-2013"
CJT_2007 = "CJ/T 214-2007"

CURRENT = GBT_2026
"""The standard that reports use today."""

MAJOR_DIGITS = 2
MINOR_DIGITS = {GBT_2026: 3, GBT_2013: 2, CJT_2007: 2}
"""Digits of the minor class; the major class always has two (GB/T 47678.5-2026, 5 digits; its forerunners, 4)."""

EXTENSION_FROM = {GBT_2026: 80, GBT_2013: 70, CJT_2007: 100}
"""Minor codes from here up are a city's own, counted back from the highest. CJ/T 214-2007 had major 21 for them."""

_CLASS_FILES = {
    GBT_2026: "gbt47678_5_2026.csv",
    GBT_2013: "gbt30428_2_2013.csv",
    CJT_2007: "cjt214_2007.csv",
}


@dataclass(frozen=True)
class ClassEntry:
    """One class of a standard: `kind` is "component" or "matter", `code` is text and unique only within its kind."""

    standard: str
    kind: str
    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class MajorRule:
    """How the minors of one major class move to a later standard: a prefix each for ordinary and for local classes.

    An empty `minor_prefix` means that there is no general rule: only listed exceptions cross.
    """

    from_standard: str
    kind: str
    from_major: str
    to_standard: str
    to_major: str
    minor_prefix: str
    extension_prefix: str


@dataclass(frozen=True)
class ExceptionRow:
    """A class that moved, went, is new or was renamed; an empty code says that there is none on that side."""

    from_standard: str
    from_kind: str
    from_code: str
    to_standard: str
    to_kind: str
    to_code: str
    change: str
    note: str


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one shipped CSV file, by column name."""
    with files("webgis.catalog").joinpath("data", name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def classes(standard: str) -> dict[tuple[str, str], ClassEntry]:
    """Every known class of `standard` by (kind, code), in the standard's order."""
    entries = (ClassEntry(standard, **row) for row in rows(_CLASS_FILES[standard]))
    return {(entry.kind, entry.code): entry for entry in entries}


@cache
def majors() -> dict[tuple[str, str, str], tuple[str, str]]:
    """Names (zh, en) of the major classes by (standard, kind, major code)."""
    return {(r["standard"], r["kind"], r["code"]): (r["name_zh"], r["name_en"]) for r in rows("majors.csv")}


@cache
def major_rules() -> tuple[MajorRule, ...]:
    """The general rules of the crosswalk."""
    return tuple(MajorRule(**row) for row in rows("crosswalk_rules.csv"))


@cache
def exceptions() -> tuple[ExceptionRow, ...]:
    """The classes that do not follow the general rules, and those whose name changed."""
    return tuple(ExceptionRow(**row) for row in rows("crosswalk_exceptions.csv"))


@cache
def local_names() -> dict[tuple[str, str], str]:
    """Codes of 2026 by (kind, name) for classes that are new in 2026 and that cities had named themselves before."""
    return {(r["kind"], r["name_zh"]): r["code"] for r in rows("local_names.csv")}
