"""When readings are an alarm: tables of readings and what is told, and what holds for any order in which they come."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webgis.errors import Invalid
from webgis.hazards.threshold_tables import Level, Rule, shipped
from webgis.hazards.thresholds import Change, Counts, Occurrence, Reading, State, Step, feed, start

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 11, 22, 8, tzinfo=ZONE)
LATER = BEGIN + timedelta(days=3)
RULES = shipped()
FACE, ROAD, UNDERPASS, RAIN = (RULES[key] for key in ("methane.face", "depth.road", "depth.underpass", "rain.station"))


def minute(number: float) -> datetime:
    return BEGIN + timedelta(minutes=number)


def told(rule: Rule, *batches, state: State | None = None) -> tuple[list[str], State]:
    """What is told of batches of (minute, value), as "kind number level @minute of the last step or reset"."""
    state, lines = state or start(rule), []
    for batch in batches:
        state, changes = feed(rule, state, [Reading(minute(at), value) for at, value in batch], LATER)
        lines += [words(change) for change in changes]
    return lines, state


def words(change: Change) -> str:
    now = change.occurrence
    step = next(step for step in now.steps if step.level == change.level)
    at = now.reset_at if change.kind == "reset" else step.at
    return f"{change.kind} {change.number} {change.level} @{(at - BEGIN).total_seconds() / 60:g}"


def one_by_one(*readings) -> list:
    return [[reading] for reading in readings]


def series(first: float, step: float, *values: float) -> list:
    return [(first + place * step, value) for place, value in enumerate(values)]


IN_ORDER = [
    # rule, readings as (minute, value), what is told
    # Methane at a face: alarm from 1.0, power off from 1.5, both left below 1.0.
    (FACE, series(0, 1, 0.4, 0.99, 0.5), []),
    (FACE, series(0, 1, 0.4, 1.0, 1.2, 0.9), ["raised 1 alarm @1", "reset 1 alarm @3"]),
    (FACE, series(0, 1, 1.1, 1.5, 1.2, 1.6, 0.9),
     ["raised 1 alarm @0", "escalated 1 power_off @1", "reset 1 power_off @4"]),
    (FACE, series(0, 1, 0.2, 1.7, 1.0), ["raised 1 power_off @1"]),  # 1.0 resets neither level
    (FACE, series(0, 1, 1.0, 0.9, 1.0, 0.9),
     ["raised 1 alarm @0", "reset 1 alarm @1", "raised 2 alarm @2", "reset 2 alarm @3"]),
    # A face's return: one value for both levels, the graver is told.
    (RULES["methane.face_return"], series(0, 1, 0.9, 1.0, 0.9), ["raised 1 power_off @1", "reset 1 power_off @2"]),
    (RULES["methane.before_fan"], series(0, 1, 0.5, 1.5, 0.5, 0.4),
     ["raised 1 power_off @0", "escalated 1 fan_off @1", "reset 1 fan_off @3"]),
    # Gas in a well, % LEL: 20 and 40, left below 15 and 35 for five minutes.
    (RULES["gas.well"], series(0, 1, 19.9, 20, 41, 34, 14, 14, 14, 14, 14, 14),
     ["raised 1 first @1", "escalated 1 second @2", "reset 1 second @9"]),
    (RULES["gas.well"], series(0, 1, 20, 14, 14, 14, 15, 14, 14, 14, 14, 14, 14),
     ["raised 1 first @0", "reset 1 first @10"]),
    # Water on a road: a minute long from 15, 27, 40 cm; left below 10, 22, 35 cm for ten minutes.
    (ROAD, series(0, 0.5, 0.2, 0.1, 0.2, 0.1), []),  # splashes
    (ROAD, series(0, 0.5, 0.2, 0.2, 0.2), ["raised 1 slowed @1"]),
    (ROAD, series(0, 1, 0.2, 0.3, 0.3, 0.45, 0.45),
     ["raised 1 slowed @1", "escalated 1 stop @2", "escalated 1 closed @4"]),
    (ROAD, series(0, 1, 0.2, 0.2) + series(10, 5, 0.09, 0.09, 0.09), ["raised 1 slowed @1", "reset 1 slowed @20"]),
    (ROAD, series(0, 1, 0.2, 0.2) + series(10, 5, 0.09, 0.12, 0.09, 0.09), ["raised 1 slowed @1"]),  # not below 10 cm
    (ROAD, [(0, 0.2), (60, 0.2)], ["raised 1 slowed @60"]),  # silence counts for an alarm
    (ROAD, [(0, 0.2), (1, 0.2), (10, 0.05), (60, 0.05), (69, 0.05), (70, 0.05)],
     ["raised 1 slowed @1", "reset 1 slowed @70"]),
    # Rate of rise in an underpass: 10 cm in ten minutes.
    (UNDERPASS, series(0, 5, 0, 0.05, 0.09, 0.14), []),
    (UNDERPASS, series(0, 5, 0.02, 0.04, 0.12), ["raised 1 rising @10"]),  # 12 - 2 cm, ten minutes apart
    (UNDERPASS, series(0, 5, 0.05, 0.03, 0.02, 0.12), ["raised 1 rising @15"]),  # from the lowest within them
    (UNDERPASS, [(0, 0.02), (10.5, 0.12)], []),  # too far apart
    (UNDERPASS, [(0, 0.0), (5, 0.12), (6, 0.3), (7, 0.3)], ["raised 1 rising @5", "escalated 1 closed @7"]),
    # Rain, sums: 50 mm in 12, 6, 3 h; 100 mm in 3 h.
    (RAIN, series(0, 60, *[4.1] * 12), []),  # 49.2 mm
    (RAIN, series(0, 60, *[4.2] * 12), ["raised 1 blue @660"]),  # 50.4 mm in 12 h
    (RAIN, series(0, 60, *[5] * 12), ["raised 1 blue @540"]),  # 50 mm in 10 h, 30 mm in 6 h
    (RAIN, series(0, 60, *[9] * 6), ["raised 1 yellow @300"]),  # 54 mm in 6 h
    (RAIN, series(0, 60, 20, 20, 10, 40, 60),
     ["raised 1 orange @120", "escalated 1 red @240"]),  # 50 mm in 3 h; 110 mm in 3 h
    (RAIN, series(0, 60, 50, 0, 0, 0, *[0] * 8, 0),
     ["raised 1 orange @0", "reset 1 orange @720"]),  # until 12 h are over
    (RAIN, series(0, 5, *[0.1] * 40), []),
    # A river at its guaranteed level.
    (RULES["level.river"], [(0, -0.5), (10, 0.0), (20, -0.05), (30, -0.2), (50, -0.2), (60, -0.2)],
     ["raised 1 guaranteed @10", "reset 1 guaranteed @60"]),
    # Dust: the mean of an hour.
    (RULES["dust.earthwork"], series(0, 15, 0.7, 0.8, 0.9, 0.8), ["raised 1 limit @30"]),  # (0.7 + 0.8 + 0.9) / 3
    (RULES["dust.earthwork"], series(0, 15, 0.5, 0.9, 0.9, 0.8, 0.6, 0.3, 0.3),
     ["raised 1 limit @60", "reset 1 limit @90"]),  # 3.1/4; 3.2/4; 2.6/4 = 0.65, not below 0.64; 2.0/4
]  # fmt: skip


@pytest.mark.parametrize("rule, readings, lines", IN_ORDER)
def test_what_is_told_of_readings_in_order(rule, readings, lines):
    assert told(rule, *one_by_one(*readings))[0] == lines


@pytest.mark.parametrize("rule, readings, lines", IN_ORDER)
def test_one_batch_ends_like_single_readings(rule, readings, lines):
    wide = replace(rule, late=timedelta(days=1))
    assert final(wide, [readings]) == final(rule, one_by_one(*readings))


def test_noise_is_held_against_the_limit_of_the_hour():
    noise = RULES["noise.site"]
    day = one_by_one(*series(0, 1, *[60] * 10))
    assert told(noise, *day)[0] == []
    night = one_by_one(*series(14 * 60 - 5, 1, *[60] * 15))  # 21:55 to 22:09
    lines, state = told(noise, *night)
    assert lines == [f"raised 1 limit @{14 * 60 + 5}"]
    lines, _ = told(noise, *one_by_one((14 * 60 + 10, 71), *series(22 * 60 - 1, 1, *[54] * 9)), state=state)
    assert lines == [f"escalated 1 night_peak @{14 * 60 + 10}", f"reset 1 night_peak @{22 * 60 + 5}"]


OUT_OF_ORDER = [
    # batches as they arrive, what is told, what is counted
    ([[(2, 0.5)], [(1, 1.2)]], ["raised 1 alarm @1", "reset 1 alarm @2"], Counts(2, 1)),
    ([[(1, 1.2)], [(0, 1.2)]], ["raised 1 alarm @1", "amended 1 alarm @0"], Counts(2, 1)),
    ([[(0, 1.2)], [(4, 0.5)], [(2, 1.6)]],
     ["raised 1 alarm @0", "reset 1 alarm @4", "amended 1 power_off @2"], Counts(3, 1)),
    ([[(0, 1.2)], [(2, 1.6)], [(1, 0.5)]],  # it was two
     ["raised 1 alarm @0", "escalated 1 power_off @2", "amended 1 alarm @0", "raised 2 power_off @2"], Counts(3, 1)),
    ([[(0, 1.2)], [(1, 0.5)], [(3, 1.2)], [(1, 1.3)]],  # two values of one moment: the higher, so it was one
     ["raised 1 alarm @0", "reset 1 alarm @1", "raised 2 alarm @3", "amended 1 alarm @0", "withdrawn 2 alarm @3"],
     Counts(3, 0, 0, 1)),
    ([[(0, 1.2)], [(0, 1.2)], [(0, 1.2)]], ["raised 1 alarm @0"], Counts(1, 0, 2)),
    ([[(0, 1.2)], [(0, 1.1)], [(0, 1.1)]], ["raised 1 alarm @0"], Counts(1, 0, 1, 1)),
    ([[(20, 0.5)], [(10, 1.2)], [(9.9, 1.2)]], ["raised 1 alarm @10", "reset 1 alarm @20"], Counts(2, 1, late=1)),
    ([[(0, 1.2)], [(1, 101)], [(2, -0.2)], [(3, "wet")], [(4, None)], [(5, float("nan"))], [(6, True)]],
     ["raised 1 alarm @0"], Counts(1, impossible=6)),
    ([[(0, 1.2)], [(3 * 24 * 60 + 6, 0.1)], [(3 * 24 * 60 + 5, 0.1)]],
     ["raised 1 alarm @0", f"reset 1 alarm @{3 * 24 * 60 + 5}"], Counts(2, ahead=1)),
]  # fmt: skip


@pytest.mark.parametrize("batches, lines, counts", OUT_OF_ORDER)
def test_what_is_told_and_counted_of_readings_out_of_order(batches, lines, counts):
    found, state = told(FACE, *batches)
    assert (found, state.counts) == (lines, counts)


def test_a_splash_that_turns_out_to_be_one_is_withdrawn():
    lines, _ = told(ROAD, [(0, 0.2)], [(1, 0.2)], [(0.5, 0.1)])
    assert lines == ["raised 1 slowed @1", "withdrawn 1 slowed @1"]


def test_moments_without_a_zone_or_from_an_unset_clock_are_impossible():
    moments = (BEGIN.replace(tzinfo=None), datetime(1970, 1, 1, tzinfo=UTC), datetime.min.replace(tzinfo=ZONE), "now")
    readings = [*(Reading(at, 1.2) for at in moments), Reading(BEGIN, 10**400)]
    state, changes = feed(FACE, start(FACE), readings, LATER)
    assert (changes, state.counts) == ((), Counts(impossible=5))


def test_one_moment_in_two_zones_is_one_moment():
    state, _ = feed(FACE, start(FACE), [Reading(BEGIN, 1.2), Reading(BEGIN.astimezone(UTC), 1.2)], LATER)
    assert state.counts == Counts(1, 0, 1)


def test_nothing_grows_with_the_years():
    state = start(RAIN)
    for number in range(3000):
        state, _ = feed(RAIN, state, [Reading(minute(number), 0.3 if number % 1000 < 300 else 0)], LATER)
    assert len(state.held) <= 12 * 60 + 10 + 1 and len(state.told) <= 1 and not state.settled.ended


BROKEN = [
    {"levels": ()},
    {"least": 100.0},
    {"late": timedelta(seconds=-1)},
    {"levels": (Level("a", 2, 1, 1), Level("b", 1, 2, 2))},
    {"levels": (Level("a", 1, 1, 1.1),)},
    {"levels": (Level("a", 1, 1, 1, lasting=timedelta(seconds=-1)),)},
    {"levels": (Level("a", 1, 1, 1, "sum"),)},
    {"levels": (Level("a", 1, 1, 1, window=timedelta(hours=1)),)},
    {"levels": (Level("a", 1, 1, 1, "median", timedelta(hours=1)),)},
]


@pytest.mark.parametrize("change", BROKEN)
def test_a_rule_that_contradicts_itself_is_refused(change):
    with pytest.raises(Invalid) as refused:
        replace(FACE, **change)
    assert refused.value.code == "hazards.bad-threshold" and refused.value.facts["accepted"]


HALF_HOUR = timedelta(minutes=30)
NEVER = [
    ("depth.underpass", Level("a", 1, 0.4, -5), "reset"),
    ("depth.underpass", Level("a", 1, 25, 0.2), "at"),
    ("depth.underpass", Level("a", 1, 0.4, 0.2, hours=(time(6), time(6))), "hours"),
    ("depth.underpass", Level("a", 1, 0.4, -0.05, "mean", HALF_HOUR), "reset"),
    ("depth.underpass", Level("a", 1, 10.2, 0.2, "rise", HALF_HOUR), "at"),
    ("depth.underpass", Level("a", 1, 0.4, 0, "rise", HALF_HOUR), "reset"),
    ("rain.station", Level("a", 1, 500, 0, "sum", HALF_HOUR), "reset"),
]


@pytest.mark.parametrize(("key", "level", "field"), NEVER)
def test_a_level_that_never_comes_or_never_ends_is_refused_but_can_be_read(key, level, field):
    rule = replace(RULES[key], levels=(RULES[key].levels[0], level))
    with pytest.raises(Invalid) as refused:
        rule.check_reach()
    assert (refused.value.facts["field"], refused.value.facts["level"]) == (field, 1)


@pytest.mark.parametrize("key", RULES)
def test_every_shipped_level_comes_and_ends(key):
    RULES[key].check_reach()


def test_a_sum_goes_above_the_highest_reading_and_with_lower_ones_below_zero():
    level = Level("a", 1, 500, -1, "sum", HALF_HOUR)
    replace(RULES["level.river"], levels=(level,)).check_reach()


def test_every_shipped_level_names_its_source_and_how_sure_it_is():
    assert len(RULES) == 18
    for rule in RULES.values():
        assert rule.key.startswith(rule.quantity + ".")
        for level in rule.levels:
            assert level.source and level.sureness in ("H", "M", "L", "ours")


METHANE = [("return_corner", 1.0, 1.5, 1.0), ("face", 1.0, 1.5, 1.0), ("face_return", 1.0, 1.0, 1.0),
           ("intake", 0.5, 0.5, 0.5), ("series_intake", 0.5, 0.5, 0.5), ("shearer", 1.0, 1.5, 1.0),
           ("heading", 1.0, 1.5, 1.0), ("heading_return", 1.0, 1.0, 1.0), ("before_fan", 0.5, 0.5, 0.5)]  # fmt: skip


@pytest.mark.parametrize("place, alarm, power_off, reset", METHANE)
def test_methane_by_place_is_that_of_the_table(place, alarm, power_off, reset):
    first, second = RULES[f"methane.{place}"].levels[:2]
    assert (first.name, first.at, second.name, second.at) == ("alarm", alarm, "power_off", power_off)
    assert first.reset == second.reset == reset


# What holds for any readings.

MANY = settings(derandomize=True, deadline=None, max_examples=150)
MIXED = Rule(
    "mixed", "depth", "test", "m", 0, 9,
    (
        Level("rising", 1, 3, 2, "rise", timedelta(minutes=6)),
        Level("high", 1, 4, 3, lasting=timedelta(minutes=2), quiet=timedelta(minutes=3)),
        Level("wet", 2, 25, 15, "sum", timedelta(minutes=8)),
        Level("night", 2, 5, 5, hours=(time(8, 20), time(8, 40))),
        Level("top", 3, 6, 5, "mean", timedelta(minutes=3)),
    ),
    late=timedelta(minutes=15), silence=timedelta(minutes=4),
)  # fmt: skip
readings = st.dictionaries(st.integers(0, 120).map(lambda half: half / 2), st.integers(0, 9), max_size=60)


def final(rule: Rule, batches) -> list[Occurrence]:
    """The occurrences as they stand in the end, by doing what is told; every telling must fit what was told before."""
    state, standing = start(rule), {}
    for batch in batches:
        state, changes = feed(rule, state, [Reading(minute(at), value) for at, value in batch], LATER)
        for change in changes:
            before = standing.get(change.number)
            if change.kind == "raised":
                assert before is None and change.number == len(standing) + 1
            elif change.kind in ("escalated", "reset"):
                assert before and change.occurrence.steps[0] == before.steps[0]
            else:
                assert before
            standing[change.number] = None if change.kind == "withdrawn" else change.occurrence
    return sorted((one for one in standing.values() if one), key=lambda one: one.raised_at)


def plainly(rule: Rule, known: dict) -> list[Occurrence]:
    """The occurrences of readings (minute -> value) by the definition, each moment looked at with all before it."""
    found, on, since, last = [], [False] * len(rule.levels), [None] * len(rule.levels), None
    for now in sorted(known):
        for number, level in enumerate(rule.levels):
            window = level.window / timedelta(minutes=1)
            within = [known[at] for at in known if now - window < at <= now]
            closed = [known[at] for at in known if now - window <= at <= now]
            measure = {"value": known[now], "sum": sum(within), "rise": known[now] - min(closed),
                       "mean": round(sum(within) / max(len(within), 1), 9)}[level.measure]  # fmt: skip
            if level.hours and not level.hours[0] <= minute(now).time() < level.hours[1]:
                measure = -1
            turning = measure < level.reset if on[number] else measure >= level.at
            if not turning:
                since[number] = None
                continue
            broken = on[number] and last is not None and now - last > rule.silence / timedelta(minutes=1)
            if since[number] is None or broken:
                since[number] = now
            if now - since[number] >= (level.quiet if on[number] else level.lasting) / timedelta(minutes=1):
                on[number], since[number] = not on[number], None
        reached = [level for level, is_on in zip(rule.levels, on, strict=True) if is_on]
        open_one = found[-1] if found and found[-1].reset_at is None else None
        if open_one and not reached:
            found[-1] = replace(open_one, reset_at=minute(now))
        elif reached and (open_one is None or reached[-1].rank > open_one.steps[-1].rank):
            step = Step(reached[-1].name, reached[-1].rank, minute(now))
            found = (found[:-1] if open_one else found) + [Occurrence((*(open_one.steps if open_one else ()), step))]
        last = now
    return found


@MANY
@given(readings)
def test_readings_in_order_give_what_the_definition_says(known):
    assert final(MIXED, one_by_one(*sorted(known.items()))) == plainly(MIXED, known)


@MANY
@given(readings, st.data())
def test_shuffled_and_doubled_readings_in_any_batches_give_the_same_occurrences(known, data):
    late = MIXED.late / timedelta(minutes=1)
    sent = []
    for at, value in known.items():
        for _ in range(data.draw(st.integers(1, 3))):
            sent.append((at + data.draw(st.floats(0, late)), at, value))
    arriving = [(at, value) for _arrival, at, value in sorted(sent)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=10)))
    batches = [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]
    assert final(MIXED, batches) == plainly(MIXED, known)
    counts = told(MIXED, *batches)[1].counts
    assert (counts.taken, counts.late, counts.contradicted) == (len(known), 0, 0)
    assert counts.doubled == len(sent) - len(known)


@MANY
@given(st.lists(st.tuples(st.integers(0, 100), st.one_of(st.integers(-3, 12), st.just(float("nan")))), max_size=60))
def test_whatever_comes_is_counted_and_the_tellings_fit_each_other(arriving):
    _, state = told(MIXED, *one_by_one(*arriving))
    final(MIXED, one_by_one(*arriving))
    used = replace(state.counts, reordered=0)
    assert sum(vars(used).values()) == len(arriving)


@MANY
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=40), st.randoms(use_true_random=False))
def test_contradicting_readings_count_the_same_in_any_order(arriving, random):
    wide = replace(MIXED, late=timedelta(hours=2))
    highest = {at: max(value for when, value in arriving if when == at) for at, _value in arriving}
    shuffled = random.sample(arriving, len(arriving))
    assert final(wide, one_by_one(*shuffled)) == plainly(wide, highest)
    for order in (arriving, shuffled):
        counted = told(wide, *one_by_one(*order))[1].counts
        assert counted.doubled == len(arriving) - len(set(arriving))
        assert counted.contradicted == len(set(arriving)) - len(highest)
