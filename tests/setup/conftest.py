"""Folders for private servers, and processes that are started to be killed."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ports
from webgis import services

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder, not easily spelt, that every user may enter (pytest's own are shut); gone after the test."""
    folder = Path(tempfile.mkdtemp(prefix="webgis test 城-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def made_var() -> Iterator[Path]:
    """A var folder in which the servers have run once; not to be used, but to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="webgis-test-"))
    folder.chmod(0o755)
    services.start(folder / "var").stop()
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture
def used_var(made_var, open_folder) -> Path:
    """A var folder in which the servers have run once."""
    subprocess.run(["cp", "-a", made_var, open_folder / "var"], check=True)
    return open_folder / "var"


@pytest.fixture
def free_port() -> int:
    """A port that nobody has right now."""
    return ports.unused()
