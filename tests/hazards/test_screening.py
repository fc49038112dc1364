"""Published screening distances against figures reckoned by hand and rows as they are printed."""

import itertools

import pytest

from webgis.errors import Invalid
from webgis.hazards import impact_rules, impact_wire, screening
from webgis.hazards.gb18218_tables import standard
from webgis.hazards.screening import Held

BLASTS = (
    # what, tonnes, the cube of which the root is taken (0.1 W H / 4,680), metres by hand, rounded up
    ("74-82-8", None, 30, 32069.9, 541),
    ("68476-85-7", None, 60, 59401.3, 664),
    (None, 52, 60, 59401.3, 664),
    ("106-97-8", None, 25, 24422.5, 494),
    ("1333-74-0", None, 1, 2563.0, 233),
    ("74-86-2", None, 10, 10303.8, 370),
    ("75-01-4", None, 100, 40273.5, 583),
    ("60-29-7", None, 20, 14433.8, 414),
    ("74-85-1", None, 0.5, 503.7, 136),
)


@pytest.mark.parametrize(("cas", "row", "tonnes", "cube", "metres"), BLASTS)
def test_a_vapour_cloud_reaches_as_far_as_the_formula_says(cas, row, tonnes, cube, metres):
    (blast,) = [one for one in screening.circles([Held("x", cas, row, tonnes)]) if one.zone == "blast"]
    assert 0.1 * tonnes * 1000 * blast.heat / 4680 == pytest.approx(cube, abs=0.1)
    assert (17 * cube ** (1 / 3) <= metres < 17 * cube ** (1 / 3) + 1) and blast.metres == metres


def test_ten_times_the_heat_of_tnt_in_a_tonne_is_a_tonne_of_tnt_and_reaches_170_m():
    assert screening.blast_m(1000, 46_800) == pytest.approx(170)
    assert screening.blast_m(8000, 46_800) == pytest.approx(340)


FORMATION = {
    # atoms of C, H, O, N; enthalpy of formation at 25 °C in kJ/mol; molar mass in g/mol
    "74-82-8": ((1, 4, 0, 0), -74.5, 16.043),
    "74-84-0": ((2, 6, 0, 0), -83.8, 30.070),
    "74-98-6": ((3, 8, 0, 0), -104.7, 44.096),
    "106-97-8": ((4, 10, 0, 0), -125.8, 58.122),
    "75-28-5": ((4, 10, 0, 0), -134.2, 58.122),
    "74-85-1": ((2, 4, 0, 0), 52.5, 28.054),
    "115-07-1": ((3, 6, 0, 0), 20.0, 42.080),
    "115-11-7": ((4, 8, 0, 0), -17.1, 56.106),
    "106-99-0": ((4, 6, 0, 0), 109.2, 54.091),
    "74-86-2": ((2, 2, 0, 0), 228.2, 26.038),
    "1333-74-0": ((0, 2, 0, 0), 0, 2.016),
    "115-10-6": ((2, 6, 1, 0), -184.1, 46.068),
    "60-29-7": ((4, 10, 1, 0), -279.5, 74.122),
    "74-89-5": ((1, 5, 0, 1), -23.0, 31.057),
    "124-40-3": ((2, 7, 0, 1), -18.8, 45.084),
    "75-50-3": ((3, 9, 0, 1), -23.7, 59.110),
    "75-04-7": ((2, 7, 0, 1), -47.5, 45.084),
}


@pytest.mark.parametrize("cas", FORMATION)
def test_heats_of_combustion_are_those_that_follow_from_heats_of_formation(cas):
    """Net: the water leaves as steam (CO2 -393.51, H2O -241.83 kJ/mol)."""
    (carbon, hydrogen, _, _), formed, molar = FORMATION[cas]
    net = (carbon * 393.51 + hydrogen / 2 * 241.83 + formed) / molar * 1000
    assert screening.heats()[cas] == pytest.approx(net, rel=2e-3)


def test_the_heat_of_vinyl_chloride_follows_from_its_formation_with_chlorine_left_over():
    assert screening.heats()["75-01-4"] == pytest.approx((2 * 393.51 + 1.5 * 241.83 + 28.5) / 62.498 * 1000, rel=2e-3)


PRINTED = (
    # substance, spill, container, isolation, downwind by day and by night, in metres; 11,000 stands with a plus
    ("7664-41-7", "small", None, 30, 100, 200),
    ("7664-41-7", "large", "rail_car", 300, 1600, 4100),
    ("7782-50-5", "small", None, 60, 300, 1500),
    ("7782-50-5", "large", "ton_cylinders", 300, 1900, 3500),
    ("7782-50-5", "large", "rail_car", 1000, 9600, 11000),
    ("7783-06-4", "large", None, 400, 2400, 6300),
    ("7664-39-3", "large", "tank_truck", 200, 2000, 3600),
    ("7446-09-5", "large", "ton_cylinders", 500, 5200, 7400),
    ("75-44-5", "large", None, 500, 3000, 9500),
    ("624-83-9", "large", None, 1000, 11000, 11000),
)


@pytest.mark.parametrize(("cas", "spill", "container", *"idn"), PRINTED)
def test_a_toxic_gas_has_the_distances_of_the_guidebook(cas, spill, container, i, d, n):
    found = screening.circles([Held("x", cas, None, 1)])
    row = [one for one in found if (one.spill, one.container) == (spill, container)]
    assert [(one.zone, one.metres) for one in row] == [("isolate", i), ("day", d), ("night", n)]
    assert [one.beyond for one in row] == [one.metres == 11000 for one in row]


def test_rows_of_the_guidebook_grow_with_the_spill_and_its_numbers_are_cas_numbers():
    for cas, rows in screening.spills().items():
        *digits, check = cas.replace("-", "")
        assert sum(place * int(digit) for place, digit in enumerate(reversed(digits), 1)) % 10 == int(check)
        assert rows[0].spill == "small" and {row.spill for row in rows[1:]} == {"large"}, cas
        for row in rows:
            assert row.zones["isolate"] <= row.zones["day"] <= row.zones["night"]
            assert row.container is None or row.container in screening.CONTAINERS
        for less, more in itertools.pairwise(rows):
            assert all(less.zones[zone] <= more.zones[zone] for zone in less.zones), cas
            if less.container and more.container:
                order = screening.CONTAINERS.index
                assert order(less.container) < order(more.container)


def test_every_toxic_gas_of_table_3_has_distances():
    gases = [one for one in standard().substances.values() if one.beta is not None]
    assert len(gases) == 14
    assert [one.name_en for one in gases if not set(one.cas) & screening.spills().keys()] == []


def test_two_stocks_of_a_gas_have_its_distances_once_and_two_of_a_fuel_a_blast_each():
    held = [
        Held("液氯", "7782-50-5", None, 6),
        Held("液氯", "7782-50-5", None, 2),
        Held("丙烷", "74-98-6", None, 60),
        Held("丙烷", "74-98-6", None, 1),
        Held("汽油", "86290-81-5", None, 90),
        Held("TNT", "118-96-7", None, 1),
    ]
    found = screening.circles(held)
    assert len({one.key for one in found}) == len(found) == 15 + 2
    assert [(one.key, one.tonnes) for one in found if one.zone == "blast"] == [("blast-3", 60), ("blast-4", 1)]
    assert screening.without(held) == ["汽油", "TNT"]


def test_a_fuel_that_is_toxic_too_has_both():
    assert {one.zone for one in screening.circles([Held("一甲胺", "74-89-5", None, 5)])} == set(screening.ZONES)


def test_a_circle_that_is_not_there_is_refused_and_so_are_metres_beside_it():
    found = screening.circles([Held("丙烷", "74-98-6", None, 60)])
    assert impact_rules.one_of(found, "blast-1", None).metres == 664
    with pytest.raises(Invalid) as refused:
        impact_rules.one_of(found, "blast-9", None)
    assert (refused.value.code, refused.value.facts["accepted"]) == ("hazards.circle-unknown", ["blast-1"])
    with pytest.raises(Invalid) as refused:
        impact_rules.one_of(found, "blast-1", 300)
    assert refused.value.facts["field"] == "metres"


def test_every_zone_says_where_it_is_from():
    assert tuple(impact_wire.SOURCES) == screening.ZONES
