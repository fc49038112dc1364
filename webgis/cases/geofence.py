"""Was the one who confirms, resolves or verifies there, and are the photos of then and there? Judged, never refused.

Pure: distances, moments and hashes in, judgements out. A position that is not on the spot wants a stated reason; what
was found of it and of the photos is kept as marks with the event. Not a proof: a phone can be made to lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any

from webgis.cases import picture_hash

LARGEST_ACCURACY_M = 50.0
"""More inaccuracy than this is not believed: 100 m of it would make half a quarter "on the spot". Local."""

AHEAD = timedelta(minutes=5)
"""A phone's clock may be ahead by so much before its photo comes "from the future". Local."""

SAME_PICTURE_BITS = 2
"""Two photos whose hashes (`picture_hash`) differ in no more bits are the same picture, perhaps saved again."""

MARKS = ("no_position", "accuracy_unknown", "accuracy_capped", "outside_cell", "far_from_place")
"""What is said of a position."""

PHOTO_MARKS = (
    "time_unknown", "taken_long_before", "taken_in_future", "place_unknown", "taken_elsewhere", "used_before",
    "other_place",
)  # fmt: skip
"""What is said of a photo; `other_place`: far from where the photo was taken that shows the thing before."""

EARTH_M = 6_371_009
"""Mean radius."""


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


@dataclass(frozen=True)
class Shot:
    """A photo: its content, when (aware) and where (lon, lat in degrees) it was taken, and its `picture_hash`.

    Each but the content None when not known. `id` is that of a stored photo, `before` whether it shows the thing before
    it was handled.
    """

    sha256: str
    taken_at: datetime | None = None
    place: tuple[float, float] | None = None
    picture_hash: int | None = None
    id: int | None = None
    before: bool = False


def judge_photo(
    shot: Shot,
    case_place: tuple[float, float],
    given_at: datetime,
    earlier: Sequence[Shot] = (),
    *,
    longest_hours: float,
    farthest_m: float,
) -> dict[str, Any]:
    """What is kept with the event of a photo given at `given_at` to a case at `case_place`, as small JSON values.

    Its content, time and place; `age_s` from taking to giving it; `distance_m` from the case; of the photos given
    `earlier` the one `before` with which it makes a pair, with the metres between them; and the marks that it deserves.
    """
    age = None if shot.taken_at is None else given_at - shot.taken_at
    distance_m = metres_apart(shot.place, case_place)
    pair = _pair(shot, [one for one in earlier if one.before])
    apart_m = pair and metres_apart(shot.place, pair.place)
    marks = {
        "time_unknown": age is None,
        "taken_long_before": age is not None and age > timedelta(hours=longest_hours),
        "taken_in_future": age is not None and age < -AHEAD,
        "place_unknown": distance_m is None,
        "taken_elsewhere": distance_m is not None and distance_m > farthest_m,
        "used_before": any(_same_picture(shot, one) for one in earlier),
        "other_place": apart_m is not None and apart_m > farthest_m,
    }
    return {
        "sha256": shot.sha256,
        "taken_at": shot.taken_at and shot.taken_at.isoformat(),
        "place": shot.place and list(shot.place),
        "age_s": None if age is None else round(age.total_seconds()),
        "distance_m": _rounded(distance_m),
        "before": pair and {"photo": pair.id, "apart_m": _rounded(apart_m)},
        "marks": list(_true(marks)),
    }


def _pair(shot: Shot, shown: Sequence[Shot]) -> Shot | None:
    """Of the photos that show the thing before, the one taken nearest; of those without a place the most alike."""

    def unlike(one: Shot) -> tuple[float, int]:
        metres = metres_apart(shot.place, one.place)
        return (float("inf") if metres is None else metres, _bits_apart(shot, one))

    return min(shown, key=unlike, default=None)


def metres_apart(one: tuple[float, float] | None, other: tuple[float, float] | None) -> float | None:
    """Metres between two places (lon, lat in degrees) on the sphere, true to half a percent; None without both."""
    if one is None or other is None:
        return None
    (lon, lat), (lon2, lat2) = ((radians(x), radians(y)) for x, y in (one, other))
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_M * asin(sqrt(half))


def _same_picture(one: Shot, other: Shot) -> bool:
    return one.sha256 == other.sha256 or (
        picture_hash.tells(one.picture_hash) and _bits_apart(one, other) <= SAME_PICTURE_BITS
    )


def _bits_apart(one: Shot, other: Shot) -> int:
    if one.picture_hash is None or other.picture_hash is None:
        return picture_hash.BITS
    return picture_hash.bits_apart(one.picture_hash, other.picture_hash)


def _true(marks: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple(mark for mark, is_so in marks.items() if is_so)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
