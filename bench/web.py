"""The web server of a benchmark: gunicorn with the options of `webgis serve`, on a free port of the loopback."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from webgis.serve import THREADS

WORKERS = 2
OURS = "webgis.app:create_app()"
FLOOR = "bench.floor:create_app()"


def environment(database_url: str, redis_url: str, folder: str) -> dict[str, str]:
    """The environment of a server on this database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBGIS_")}
    return kept | {
        "WEBGIS_DATABASE_URL": database_url,
        "WEBGIS_REDIS_URL": redis_url,
        "WEBGIS_VAR_DIR": folder,
        "WEBGIS_LOG_LEVEL": "warning",
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }


@contextlib.contextmanager
def running(application: str, environment: Mapping[str, str]) -> Iterator[int]:
    """The server, until the context ends; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS), "--preload", "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", *options, "--no-control-socket", "--log-level", "error", application]
    server = subprocess.Popen(command, env=environment)
    try:
        _wait(port, server)
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait(port: int, server: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def memory_mb(port: int) -> float:
    """Memory of the processes of the server on this port: what each has alone, and its share of what they share."""
    mine = f"127.0.0.1:{port}".encode()
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mine in (process / "cmdline").read_bytes().split(b"\0"):
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
