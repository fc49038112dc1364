"""What is pinned, what browsers get, and what a wheel holds."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.setup.conftest import ROOT
from webgis import vendor

VENDOR = ROOT / "static" / "vendor"
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-node.lock", "package-lock.json")
REGISTRY = re.compile(r"https?://|--(?:extra-)?index-url|\"resolved\"")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_versions_and_names_no_registry(name):
    text = (ROOT / name).read_text()
    if name == "package-lock.json":
        packages = json.loads(text)["packages"]
        assert all("integrity" in package and "version" in package for path, package in packages.items() if path)
    else:
        assert all("==" in line for line in text.splitlines())
    assert not REGISTRY.search(text)


def test_the_tests_run_with_the_versions_that_are_served():
    served = set((ROOT / "requirements.lock").read_text().splitlines())
    assert served <= set((ROOT / "requirements-test.lock").read_text().splitlines())


def test_the_manifest_names_every_file_with_its_hash_and_licence():
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    told = {file: digest for package in manifest["packages"] for file, digest in package["files"].items()}
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert found == {*told, "manifest.json"}
    assert all(hashlib.sha256((VENDOR / file).read_bytes()).hexdigest() == told[file] for file in told)
    assert all(package["licence"] and package["version"] for package in manifest["packages"])
    assert vendor.up_to_date(ROOT)


def test_a_file_that_is_gone_makes_the_browsers_files_out_of_date(tmp_path, monkeypatch):
    root = _checkout_with_one_package(tmp_path, monkeypatch, b"a{}")
    assert not vendor.up_to_date(root)
    assert vendor.copy(root) == 2
    assert vendor.up_to_date(root)
    (root / "static/vendor/pack/dist/pack.css").unlink()
    assert not vendor.up_to_date(root)


def test_no_vendored_style_leads_to_another_host(tmp_path, monkeypatch):
    style = b"""@import "//fonts.example/a.css";
a{background:url(//cdn.example/a.png)} b{background:url( "https://cdn.example/b.png" )}
c{background:url(images/c.png)} d{background:url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>")}
/*# sourceMappingURL=pack.css.map */"""
    root = _checkout_with_one_package(tmp_path, monkeypatch, style)
    vendor.copy(root)
    served = (root / "static/vendor/pack/dist/pack.css").read_text()
    assert "example" not in served and "sourceMappingURL" not in served
    assert "url(images/c.png)" in served and "http://www.w3.org/2000/svg" in served


def _checkout_with_one_package(root: Path, monkeypatch, style: bytes) -> Path:
    """A checkout whose `node_modules` holds one package with one style sheet and a licence."""
    monkeypatch.setattr(vendor, "FILES", {"pack": ("dist/*.css",)})
    package = root / "node_modules" / "pack"
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1.0.0", "license": "MIT"}')
    (package / "LICENSE").write_text("MIT")
    (package / "dist" / "pack.css").write_bytes(style)
    (root / "static").mkdir()
    for name in ("package.json", "package-lock.json"):
        (root / name).write_text("{}")
    return root


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, built without asking a registry."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--wheel-dir", folder, ROOT], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_a_wheel_holds_code_sql_translations_and_the_browsers_files(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {"webgis/static/vendor/manifest.json", "webgis/static/vendor/leaflet/dist/leaflet.js"}
    for pattern in ("sql/postgis/**/*.sql", "sql/postgis/**/*.py", "static/app/*", "static/maps/*.*"):
        wanted |= {f"webgis/{path.relative_to(ROOT)}" for path in ROOT.glob(pattern) if path.is_file()}
    for pattern in ("webgis/**/*.py", "webgis/**/*.html", "webgis/**/*.csv"):
        wanted |= {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)}
    wanted |= {str(path.relative_to(ROOT).with_suffix(".mo")) for path in ROOT.glob("webgis/translations/**/*.po")}
    assert wanted <= names
    assert not [name for name in names if "/drawn/" in name or name.startswith(("var/", "tests/", "sql/", "static/"))]


def test_the_command_works_from_a_wheel_outside_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", site, wheel], check=True, capture_output=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "LC_ALL": "C.UTF-8"}
    where = "from webgis.settings import resources; print(resources('sql'), resources('static'))"
    told = subprocess.run([sys.executable, "-c", where], env=environment, cwd="/", capture_output=True, text=True)
    assert told.stdout.split() == [str(site / "webgis/sql"), str(site / "webgis/static")]
    helped = subprocess.run([site / "bin/webgis", "--help"], env=environment, cwd="/", capture_output=True, text=True)
    assert helped.returncode == 0 and "grid" in helped.stdout and "serve" in helped.stdout, helped.stderr


def test_a_python_that_is_too_old_is_said_plainly(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    refused = subprocess.run([ROOT / "bin/setup"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed, and python3 is Python 3.9.2" in refused.stderr


def test_a_second_set_up_finds_nothing_to_do():
    if not (Path(sys.prefix) / "environment.done").is_file() or Path(sys.prefix).parent != ROOT:
        pytest.skip("this environment was not made by bin/setup")
    for _once_more in range(2):
        again = subprocess.run([ROOT / "bin/setup", "--test"], capture_output=True, text=True)
        assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[:-1] == [
        "[1/4] system packages: all there",
        "[2/4] Python packages: as in the lock",
        "[3/4] the command webgis: ready",
        "[4/4] the browser's files: as in the lock",
    ]
    assert again.stdout.splitlines()[-1].startswith("set-up is complete")
