"""Was the one who confirms, resolves or verifies there, and are the photos of then and there? Judged, never refused.

Pure: distances, moments and hashes in, judgements out. A position that is not on the spot, and photos that cannot be of
it, want a stated reason; what was found is kept as marks with the event. Not a proof: a phone can be made to lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LARGEST_ACCURACY_M = 50.0
"""More inaccuracy than this is not believed: 100 m of it would make half a quarter "on the spot". Local."""

AHEAD = timedelta(minutes=5)
"""A phone's clock may be ahead by so much before its photo comes "from the future". Local."""

SAME_PICTURE_BITS = 2
"""Two photos whose hashes (`picture_hash`) differ in no more bits are the same picture, perhaps saved again."""

MARKS = ("no_position", "accuracy_unknown", "accuracy_capped", "outside_cell", "far_from_place")
"""What is said of a position."""

PHOTO_MARKS = ("time_unknown", "taken_long_before", "taken_in_future", "taken_elsewhere", "used_before")
"""What is said of a photo."""


@dataclass(frozen=True)
class Judgement:
    """Whether someone stood on the spot.

    `distance_m` is from the case's place, `allowed_m` how far it may be outside the cell; None without a position.
    """

    inside: bool
    distance_m: float | None = None
    allowed_m: float | None = None
    in_cell: bool | None = None
    marks: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether there was a position at all."""
        return self.distance_m is not None

    @property
    def outside(self) -> bool:
        """Whether the step needs a stated reason: not on the spot, or nobody knows."""
        return not self.inside

    def facts(self) -> dict[str, Any]:
        """As it is kept with the event: small JSON values."""
        return {
            "inside": self.inside,
            "distance_m": _rounded(self.distance_m),
            "allowed_m": _rounded(self.allowed_m),
            "in_cell": self.in_cell,
            "marks": list(self.marks),
        }

    def words(self) -> str:
        """One English sentence for people."""
        if self.distance_m is None or self.allowed_m is None:
            return "No position was given."
        where = (
            "in its cell" if self.in_cell else f"outside its cell, where at most {self.allowed_m:,.0f} m are allowed"
        )
        return f"The position is {self.distance_m:,.0f} m from the case, {where}."


def judge(
    distance_m: float | None,
    in_cell: bool | None,
    accuracy_m: float | None,
    case_accuracy_m: float | None,
    tolerance_m: float,
) -> Judgement:
    """Judge a position `distance_m` metres from the case's place, in the case's cell or not, known to `accuracy_m`.

    On the spot is who stands in the case's cell, or no farther from its place than the tolerance and both accuracies
    (the one claimed now, and the report's), each of which counts up to LARGEST_ACCURACY_M. No position (None) is never
    on the spot.
    """
    if distance_m is None:
        return Judgement(False, marks=("no_position",))
    allowed_m = tolerance_m + _believed(accuracy_m) + _believed(case_accuracy_m)
    near = distance_m <= allowed_m
    marks = {
        "accuracy_unknown": accuracy_m is None,
        "accuracy_capped": accuracy_m is not None and accuracy_m > LARGEST_ACCURACY_M,
        "outside_cell": not in_cell,
        "far_from_place": not near,
    }
    return Judgement(bool(in_cell) or near, distance_m, allowed_m, bool(in_cell), _true(marks))


def _believed(accuracy_m: float | None) -> float:
    return min(max(accuracy_m or 0.0, 0.0), LARGEST_ACCURACY_M)


_SAID = {
    "taken_long_before": "taken long before",
    "taken_in_future": "taken in the future, by its own clock",
    "taken_elsewhere": "taken elsewhere",
    "used_before": "given before in this case",
}


@dataclass(frozen=True)
class Shot:
    """A photo: when it was taken (aware), how far from the case's place in metres, and its `picture_hash`.

    Each None when not known; `distance_m` comes from the photo's own position.
    """

    taken_at: datetime | None
    distance_m: float | None = None
    picture_hash: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PhotoJudgement:
    """What is to be said of a photo. `age_s` is the time from taking it to giving it, in seconds."""

    marks: tuple[str, ...] = ()
    age_s: float | None = None
    distance_m: float | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the step needs a stated reason. That a photo does not know its time is no fault of the person."""
        return bool(set(self.marks) - {"time_unknown"})

    def words(self) -> str:
        """One English sentence for people, of what is doubtful."""
        said = [_SAID[mark] for mark in self.marks if mark in _SAID]
        return f"A photo was {' and '.join(said)}." if said else ""

    def facts(self) -> dict[str, Any]:
        """As it is kept with the event: small JSON values."""
        return {
            "marks": list(self.marks),
            "age_s": _rounded(self.age_s),
            "distance_m": _rounded(self.distance_m),
        }


def judge_photo(
    shot: Shot, given_at: datetime, *, longest_hours: float, farthest_m: float, before: Sequence[Shot] = ()
) -> PhotoJudgement:
    """Judge a photo given at `given_at`: older than `longest_hours` or from the future, taken more than `farthest_m`
    metres from the case's place, or the same picture as one of those given `before` (a "before" sold as an "after").
    """
    age = None if shot.taken_at is None else given_at - shot.taken_at
    marks = {
        "time_unknown": age is None,
        "taken_long_before": age is not None and age > timedelta(hours=longest_hours),
        "taken_in_future": age is not None and age < -AHEAD,
        "taken_elsewhere": shot.distance_m is not None and shot.distance_m > farthest_m,
        "used_before": any(_same_picture(shot, earlier) for earlier in before),
    }
    return PhotoJudgement(_true(marks), None if age is None else age.total_seconds(), shot.distance_m)


def _same_picture(one: Shot, other: Shot) -> bool:
    if one.sha256 is not None and one.sha256 == other.sha256:
        return True
    if one.picture_hash is None or other.picture_hash is None:
        return False
    tells = 4 <= (one.picture_hash & _ALL).bit_count() <= 60
    return tells and ((one.picture_hash ^ other.picture_hash) & _ALL).bit_count() <= SAME_PICTURE_BITS


_ALL = (1 << 64) - 1


def _true(marks: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple(mark for mark, is_so in marks.items() if is_so)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
