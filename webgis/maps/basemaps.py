"""Basemaps: files of tiles that were put under `var/basemaps`, and Tianditu through this server when a key is set.

Nothing is fetched from outside unless `tianditu_key` is set, and then by the server alone: a browser sees only us.
"""

import os
import re
import secrets
import shutil
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import structlog
from flask_babel import gettext as _

from webgis.errors import Invalid, NotFound, Unavailable
from webgis.settings import Settings

log = structlog.get_logger(__name__)

NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}\Z")
ENDINGS = (".pmtiles", ".mbtiles")
SQLITE = b"SQLite format 3\0"

_PM_TYPES = {1: "vector", 2: "raster", 3: "raster", 4: "raster", 5: "raster"}
_PM_HEADER = 127

DEEPEST = 30
"""The deepest zoom that a file of tiles may name."""

TIANDITU = ("vec", "cva", "eva", "img", "cia", "eia")
"""Layers of Tianditu that we pass on: streets and imagery, with names in Chinese (c) or English (e)."""

TIANDITU_ZOOMS = (1, 18)
FRESH_S = 30 * 24 * 3600
"""A tile of Tianditu is kept so long before it is fetched again; when that fails the old one is shown."""

LARGEST_TILE = 2 * 1024 * 1024
TIMEOUT_S = 10


@dataclass(frozen=True)
class Basemap:
    """A basemap of this installation: `kind` is vector or raster, `form` pmtiles or mbtiles; its zooms."""

    name: str
    kind: Literal["vector", "raster"]
    form: Literal["pmtiles", "mbtiles"]
    first: int
    last: int
    attribution: str = ""


def folder(settings: Settings) -> Path:
    """Where the files lie."""
    return settings.var_dir / "basemaps"


def add(settings: Settings, file: Path, name: str | None = None) -> Basemap:
    """Copy a file of tiles to `var/basemaps`, in the place of one of the same name. `Invalid` if it is not one."""
    wanted = (name or re.sub(r"[^a-z0-9_-]+", "-", file.stem.lower()).strip("-"))[:40]
    if not NAME.match(wanted):
        raise _bad("name", wanted, "a name of small letters, digits, - and _")
    read(file, wanted)
    target = folder(settings) / f"{wanted}{file.suffix.lower()}"
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(file, made)
    made.replace(target)
    for other in ENDINGS:
        if other != target.suffix:
            target.with_suffix(other).unlink(missing_ok=True)
    return read(target, wanted)


def remove(settings: Settings, name: str) -> None:
    """Remove a basemap's file."""
    _require(settings, name)[1].unlink()


def listed(settings: Settings) -> list[Basemap]:
    """The basemaps that are there, by name. A file that is none any more is left out and told to the log."""
    found = []
    for file in sorted(folder(settings).glob("*.*")):
        if file.suffix in ENDINGS and NAME.match(file.stem):
            try:
                found.append(read(file, file.stem))
            except (Invalid, OSError) as error:
                log.warning("maps.basemap-unreadable", file=file.name, error=str(error))
    return found


def read(file: Path, name: str) -> Basemap:
    """What a file of tiles says of itself; `Invalid` when it is none."""
    with file.open("rb") as opened:
        head = opened.read(_PM_HEADER)
    if file.suffix.lower() == ".pmtiles" and len(head) == _PM_HEADER and head[:8] == b"PMTiles\x03":
        kind = _PM_TYPES.get(head[99])
        if kind and _zooms(head[100], head[101]):
            return Basemap(name, kind, "pmtiles", head[100], head[101])
    if file.suffix.lower() == ".mbtiles" and head.startswith(SQLITE):
        return _read_mbtiles(file, name)
    raise _bad("file", str(file.name), "a PMTiles (version 3) or MBTiles file of vector or picture tiles")


def _read_mbtiles(file: Path, name: str) -> Basemap:
    try:
        with closing(_open(file)) as opened:
            facts = dict(opened.execute("SELECT name, value FROM metadata").fetchall())
            first, last = opened.execute("SELECT min(zoom_level), max(zoom_level) FROM tiles").fetchone()
    except sqlite3.DatabaseError as error:
        raise _bad("file", file.name, f"an MBTiles file with the tables tiles and metadata ({error})") from None
    if first is None:
        raise _bad("file", file.name, "an MBTiles file with tiles in it")
    if not _zooms(first, last):
        raise _bad("file", file.name, f"an MBTiles file whose zooms are whole numbers from 0 to {DEEPEST}")
    kind = "vector" if facts.get("format") == "pbf" else "raster"
    told = facts.get("attribution")
    return Basemap(name, kind, "mbtiles", first, last, re.sub(r"<[^>]*>", "", told) if isinstance(told, str) else "")


def _zooms(first: Any, last: Any) -> bool:
    return isinstance(first, int) and isinstance(last, int) and 0 <= first <= last <= DEEPEST


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _bad(field: str, got: str, accepted: str) -> Invalid:
    return Invalid("maps.bad-basemap", f"{field}: {accepted}", field=field, got=got, accepted=accepted)


def _require(settings: Settings, name: str) -> tuple[Basemap, Path]:
    for ending in ENDINGS:
        file = folder(settings) / f"{name}{ending}"
        if NAME.match(name) and file.is_file():
            return read(file, name), file
    raise NotFound("maps.basemap-unknown", f"There is no basemap {name[:64]}", name=name[:64])


def archive(settings: Settings, name: str) -> Path:
    """The PMTiles file of a basemap, to be sent in ranges."""
    base, file = _require(settings, name)
    if base.form != "pmtiles":
        raise NotFound("maps.basemap-unknown", f"{name} is no PMTiles file", name=name)
    return file


def stored_tile(settings: Settings, name: str, z: int, x: int, y: int) -> bytes | None:
    """A tile of an MBTiles file, as it is stored; None where it has none. Its rows are counted from the south."""
    base, file = _require(settings, name)
    if base.form != "mbtiles":
        raise NotFound("maps.basemap-unknown", f"{name} is no MBTiles file", name=name)
    with closing(_open(file)) as opened:
        asked = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        row = opened.execute(asked, (z, x, 2**z - 1 - y)).fetchone()
    return row[0] if row and isinstance(row[0], bytes) else None


def kind_of_tile(tile: bytes) -> tuple[str, dict[str, str]]:
    """Media type and further headers of a stored tile, by its first bytes."""
    for start, kind in ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"RIFF", "image/webp")):
        if tile.startswith(start):
            return kind, {}
    packed = {"Content-Encoding": "gzip"} if tile.startswith(b"\x1f\x8b") else {}
    return "application/vnd.mapbox-vector-tile", packed


def offered(settings: Settings, prefix: str, lang: str) -> list[dict[str, Any]]:
    """The basemaps as a map's page knows them: name, word, kind, addresses below `prefix`, zooms, attribution."""
    return [_told(base, prefix, lang) for base in listed(settings)] + _tianditu_told(settings, prefix, lang)


def _told(base: Basemap, prefix: str, lang: str) -> dict[str, Any]:
    whole, single = f"{prefix}files/{base.name}.pmtiles", f"{prefix}tiles/{base.name}/{{z}}/{{x}}/{{y}}"
    tiles = whole if base.form == "pmtiles" else single
    return asdict(base) | {"word": base.name, "addresses": [tiles], "lang": lang[:2]}


def _tianditu_told(settings: Settings, prefix: str, lang: str) -> list[dict[str, Any]]:
    if settings.tianditu_key is None:
        return []
    first, last = TIANDITU_ZOOMS
    names = "e" if lang == "en" else "c"
    common = {"kind": "raster", "form": "proxy", "first": first, "last": last, "lang": lang[:2]}
    return [
        common
        | {
            "name": f"tianditu-{ground}",
            "word": word,
            "attribution": _("Tianditu"),
            "addresses": [f"{prefix}tianditu/{layer}/{{z}}/{{x}}/{{y}}" for layer in (ground, f"{names}{labels}")],
        }
        for ground, labels, word in (("vec", "va", _("Tianditu streets")), ("img", "ia", _("Tianditu imagery")))
    ]


# Tianditu


def tianditu_tile(settings: Settings, layer: str, z: int, x: int, y: int, now: float) -> bytes:
    """A tile of Tianditu: kept, or fetched now and kept. `now`: seconds since 1970."""
    first, last = TIANDITU_ZOOMS
    if settings.tianditu_key is None or layer not in TIANDITU or not first <= z <= last:
        raise NotFound("maps.basemap-unknown", "Tianditu is not set up, or has no such tiles", name=layer[:64])
    kept = settings.var_dir / "tianditu" / layer / str(z) / str(x) / f"{y}.tile"
    if kept.is_file() and now - kept.stat().st_mtime < FRESH_S:
        return kept.read_bytes()
    try:
        tile = _fetched(settings, layer, z, x, y)
    except Unavailable:
        if kept.is_file():
            return kept.read_bytes()
        raise
    kept.parent.mkdir(parents=True, exist_ok=True)
    made = kept.with_name(f".{kept.name}.{secrets.token_hex(8)}")  # threads may fetch one tile at once
    made.write_bytes(tile)
    made.replace(kept)
    return tile


def _fetched(settings: Settings, layer: str, z: int, x: int, y: int) -> bytes:
    asked = {
        "SERVICE": "WMTS",
        "REQUEST": "GetTile",
        "VERSION": "1.0.0",
        "LAYER": layer,
        "STYLE": "default",
        "TILEMATRIXSET": "w",
        "FORMAT": "tiles",
        "TILEMATRIX": z,
        "TILEROW": y,
        "TILECOL": x,
        "tk": settings.tianditu_key.get_secret_value(),
    }
    address = f"{settings.tianditu_url}/{layer}_w/wmts?{urlencode(asked)}"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
            tile = answer.read(LARGEST_TILE + 1)
            kind = answer.headers.get_content_type()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        raise Unavailable("maps.basemap-away", f"Tianditu does not answer ({reason})", reason=reason) from None
    if not kind.startswith("image/") or len(tile) > LARGEST_TILE:
        raise Unavailable("maps.basemap-away", f"Tianditu answers with {kind}, not with a picture", reason=kind)
    return tile
