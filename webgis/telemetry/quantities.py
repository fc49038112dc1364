"""What sensors measure, and at which kinds of place. Pure: words, units, and what a sensor can tell.

Keys are those of the rules of thresholds (`hazards/data/thresholds.csv`: `methane.face` is methane at a face), so that
a datastream finds its rule by quantity and place. A city may register quantities of its own, with unit and range.
"""

import math
from typing import NamedTuple


class Quantity(NamedTuple):
    """A quantity: its unit, the range outside which a reading is impossible, and its names."""

    key: str
    unit: str
    least: float
    most: float
    zh: str
    en: str


class Place(NamedTuple):
    """A kind of place at which something is measured."""

    key: str
    zh: str
    en: str


QUANTITIES = {
    one.key: one
    for one in (
        Quantity("methane", "% vol", -0.1, 100, "甲烷", "Methane"),
        Quantity("gas", "% LEL", -2, 100, "可燃气体", "Combustible gas"),
        Quantity("co", "ppm", -5, 2000, "一氧化碳", "Carbon monoxide"),
        Quantity("h2s", "ppm", -5, 500, "硫化氢", "Hydrogen sulphide"),
        Quantity("chlorine", "ppm", -1, 100, "氯气", "Chlorine"),
        Quantity("ammonia", "ppm", -5, 1000, "氨气", "Ammonia"),
        Quantity("depth", "m", -0.05, 10, "积水深度", "Depth of water"),
        Quantity("level", "m", -50, 50, "水位（相对保证水位）", "Water level (above the guaranteed level)"),
        Quantity("rain", "mm", 0, 200, "降雨量", "Rain since the last reading"),
        Quantity("dust", "mg/m³", 0, 50, "扬尘（TSP）", "Dust (TSP)"),
        Quantity("pm10", "µg/m³", 0, 5000, "PM10", "PM10"),
        Quantity("pm25", "µg/m³", 0, 2000, "PM2.5", "PM2.5"),
        Quantity("noise", "dB(A)", 20, 140, "噪声", "Noise"),
        Quantity("settlement", "mm", -1000, 1000, "沉降", "Settlement"),
        Quantity("tilt", "mm/m", -100, 100, "倾斜", "Tilt"),
        Quantity("convergence", "mm", -500, 500, "收敛", "Convergence"),
        Quantity("vibration", "cm/s", 0, 100, "振动速度", "Vibration"),
        Quantity("pressure", "MPa", -0.1, 100, "压力", "Pressure"),
        Quantity("temperature", "°C", -60, 200, "温度", "Temperature"),
        Quantity("wind", "m/s", 0, 90, "风速", "Wind"),
    )
}

PLACES = {
    one.key: one
    for one in (
        Place("return_corner", "上隅角", "Upper corner of a face"),
        Place("face", "采煤工作面", "Working face"),
        Place("face_return", "工作面回风巷", "Return airway of a face"),
        Place("intake", "进风巷", "Intake airway"),
        Place("series_intake", "串联通风进风", "Intake of series ventilation"),
        Place("shearer", "采煤机", "Shearer"),
        Place("heading", "掘进工作面", "Heading"),
        Place("heading_return", "掘进回风", "Return of a heading"),
        Place("before_fan", "局部通风机前", "Before a local fan"),
        Place("main_return", "总回风巷", "Main return"),
        Place("well", "井室", "Manhole or valve well"),
        Place("road", "道路", "Road"),
        Place("underpass", "下穿通道", "Underpass"),
        Place("river", "河道", "River"),
        Place("station", "站点", "Station"),
        Place("earthwork", "土方工地", "Site, earthwork"),
        Place("structure", "主体施工工地", "Site, structure"),
        Place("site", "工地", "Construction site"),
        Place("tank", "储罐区", "Tank area"),
        Place("plant", "生产装置", "Production unit"),
        Place("tunnel", "地铁隧道", "Metro tunnel"),
        Place("pit", "基坑", "Deep pit"),
        Place("building", "建筑物", "Building"),
        Place("dam", "坝体", "Dam"),
    )
}


def reading(value: float | None, unit: str) -> str:
    """A reading as people read it: three digits that say something, at most three of them behind the point, whole above
    a hundred; with its unit. A dash when there is none."""
    if value is None:
        return "–"
    behind = min(3, max(0, 2 - math.floor(math.log10(abs(value))))) if value else 0
    said = f"{round(value, behind) + 0.0:.{behind}f}"  # without it -0.0001 is "-0"
    return f"{said.rstrip('0').rstrip('.') if behind else said} {unit}"


def quantity_words(key: str, locale: str) -> str:
    """The name of a quantity in a language (`zh_CN`, `en`); the key of one that a city made."""
    known = QUANTITIES.get(key)
    return key if known is None else known.en if locale == "en" else known.zh


def place_words(key: str, locale: str) -> str:
    """The name of a kind of place in a language; the key of one that a city made."""
    known = PLACES.get(key)
    return key if known is None else known.en if locale == "en" else known.zh
