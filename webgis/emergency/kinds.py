"""What an emergency can be: kinds, levels, kinds of resources, with their words. Pure."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of emergency: words, its category in CAP 1.2, its icon."""

    zh: str
    en: str
    category: str
    icon: str


KINDS = {
    "waterlogging": Kind("城市内涝", "Waterlogging", "Met", "droplet"),
    "gas_leak": Kind("燃气泄漏", "Gas leak", "Safety", "flask"),
    "hazmat": Kind("危险化学品泄漏", "Release of a dangerous substance", "CBRNE", "biohazard"),
    "fire": Kind("火灾", "Fire", "Fire", "flame"),
    "collapse": Kind("道路塌陷", "Road collapse", "Infra", "barrier-block"),
    "structure": Kind("建（构）筑物险情", "Structure in danger", "Safety", "building"),
    "metro": Kind("轨道交通突发事件", "Metro incident", "Transport", "train"),
    "other": Kind("其他突发事件", "Other emergency", "Other", "urgent"),
}


class Level(NamedTuple):
    """A level of an emergency: how it is written, words, colour of its warning, severity in CAP 1.2."""

    sign: str
    zh: str
    en: str
    colour: str
    severity: str


LEVELS = {
    1: Level("I", "特别重大", "most serious", "#b91c1c", "Extreme"),
    2: Level("II", "重大", "serious", "#c2410c", "Severe"),
    3: Level("III", "较大", "considerable", "#a16207", "Moderate"),
    4: Level("IV", "一般", "ordinary", "#1d4ed8", "Minor"),
}
"""The four levels of the Emergency Response Law (突发事件应对法), 1 the gravest."""

RESOURCE_KINDS = {
    "pump": ("排涝设备", "Pumps"),
    "rescue": ("救援队伍", "Rescue teams"),
    "shelter": ("应急避难场所", "Shelters"),
    "hospital": ("医院", "Hospitals"),
    "depot": ("物资储备库", "Depots"),
    "fire_station": ("消防站", "Fire stations"),
    "other": ("其他资源", "Other resources"),
}
"""Kinds of resources, in Chinese and English. Crews on duty come from the shifts that are worked."""

TOLD = ("joined", "task", "task_off", "changed", "due_soon", "overdue", "released", "closed")
"""What people may be told of by message: `emergency_` before them is the event of the notice."""

WHO = ("department", "lead", "dispatcher", "manager")
"""Who may be told: the departments that it happens to, the one that leads, people of a role."""
