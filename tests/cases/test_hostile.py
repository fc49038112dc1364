"""Requests and photos that nobody sends by mistake: each is refused in clear words, and nothing of it is kept."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image
from sqlalchemy import text

from tests import city
from webgis.accounts import operations as accounts

REPORT = {
    "lon": city.IN_WEST[0],
    "lat": city.IN_WEST[1],
    "kind": "matter",
    "class": city.REFUSE,
    "description": "路口东侧暴露垃圾",
}
CASES = "/api/v1/cases"


def _raw(api, body: bytes, path=CASES, content_type="application/json"):
    caller = api("acceptor1")
    return caller.client.post(path, data=body, headers=caller.headers, content_type=content_type)


def _form(api, fields: list[tuple[str, bytes]], files: list[tuple[str, bytes]] = ()):
    """POST a form with these text fields and these files (file name, content) as photos, byte by byte."""
    fields = [*((name, str(value).encode()) for name, value in REPORT.items()), *fields]
    parts = [f'name="{name}"\r\n\r\n'.encode() + value for name, value in fields]
    parts += [f'name="photos"; filename="{name}"\r\n\r\n'.encode() + data for name, data in files]
    body = b"".join(b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--x--\r\n"
    return _raw(api, body, content_type="multipart/form-data; boundary=x")


def _cases(city_runtime):
    with city_runtime.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM city.case"))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b"null",
        b'{"lon": 104.06, "lon": 30.65}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"lon": NaN}',
        b'{"lon": -1e999}',
        b'{"description": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"description": "\xff"}',
        b'{"lon": ' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("path", [CASES, f"{CASES}/1/actions/file"])
def test_a_body_that_is_no_usable_json_object_is_refused(api, body, path):
    refused = _raw(api, body, path)
    assert refused.status_code == 422 and refused.json["field"] == "body", refused.text
    assert "NaN" not in refused.text.replace("NaN:", "") and "Infinity" not in refused.text


@pytest.mark.parametrize("field", ["description", "address", "source", "class", "kind", "crs"])
def test_a_nul_is_in_no_text(api, field):
    refused = api("acceptor1").post(CASES, REPORT | {field: "a\0b"})
    assert refused.status_code == 422 and refused.json["field"] == field


@pytest.mark.parametrize("field", ["lon", "accuracy_m", "description"])
def test_a_truth_value_is_no_number_and_no_text(api, field):
    assert api("acceptor1").post(CASES, REPORT | {field: True}).json["field"] == field


@pytest.mark.parametrize("field", ["lon", "kind", "class", "description", "source", "x" * 1000])
def test_a_long_wrong_value_is_not_sent_back_whole(api, field):
    refused = api("acceptor1").post(CASES, REPORT | {field: "x" * 100_000})
    assert refused.status_code == 422 and len(refused.data) < 4000


def test_a_nul_in_an_address_or_a_login_is_refused(api, client):
    for path in (f"{CASES}/%00", f"{CASES}?q=%00", f"{CASES}?department=a%00b", "/api/v1/catalog/classes/matter/%00"):
        assert api("acceptor1").get(path).json["code"] == "web.bad-address"
    page = client.get("/login").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    assert client.post("/login", data={"login": "a\0b", "password": "x", "csrf_token": token}).status_code == 422


@pytest.mark.parametrize(
    "moment", ["2026-01-01T00:00:00+23:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_moments_with_odd_offsets_are_understood_or_refused(api, moment):
    place = {"lon": REPORT["lon"], "lat": REPORT["lat"]}
    asked = (
        (CASES, {}, "since"),
        (CASES, {}, "until"),
        ("/api/v1/beats", {}, "at"),
        ("/api/v1/grid/cell", place, "at"),
    )
    for path, given, field in asked:
        answer = api("acceptor1").get(path, **given, **{field: moment})
        assert answer.status_code in (200, 404) or (answer.status_code, answer.json.get("field")) == (422, field), (
            answer.text
        )


def test_a_moment_without_an_offset_is_the_citys(api):
    at = api("acceptor1").post(CASES, REPORT).json["properties"]["reported_at"]
    with_offset = api("acceptor1").get(CASES, since=f"{at[:10]}T00:00:00+08:00").json["features"]
    assert with_offset == api("acceptor1").get(CASES, since=f"{at[:10]}T00:00:00").json["features"]


@pytest.mark.parametrize("next_page", ["//[", "http://[", "/\r\nX: 1", "//elsewhere", "/\\elsewhere", "/\t/elsewhere"])
def test_a_login_leads_to_this_site_whatever_the_address_says(client, next_page):
    with client.application.extensions["webgis"].transaction() as session:
        accounts.add_person(session, "inspector1", "岗", "inspector", city.PASSWORD)
    token = client.get("/login").text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    given = {"login": "inspector1", "password": city.PASSWORD, "csrf_token": token}
    answer = client.post("/login", query_string={"next": next_page}, data=given)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("cursor", ["http://[?cursor=x", "cursor=x", "é", "W10", "WzFlMjAsMV0"])
def test_a_forged_cursor_is_refused(api, cursor):
    assert api("acceptor1").get(CASES, cursor=cursor).status_code == 422


def test_a_field_given_twice_is_refused_because_one_would_be_lost(api, city_runtime):
    assert _form(api, [("lon", b"104.05")]).json["field"] == "lon"
    assert api("acceptor1").get(f"{CASES}?state=filed&state=closed").json["field"] == "state"
    assert _cases(city_runtime) == 0


def test_a_form_in_gbk_is_refused_because_its_words_would_be_lost(api, city_runtime):
    assert _form(api, [("address", "春熙路".encode("gbk"))]).json["field"] == "address"
    assert _form(api, [("address", "春熙路".encode())]).status_code == 201


def test_an_empty_photo_is_refused_and_an_empty_file_field_is_none(api, city_runtime):
    assert _form(api, [], [("a.jpg", b"")]).json["field"] == "photos"
    assert _form(api, [], [("a.jpg", city.photo()), ("b.jpg", b"")]).json["photo"] == 2
    assert _cases(city_runtime) == 0
    assert _form(api, [], [("", b"")]).status_code == 201


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of one pixel with these chunks (name, content) after its header."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0\0\0\0")), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("name", [b"tRNS", b"gAMA", b"pHYs", b"cHRM", b"acTL", b"fcTL", b"fdAT", b"IHDR", b"eXIf"])
def test_a_broken_png_is_refused_or_read_but_no_fault_of_ours(api, name):
    answer = api("inspector1").post(CASES, REPORT, [_png((name, b"\0"))])
    assert answer.status_code == 201 or (answer.status_code, answer.json["field"]) == (422, "photos")


def test_a_text_that_unpacks_to_very_much_is_refused(api):
    bomb = _png((b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000, 9)))
    assert api("inspector1").post(CASES, REPORT, [bomb]).json["field"] == "photos"


@pytest.mark.parametrize(
    ("time", "offset", "known"),
    [
        ("2024:01:01 08:00:00", None, "2024-01-01T08:00:00+08:00"),
        ("2024:01:01 08:00:00", "+23:59", "2023-12-31T16:01:00+08:00"),
        ("2024:01:01 08:00:00", "+08:00:30.5", "2024-01-01T07:59:29+08:00"),
        ("0001:01:01 00:00:00", None, None),
        ("0001:01:02 12:00:00", "+00:00", None),
        ("9999:12:31 23:59:59", "-12:00", None),
        ("9999:12:31 23:59:59", "+00:00", None),
    ],
)
def test_an_impossible_time_in_a_photo_is_no_time(api, time, offset, known):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = time
    if offset:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal] = offset
    made = api("inspector1").post(CASES, REPORT, [city.photo(exif=exif)])
    assert made.status_code == 201
    assert made.json["properties"]["photos"][0]["taken_at"] == known


def test_a_picture_of_16_bit_greys_keeps_its_greys(api):
    buffer = BytesIO()
    Image.fromarray(np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)).save(buffer, "PNG")
    case = api("inspector1").post(CASES, REPORT, [buffer.getvalue()]).json["properties"]
    kept = np.asarray(Image.open(BytesIO(api("inspector1").get(case["photos"][0]["url"]).data)))
    assert 120 < kept.mean() < 135 and kept[0].mean() < 16 and kept[-1].mean() > 240


def test_photos_that_cannot_be_kept_change_nothing_and_say_so(api, city_settings, city_runtime):
    (city_settings.var_dir / "photos").write_text("in the way")
    refused = api("inspector1").post(CASES, REPORT, [city.photo()])
    assert (refused.status_code, refused.json["code"]) == (503, "cases.photos-not-kept")
    assert _cases(city_runtime) == 0


def test_photos_of_a_role_that_never_does_the_step_are_not_kept(api, city_settings):
    number = api("acceptor1").post(CASES, REPORT).json["properties"]["number"]
    for path, fields in (
        (CASES, REPORT),
        (f"{CASES}/{number}/actions/resolve", {"note": "x"}),
        (f"{CASES}/{number}/actions/explode", {}),
    ):
        assert api("manager1").post(path, fields, [city.photo()]).status_code in (403, 422)
    assert not (city_settings.var_dir / "photos").exists()
