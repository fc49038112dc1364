"""Our reader held against the schema of OASIS: both accept and refuse the same, but for what the standard says in words
alone, what we limit, and what does no harm. What we write is valid."""

import copy
import random
from xml.etree import ElementTree

import pytest

from tests.emergency.cap_schema import valid
from tests.emergency.test_cap import ALERT, AREA, INFO, find, in_order, parent, written
from webgis.emergency import cap_model, cap_reading, cap_writing
from webgis.errors import Invalid

SPACE = f"{{{cap_model.NAMESPACE}}}"
MESSAGE = written()
PATHS = [path for path, _one in in_order(cap_model.ALERT)]


def read(message: bytes) -> bool:
    """Whether our reader accepts a message."""
    try:
        cap_reading.read(message)
    except Invalid:
        return False
    return True


def holding(path: str, text: str) -> bytes:
    """A good message in which this element holds this text; it is put in where it belongs when it is not there."""
    root = ElementTree.fromstring(MESSAGE)
    found = find(root, path)
    if found is None:
        above, _slash, name = path.rpartition("/")
        after = PATHS[PATHS.index(path) + 1 :]
        inside = parent(root, path)
        later = (n for n, child in enumerate(inside) if f"{above}/{child.tag.removeprefix(SPACE)}" in after)
        found = ElementTree.Element(SPACE + name)
        inside.insert(next(later, len(inside)), found)
    found.text = text
    return ElementTree.tostring(root)


GOOD = (
    *(("alert/sent", f"2026-11-22T10:00:00{offset}") for offset in ("+08:00", "-00:00", "+14:00", "-13:59")),
    ("alert/sent", "2024-02-29T23:59:59+08:00"), ("alert/sent", " 2026-11-22T10:00:00+08:00 "),
    ("alert/info/language", ""), ("alert/info/language", "zh-hans-cn"), ("alert/info/resource/size", "-1"),
    ("alert/info/area/altitude", "5."), ("alert/info/area/ceiling", "-.5"), ("alert/info/web", "https://例子.中国/a b"),
    *(("alert/status", one) for one in cap_model.STATUSES),
    *(("alert/info/category", one) for one in cap_model.CATEGORIES),
    *(("alert/info/responseType", one) for one in cap_model.RESPONSES),
    *(("alert/info/urgency", one) for one in cap_model.URGENCIES),
    *(("alert/info/severity", one) for one in cap_model.SEVERITIES),
    *(("alert/info/certainty", one) for one in cap_model.CERTAINTIES),
)  # fmt: skip
BAD = (
    *(("alert/sent", f"2026-11-22T10:00:00{end}") for end in ("Z", "", "+8", ",08:00", "+14:01", ".5+08:00")),
    *(("alert/info/onset", f"{day}T10:00:00+08:00") for day in ("2026-02-30", "2026-W47-7", "0000-01-01")),
    ("alert/info/effective", "2026-11-22T10:00:60+08:00"), ("alert/info/expires", "２026-11-22T10:00:00+08:00"),
    ("alert/info/language", "中文"), ("alert/info/language", "x-"), ("alert/info/resource/size", "1.0"),
    ("alert/info/area/altitude", "1e3"), ("alert/info/area/ceiling", "."), ("alert/status", "actual"),
    ("alert/msgType", ""), ("alert/scope", "Everyone"), ("alert/info/category", "CBRN"),
    ("alert/info/responseType", "none"), ("alert/info/urgency", "Now"), ("alert/info/severity", "High"),
    ("alert/info/certainty", "Very Likely"),
)  # fmt: skip


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_both_accept(path, text):
    message = holding(path, text)
    assert read(message) and valid(message)


@pytest.mark.parametrize(("path", "text"), BAD)
def test_both_refuse(path, text):
    message = holding(path, text)
    assert not read(message) and not valid(message)


STRICTER = {
    "said in words: no spaces, commas, < and &": ("alert/identifier", "with, comma"),
    "said in words: sender,identifier,sent": ("alert/references", "E1"),
    "said in words: Restricted needs restriction": ("alert/scope", "Restricted"),
    "said in words: Private needs addresses": ("alert/scope", "Private"),
    "said in words: Update needs references": ("alert/msgType", "Update"),
    "said in words: pairs, the last as the first": ("alert/info/area/polygon", "30,104 30,105 31,105 31,104"),
    "said in words: a pair and kilometres": ("alert/info/area/circle", "30.6,104.0"),
    "an event that says nothing helps nobody": ("alert/info/event", " "),
    "an area without words helps nobody": ("alert/info/area/areaDesc", ""),
    "midnight is written 00:00:00": ("alert/sent", "2026-11-22T24:00:00+08:00"),
    "more digits than any size has": ("alert/info/resource/size", "1" * 19),
    "higher than any sky": ("alert/info/area/altitude", "1" * 13),
}
MILDER = {
    "blanks around a word do no harm": ("alert/status", " Actual\n"),
    "no address is ever asked": ("alert/info/web", "http://["),
}


@pytest.mark.parametrize(("path", "text"), STRICTER.values(), ids=STRICTER)
def test_we_refuse_more_than_the_schema_where_it_is_meant(path, text):
    message = holding(path, text)
    assert not read(message) and valid(message)


@pytest.mark.parametrize(("path", "text"), MILDER.values(), ids=MILDER)
def test_we_accept_more_than_the_schema_where_it_does_no_harm(path, text):
    message = holding(path, text)
    assert read(message) and not valid(message)


def test_attributes_are_not_read_and_a_signature_may_stand_anywhere():
    root = ElementTree.fromstring(MESSAGE)
    root.set("id", "a")
    assert read(ElementTree.tostring(root)) and not valid(ElementTree.tostring(root))
    signature = ElementTree.Element(f"{{{cap_model.SIGNATURE}}}Signature")
    for place, by_schema in ((len(root), True), (0, False)):
        signed = ElementTree.fromstring(MESSAGE)
        signed.insert(place, signature)
        assert read(ElementTree.tostring(signed)) and valid(ElementTree.tostring(signed)) == by_schema


def shaken(chance: random.Random) -> bytes:
    """A good message of which elements are taken away, doubled, moved or put in elsewhere."""
    root = ElementTree.fromstring(MESSAGE)
    for _turn in range(chance.randint(1, 2)):
        above, child = chance.choice([(one, child) for one in root.iter() for child in one])
        act = chance.choice(("remove", "double", "move", "lend", "strange"))
        if act in ("remove", "move"):
            above.remove(child)
        if act == "strange":
            child = ElementTree.Element(chance.choice((SPACE + "extra", "event", "{urn:x}event")))
        where = chance.choice(list(root.iter())) if act == "lend" else above
        if act != "remove":
            where.insert(chance.randint(0, len(where)), copy.deepcopy(child))
    return ElementTree.tostring(root)


def test_names_order_and_numbers_are_those_of_the_schema():
    chance, told = random.Random(12), {True: 0, False: 0}
    for _turn in range(400):
        message = shaken(chance)
        assert read(message) == valid(message), message.decode()
        told[read(message)] += 1
    assert min(told.values()) > 15


SIGNS = "水<&>'\"]]\t\n\r\0\x0b\x1f\x7f\ud800\udfff\ufffe\uffff😀 ,-"


def test_whatever_people_typed_is_written_so_that_it_is_valid():
    chance = random.Random(5)

    def odd() -> str:
        return "水" + "".join(chance.choices(SIGNS, k=chance.randint(0, 12)))

    for _turn in range(60):
        area = AREA | {"areaDesc": odd()}
        info = {"event": odd(), "headline": odd(), "description": odd(), "area": [area], "contact": odd()}
        info["parameter"] = [{"valueName": odd(), "value": odd()}]
        message = cap_writing.write(ALERT | {"note": odd(), "incidents": odd(), "info": [INFO | info]})
        assert valid(message), message
