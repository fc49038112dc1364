"""How a rule is read: from the texts of a table's row or of a request, with every fault named in Chinese and English.

Pure: texts in, a rule or faults out. Whether departments, areas and classes exist is asked elsewhere.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, time
from typing import Any

import numpy as np
import shapely

from webgis import geo
from webgis.errors import Invalid
from webgis.grid import duty

HEADINGS = {
    "number": ("number", "no", "编号", "序号"),
    "priority": ("priority", "优先级"),
    "kind": ("kind", "类型"),
    "class": ("class", "class_code", "类", "类代码", "类别代码", "小类代码"),
    "area": ("area", "area_code", "区域", "区域代码", "单元网格"),
    "polygon": ("polygon", "多边形"),
    "owner": ("owner", "权属单位", "权属单位代码"),
    "maintainer": ("maintainer", "养护单位", "养护单位代码"),
    "zone": ("zone", "保护区", "保护区代码"),
    "first_day": ("first_day", "起始日期"),
    "last_day": ("last_day", "截止日期"),
    "days": ("days", "weekdays", "星期"),
    "hours": ("hours", "时段"),
    "department": ("department", "department_code", "责任部门", "责任单位", "责任部门代码"),
    "remark": ("remark", "备注"),
}
"""The columns of a rule, and the headings under which each is found."""

EXPORT_HEADINGS = {"en": tuple(HEADINGS), "zh": tuple(words[-1] for words in HEADINGS.values())}

KINDS = {
    **dict.fromkeys(("component", "部件", "管理部件"), "component"),
    **dict.fromkeys(("matter", "事项", "管理事项", "事件"), "matter"),
}
USUAL_PRIORITY = 100
LARGEST_PRIORITY = 1000
LARGEST_NUMBER = 999_999
LONGEST = {"department": 64, "zone": 64, "remark": 500}
MOST_VERTICES = 20_000
_CREDIT = re.compile(r"[0-9A-Z]{18}")


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field; `row` as a spreadsheet counts, None outside of tables."""

    row: int | None
    column: str
    problem: str
    problem_zh: str

    def facts(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """A rule as read: an empty code, or None, is a condition that it does not have."""

    department_code: str
    number: int | None = None
    priority: int = USUAL_PRIORITY
    kind: str = ""
    class_code: str = ""
    area_code: str = ""
    polygon: shapely.MultiPolygon | None = None
    owner_code: str | None = None
    maintainer_code: str | None = None
    zone: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    days: tuple[int, ...] | None = None
    from_time: time | None = None
    until_time: time | None = None
    remark: str | None = None

    def conditions(self) -> tuple:
        """What two rules have in common when the second of them never decides anything."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        del own["department_code"], own["number"], own["remark"]
        return tuple(own.values())


class _Problem(Exception):
    """A field that cannot be used: what is wrong, in English and in Chinese."""


def read_rule(given: Mapping[str, str], crs: str = "wgs84", row: int | None = None) -> tuple[Rule | None, list[Fault]]:
    """The rule that these texts make (by column of `HEADINGS`; absent is empty), or None and every fault.

    A polygon is WKT or GeoJSON in `crs`.
    """
    faults: list[Fault] = []

    def part(column: str, read: Callable, *more):
        try:
            written = given.get(column, "")
            if "\0" in written:
                raise _Problem("it holds a NUL character", "含有 NUL 字符")
            return read(written.strip(), *more)
        except _Problem as problem:
            faults.append(Fault(row, column, *problem.args))
            return None

    read = {
        "number": part("number", _number, 1, LARGEST_NUMBER, None),
        "priority": part("priority", _number, 0, LARGEST_PRIORITY, USUAL_PRIORITY),
        "kind": part("kind", _kind),
        "class_code": part("class", _class_code),
        "area_code": part("area", _area_code),
        "polygon": part("polygon", _polygon, crs),
        "owner_code": part("owner", _credit_code),
        "maintainer_code": part("maintainer", _credit_code),
        "zone": part("zone", _words, LONGEST["zone"]),
        "first_day": part("first_day", _date),
        "last_day": part("last_day", _date),
        "days": part("days", _days),
        "remark": part("remark", _words, LONGEST["remark"]),
        "department_code": part("department", _needed, LONGEST["department"]),
    }
    read["from_time"], read["until_time"] = part("hours", _hours) or (None, None)
    if read["first_day"] and read["last_day"] and read["last_day"] < read["first_day"]:
        faults.append(Fault(row, "last_day", "it is before first_day", "早于起始日期"))
    return (None, faults) if faults else (Rule(**read), [])


def _number(written: str, least: int, most: int, usual: int | None) -> int | None:
    if not written:
        return usual
    if not re.fullmatch(r"[0-9]{1,9}", written) or not least <= int(written) <= most:
        raise _Problem(f"a whole number from {least} to {most} is expected", f"应为 {least} 到 {most} 的整数")
    return int(written)


def _kind(written: str) -> str:
    if written and written.lower() not in KINDS:
        raise _Problem(
            "it is no kind: component (部件), matter (事项) or empty for both", "应为部件、事项，或留空表示两者"
        )
    return KINDS[written.lower()] if written else ""


def _class_code(written: str) -> str:
    if not re.fullmatch(r"[0-9]{0,5}", written) or len(written) == 3:
        raise _Problem(
            "a class of 5 digits, a major class of 2, or empty for all, is expected",
            "应为 5 位类代码、2 位大类代码，或留空表示所有类",
        )
    return written.zfill(2 if len(written) <= 2 else 5) if written else ""  # a spreadsheet takes zeros away


def _area_code(written: str) -> str:
    if not re.fullmatch(r"[0-9]*", written) or len(written) not in (0, 4, 6, 9, 12, 15):
        raise _Problem(
            "the code of an area (4, 6, 9 or 12 digits) or cell (15), or empty for the whole city, is expected",
            "应为区域代码（4、6、9 或 12 位）或单元网格代码（15 位），或留空表示全市",
        )
    return written


def _credit_code(written: str) -> str | None:
    if written and not _CREDIT.fullmatch(written.upper()):
        raise _Problem("a unified social credit code is expected: 18 digits and letters", "应为 18 位统一社会信用代码")
    return written.upper() or None


def _words(written: str, longest: int) -> str | None:
    if len(written) > longest:
        raise _Problem(
            f"it has {len(written)} characters: at most {longest}", f"有 {len(written)} 个字，最多 {longest}"
        )
    if written and not written.isprintable():
        raise _Problem("it holds characters that cannot be printed", "含有不可打印的字符")
    return written or None


def _needed(written: str, longest: int) -> str:
    if not written:
        raise _Problem("the code of a department is needed", "需要责任部门的代码")
    return _words(written, longest)


def _date(written: str) -> date | None:
    try:
        return date.fromisoformat(written.replace("/", "-")) if written else None
    except ValueError:
        raise _Problem("a date is expected, such as 2026-07-01", "应为日期，例如 2026-07-01") from None


def _days(written: str) -> tuple[int, ...] | None:
    try:
        return duty.read_days(written) if written else None
    except ValueError:
        raise _Problem(
            f"weekdays are expected, such as {duty.DAYS_ACCEPTED}", f"应为星期，例如 {duty.DAYS_ACCEPTED}"
        ) from None


def _hours(written: str) -> tuple[time, time] | None:
    try:
        return duty.read_hours(written) if written else None
    except ValueError:
        raise _Problem(
            f"hours are expected, such as {duty.HOURS_ACCEPTED}", f"应为时段，例如 {duty.HOURS_ACCEPTED}"
        ) from None


def _polygon(written: str, crs: str) -> shapely.MultiPolygon | None:
    """A polygon or several, in WKT or GeoJSON, as CGCS2000."""
    if not written:
        return None
    try:
        shape = shapely.from_geojson(written) if written.startswith("{") else shapely.from_wkt(written)
    except (shapely.GEOSException, ValueError):
        raise _Problem("a polygon in WKT or GeoJSON is expected", "应为 WKT 或 GeoJSON 多边形") from None
    if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise _Problem("a polygon, or several, is expected", "应为一个或多个多边形")
    if shapely.get_num_coordinates(shape) > MOST_VERTICES:
        raise _Problem(f"it has more than {MOST_VERTICES} vertices", f"顶点多于 {MOST_VERTICES} 个")
    return _placed(shape, crs)


def _placed(shape: Any, crs: str) -> shapely.MultiPolygon:
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise _Problem("its coordinates are no numbers", "坐标不是数字")
    try:
        moved = geo.transform_geometry(shapely.force_2d(shape), crs)
    except Invalid as error:
        raise _Problem(error.message, "坐标应为经度、纬度（度），经度在前") from None
    if not shapely.is_valid(moved):
        raise _Problem(f"it is not simple: {shapely.is_valid_reason(moved)}", "多边形自相交或环不正确")
    return moved if moved.geom_type == "MultiPolygon" else shapely.MultiPolygon([moved])


def repeated(rules: Sequence[tuple[int | None, Rule]]) -> Iterator[Fault]:
    """Of rules (with their rows) those whose number was there already, or that never decide: another of the same
    priority has the same conditions."""
    numbers: dict[int, int | None] = {}
    seen: dict[tuple, int | None] = {}
    for row, rule in rules:
        if rule.number is not None and numbers.setdefault(rule.number, row) != row:
            first = numbers[rule.number]
            yield Fault(
                row,
                "number",
                f"row {first} has the number {rule.number} already",
                f"第 {first} 行已用编号 {rule.number}",
            )
        if seen.setdefault(rule.conditions(), row) != row:
            first = seen[rule.conditions()]
            yield Fault(
                row,
                "department",
                f"it never decides: row {first} has the same conditions and priority",
                f"不会生效：第 {first} 行的条件和优先级相同",
            )


def read_header(header: Sequence[str]) -> dict[str, str]:
    """The heading of each column that is there.

    `Invalid` when two say the same, one means nothing (a column that is not read would widen its rules in silence), or
    the department's is missing.
    """
    by_heading = {_plain(word): column for column, words in HEADINGS.items() for word in words}
    columns: dict[str, str] = {}
    for heading in filter(None, header):
        column = by_heading.get(_plain(heading))
        if column is None or column in columns:
            what = "means nothing here" if column is None else f"says the same as {columns[column]!r}"
            zh = "不是规则的列" if column is None else f"与“{columns[column]}”重复"
            raise bad_rules([Fault(1, heading[:100], f"the heading {what}", f"列名{zh}")])
        columns[column] = heading
    if "department" not in columns:
        raise bad_rules([Fault(1, "department", "there is no such column", "缺少责任部门一列")])
    return columns


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]+", "", heading).lower()


MOST_FAULTS_SHOWN = 200


def bad_rules(faults: Sequence[Fault], what: str = "Row") -> Invalid:
    """The refusal of a table of rules, none of which was kept; or of a set, where a fault's row is a rule's number."""
    ordered = sorted(faults, key=lambda fault: fault.row or 0)
    first = ordered[0]
    where = f"{what} {first.row}, {first.column}" if first.row else first.column
    return Invalid(
        "cases.bad-rules",
        f"Nothing was changed, there are {len(ordered)} faults. {where}: {first.problem}",
        field="file",
        accepted={"columns": list(HEADINGS)},
        count=len(ordered),
        faults=[fault.facts() for fault in ordered[:MOST_FAULTS_SHOWN]],
    )


def bad_rule(faults: Sequence[Fault]) -> Invalid:
    """The refusal of one rule."""
    first = faults[0]
    return Invalid(
        "cases.bad-rule",
        f"{first.column}: {first.problem}",
        field=first.column,
        faults=[{name: value for name, value in fault.facts().items() if name != "row"} for fault in faults],
    )
