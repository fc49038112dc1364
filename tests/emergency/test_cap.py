"""CAP 1.2: what is written is read back as it was, and every rule of the content model refuses what breaks it."""

import copy
import random
from xml.etree import ElementTree

import pytest
import shapely

from webgis.emergency import cap_model, cap_reading, cap_writing
from webgis.errors import Invalid

AREA = {
    "areaDesc": "春熙路", "polygon": ["30.65,104.06 30.65,104.07 30.66,104.07 30.65,104.06"],
    "circle": ["30.655,104.065 0.5"], "geocode": [{"valueName": "cell", "value": "510104017001001"}],
}  # fmt: skip
INFO = {
    "language": "zh-CN", "category": ["Met"], "event": "城市内涝", "responseType": ["Avoid"],
    "urgency": "Immediate", "severity": "Severe", "certainty": "Observed", "expires": "2026-11-22T20:00:00+08:00",
    "headline": "下穿隧道积水 <1 m & rising", "parameter": [{"valueName": "level", "value": "II"}],
    "resource": [{"resourceDesc": "照片", "mimeType": "image/jpeg", "size": "12"}], "area": [AREA], "eventCode": [],
}  # fmt: skip
ALERT = {
    "identifier": "E20261122001-1", "sender": "city.example", "sent": "2026-11-22T18:00:00+08:00", "status": "Actual",
    "msgType": "Alert", "scope": "Public", "code": [], "info": [INFO],
}  # fmt: skip
NAMESPACED = f'<alert xmlns="{cap_model.NAMESPACE}">'


def written(**changes) -> str:
    return cap_writing.write(ALERT | changes)


def test_what_is_written_is_read_back():
    assert cap_reading.read(written().encode()) == ALERT | {"signed": False}


def in_order(model, path="alert"):
    for element in model:
        yield f"{path}/{element.name}", element
        if isinstance(element.holds, tuple):
            yield from in_order(element.holds, f"{path}/{element.name}")


def test_the_model_is_that_of_the_standard():
    """Clause 3.4: names, order and numbers of all elements."""
    assert " ".join(element.name for element in cap_model.ALERT) == (
        "identifier sender sent status msgType source scope restriction addresses code note references incidents info"
    )
    assert " ".join(element.name for element in cap_model.INFO) == (
        "language category event responseType urgency severity certainty audience eventCode effective onset expires "
        "senderName headline description instruction web contact parameter resource area"
    )
    needed = {path for path, element in in_order(cap_model.ALERT) if element.least}
    assert needed == {
        *(f"alert/{name}" for name in ("identifier", "sender", "sent", "status", "msgType", "scope")),
        *(f"alert/info/{name}" for name in ("category", "event", "urgency", "severity", "certainty")),
        *(f"alert/info/{part}/{name}" for part in ("eventCode", "parameter") for name in ("valueName", "value")),
        *(f"alert/info/resource/{name}" for name in ("resourceDesc", "mimeType")),
        *(f"alert/info/area/{name}" for name in ("areaDesc", "geocode/valueName", "geocode/value")),
    }


def broken(change) -> Invalid:
    """The refusal of the message after `change` had its root."""
    root = ElementTree.fromstring(written())
    change(root)
    with pytest.raises(Invalid) as refused:
        cap_reading.read(ElementTree.tostring(root))
    assert refused.value.code == "emergency.bad-cap"
    return refused.value


def find(root, path):
    return root.find("/".join(f"{{{cap_model.NAMESPACE}}}{name}" for name in path.split("/")[1:]))


def parent(root, path):
    return find(root, path.rpartition("/")[0]) if path.count("/") > 1 else root


@pytest.mark.parametrize("path", [path for path, one in in_order(cap_model.ALERT) if one.least and "Code" not in path])
def test_a_needed_element_that_is_missing_is_named(path):
    assert broken(lambda root: parent(root, path).remove(find(root, path))).facts["field"] == path


WRONG = {
    "alert/identifier": "with, comma", "alert/sender": "with space", "alert/sent": "2026-11-22T10:00:00Z",
    "alert/status": "actual", "alert/msgType": "News", "alert/scope": "Everyone", "alert/info/language": "中文",
    "alert/info/category": "Weather", "alert/info/responseType": "Run", "alert/info/urgency": "Now",
    "alert/info/severity": "High", "alert/info/certainty": "Sure", "alert/info/expires": "2026-13-01T00:00:00+08:00",
    "alert/info/resource/size": "large", "alert/info/area/circle": "30.6,104.0",
    "alert/info/area/polygon": "30,104 30,105 31,105 31,104", "alert/info/event": " ",
}  # fmt: skip


@pytest.mark.parametrize(("path", "text"), WRONG.items())
def test_a_value_that_is_none_of_the_accepted_is_named(path, text):
    refused = broken(lambda root: setattr(find(root, path), "text", text))
    assert refused.facts["field"] == path and refused.facts["accepted"]


def test_places_that_are_on_no_earth_are_refused():
    ring = "104.06,230.65 104.07,230.65 104.07,230.66 104.06,230.65"
    assert broken(lambda root: setattr(find(root, "alert/info/area/polygon"), "text", ring)).facts["got"] == ring


def test_the_order_of_elements_is_part_of_the_rules():
    assert "order" in broken(lambda root: root.insert(0, root[3])).facts["accepted"]


def test_elements_that_the_standard_has_not_are_refused():
    assert broken(lambda root: root.append(ElementTree.Element("extra"))).facts["field"] == "alert/extra"


@pytest.mark.parametrize("kind", ["Update", "Cancel", "Ack", "Error"])
def test_a_message_about_another_names_it(kind):
    assert broken(lambda root: setattr(find(root, "alert/msgType"), "text", kind)).facts["field"] == "alert/references"
    written(msgType=kind, references="a@b,1,2026-11-22T10:00:00-00:00 a@b,2,2026-11-22T11:00:00-00:00")


def test_a_restricted_message_says_for_whom():
    assert (
        broken(lambda root: setattr(find(root, "alert/scope"), "text", "Private")).facts["field"] == "alert/addresses"
    )


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "entities that grow": f'<!DOCTYPE alert [<!ENTITY l0 "ha">{LAUGHS}]>{NAMESPACED}<sender>&l9;</sender></alert>',
    "a file": f'<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>{NAMESPACED}<sender>&x;</sender></alert>',
    "another host": f'<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/x.dtd">{NAMESPACED}</alert>',
    "parameter entities": '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]><a/>',
    "depth": NAMESPACED + "<info>" * 3000,
    "many elements": NAMESPACED + "<code/>" * 30_000 + "</alert>",
    "large": NAMESPACED + f"<note>{'x' * 600_000}</note></alert>",
    "an older version": "<alert xmlns='http://www.incident.com/cap/1.0'/>",
    "nothing": "", "no XML": "BEGIN:VALERT", "two roots": "<a/><a/>", "an unknown entity": f"{NAMESPACED}&x;</alert>",
    "an unknown encoding": '<?xml version="1.0" encoding="x-1"?><alert/>',
}  # fmt: skip


@pytest.mark.parametrize("given", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_are_refused_before_they_are_expanded(given):
    with pytest.raises(Invalid) as refused:
        cap_reading.read(given.encode())
    assert refused.value.code == "emergency.bad-cap" and len(str(refused.value.facts)) < 20_000


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_other_encodings_than_utf_8_are_refused(encoding):
    body = written(info=[INFO | {"headline": "é"}]).partition("?>")[2]
    said = f'<?xml version="1.0" encoding="{encoding.removesuffix("-le").removesuffix("-be")}"?>' + body
    with pytest.raises(Invalid) as refused:
        cap_reading.read(said.encode(encoding, "replace"))
    assert refused.value.code == "emergency.bad-cap" and "UTF-8" in refused.value.facts["accepted"]


def test_torn_messages_are_refused_or_read_and_never_fail_otherwise():
    whole, chance = written().encode(), random.Random(7)
    for _turn in range(300):
        torn = bytearray(whole)
        for _hit in range(chance.randint(1, 4)):
            torn[chance.randrange(len(torn))] = chance.randrange(256)
        try:
            cap_reading.read(bytes(torn))
        except Invalid as refused:
            assert refused.code == "emergency.bad-cap"


def test_a_signature_is_let_pass_and_said_to_be_there():
    signed = copy.deepcopy(ElementTree.fromstring(written()))
    ElementTree.SubElement(signed, f"{{{cap_model.SIGNATURE}}}Signature").text = "…"
    assert cap_reading.read(ElementTree.tostring(signed))["signed"]


def test_rings_are_written_latitude_first_and_holes_are_left_out():
    ground = shapely.MultiPolygon([shapely.box(104.06, 30.65, 104.07, 30.66)])
    (ring,) = cap_writing.polygons(ground)
    assert ring.split()[0] == ring.split()[-1] and cap_model.pairs(ring)[0] == (30.65, 104.07)
