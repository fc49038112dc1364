"""Patrols of construction zones: what was due and done, by act and by track; zones of a moment."""

from datetime import date, datetime, timedelta

import pytest

from tests import city
from tests.metro.test_construction import DAY, FIRST, KNOWN, LAST, LAT, LON, moment, plan, works  # noqa: F401
from webgis.accounts import queries as people
from webgis.cases import shifts
from webgis.errors import Invalid
from webgis.metro import construction, construction_patrols

THERE = construction_patrols.Spot(LON, LAT, 15)
"""In the zone of `plan`."""


def done(session, day: date) -> int:
    return construction_patrols.duty(session, day, day)[0].done


def test_two_visits_an_hour_apart_are_two_and_what_is_missing_is_told(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    person = people.actor(works, "inspector1").id
    for key, hour, minute in (("a", 8, 0), ("b", 8, 40), ("c", 15, 0), ("a", 8, 0)):
        at = moment(FIRST, hour, minute)
        construction_patrols.patrolled(works, "CZ1", person, at, key, None, spot=THERE, now=moment(FIRST, 23))
    assert done(works, FIRST) == 2, "twenty to nine is still the visit of eight"
    assert len(construction_patrols.newest(works, "CZ1")) == 3, "and one key is one patrol"
    found = construction_patrols.missed(works, FIRST - DAY, FIRST + 2 * DAY)
    assert [(one.day, one.due, one.done) for one in found] == [(FIRST + 2 * DAY, 2, 0), (FIRST + DAY, 2, 0)]
    with pytest.raises(Invalid, match="moment of the last"):
        construction_patrols.patrolled(
            works, "CZ1", person, moment(FIRST), "d", None, spot=THERE, now=moment(FIRST + 30 * DAY)
        )


@pytest.mark.parametrize(
    ("spot", "note", "away"),
    [
        (THERE, None, 0),
        (construction_patrols.Spot(LON + 0.0030, LAT, 15), None, "refused"),
        (construction_patrols.Spot(LON + 0.0030, LAT, 5000), None, "refused"),
        (construction_patrols.Spot(LON + 0.0030, LAT, 15), "由视频查看", 190),
        (None, None, "refused"),
        (None, "  ", "refused"),
        (None, "手机无定位", None),
    ],
)
def test_a_patrol_is_done_on_the_spot_or_says_why_not(works, spot, note, away):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    person, at = people.actor(works, "inspector1").id, moment(FIRST, 8)
    if away == "refused":
        with pytest.raises(Invalid, match="on the spot") as refused:
            construction_patrols.patrolled(works, "CZ1", person, at, "a", note, spot=spot, now=at)
        assert (refused.value.code, refused.value.facts["field"]) == ("metro.patrol-away", "note")
        assert done(works, FIRST) == 0
        return
    construction_patrols.patrolled(works, "CZ1", person, at, "a", note, spot=spot, now=at)
    (row,) = construction_patrols.newest(works, "CZ1")
    assert row.away_m == (away if away is None else pytest.approx(away, abs=60)) and done(works, FIRST) == 1


def test_who_is_there_all_day_has_not_missed_it(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    person = people.actor(works, "inspector1").id
    for turn in range(9):
        at = moment(FIRST, 8) + timedelta(minutes=50 * turn)
        construction_patrols.patrolled(works, "CZ1", person, at, str(turn), None, spot=THERE, now=moment(FIRST, 23))
    assert done(works, FIRST) == 5, "eight, twenty to ten, ...: an hour after the last that counts"
    assert construction_patrols.missed(works, FIRST, FIRST) == []


def test_what_was_due_on_a_day_is_as_it_was_known_at_its_end(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    construction.keep(works, [plan(patrols=5)], at=moment(FIRST + DAY, 9))
    construction.withdraw(works, "CZ1", at=moment(FIRST + 3 * DAY, 9))
    rows = construction_patrols.duty(works, FIRST, FIRST + 4 * DAY)
    assert [(one.day, one.due) for one in rows] == [(FIRST + 2 * DAY, 5), (FIRST + DAY, 5), (FIRST, 2)]


def test_the_track_of_a_shift_is_a_patrol_once(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    actor, began = people.actor(works, "inspector1"), moment(FIRST, 9)
    shifts.check_in(works, actor, "s1", began, at=began)
    inside = [shifts.Point(began + timedelta(minutes=turn), LON, LAT, 8.0) for turn in range(5)]
    vague = [shifts.Point(began + timedelta(hours=3), LON, LAT, 500.0)]
    beside = [shifts.Point(began + timedelta(hours=4), LON + 0.002, LAT, 8.0)]
    for batch in (inside, inside, vague, beside):
        shifts.add_track(works, actor, "s1", batch, at=began + timedelta(hours=5))
    assert done(works, FIRST) == 1
    assert construction_patrols.newest(works, "CZ1")[0].way == "track"


def test_a_zone_of_a_moment_is_known_to_who_asks_as_of_then(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    assert [one.phase for one in construction.listed(works, moment(FIRST))] == ["hoarding"]
    assert construction.listed(works, moment(FIRST), known=KNOWN - DAY) == []
    (one,) = construction.listed(works, datetime(2026, 5, 2, tzinfo=KNOWN.tzinfo))
    assert one.ahead and not one.there and one.phase is None
    west = (city.IN_EAST[0], LAT, city.IN_EAST[0] + 0.001, LAT + 0.001)
    assert construction.listed(works, moment(FIRST), box=west) == []
