"""What is kept of a sensor between readings: nothing is lost by keeping nothing of quiet ones."""

import json
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hazards.watched import NOW
from webgis.hazards import watch_states
from webgis.hazards.threshold_tables import Level, Rule, shipped
from webgis.hazards.thresholds import Reading, feed, start

LATE = timedelta(minutes=10)
SPAN = timedelta(minutes=15)
RULE = Rule(
    "test", "depth", "road", "m", -0.05, 5,
    (
        Level("rising", 1, 0.1, 0.05, "rise", window=SPAN),
        Level("wet", 1, 0.4, 0.3, "mean", window=SPAN),
        Level("deep", 2, 0.5, 0.4, lasting=timedelta(minutes=2), quiet=timedelta(minutes=3)),
    ),
)  # fmt: skip

VALUES = st.sampled_from([0.0, 0.0, 0.0, 0.02, 0.06, 0.12, 0.3, 0.45, 0.6])
STEPS = st.lists(st.tuples(st.integers(1, 8), VALUES, st.integers(0, 3)), min_size=1, max_size=30)


def told(changes) -> list[tuple]:
    return [(one.kind, one.number, one.level, one.occurrence) for one in changes]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STEPS)
def test_one_that_forgets_while_quiet_tells_what_one_tells_that_keeps_everything(steps):
    """Readings in disorder within some minutes: the machine that starts anew from the readings in place whenever it was
    quiet tells the same as the one that never forgets."""
    whole, kept, numbered, stored = start(RULE), None, 0, {}
    wakes, at = watch_states.wakes_at(RULE), NOW - timedelta(days=1)
    for minutes, value, back in steps:
        at += timedelta(minutes=minutes)
        one = Reading(at - timedelta(minutes=back), value)
        if one.at in stored:
            continue
        stored[one.at] = value
        whole, expected = feed(RULE, whole, [one], NOW)
        found = []
        if kept is not None or value >= wakes:
            newest = max(stored)
            before = [
                Reading(moment, known) for moment, known in sorted(stored.items()) if moment >= newest - LATE - SPAN
            ]
            state = watch_states.fresh(RULE, numbered) if kept is None else watch_states.unpacked(json.loads(kept))
            state, changes = feed(RULE, state, [one] if kept is not None else before, NOW)
            found, numbered = changes, state.numbered
            kept = None if watch_states.is_quiet(RULE, state) else json.dumps(watch_states.packed(state))
        assert told(found) == told(expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(STEPS)
def test_a_state_that_was_packed_goes_on_as_the_same(steps):
    state, at = start(RULE), NOW - timedelta(days=1)
    for minutes, value, back in steps:
        at += timedelta(minutes=minutes)
        again = watch_states.unpacked(json.loads(json.dumps(watch_states.packed(state))))
        one = [Reading(at - timedelta(minutes=back), value)]
        state, changes = feed(RULE, state, one, NOW)
        same, too = feed(RULE, again, one, NOW)
        assert told(too) == told(changes) and watch_states.packed(same) == watch_states.packed(state)


def test_a_reading_below_the_wake_value_of_a_shipped_rule_reaches_no_level():
    for rule in shipped().values():
        below = watch_states.wakes_at(rule) - 1e-6
        readings = [Reading(NOW - timedelta(seconds=10 * place), below) for place in range(60)]
        if below >= rule.least:
            state, changes = feed(rule, start(rule), readings, NOW)
            assert not changes and watch_states.is_quiet(rule, state)
