"""A day of thirty sensors: what each tells, minute by minute. Pure and seeded: the same seed gives the same day.

Most of it is quiet. At one well gas rises far over its second threshold and goes again; a cloudburst floods two
underpasses and slows a road; a sensor falls silent for good. A few readings come twice, late, or cannot be, as in real
networks. No weather or accident that happened: the figures are made so that thresholds are crossed.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np

MINUTES = 1440
RAIN_EVERY = 5
"""Minutes between two readings of a rain gauge, which tells what has fallen since the one before."""

GAS_FROM, GAS_PEAK, GAS_UNTIL = 40, 55, 100
RAIN_FROM, RAIN_PEAK, RAIN_UNTIL = 150, 195, 270
DEAD_FROM = 75
"""Minutes of the day at which things happen, early, so that who watches it played need not wait."""

LATE_MINUTES = 4


@dataclass(frozen=True)
class Sensor:
    """A sensor of the demo. `source`: the hazard source it watches, if any; `rule`: of `thresholds.csv`, which is
    called by quantity and place; `usual`: what it tells on other days, and how far around that (`scatter`); `story`:
    what happens to it: `quiet`, `gas`, `dead`, or how many millimetres or metres the cloudburst brings at its
    height."""

    code: str
    source: str | None
    rule: str
    name_zh: str
    name_en: str
    usual: float
    scatter: float
    story: str

    @property
    def quantity(self) -> str:
        """What it measures."""
        return self.rule.partition(".")[0]

    @property
    def place(self) -> str:
        """At which kind of place."""
        return self.rule.partition(".")[2]


@dataclass(frozen=True)
class Told:
    """A reading as it arrives in the minute `arrives` of the day: of the sensor `code`, of the second `second`."""

    arrives: int
    code: str
    second: int
    value: float


def sensors() -> list[Sensor]:
    """The sensors of `data/sensors.csv`."""
    text = files("webgis.demo").joinpath("data", "sensors.csv").read_text(encoding="utf-8")
    return [
        Sensor(
            **row | {"source": row["source"] or None, "usual": float(row["usual"]), "scatter": float(row["scatter"])}
        )
        for row in csv.DictReader(text.splitlines())
    ]


def day(of: Sequence[Sensor], seed: int) -> list[Told]:
    """Everything these sensors tell in a day, in the order in which it arrives."""
    return _day(of, seed)


def quiet_day(of: Sequence[Sensor], seed: int) -> list[Told]:
    """The same of a day on which nothing happens."""
    dry = {"story": "0"}
    return _day([replace(one, **(dry if one.story[0].isdigit() else {"story": "quiet"})) for one in of], seed)


def _day(of: Sequence[Sensor], seed: int) -> list[Told]:
    chance = np.random.default_rng(seed)
    told = [one for sensor in of for one in _told(sensor, chance)]
    return sorted(told, key=lambda one: (one.arrives, one.code, one.second))


def _told(sensor: Sensor, chance: np.random.Generator) -> list[Told]:
    """What one sensor tells: its values, with the faults of a network."""
    every = RAIN_EVERY if sensor.quantity == "rain" else 1
    minutes = np.arange(0, DEAD_FROM if sensor.story == "dead" else MINUTES, every)
    values = _values(sensor, minutes, chance)
    shift = int(chance.integers(0, 50))
    readings = [
        Told(int(minute), sensor.code, int(minute) * 60 + shift, round(float(value), 4))
        for minute, value in zip(minutes, values, strict=True)
    ]
    return readings + _faults(readings, chance)


def _faults(readings: Sequence[Told], chance: np.random.Generator) -> list[Told]:
    """Some readings once more, some of them late; and now and then one that cannot be."""
    twice = chance.choice(len(readings), size=max(1, len(readings) // 400), replace=False)
    again = [readings[place] for place in twice]
    late = [Told(min(one.arrives + LATE_MINUTES, MINUTES - 1), one.code, one.second, one.value) for one in again[::2]]
    wrong = readings[int(chance.integers(0, len(readings)))]
    return [*again[1::2], *late, Told(wrong.arrives, wrong.code, wrong.second + 5, 9999.0)]


def _values(sensor: Sensor, minutes: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    if sensor.quantity == "rain":
        return np.round(_rain(minutes, float(sensor.story)) * RAIN_EVERY * chance.uniform(0.85, 1.15, len(minutes)), 1)
    usual = sensor.usual + sensor.scatter * _wandering(len(minutes), chance)
    if sensor.story == "gas":
        return usual + _bump(minutes, GAS_FROM, GAS_PEAK, GAS_UNTIL) * 46
    if sensor.story in ("quiet", "dead"):
        return usual
    dry = np.maximum(usual, 0) if sensor.quantity == "depth" else usual
    return dry + float(sensor.story) * _water(minutes)


def _wandering(count: int, chance: np.random.Generator) -> np.ndarray:
    """A value that wanders about 0, each minute near to the one before."""
    steps, value, found = chance.normal(0, 0.35, count), 0.0, np.empty(count)
    for place, step in enumerate(steps):
        found[place] = value = 0.93 * value + step
    return found


def _rain(minutes: np.ndarray, most: float) -> np.ndarray:
    """Millimetres a minute, at the height of the cloudburst `most`."""
    return most * _bump(minutes, RAIN_FROM, RAIN_PEAK, RAIN_UNTIL)


def _water(minutes: np.ndarray) -> np.ndarray:
    """What stands where rain gathers, as a part of the most: it comes with the rain and is pumped away slowly."""
    return _bump(minutes, RAIN_FROM + 20, RAIN_PEAK + 35, RAIN_UNTIL + 150)


def _bump(minutes: np.ndarray, begin: int, peak: int, end: int) -> np.ndarray:
    """From 0 at `begin` to 1 at `peak` and back to 0 at `end`, smoothly."""
    rise = np.clip((minutes - begin) / (peak - begin), 0, 1)
    fall = np.clip((end - minutes) / (end - peak), 0, 1)
    part = np.minimum(rise, fall)
    return part * part * (3 - 2 * part)
