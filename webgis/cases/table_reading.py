"""How rows of texts are read: columns by their headings, and every fault named in English and Chinese. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import time
from typing import Any

from webgis.catalog.sheets import Fault, plain
from webgis.grid import duty

MOST_FAULTS_SHOWN = 200


class Problem(Exception):
    """A field that cannot be used: what is wrong, in English and in Chinese."""


class Fields:
    """The texts of one row by column, absent ones empty. What cannot be read is added to `faults`."""

    def __init__(self, given: Mapping[str, str], row: int | None, faults: list[Fault]) -> None:
        self._given, self._row, self._faults = given, row, faults

    def read(self, column: str, reader: Callable, *more: Any) -> Any:
        """What `reader` makes of the text, or None when it raises `Problem`."""
        written = self._given.get(column, "")
        try:
            if "\0" in written:
                raise Problem("it holds a NUL character", "含有 NUL 字符")
            return reader(written.strip(), *more)
        except Problem as problem:
            self.fault(column, *problem.args)
            return None

    def fault(self, column: str, problem: str, problem_zh: str) -> None:
        """Add a fault of this row."""
        self._faults.append(Fault(self._row, column, problem, problem_zh))


def read_header(
    header: Sequence[str], headings: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> tuple[dict[str, str], list[Fault]]:
    """The heading of each column that is there, and faults: two that say the same, one that means nothing (a column
    that is not read would change the meaning of its rows in silence), a needed one that is missing."""
    by_heading = {plain(word): column for column, words in headings.items() for word in words}
    columns: dict[str, str] = {}
    faults = []
    for heading in filter(None, header):
        column = by_heading.get(plain(heading))
        if column is None:
            faults.append(Fault(1, heading[:100], "the heading means nothing here", "没有这样的列名"))
        elif column in columns:
            other = columns[column]
            faults.append(Fault(1, heading[:100], f"the heading says the same as {other!r}", f"列名与“{other}”重复"))
        else:
            columns[column] = heading
    faults += [Fault(1, column, "there is no such column", "缺少这一列") for column in needed if column not in columns]
    return columns, faults


def sentence_and_facts(faults: Sequence[Fault], what: str = "Row") -> tuple[str, dict[str, Any]]:
    """What a refusal of a table says, and its facts; in a set of rules a fault's row is a rule's number."""
    ordered = sorted(faults, key=lambda fault: fault.row or 0)
    first = ordered[0]
    where = f"{what} {first.row}, {first.column}" if first.row else first.column
    facts = {"count": len(ordered), "faults": [asdict(fault) for fault in ordered[:MOST_FAULTS_SHOWN]]}
    return f"Nothing was changed, there are {len(ordered)} faults. {where}: {first.problem}", facts


def words(written: str, longest: int) -> str | None:
    """A text of one line, or None for an empty one."""
    if len(written) > longest:
        raise Problem(f"it has {len(written)} characters: at most {longest}", f"有 {len(written)} 个字，最多 {longest}")
    if written and not written.isprintable():
        raise Problem("it holds characters that cannot be printed", "含有不可打印的字符")
    return written or None


def days(written: str) -> tuple[int, ...] | None:
    """ISO weekdays."""
    try:
        return duty.read_days(written) if written else None
    except ValueError:
        raise Problem(
            f"weekdays are expected, such as {duty.DAYS_ACCEPTED}", f"应为星期，例如 {duty.DAYS_ACCEPTED}"
        ) from None


def hours(written: str) -> tuple[time, time] | None:
    """From and until."""
    try:
        return duty.read_hours(written) if written else None
    except ValueError:
        raise Problem(
            f"hours are expected, such as {duty.HOURS_ACCEPTED}", f"应为时段，例如 {duty.HOURS_ACCEPTED}"
        ) from None
