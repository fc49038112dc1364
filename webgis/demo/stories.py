"""The cases of the demo: what is reported where and when, and how far each has come. Pure and seeded.

Shares and durations are made up so that every state is there and the lists look like a working day; they are no
statement about a real city.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

DAYS = 30

MATTERS = (
    ("matter", "06010", "人行道旁堆有暴露垃圾，约两袋", 10),
    ("matter", "06012", "路面有泥沙，车辆经过扬尘", 6),
    ("matter", "06013", "车行道沥青破损，坑槽约半平方米", 8),
    ("matter", "06017", "绿化带内有纸屑和塑料袋", 5),
    ("matter", "06036", "楼道口堆放旧家具，占用通道", 6),
    ("matter", "06042", "果皮箱满溢，垃圾外溢到人行道", 6),
    ("matter", "06050", "路缘石缺失一块", 3),
    ("matter", "06051", "盲道砖破损，三块翘起", 3),
    ("matter", "07001", "电线杆上张贴小广告十余张", 6),
    ("matter", "07007", "横幅脱落，一端垂到人行道", 2),
    ("matter", "08002", "施工围挡外堆料占道", 4),
    ("matter", "08004", "工地出口未湿法作业，扬尘明显", 4),
    ("matter", "08012", "渣土车带泥上路约五十米", 3),
    ("matter", "09001", "游商占用人行道售卖水果", 5),
    ("matter", "09005", "店铺将货架摆出门外约两米", 5),
    ("matter", "09009", "机动车停在人行道上", 6),
    ("matter", "09010", "非机动车乱停，压占盲道", 6),
    ("matter", "09011", "共享单车堆积约三十辆", 5),
    ("matter", "09012", "消防通道被车辆占用", 3),
    ("component", "01002", "污水井盖破损，边缘缺角", 4),
    ("component", "01004", "雨水箅子缺失一块，有坠落危险", 3),
    ("component", "01037", "路灯不亮，一盏", 4),
    ("component", "02017", "交通护栏倒伏约四米", 3),
    ("component", "03005", "果皮箱箱体破损", 3),
    ("component", "04002", "行道树断枝悬挂", 3),
)
"""Kind, class, what is said, and how often (parts)."""

ENDINGS = (
    ("reported", 5),
    ("confirming", 2),
    ("rejected", 5),
    ("void", 1),
    ("filed", 4),
    ("dispatched", 6),
    ("handling", 8),
    ("suspended", 2),
    ("split", 2),
    ("resolved", 5),
    ("verifying", 2),
    ("verified", 4),
    ("merged", 2),
    ("closed", 52),
)
"""How far cases have come, in parts of a hundred."""

OPEN_DAYS = {
    "reported": 0.15, "confirming": 0.3, "filed": 0.3, "dispatched": 0.6, "handling": 9.0, "suspended": 5.0,
    "split": 2.0, "resolved": 1.5, "verifying": 1.0, "verified": 1.0, "merged": 0.1,
}  # fmt: skip
"""A case that is still open was reported at most so many days ago; one that was merged, into one that is open."""

ROADS = {
    "reported": (),
    "confirming": ("request_confirmation",),
    "rejected": ("reject",),
    "void": ("void",),
    "merged": ("merge",),
    "filed": ("file",),
    "split": ("file", "split"),
    "dispatched": ("file", "dispatch"),
    "handling": ("file", "dispatch", "receive"),
    "suspended": ("file", "dispatch", "receive", "suspend"),
    "resolved": ("file", "dispatch", "receive", "resolve"),
    "verifying": ("file", "dispatch", "receive", "resolve", "request_verification"),
    "verified": ("file", "dispatch", "receive", "resolve", "verify"),
    "closed": ("file", "dispatch", "receive", "resolve", "verify", "close"),
}
"""The actions from report to each ending."""

REWORKED, RETURNED, HOTLINE = 0.12, 0.08, 0.25


@dataclass(frozen=True)
class Doing:
    """One step after the report: the action, when, and whether it goes well (a check passes, a dispatch is right)."""

    action: str
    at: datetime
    well: bool = True


@dataclass(frozen=True)
class Story:
    """One case: where (position in the list of cells), what, by whom reported, and what was done."""

    cell: int
    kind: str
    class_code: str
    description: str
    hotline: bool
    at: datetime
    ending: str
    doings: list[Doing] = field(default_factory=list)


def plan(count: int, weights: np.ndarray, now: datetime, seed: int) -> list[Story]:
    """`count` stories of the `DAYS` before `now`, oldest first. `weights`: (n,) how likely each cell is.

    The first end in each of the states, so that a small demo has them all too.
    """
    rng = np.random.default_rng(seed)
    cells = rng.choice(len(weights), size=count, p=weights / weights.sum())
    stories = [_story(rng, int(cell), number, now) for number, cell in enumerate(cells)]
    return sorted(stories, key=lambda story: story.at)


def _story(rng: np.random.Generator, cell: int, number: int, now: datetime) -> Story:
    ending = ENDINGS[number][0] if number < len(ENDINGS) else _one_of(rng, ENDINGS)[0]
    kind, code, description, _parts = _one_of(rng, MATTERS)
    at = _reported(rng, ending, now)
    story = Story(cell, kind, code, description, bool(rng.random() < HOTLINE), at, ending)
    return _with_doings(rng, story, now)


def _one_of(rng: np.random.Generator, rows: tuple) -> tuple:
    parts = np.array([row[-1] for row in rows], dtype=float)
    return rows[int(rng.choice(len(rows), p=parts / parts.sum()))]


def _reported(rng: np.random.Generator, ending: str, now: datetime) -> datetime:
    """When it was reported: an ended case in any of the days, by day rather than by night; an open one lately."""
    if ending in OPEN_DAYS:
        return now - timedelta(days=OPEN_DAYS[ending] * (0.2 + 0.8 * float(rng.random())))
    day = now - timedelta(days=1.5 + (DAYS - 1.5) * float(rng.random()))
    return day.replace(hour=int(rng.integers(7, 19)), minute=int(rng.integers(0, 60)), second=0)


def _with_doings(rng: np.random.Generator, story: Story, now: datetime) -> Story:
    """The steps that lead to the ending, each some time after the one before and none in the future."""
    steps = _road(rng, story.ending)
    last, doings = story.at, []
    for position, (action, well) in enumerate(steps):
        left = now - last
        share = left / (len(steps) - position + 1)
        last = last + min(_lasts(rng, action), share)
        doings.append(Doing(action, last, well))
    return Story(**{**story.__dict__, "doings": doings})


def _road(rng: np.random.Generator, ending: str) -> list[tuple[str, bool]]:
    """The actions from report to `ending`, with a detour now and then."""
    road = [(action, True) for action in ROADS[ending]]
    if rng.random() < REWORKED and ("verify", True) in road:
        at = road.index(("verify", True))
        road[at:at] = [("verify", False), ("resolve", True)]
    if rng.random() < RETURNED and ("receive", True) in road:
        road[1:1] = [("dispatch", False), ("return", True)]
    return road


def _lasts(rng: np.random.Generator, action: str) -> timedelta:
    """How long a step takes: minutes at the desk, hours in the department."""
    hours = {"resolve": 9.0, "verify": 2.0, "receive": 0.8, "close": 0.5}.get(action, 0.2)
    return timedelta(hours=float(rng.gamma(2.0, hours / 2.0)) + 0.01)
