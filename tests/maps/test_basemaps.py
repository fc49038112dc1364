"""Basemaps: files that are added, served in ranges and tiles; Tianditu only with a key, through us, and kept."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from tests.maps.basemap_files import MVT, mbtiles, picture, pmtiles
from webgis.errors import Invalid, NotFound, Unavailable
from webgis.maps import basemaps
from webgis.maps.basemap_views import NOTHING


def test_a_file_is_added_listed_replaced_and_removed(settings, tmp_path):
    made = basemaps.add(settings, pmtiles(tmp_path / "City Roads.pmtiles", picture()))
    assert (made.name, made.kind, made.form, made.first, made.last) == ("city-roads", "raster", "pmtiles", 0, 0)
    basemaps.add(settings, mbtiles(tmp_path / "other.mbtiles", MVT, "pbf"), "city-roads")
    (only,) = basemaps.listed(settings)
    assert (only.kind, only.form, only.attribution) == ("vector", "mbtiles", "Survey of the city")
    basemaps.remove(settings, "city-roads")
    assert basemaps.listed(settings) == []
    with pytest.raises(NotFound):
        basemaps.remove(settings, "city-roads")


def test_a_file_that_was_spoilt_later_hides_no_other(settings, tmp_path):
    basemaps.add(settings, pmtiles(tmp_path / "roads.pmtiles", picture()))
    (basemaps.folder(settings) / "spoilt.mbtiles").write_bytes(b"SQLite format 3\0" + bytes(200))
    assert [one.name for one in basemaps.listed(settings)] == ["roads"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pmtiles", b"PMTiles\x02" + bytes(200)),
        ("a.pmtiles", b"short"),
        ("a.mbtiles", b"SQLite format 3\0" + bytes(200)),
        ("a.tif", b"II*\0"),
        ("地图.pmtiles", b"PMTiles\x03" + bytes(200)),
        ("a.pmtiles", b"PMTiles\x03" + bytes(91) + bytes([1, 255, 0]) + bytes(26)),
    ],
)
def test_what_is_no_basemap_is_refused_and_nothing_is_kept(settings, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid) as refused:
        basemaps.add(settings, tmp_path / name)
    assert refused.value.code == "maps.bad-basemap"
    assert basemaps.listed(settings) == [] and not list(basemaps.folder(settings).glob("*"))


def test_what_a_file_says_of_itself_need_not_be_text_nor_its_path_an_address(city_settings, api, tmp_path):
    odd = mbtiles(tmp_path / "a?b#c%20d.mbtiles", picture())
    alter(odd, "UPDATE metadata SET value = NULL WHERE name = 'attribution'")
    assert basemaps.add(city_settings, odd, "odd").attribution == ""
    alter(city_settings.var_dir / "basemaps" / "odd.mbtiles", "UPDATE tiles SET tile_data = 'words'")
    assert api("manager1").get("/basemaps/tiles/odd/0/0/0").data == NOTHING
    alter(odd, "UPDATE tiles SET zoom_level = 'deep'")
    with pytest.raises(Invalid):
        basemaps.add(city_settings, odd, "odder")
    with pytest.raises(Invalid):
        basemaps.add(city_settings, pmtiles(tmp_path / "b.pmtiles", picture()), "b\n")
    assert [one.name for one in basemaps.listed(city_settings)] == ["odd"]
    assert [file.name for file in tmp_path.glob("a*")] == [odd.name]


def alter(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.execute(statement)
        opened.commit()


def test_an_archive_is_sent_in_ranges_to_those_who_are_logged_in(city_settings, api, city_app, tmp_path):
    file = pmtiles(tmp_path / "roads.pmtiles", picture())
    basemaps.add(city_settings, file)
    path = "/basemaps/files/roads.pmtiles"
    assert city_app.test_client().get(path, headers={"Accept": "application/json"}).status_code == 401
    reader = api("manager1")
    reader.headers["Range"] = "bytes=0-126"
    part = reader.get(path)
    assert (part.status_code, part.data) == (206, file.read_bytes()[:127])
    assert part.headers["Content-Range"] == f"bytes 0-126/{file.stat().st_size}"
    assert reader.get("/basemaps/files/nothing.pmtiles").status_code == 404


def test_tiles_of_mbtiles_are_found_by_rows_from_the_north(city_settings, api, tmp_path):
    basemaps.add(city_settings, mbtiles(tmp_path / "roads.mbtiles", picture(), zoom=1, row=1))
    reader = api("manager1")
    assert reader.get("/basemaps/tiles/roads/1/0/0").data == picture()
    assert reader.get("/basemaps/tiles/roads/1/0/1").data.startswith(b"\x89PNG")
    assert reader.get("/basemaps/tiles/roads/1/0/1", vector=1).data == b""
    assert reader.get("/basemaps/tiles/roads/1/7/0").status_code == 422
    assert reader.get("/basemaps/tiles/..%2Fsecret/1/0/0").status_code == 404


class Upstream(BaseHTTPRequestHandler):
    """Plays Tianditu on a real socket: notes what it is asked and answers as it is told to."""

    asked: list[str]
    answer: tuple[int, str, bytes]

    def do_GET(self):
        """One tile, or whatever `answer` is."""
        type(self).asked.append(self.path)
        status, kind, body = type(self).answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given):
        """Nothing is printed."""


@contextmanager
def upstream() -> Iterator[tuple[str, type[Upstream]]]:
    own = type("Own", (Upstream,), {"asked": [], "answer": (200, "image/png", picture())})
    server = ThreadingHTTPServer(("127.0.0.1", 0), own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", own
    finally:
        server.shutdown()
        server.server_close()


def test_tianditu_is_asked_once_with_the_key_and_kept(settings):
    with upstream() as (address, server):
        own = settings.model_copy(update={"tianditu_key": SecretStr("k3y"), "tianditu_url": address})
        now = time.time()
        assert basemaps.tianditu_tile(own, "vec", 12, 3233, 1680, now) == picture()
        assert basemaps.tianditu_tile(own, "vec", 12, 3233, 1680, now) == picture()
        (path,) = server.asked
        query = parse_qs(urlsplit(path).query)
        assert urlsplit(path).path == "/vec_w/wmts" and query["tk"] == ["k3y"]
        assert (query["TILEMATRIX"], query["TILECOL"], query["TILEROW"]) == (["12"], ["3233"], ["1680"])
        server.answer = (403, "text/html", b"no")
        later = now + basemaps.FRESH_S + 60
        assert basemaps.tianditu_tile(own, "vec", 12, 3233, 1680, later) == picture()
        with pytest.raises(Unavailable) as refused:
            basemaps.tianditu_tile(own, "vec", 12, 0, 0, now)
        assert refused.value.facts["reason"] == "HTTP 403" and "k3y" not in str(refused.value)
        server.answer = (200, "text/html", b"<html>")
        with pytest.raises(Unavailable):
            basemaps.tianditu_tile(own, "cva", 12, 0, 0, now)


def test_without_a_key_tianditu_is_neither_offered_nor_asked(settings, app):
    with app.test_request_context():
        assert basemaps.offered(settings, "/basemaps/", "zh-CN") == []
        own = settings.model_copy(update={"tianditu_key": SecretStr("k3y")})
        offered = basemaps.offered(own, "/basemaps/", "en")
    assert [one["name"] for one in offered] == ["tianditu-vec", "tianditu-img"]
    assert offered[0]["addresses"][1] == "/basemaps/tianditu/eva/{z}/{x}/{y}" and "k3y" not in str(offered)
    with pytest.raises(NotFound):
        basemaps.tianditu_tile(settings, "vec", 12, 0, 0, 0.0)
