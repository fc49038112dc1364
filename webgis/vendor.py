"""The files of npm packages that browsers get: copied from `node_modules` to `static/vendor` by bin/setup.

A file keeps its path (`leaflet/dist/leaflet.css`), so that what it names beside it is found. What could make a browser
ask another host is taken out. `static/vendor/manifest.json` says of each file where it comes from. Only the standard
library; nothing here runs in production.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

FILES = {
    "@mapbox/point-geometry": ("index.js",),
    "@mapbox/vector-tile": ("index.js",),
    "@tabler/core": ("dist/css/tabler.min.css",),
    "echarts": ("dist/echarts.common.min.js",),
    "htmx.org": ("dist/htmx.min.js",),
    "leaflet": ("dist/leaflet.css", "dist/leaflet.js", "dist/images/*.png"),
    "pbf": ("index.js",),
    "pmtiles": ("dist/pmtiles.js",),
    "protomaps-leaflet": ("dist/protomaps-leaflet.js",),
    "swagger-ui-dist": (
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
    ),
}
"""Package -> its files that we serve."""

LICENCES = ("LICEN[CS]E*", "MIT-LICEN[CS]E*", "NOTICE*")

_SOURCE_MAP = re.compile(rb"(?://[#@]\s*sourceMappingURL=[^\n]*|/\*[#@]\s*sourceMappingURL=.*?\*/)\s*")
_FOREIGN_URL = re.compile(rb"""url\(\s*(["']?)(?:https?:)?//[^)]*\)""", re.I)
_FOREIGN_IMPORT = re.compile(rb"""@import\s+["'](?:https?:)?//[^;]*;""", re.I)


def fingerprint(root: Path) -> str:
    """What `static/vendor` depends on, as one hash: the packages' lock and this list."""
    inputs = (root / "package.json", root / "package-lock.json", Path(__file__))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in inputs)).hexdigest()


def up_to_date(root: Path) -> bool:
    """Whether `static/vendor` of the checkout `root` holds every file of its manifest, made from today's inputs."""
    manifest = root / "static" / "vendor" / "manifest.json"
    if not manifest.is_file():
        return False
    told = json.loads(manifest.read_text())
    files = [file for package in told["packages"] for file in package["files"]]
    return told["made_from"] == fingerprint(root) and all((manifest.parent / file).is_file() for file in files)


def copy(root: Path) -> int:
    """Make `static/vendor` anew from `node_modules`, whole or not at all; returns the number of files."""
    target, fresh = root / "static" / "vendor", root / "static" / "vendor.new"
    shutil.rmtree(fresh, ignore_errors=True)
    packages = [_copy_package(root / "node_modules" / name, name, fresh) for name in FILES]
    manifest = {"made_from": fingerprint(root), "packages": packages}
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return sum(len(package["files"]) for package in packages)


def _copy_package(source: Path, name: str, vendor: Path) -> dict:
    about = json.loads((source / "package.json").read_text())
    hashes = {}
    for file in _listed(source, FILES[name]):
        content = _without_foreign_addresses(file.name, file.read_bytes())
        place = vendor / name / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        hashes[str(place.relative_to(vendor))] = hashlib.sha256(content).hexdigest()
    return {"name": name, "version": about["version"], "licence": about["license"], "files": hashes}


def _listed(source: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        found = sorted(source.glob(pattern))
        if not found:
            raise FileNotFoundError(f"{source.name} has no file {pattern}: the list in webgis/vendor.py is out of date")
        yield from found
    for pattern in LICENCES:
        yield from sorted(source.glob(pattern))


def _without_foreign_addresses(name: str, content: bytes) -> bytes:
    """`content` without source maps (a browser's tools would ask for them) and, in CSS, without addresses elsewhere."""
    if not name.endswith((".css", ".js")):
        return content
    content = _SOURCE_MAP.sub(b"", content)
    if name.endswith(".css"):
        content = _FOREIGN_IMPORT.sub(b"", _FOREIGN_URL.sub(b"url(data:,)", content))
    return content
