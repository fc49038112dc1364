"""The evidence of an alarm as a picture: its readings, what its level looks at, and the thresholds of its rule, as they
were when it was told.

Numbers and codes only, so that one picture serves every language. Drawn by Pillow; no database.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise, zip_longest
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw, ImageFont

from webgis.hazards import alarm_words

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 100, 150, 76, 64
INK, FAINT, LINE, MEASURED = (31, 41, 55), (226, 232, 240), (37, 99, 235), (13, 148, 136)
LEVELS = ((217, 119, 6), (220, 38, 38), (153, 27, 27), (88, 28, 135))
"""Colours of levels by rank, the gravest last."""

FEW = 40
"""So many points of a line at most are each marked."""

Points = Sequence[tuple[datetime, float]]


def draw(
    alarm: Any,
    since: datetime,
    points: Points,
    measured: Points,
    levels: Sequence[Mapping[str, Any]],
    zone: ZoneInfo,
) -> tuple[Image.Image, datetime]:
    """A picture of the readings of an alarm (a row of `fn.alarm_line`) from `since` on, of what its level looks at when
    that is not a reading itself (`measured`), with a line for each of `levels`; and the moment it shows: the last."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    low, high = _range([value for _at, value in (*points, *measured)] + [one["at"] for one in levels])
    begin, end = _span(since, points, alarm.raised_at)

    def place(at: datetime, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * ((at - begin) / (end - begin))
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    pen.text((LEFT, 24), f"{alarm.datastream}   [{alarm.unit}]", fill=INK, font=_font(30))
    _values(pen, place, begin, low, high)
    _moments(pen, place, begin, end, low, zone)
    for one in levels:
        _level(pen, place, one, begin, end)
    x, _y = place(alarm.raised_at, low)
    pen.line((x, TOP, x, HEIGHT - BOTTOM), fill=LEVELS[1], width=2)
    if alarm.measure == "sum":
        _bars(pen, [place(at, value) for at, value in points], place(begin, 0)[1])
    else:
        _line(pen, [place(at, value) for at, value in points], LINE)
    if measured:
        path = [place(at, value) for at, value in measured]
        _line(pen, _steps(path) if alarm.measure == "sum" else path, MEASURED)
        _legend(pen, (("value", LINE), (f"{alarm.measure} {alarm_words.span(alarm.window_s)[1]}", MEASURED)))
    return picture, end


def _line(pen: ImageDraw.ImageDraw, path: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    if len(path) > 1:
        pen.line(path, fill=colour, width=4, joint="curve")
    for x, y in path if len(path) <= FEW else path[-1:]:
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=colour)


def _steps(path: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A sum is as it was until the next reading."""
    corners = [(later[0], earlier[1]) for earlier, later in pairwise(path)]
    return [point for pair in zip_longest(path, corners) for point in pair if point]


def _bars(pen: ImageDraw.ImageDraw, path: Sequence[tuple[float, float]], ground: float) -> None:
    for x, y in path:
        pen.line((x, ground, x, y), fill=LINE, width=12)
        pen.line((x - 6, y, x + 6, y), fill=LINE, width=3)


def _legend(pen: ImageDraw.ImageDraw, entries: Sequence[tuple[str, tuple[int, int, int]]]) -> None:
    x = WIDTH - RIGHT
    for word, colour in reversed(entries):
        x -= pen.textlength(word, font=_font(20))
        pen.text((x, 30), word, fill=INK, font=_font(20))
        x -= 12
        pen.line((x - 24, 42, x, 42), fill=colour, width=4)
        x -= 48


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(0.0, *values), max(0.0, *values)
    return low, high + (high - low or 1.0) * 0.1


def _span(since: datetime, points: Points, raised_at: datetime) -> tuple[datetime, datetime]:
    end = max([raised_at, *(at for at, _value in points)])
    return min(since, end - timedelta(minutes=1)), end


def _values(pen: ImageDraw.ImageDraw, place: Any, begin: datetime, low: float, high: float) -> None:
    for part in range(6):
        value = low + (high - low) * part / 5
        _x, y = place(begin, value)
        pen.line((LEFT, y, WIDTH - RIGHT, y), fill=FAINT, width=1)
        pen.text((LEFT - 12, y), f"{value:.3g}", fill=INK, font=_font(20), anchor="rm")


def _moments(pen: ImageDraw.ImageDraw, place: Any, begin: datetime, end: datetime, low: float, zone: ZoneInfo) -> None:
    for part in range(5):
        at = begin + (end - begin) * part / 4
        x, y = place(at, low)
        pen.text((x, y + 14), f"{at.astimezone(zone):%m-%d %H:%M}", fill=INK, font=_font(20), anchor="ma")


def _level(pen: ImageDraw.ImageDraw, place: Any, one: Mapping[str, Any], begin: datetime, end: datetime) -> None:
    colour = LEVELS[min(one["rank"], len(LEVELS)) - 1]
    (x, y), (until, _y) = place(begin, one["at"]), place(end, one["at"])
    while x < until:
        pen.line((x, y, min(x + 12, until), y), fill=colour, width=3)
        x += 20
    pen.text((until + 10, y), f"{one['name']} {one['at']:g}", fill=colour, font=_font(20), anchor="lm")


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
