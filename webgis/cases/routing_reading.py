"""How a rule is read: from the texts of a table's row or of a request, with every fault named in Chinese and English.

Pure: texts in, a rule or faults out. Whether departments, areas and classes exist is asked elsewhere.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import date, time
from typing import Any

import numpy as np
import shapely

from webgis import geo
from webgis.cases.table_reading import Fields, Problem, days, hours, sentence_and_facts, words
from webgis.catalog.sheets import Fault
from webgis.errors import Invalid

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
        own = {one.name: getattr(self, one.name) for one in fields_of(self)}
        del own["department_code"], own["number"], own["remark"]
        return tuple(own.values())


def read_rule(given: Mapping[str, str], crs: str = "wgs84", row: int | None = None) -> tuple[Rule | None, list[Fault]]:
    """The rule that these texts make (by column of `HEADINGS`; absent is empty), or None and every fault.

    A polygon is WKT or GeoJSON in `crs`.
    """
    faults: list[Fault] = []
    fields = Fields(given, row, faults)
    read = {
        "number": fields.read("number", _number, 1, LARGEST_NUMBER, None),
        "priority": fields.read("priority", _number, 0, LARGEST_PRIORITY, USUAL_PRIORITY),
        "kind": fields.read("kind", _kind),
        "class_code": fields.read("class", _class_code),
        "area_code": fields.read("area", _area_code),
        "polygon": fields.read("polygon", _polygon, crs),
        "owner_code": fields.read("owner", _credit_code),
        "maintainer_code": fields.read("maintainer", _credit_code),
        "zone": fields.read("zone", words, LONGEST["zone"]),
        "first_day": fields.read("first_day", _date),
        "last_day": fields.read("last_day", _date),
        "days": fields.read("days", days),
        "remark": fields.read("remark", words, LONGEST["remark"]),
        "department_code": fields.read("department", _needed, LONGEST["department"]),
    }
    read["from_time"], read["until_time"] = fields.read("hours", hours) or (None, None)
    if read["first_day"] and read["last_day"] and read["last_day"] < read["first_day"]:
        fields.fault("last_day", "it is before first_day", "早于起始日期")
    return (None, faults) if faults else (Rule(**read), [])


def _number(written: str, least: int, most: int, usual: int | None) -> int | None:
    if not written:
        return usual
    if not re.fullmatch(r"[0-9]{1,9}", written) or not least <= int(written) <= most:
        raise Problem(f"a whole number from {least} to {most} is expected", f"应为 {least} 到 {most} 的整数")
    return int(written)


def _kind(written: str) -> str:
    if written and written.lower() not in KINDS:
        raise Problem(
            "it is no kind: component (部件), matter (事项) or empty for both", "应为部件、事项，或留空表示两者"
        )
    return KINDS[written.lower()] if written else ""


def _class_code(written: str) -> str:
    if not re.fullmatch(r"[0-9]{0,5}", written) or len(written) == 3:
        raise Problem(
            "a class of 5 digits, a major class of 2, or empty for all, is expected",
            "应为 5 位类代码、2 位大类代码，或留空表示所有类",
        )
    return written.zfill(2 if len(written) <= 2 else 5) if written else ""  # a spreadsheet takes zeros away


def _area_code(written: str) -> str:
    if not re.fullmatch(r"[0-9]*", written) or len(written) not in (0, 4, 6, 9, 12, 15):
        raise Problem(
            "the code of an area (4, 6, 9 or 12 digits) or cell (15), or empty for the whole city, is expected",
            "应为区域代码（4、6、9 或 12 位）或单元网格代码（15 位），或留空表示全市",
        )
    return written


def _credit_code(written: str) -> str | None:
    if written and not _CREDIT.fullmatch(written.upper()):
        raise Problem("a unified social credit code is expected: 18 digits and letters", "应为 18 位统一社会信用代码")
    return written.upper() or None


def _needed(written: str, longest: int) -> str:
    if not written:
        raise Problem("the code of a department is needed", "需要责任部门的代码")
    return words(written, longest)


def _date(written: str) -> date | None:
    try:
        return date.fromisoformat(written.replace("/", "-")) if written else None
    except ValueError:
        raise Problem("a date is expected, such as 2026-07-01", "应为日期，例如 2026-07-01") from None


def _polygon(written: str, crs: str) -> shapely.MultiPolygon | None:
    """A polygon or several, in WKT or GeoJSON, as CGCS2000."""
    if not written:
        return None
    try:
        shape = shapely.from_geojson(written) if written.startswith("{") else shapely.from_wkt(written)
    except (shapely.GEOSException, ValueError):
        raise Problem("a polygon in WKT or GeoJSON is expected", "应为 WKT 或 GeoJSON 多边形") from None
    if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise Problem("a polygon, or several, is expected", "应为一个或多个多边形")
    if shapely.get_num_coordinates(shape) > MOST_VERTICES:
        raise Problem(f"it has more than {MOST_VERTICES} vertices", f"顶点多于 {MOST_VERTICES} 个")
    return _placed(shape, crs)


def _placed(shape: Any, crs: str) -> shapely.MultiPolygon:
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise Problem("its coordinates are no numbers", "坐标不是数字")
    try:
        moved = geo.transform_geometry(shapely.force_2d(shape), crs)
    except Invalid as error:
        raise Problem(error.message, "坐标应为经度、纬度（度），经度在前") from None
    if not shapely.is_valid(moved):
        raise Problem(f"it is not simple: {shapely.is_valid_reason(moved)}", "多边形自相交或环不正确")
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


def read_credit_code(written: str) -> str | None:
    """A unified social credit code, or None for none; `Invalid` for anything else."""
    faults: list[Fault] = []
    read = Fields({"credit_code": written}, None, faults).read("credit_code", _credit_code)
    if faults:
        raise bad_rule(faults)
    return read


def bad_rules(faults: Sequence[Fault], what: str = "Row") -> Invalid:
    """The refusal of a table of rules, none of which was kept; or of a set, where a fault's row is a rule's number."""
    sentence, facts = sentence_and_facts(faults, what)
    return Invalid("cases.bad-rules", sentence, field="file", accepted={"columns": list(HEADINGS)}, **facts)


def bad_rule(faults: Sequence[Fault]) -> Invalid:
    """The refusal of one rule."""
    first = faults[0]
    told = [{"column": one.column, "problem": one.problem, "problem_zh": one.problem_zh} for one in faults]
    return Invalid("cases.bad-rule", f"{first.column}: {first.problem}", field=first.column, faults=told)
