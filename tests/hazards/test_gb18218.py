"""Grades by GB 18218-2018 worked out by hand, and what is refused."""

import dataclasses
import json
from decimal import Decimal
from fractions import Fraction

import pytest

from webgis.errors import Invalid
from webgis.hazards.gb18218 import Grade, Stock, grade
from webgis.hazards.gb18218_tables import standard

KEYS = {"ammonia": "7664-41-7", "chlorine": "7782-50-5", "lpg": "68476-85-7", "petrol": "86290-81-5",
        "acetylene": "74-86-2", "phosgene": "75-44-5", "mic": "624-83-9", "hcn": "74-90-8", "h2s": "7783-06-4",
        "hydrogen": "1333-74-0", "ethylene": "74-85-1", "oxygen": "7782-44-7", "so2": "7446-09-5",
        "no2": "10102-44-0", "hf": "7664-39-3", "propane": "74-98-6", "tnt": "118-96-7"}  # fmt: skip


def stock(what: str, quantity: float | str, **others) -> Stock:
    """A name of KEYS, "row 43", or classes as "W2+J3"; so many tonnes."""
    if what in KEYS:
        return Stock(what, quantity, "t", cas=KEYS[what], **others)
    if what.startswith("row "):
        return Stock(what, quantity, "t", row=int(what[4:]), **others)
    return Stock(what, quantity, "t", classes=tuple(what.split("+")), **others)


NOT_MAJOR = (None, None)
WORKED = [
    # (what is there, people, S, (R, level)), and how it was found
    # The three checks of the domain facts.
    ([("lpg", 60)], 40, "1.2", ("2.16", 4)),  # 60/50; 1.2 x 1.5 x 1.2
    ([("chlorine", 30)], 120, "6", ("48", 3)),  # 30/5; 2.0 x 4 x 6
    ([("petrol", 20_000)], 120, "100", ("200", 1)),  # 20 000/200; 2.0 x 1 x 100
    # Where it turns for S.
    ([("ammonia", 10)], 0, "1", ("1", 4)),  # 10/10; 0.5 x 2 x 1
    ([("ammonia", "9.99")], 500, "0.999", NOT_MAJOR),  # 9.99/10
    ([("acetylene", 0.1)] * 10, 1, "1", ("1.5", 4)),  # 10 x 0.1/1, exactly 1; 1.0 x 1.5 x 1
    ([("acetylene", 0.1)] * 9, 1, "0.9", NOT_MAJOR),  # 9 x 0.1/1
    ([], 100, "0", NOT_MAJOR),  # nothing there
    # Where it turns for R.
    ([("mic", 1.875)], 100, "2.5", ("100", 1)),  # 1.875/0.75; 2.0 x 20 x 2.5
    ([("mic", 1.86)], 100, "2.48", ("99.2", 2)),  # 1.86/0.75; 2.0 x 20 x 2.48
    ([("hcn", 2.5)], 100, "2.5", ("50", 2)),  # 2.5/1; 2.0 x 10 x 2.5
    ([("hcn", 2.4)], 100, "2.4", ("48", 3)),  # 2.4/1; 2.0 x 10 x 2.4
    ([("h2s", 5)], 100, "1", ("10", 3)),  # 5/5; 2.0 x 5 x 1
    # Where it turns for alpha: 100, 99, 50, 49, 30, 29, 1, 0 people.
    ([("h2s", 5)], 99, "1", ("7.5", 4)),  # 1.5 x 5 x 1
    ([("phosgene", 0.6)], 50, "2", ("60", 2)),  # 0.6/0.3; 1.5 x 20 x 2
    ([("phosgene", 0.6)], 49, "2", ("48", 3)),  # 1.2 x 20 x 2
    ([("phosgene", 0.3)], 30, "1", ("24", 3)),  # 0.3/0.3; 1.2 x 20 x 1
    ([("phosgene", 0.3)], 29, "1", ("20", 3)),  # 1.0 x 20 x 1
    ([("chlorine", 5)], 1, "1", ("4", 4)),  # 5/5; 1.0 x 4 x 1
    ([("chlorine", 5)], 0, "1", ("2", 4)),  # 0.5 x 4 x 1
    # Several stocks.
    ([("lpg", 25), ("ammonia", 5)], 30, "1", ("2.1", 4)),  # 0.5 + 0.5; 1.2 x (1.5 x 0.5 + 2 x 0.5) = 1.2 x 1.75
    ([("hydrogen", 4), ("acetylene", 0.1), ("ethylene", 5)], 29, "1", ("1.5", 4)),  # 0.8 + 0.1 + 0.1; 1.0 x 1.5 x 1
    ([("oxygen", 400), ("petrol", 300)], 100, "3.5", ("7", 4)),  # 2 + 1.5; 2.0 x (1 x 2 + 1 x 1.5)
    ([("so2", 40), ("no2", 3), ("hf", 2)], 50, "7", ("66", 2)),  # 2 + 3 + 2; 1.5 x (2x2 + 10x3 + 5x2) = 1.5 x 44
    ([("petrol", 90), ("W5.4", 60)], 200, "0.462", NOT_MAJOR),  # petrol station with diesel: 90/200 + 60/5000
    # Classes of table 2; several take the lowest Q, and the highest beta.
    ([("J1", 20)], 100, "4", ("32", 3)),  # 20/5; 2.0 x 4 x 4
    ([("W2+J3", 30)], 49, "3", ("7.2", 4)),  # Q 10 of W2, not 50 of J3: 30/10; 1.2 x 2 x 3
    ([("J5+W5.1", 25)], 0, "2.5", ("1.875", 4)),  # Q 10 of W5.1: 25/10; 0.5 x 1.5 x 2.5
    ([("W5.1", 200)], 50, "20", ("45", 3)),  # 200/10; 1.5 x 1.5 x 20
    ([("W5.4", 5000)], 0, "1", ("0.5", 4)),  # 5000/5000; 0.5 x 1 x 1
    ([("W3", 300)], 30, "2", ("2.4", 4)),  # 300/150; 1.2 x 1 x 2
    ([("W1.3", 100), ("W10", 100)], 100, "2.5", ("9", 4)),  # 2 + 0.5; 2.0 x (2 x 2 + 1 x 0.5) = 2.0 x 4.5
    # Rows of table 1 that share a number or hold under a condition.
    ([("row 43", 100)], 100, "20", ("80", 2)),  # ammonium nitrate > 0.2 %: 100/5; 2.0 x 2 x 20
    ([("row 44", 100)], 100, "2", ("4", 4)),  # <= 0.2 %: 100/50; 2.0 x 1 x 2
    ([("row 45", 100)], 100, "0.5", NOT_MAJOR),  # fertiliser: 100/200
    ([("row 41", 60)], 30, "1.2", ("1.44", 4)),  # wet nitrocellulose: 60/50; 1.2 x 1 x 1.2
    ([("row 11", 40)], 10, "2", ("6", 4)),  # anhydrous hydrogen chloride: 40/20; 1.0 x 3 x 2
    ([("row 81", 250)], 30, "2.5", ("3", 4)),  # nitric acid: 250/100; 1.2 x 1 x 2.5
    ([("propane", 100), ("tnt", 5)], 1, "3", ("5", 4)),  # 100/50 + 5/5; 1.0 x (1.5 x 2 + 2 x 1)
]


@pytest.mark.parametrize("stocks, people, s, found", WORKED)
def test_grades_worked_out_by_hand(stocks, people, s, found):
    r, level = found
    grading = grade([stock(what, quantity) for what, quantity in stocks], people)
    assert grading.s == Fraction(s) and grading.major == (Fraction(s) >= 1)
    assert (grading.r, grading.level) == (None if r is None else Fraction(r), level)


def test_a_substance_of_table_1_keeps_its_critical_quantity_whatever_classes_it_is_given():
    unlike = grade([stock("petrol", 400, classes=("W5.1",))], 1)  # Q 200 of table 1, beta 1.5 of the class given
    assert (unlike.s, unlike.r) == (2, 3)
    toxic = grade([stock("chlorine", 5, classes=("W4",))], 1)  # table 3 goes before any class
    assert (toxic.s, toxic.r) == (1, 4)


def test_a_substance_outside_table_1_is_known_by_its_classes():
    ethane = Stock("ethane", 25, "t", cas="74-84-0", classes=("W2",))
    assert grade([ethane], 5).r == Fraction("3.75")  # 25/10; 1.0 x 1.5 x 2.5


def test_the_derivation_says_every_line_as_data():
    lines = grade([stock("chlorine", 4), stock("W2+J3", "2.5")], 120).lines
    assert [(line.step, line.values) for line in lines] == [
        ("ratio", {"stock": 1, "name": "chlorine", "row": 12, "class": None, "q": 4, "q_critical": 5,
                   "ratio": Fraction(4, 5)}),
        ("ratio", {"stock": 2, "name": "W2+J3", "row": None, "class": "W2", "q": Fraction(5, 2), "q_critical": 10,
                   "ratio": Fraction(1, 4)}),
        ("sum", {"s": Fraction(21, 20), "major": True}),
        ("beta", {"stock": 1, "name": "chlorine", "row": 12, "class": None, "beta": 4, "assumed": False,
                  "ratio": Fraction(4, 5), "weighted": Fraction(16, 5)}),
        ("beta", {"stock": 2, "name": "W2+J3", "row": None, "class": "J3", "beta": 2, "assumed": False,
                  "ratio": Fraction(1, 4), "weighted": Fraction(1, 2)}),
        ("alpha", {"people": 120, "within_m": 500, "alpha": 2}),
        ("grade", {"alpha": 2, "weighted": Fraction(37, 10), "r": Fraction(37, 5)}),
        ("level", {"r": Fraction(37, 5), "at_least": 0, "level": 4}),
    ]  # fmt: skip


def test_a_class_that_the_tables_assume_is_said_to_be_assumed():
    lines = grade([stock("lpg", 60)], 40).lines
    assert next(line for line in lines if line.step == "beta").values["assumed"] is True


def test_a_grade_is_json():
    graded = json.loads(json.dumps(grade([stock("lpg", "60.5")], 40).facts()))
    assert (graded["s"], graded["level"], graded["lines"][0]["q"]) == (1.21, 4, 60.5)


BAD_QUANTITIES = (-1, float("nan"), "many", True, "1e400", "", "1_000", "０.１", "1" * 41)
REFUSED = [
    (Stock("chlorine", 30_000, "kg", cas=KEYS["chlorine"]), "hazards.bad-unit"),
    (Stock("chlorine", 30, "吨", cas=KEYS["chlorine"]), "hazards.bad-unit"),
    (stock("lpg", 60_000), "hazards.implausible-quantity"),  # 60 t written in kilograms: 1 200 critical quantities
    (stock("phosgene", 301), "hazards.implausible-quantity"),
    *((stock("lpg", quantity), "hazards.bad-quantity") for quantity in BAD_QUANTITIES),
    (Stock("?", 5, "t", cas="74-84-0"), "hazards.cas-unknown"),
    (Stock("?", 5, "t", cas="7782-50-4"), "hazards.bad-cas"),  # check digit: 1x0+2x5+3x2+4x8+5x7+6x7 = 125
    (Stock("?", 5, "t", cas="chlorine"), "hazards.bad-cas"),
    (Stock("formalin", 5, "t", cas="50-00-0", classes=("J5",)), "hazards.row-needed"),
    (Stock("?", 5, "t", cas="6484-52-2"), "hazards.row-needed"),
    (Stock("?", 5, "t", row=86), "hazards.row-unknown"),
    (Stock("?", 5, "t", cas="6484-52-2", row=46), "hazards.row-unknown"),
    (Stock("?", 5, "t", cas="74-84-0", row=46), "hazards.row-unknown"),
    (Stock("?", 5, "t", classes=("W12",)), "hazards.class-unknown"),
    (Stock("?", 5, "t"), "hazards.class-missing"),
    (stock("row 2", 5), "hazards.class-missing"),  # major, and beta is of a class that table 1 does not tell
]


@pytest.mark.parametrize("wrong, code", REFUSED)
def test_what_cannot_be_meant_is_refused_and_named(wrong, code):
    with pytest.raises(Invalid) as refused:
        grade([stock("lpg", 60), wrong], 40)
    assert refused.value.code == code
    facts = refused.value.facts
    assert facts["stock"] == 2 and facts["name"] == wrong.name and facts["field"] and facts["accepted"]
    json.dumps(facts)


@pytest.mark.parametrize("people", [-1, 2.5, "40", True, None])
def test_people_are_a_whole_number(people):
    with pytest.raises(Invalid) as refused:
        grade([], people)
    assert refused.value.code == "hazards.bad-people"


def test_kilograms_for_tonnes_are_told_in_tonnes_and_an_implausible_quantity_passes_when_checked():
    with pytest.raises(Invalid) as refused:
        grade([stock("lpg", 60_000)], 40)
    assert (refused.value.facts["in_tonnes"], refused.value.facts["critical_t"]) == (60, 50)
    assert grade([stock("lpg", 60_000, checked=True)], 40).s == 1200
    assert grade([stock("phosgene", 300)], 0).s == 1000


def test_a_substance_without_a_class_needs_none_while_there_is_too_little_of_it():
    assert grade([stock("row 2", 0.5)], 10) == Grade(
        Fraction(1, 2), False, None, None, grade([stock("row 2", 0.5)], 10).lines
    )


def test_written_numbers_are_exact():
    for written in (0.3, "0.3", Decimal("0.3")):
        assert grade([stock("phosgene", written)], 0).s == 1


def test_the_tables_are_whole():
    tables = standard()
    assert list(tables.substances) == list(range(1, 86)) and len(tables.classes) == 24
    assert len([one for one in tables.substances.values() if one.beta]) == 14 == len(TABLE_3)
    assert {one.row: int(one.beta) for one in tables.substances.values() if one.beta} == TABLE_3
    assert tables.substances[2].name_zh == "二氟化氧"  # a copy in circulation says 二氧化氮
    for substance in tables.substances.values():
        assert set(substance.classes) <= tables.classes.keys() and substance.q_t > 0
        assert bool(substance.condition_zh) == bool(substance.condition_en)
        assert substance.cas or substance.row == 74


TABLE_3 = {13: 2, 4: 2, 1: 2, 7: 2, 11: 3, 17: 3, 12: 4, 10: 5, 20: 5, 3: 10, 25: 10, 6: 20, 9: 20, 30: 20}


def test_every_number_of_table_1_has_its_check_digit():
    for cas in standard().by_cas:
        *digits, last = (int(sign) for sign in cas if sign != "-")
        assert sum(place * digit for place, digit in enumerate(reversed(digits), 1)) % 10 == last


def test_a_city_may_reckon_with_other_figures():
    nearer = dataclasses.replace(standard(), alpha=((1, Fraction(3)), (0, Fraction(1))))
    assert grade([stock("lpg", 60)], 40, nearer).r == Fraction("5.4")  # 3 x 1.5 x 1.2
