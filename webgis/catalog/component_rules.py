"""What the standards say of components: the fields, the states, the form of a code. Values in, value or error out.

GB/T 47678.5-2026, table 2 names the fields; the abbreviations of 2013 are those seen in a live system.
"""

import re
from dataclasses import dataclass

from webgis.errors import Invalid

STATES = ("intact", "damaged", "lost", "abandoned", "removed")
STATE_NAMES = {"intact": "完好", "damaged": "破损", "lost": "丢失", "abandoned": "废弃", "removed": "移除"}
ACCURACY_CLASSES = {"A": 0.5, "B": 1.0, "C": 10.0}
"""Class of the accuracy of a place -> metres (GB/T 30428.2)."""

ACTIONS = ("registered", "surveyed", "edited", "case_opened", "case_closed", "regridded")
SURVEY_STATES = ("staged", "taken_over", "discarded")
SHAPES = ("Point", "LineString", "Polygon")

CODE_LENGTH = 17
DIVISION = slice(0, 6)
CLASS = slice(6, 11)
PREFIX = slice(0, 11)
"""County and class: sequences count within them."""
LAST_SEQUENCE = 999_999

UNIT = re.compile(r"^[0-9A-Z]{18}$")
"""Form of a unified social credit code (GB 32100)."""


@dataclass(frozen=True)
class Field:
    """A field of a component: our column, its abbreviations in 2026 and 2013, its Chinese name, its greatest length.

    `demand`: M mandatory, C conditional, O optional by the standard, or "" for a field of ours. `names`: others in use.
    """

    column: str
    abbreviation: str
    former: str | None
    name_zh: str
    length: int
    demand: str
    names: tuple[str, ...] = ()


FIELDS = (
    Field("code", "GLBJBSM", "ObjID", "管理部件标识码", 17, "M", ("部件标识码", "标识码", "bjbsm", "bsm")),
    Field("name", "GLBJMC", "ObjName", "管理部件名称", 30, "M", ("部件名称", "名称", "bjmc", "mc")),
    Field("authority_code", "ZGBMDM", "DeptCode1", "主管部门代码", 18, "M"),
    Field("authority_name", "ZGBMMC", "DeptName1", "主管部门名称", 100, "M", ("主管部门",)),
    Field("owner_code", "QSDWDM", "DeptCode2", "权属单位代码", 18, "O"),
    Field("owner_name", "QSDWMC", "DeptName2", "权属单位名称", 100, "O", ("权属单位",)),
    Field("maintainer_code", "YHDWDM", "DeptCode3", "养护单位代码", 18, "O"),
    Field("maintainer_name", "YHDWMC", "DeptName3", "养护单位名称", 100, "O", ("养护单位",)),
    Field("cell_code", "SZDYWGBSM", "BGID", "所在单元网格标识码", 15, "M", ("所在单元网格", "单元网格标识码")),
    Field("state", "GLBJZT", "ObjState", "管理部件状态", 10, "M", ("部件状态", "状态", "bjzt")),
    Field("surveyed_on", "CSRQ", "ORDate", "初始日期", 10, "M"),
    Field("changed_on", "BGRQ", "CHDate", "变更日期", 10, "C"),
    Field("source", "SJLY", "DataSource", "数据来源", 30, "O"),
    Field("remark", "BZ", "Note", "备注", 1000, "O"),
    Field("subdistrict_code", "SZJDDM", None, "所在街道代码", 9, "O", ("所在街道（镇、乡）代码",)),
    Field("subdistrict_name", "SZJDMC", None, "所在街道名称", 50, "O", ("所在街道（镇、乡）名称",)),
    Field("community_code", "SZSQDM", None, "所在社区代码", 12, "O", ("所在社区（村）代码",)),
    Field("community_name", "SZSQMC", None, "所在社区名称", 50, "O", ("所在社区（村）名称",)),
)
"""The 18 fields of the standard, in its order."""

OWN_FIELDS = (
    Field("accuracy_class", "WZJDDJ", None, "位置精度等级", 1, "", ("精度等级", "定位精度等级", "accuracy")),
    Field("second_code", "EJBSM", None, "其他标识码", 64, "", ("窨井盖编号", "井盖编号", "设施编号")),
    Field("former_code", "YBSM", None, "原标识码", 64, "", ("原部件标识码",)),
)
"""Ours, after the standard's: the class of accuracy and other numbers that the thing bears."""

ALL_FIELDS = FIELDS + OWN_FIELDS
FROM_THE_CELL = ("cell_code", "subdistrict_code", "subdistrict_name", "community_code", "community_name")
"""Fields that follow from the place; what a file says of them is compared, never believed."""

UNIT_CODES = ("authority_code", "owner_code", "maintainer_code")
MANDATORY = ("authority_code", "authority_name", "surveyed_on")
"""Mandatory fields that nothing else gives; a survey without them is refused, unless "incomplete" is accepted."""

LENGTHS = {field.column: field.length for field in ALL_FIELDS}


def code_fault(code: str | None) -> str | None:
    """What is wrong with the form of a component's code, or None."""
    if code is None or not (code.isascii() and code.isdigit()) or len(code) != CODE_LENGTH:
        return f"the code has to be {CODE_LENGTH} digits: county 6, class 5, sequence 6"
    return "the sequence begins at 000001" if code.endswith("000000") else None


def state_of(word: str) -> str | None:
    """The state that a word stands for (ours, or the standard's in Chinese), or None."""
    return _STATES.get(word.strip().lower())


_STATES = {name: state for state, zh in STATE_NAMES.items() for name in (state, zh)} | {
    "正常": "intact", "良好": "intact", "损坏": "damaged", "缺失": "lost", "报废": "abandoned", "拆除": "removed",
}  # fmt: skip


def bad_field(field: str, got: object, accepted: str) -> Invalid:
    """The refusal of a field of a component."""
    return Invalid(
        "catalog.bad-component-field", f"{field}: expected {accepted}", field=field, got=got, accepted=accepted
    )


def fault_of(column: str, value: str) -> str | None:
    """What is wrong with the text of a field, or None: too long, or no credit code where one is expected."""
    if len(value) > LENGTHS[column]:
        return f"at most {LENGTHS[column]} characters"
    if column in UNIT_CODES and not UNIT.match(value):
        return "a unified social credit code: 18 digits or capital letters"
    return None
