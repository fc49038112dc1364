"""What the fields of other people's files are called, and what their values mean. Pure.

The names are those of the standards (GB/T 30428.1: 网格标识码, 面积, 初始时间, 终止时间, 备注), their abbreviations by
pinyin initials, and the English ones in use. dBase cuts names at 10 bytes, so the beginning of a name is taken too.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import numpy as np

from webgis.errors import Invalid
from webgis.grid.files import Layer

AREA_FIELDS = {
    "code": ("code", "区划代码", "行政区划代码", "行政区代码", "区域代码", "代码", "编码", "社区代码", "街道代码",
             "xzqdm", "xzqhdm", "qhdm", "qydm", "sqdm", "jddm", "dm", "bm", "area_code", "adcode", "region_code"),
    "name_zh": ("name_zh", "名称", "行政区名称", "区划名称", "社区名称", "街道名称", "xzqmc", "qhmc", "sqmc", "jdmc",
                "mc", "name", "area_name"),
    "name_en": ("name_en", "英文名称", "英文名", "拼音", "ywmc", "pinyin", "english_name"),
    "population": ("population", "人口", "人口数", "rk", "rks"),
}  # fmt: skip

CELL_FIELDS = {
    "code": ("网格标识码", "单元网格标识码", "网格编码", "网格代码", "单元网格编码", "单元网格代码", "标识码", "wgbsm",
             "dywgbsm", "wgbm", "wgdm", "dywgbm", "dywgdm", "bsm", "bgcode", "code", "grid_code", "cell_code",
             "grid_id"),
    "area": ("面积", "网格面积", "wgmj", "mj", "area_m2", "area", "shape_area"),
    "since": ("初始时间", "初始日期", "cssj", "csrq", "initial_time", "initial_date", "valid_from", "start_time",
              "start_date", "ordate"),
    "until": ("终止时间", "终止日期", "zzsj", "zzrq", "end_time", "end_date", "valid_to", "termination_time"),
    "remark": ("备注", "bz", "remark", "remarks", "note"),
    "land_use": ("土地利用分类代码", "土地利用", "用地分类", "tdlyfl", "tdly", "ydfl", "land_use"),
    "manager": ("责任主体", "责任单位", "管理主体", "zrzt", "zrdw", "glzt", "manager"),
}  # fmt: skip

PEOPLE_FIELDS = {
    "code": CELL_FIELDS["code"],
    "people": ("people", *AREA_FIELDS["population"], "人数"),
    "as_of": ("as_of", "统计日期", "截至日期", "日期", "tjrq", "date", "day"),
    "source": ("source", "资料来源", "数据来源", "来源", "ly"),
}

FOREVER = 9000
"""A year from here on means "no end": 9999-12-31 stands in many files for a cell that is valid."""

_DAY = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$")


def chosen(layer: Layer, names: Mapping[str, Sequence[str]], given: Mapping[str, str | None]) -> dict[str, str]:
    """For each meaning in `names` the field of the file that has it: as `given`, else by its usual names.

    Meanings without a field are left out. `Invalid` "grid.field-unknown" when a given field is not in the file.
    """
    found = {}
    for meaning, usual in names.items():
        asked = given.get(meaning)
        field = _exact(layer, asked) if asked else _usual(layer, usual)
        if field is not None:
            found[meaning] = field
    return found


def _exact(layer: Layer, asked: str) -> str:
    if asked not in layer.columns:
        raise Invalid(
            "grid.field-unknown",
            f"The file has no field {asked!r}; it has: {', '.join(layer.columns) or 'none'}",
            field=asked,
            accepted=list(layer.columns),
        )
    return asked


def _usual(layer: Layer, usual: Sequence[str]) -> str | None:
    fields = {_plain(field): field for field in layer.columns}
    names = [_plain(name) for name in usual]
    whole = next((fields[name] for name in names if name in fields), None)
    return whole or next((fields[cut] for name in names for cut in fields if _is_cut(cut, name)), None)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).casefold()


def _is_cut(field: str, name: str) -> bool:
    return len(field.encode()) >= 8 and name.startswith(field)


def needed(layer: Layer, found: Mapping[str, str], meaning: str, option: str) -> np.ndarray:
    """The values of a field that must be there; `Invalid` says with which option to name it."""
    if meaning not in found:
        raise Invalid(
            "grid.field-unknown",
            f"None of the file's fields is known as {meaning}; say which it is with {option}. "
            f"The file has: {', '.join(layer.columns) or 'none'}",
            field=meaning,
            accepted=list(layer.columns),
        )
    return layer.columns[found[meaning]]


def values(layer: Layer, found: Mapping[str, str], meaning: str) -> list[Any]:
    """The values of a field, None where the file has no such field or no value."""
    if meaning not in found:
        return [None] * len(layer.geoms)
    return [None if _missing(value) else value for value in layer.columns[found[meaning]].tolist()]


def _missing(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return not value.size
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def as_text(value: Any) -> str | None:
    """A value as text; a number that is whole without its decimals, since codes are often kept as numbers.

    Where one feature of GeoJSON has a list, the texts of the others are read as lists of one: that one is meant.
    """
    if _missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, np.ndarray):
        return as_text(value.item()) if value.size == 1 else json.dumps(value.tolist(), ensure_ascii=False, default=str)
    return str(value).strip()


def is_nested(text: str | None) -> bool:
    """Whether a text is a list or an object of GeoJSON, which files give as JSON: no field has such a value."""
    if not text or text[0] not in "[{":
        return False
    try:
        json.loads(text)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def texts(layer: Layer, found: Mapping[str, str], meaning: str) -> list[str | None]:
    """The values of a field as text, None where the file has no such field or no value."""
    return (
        [as_text(value) for value in values(layer, found, meaning)] if meaning in found else [None] * len(layer.geoms)
    )


def as_number(value: Any) -> float | None:
    """A value as a number; None when there is none."""
    try:
        return None if _missing(value) else float(value)
    except (TypeError, ValueError):
        return None


def as_moment(value: Any, zone: tzinfo) -> datetime | None:
    """A date or time as an aware datetime; a day begins at midnight in `zone`. None when missing or without end.

    Takes ISO 8601, 20240131, 2024/1/31, 2024.1.31 and 2024年1月31日. ValueError for anything else.
    """
    text = as_text(value)
    if text is None or text.strip("0-/: T") == "":
        return None
    day = _DAY.match(text)
    moment = datetime(*map(int, day.groups())) if day else datetime.fromisoformat(text.replace("/", "-"))
    if moment.year >= FOREVER:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
