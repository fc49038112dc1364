"""What becomes of alarms when their rule is changed: the readings are walked anew by it. Pure.

What was told by the rule as it was did happen. What the changed one does not find ends, and is remembered: when the
rule is set back while the readings still say the same, it is found again under its number, and so keeps its case.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from webgis.hazards.thresholds import Change
from webgis.hazards.watch_states import Told

REMEMBERED = timedelta(days=7)
"""An alarm that a change has ended is found again until then, and so far back readings are walked anew."""


def begin(told: Told, first: datetime) -> datetime:
    """From when readings are needed to find these alarms again, with new ones from `first` on."""
    earliest = min((one.raised_at for _number, one in told), default=first)
    return min(max(earliest, first - REMEMBERED), first)


def remembered(ended: Told, newest: datetime) -> Told:
    """Those that may still be found again when readings go until `newest`."""
    return tuple((number, one) for number, one in ended if one.reset_at >= newest - REMEMBERED)


def told_of(
    told: Told, changes: tuple[Change, ...], first: datetime, newest: datetime
) -> tuple[tuple[Change, ...], Told]:
    """What is said of a walk under a changed rule, and the alarms of `told` that it has not found: these end with the
    `newest` reading if they had not.

    The changed rule counts from the next reading: of what was over before those from `first` on, nothing is said.
    """
    stood = {number for number, one in told if one.reset_at is None}
    said, ended = [], []
    for change in changes:
        one, over = change.occurrence, change.occurrence.reset_at
        if change.kind == "withdrawn":
            if over is None:
                one = replace(one, reset_at=max(newest, one.steps[-1].at))
                said.append(Change("reset", change.number, one, change.level))
            ended.append((change.number, one))
        elif over is None or over >= first or change.number in stood:
            said.append(change)
    return tuple(said), remembered(tuple(ended), newest)
