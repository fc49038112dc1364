"""A rule that is changed while water stands, and set back: one water, one alarm, one case."""

from datetime import UTC, datetime

import pytest

from tests.cases.life import Life
from tests.hazards.watched import NOW, ROAD, Watched, minutes_ago
from webgis.hazards import alarm_rules


def set_levels(town: Watched, times: float) -> None:
    """The levels of roads are so many times what ships."""
    (shipped,) = (rule for rule in alarm_rules.shipped() if rule["key"] == "depth.road")
    levels = [one | {name: round(one[name] * times, 3) for name in ("at", "reset")} for one in shipped["levels"]]
    with town.runtime.transaction() as session:
        alarm_rules.set_rule(session, None, "depth.road", {"levels": levels}, town.settings.zone)


WET, DEEP = [(60 - minute, 0.2) for minute in range(4)], [(60 - minute, 0.45) for minute in range(4)]
"""An hour ago it came: enough to pass slowly, enough to close the road."""

STORIES = {
    "set back while it stands": (
        [WET, 2, [(40, 0.2)], 1, [(39, 0.2)]],
        [(1, "open", "slowed")],
        1,
    ),
    "changed and set back twice": (
        [WET, 2, [(40, 0.2)], 1, [(39, 0.2)], 2, [(30, 0.2)], 1, [(20, 0.21)]],
        [(1, "open", "slowed")],
        1,
    ),
    "changed to a third that does not find it either, then back": (
        [WET, 2, [(40, 0.2)], 3, [(39, 0.2)], 1, [(20, 0.2)]],
        [(1, "open", "slowed")],
        1,
    ),
    "set back without a reading in between": (
        [WET, 2, 1, [(39, 0.2)]],
        [(1, "open", "slowed")],
        1,
    ),
    "it was dry in between": (
        [WET, 2, [(50 - minute, 0.0) for minute in range(15)], [(30, 0.2), (28, 0.2)], 1, [(27, 0.2)]],
        [(1, "reset", "slowed"), (2, "open", "slowed")],
        2,
    ),
    "it was dry in between and is": (
        [WET, 2, [(50 - minute, 0.0) for minute in range(15)], 1, [(30, 0.0)]],
        [(1, "reset", "slowed")],
        1,
    ),
    "it stands by the changed rule too, at another level": (
        [DEEP, 2, [(40, 0.45)], 1, [(39, 0.45)]],
        [(1, "open", "closed")],
        1,
    ),
    "the gravest level was an hour ago": (
        [DEEP, [(50, 0.2)], 1.1, [(20, 0.2)]],
        [(1, "open", "closed")],
        1,
    ),
    "a lower rule counts from the next reading": (
        [WET, 2, [(40, 0.05), (38, 0.05), (30, 0.0), (15, 0.0)], 0.25, [(9, 0.0)]],
        [(1, "reset", "slowed")],
        1,
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_one_water_keeps_its_alarm_and_its_case_however_the_rule_is_changed(town, story):
    happens, alarms, cases = STORIES[story]
    for one in happens:
        if isinstance(one, list):
            town.tell(ROAD, *one)
            town.work()
        else:
            set_levels(town, one)
    assert town.alarms(ROAD) == alarms
    assert town.ask("SELECT count(*) FROM city.case") == [(cases,)]
    newest = town.ask("SELECT flags FROM city.case ORDER BY id DESC LIMIT 1")
    assert newest == [(["alarm"] if alarms[-1][1] == "open" else [],)]


def test_the_history_says_that_the_rule_was_changed_and_what_it_finds(town):
    town.tell(ROAD, *WET)
    for times, ago in ((2, 40), (1, 39)):
        set_levels(town, times)
        town.tell(ROAD, (ago, 0.2))
        town.work()
    events = town.ask("SELECT action, facts ->> 'reason' AS why FROM city.alarm_event ORDER BY id")
    told = [(one.action, one.why) for one in events if one.action in ("raised", "reset", "amended")]
    assert [action for action, _why in told] == ["raised", "reset", "amended"]
    assert told[0][1] is None and "version 2" in told[1][1] and "version 3" in told[2][1]
    alarm = town.alarm(ROAD)
    assert (alarm.raised_at, alarm.reset_at) == (minutes_ago(59), None)
    notes = town.ask("SELECT given ->> 'note' FROM city.case_event WHERE given ->> 'change' = 'amended'")
    assert len(notes) == 1 and "version 3" in notes[0][0]


def test_when_its_case_was_closed_meanwhile_somebody_is_sent_again(town):
    town.tell(ROAD, *WET)
    set_levels(town, 2)
    town.tell(ROAD, (40, 0.2))
    town.work()
    first = town.alarm(ROAD).case_number
    Life(town.runtime, datetime.now(UTC)).do("manager1", first, "force_close", reason="已退水")
    set_levels(town, 1)
    town.tell(ROAD, (39, 0.2))
    town.work()
    alarm = town.alarm(ROAD)
    assert (alarm.number, alarm.state, alarm.case_state) == (1, "open", "dispatched")
    assert alarm.case_number != first


def test_what_a_changed_rule_ended_is_remembered_for_a_week_and_no_longer(town):
    town.tell(ROAD, *WET)
    set_levels(town, 2)
    town.tell(ROAD, (40, 0.2))
    kept = "SELECT jsonb_array_length(state -> 'ended') FROM city.watch_state"
    assert town.ask(kept) == [(1,)]
    town.tell(ROAD, (30, 0.0))
    assert town.ask(kept) == [(1,)], "it is dry, and still remembered"
    in_a_week = NOW.replace(microsecond=0) + 8 * (NOW - minutes_ago(24 * 60))
    with town.runtime.transaction() as session:
        session.execute(alarm_rules.HOLD)
        town.consider(session, {town.ids[ROAD]: [(in_a_week, 0.0)]}, in_a_week)
    assert town.ask(kept) == []
