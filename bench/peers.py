"""Peers of a benchmark that are servers of their own, in a throw-away environment, or None where they cannot be had."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

WORDS = {"tipg": "tipg", "bare": "bare ST_AsMVT in psycopg2"}
START_SECONDS = 180


@contextlib.contextmanager
def tipg(database: str) -> Iterator[int | None]:
    """tipg (PyPI, latest) on the tables of schema `city`, with one uvicorn worker; its port."""
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "DATABASE_URL": _address(database),
        "TIPG_DB_SCHEMAS": '["city"]',
        "TIPG_DB_TABLES": '["city.case"]',
        "TIPG_MAX_FEATURES_PER_TILE": "100000000",
        "TIPG_DEFAULT_FEATURES_LIMIT": "10",
    }
    command = [uv, "run", "--no-project", "--quiet", "--with", "tipg", "--with", "uvicorn", "python", "-m", "uvicorn"]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "tipg.main:app", "--port", str(port), "--log-level", "error"],
            env=os.environ | settings, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield port if _up(server, port) else _told(Path(folder) / "log")
        finally:
            server.terminate()
            server.wait()


def _address(database: str) -> str:
    """The address as pydantic takes it: a folder of sockets stands where the host does."""
    url = make_url(database).set(drivername="postgresql")
    folder = url.query.get("host")
    if folder is None:
        return url.render_as_string(hide_password=False)
    user = quote(url.username or "", safe="") + (f":{quote(str(url.password), safe='')}" if url.password else "")
    return f"postgresql://{user}@{quote(str(folder), safe='')}/{url.database}"


def _told(log: Path) -> None:
    print(log.read_text(errors="replace")[-2000:], file=sys.stderr)


def _up(server: subprocess.Popen, port: int) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
        time.sleep(0.3)
    return False
