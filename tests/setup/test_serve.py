"""`webgis serve` as a program: it takes the port first, mends what dies, and leaves nothing behind however it ends."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import ports
from webgis import serve, tls
from webgis.children import all_gone
from webgis.errors import Conflict, Invalid
from webgis.settings import Settings

COMMAND = [sys.executable, "-c", "from webgis.cli import main; main()", "serve", "--no-demo", "--workers", "1"]


def environment(var_dir: Path) -> dict[str, str]:
    """Ours without any server named in it, with everything written below `var_dir`."""
    named = {name: value for name, value in os.environ.items() if not name.startswith("WEBGIS_")}
    return named | {"WEBGIS_VAR_DIR": str(var_dir), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


@contextmanager
def serving(var_dir: Path, port: int, **variables: str) -> Iterator[subprocess.Popen]:
    """A `webgis serve` that has said it is ready; killed at the end if it still runs."""
    command = [*COMMAND, "--port", str(port)]
    env = environment(var_dir) | variables
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as program:
        try:
            read_until(program, "Ctrl-C stops everything")
            yield program
        finally:
            program.kill()


def read_until(program: subprocess.Popen, words: str) -> str:
    """The line of the program's output that holds `words`; fails when the output ends first."""
    seen = []
    for line in program.stdout:
        seen.append(line)
        if words in line:
            return line
    pytest.fail(f"ended without saying {words!r}: {''.join(seen)}")


def descendants(pid: int) -> list[int]:
    """Numbers of all processes below `pid`."""
    children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [below for child in children for below in descendants(child)]


def named(pids: list[int], words: str) -> int:
    return next(pid for pid in pids if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))


def healthy(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
        return answer.status == 200


def test_what_dies_is_replaced_and_all_stops_together(used_var, free_port):
    with serving(used_var, free_port) as program:
        assert healthy(free_port)
        before = descendants(program.pid)
        os.kill(named(before, "gunicorn"), signal.SIGKILL)
        assert "again in 1 s" in read_until(program, "web ended")
        assert healthy(free_port)
        os.kill(named(before, "redis-server"), signal.SIGKILL)
        read_until(program, "Redis ended")
        now = descendants(program.pid)
        program.send_signal(signal.SIGTERM)
        read_until(program, "stopped")
        assert program.wait(10) == 0
        assert all_gone(now, seconds=0)
        assert all_gone(before, seconds=10)


@pytest.fixture
def certificates(used_var) -> Iterator[tls.Files]:
    """Certificates for this machine, as `webgis tls init` makes them."""
    made = tls.init(Settings(var_dir=used_var), ["127.0.0.1"], datetime.now(UTC))
    yield made
    shutil.rmtree(made.folder)


def test_with_certificates_it_speaks_https_too_and_a_killed_parent_takes_everything_along(
    used_var, free_port, certificates
):
    secure = ports.unused()
    with serving(used_var, free_port, WEBGIS_TLS_PORT=str(secure)) as program:
        trusting = ssl.create_default_context(cafile=certificates.authority)
        with urllib.request.urlopen(f"https://127.0.0.1:{secure}/readyz", timeout=60, context=trusting) as answer:
            assert answer.status == 200
        everything = descendants(program.pid)
        assert len(everything) > 5
        program.kill()
        program.communicate()
        assert all_gone(everything, seconds=15)


def test_a_port_in_use_is_refused_before_anything_else_starts(open_folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [*COMMAND, "--port", str(port)]
        refused = subprocess.run(command, env=environment(open_folder / "var"), capture_output=True, text=True)
    assert refused.returncode == 2
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use" in refused.stderr
    assert f"--port {port + 1}" in refused.stderr
    assert not (open_folder / "var").exists()


def test_a_port_is_free_again_at_once(free_port):
    with serve.listening("127.0.0.1", free_port), pytest.raises(Conflict):
        serve.listening("127.0.0.1", free_port).__enter__()
    with serve.listening("127.0.0.1", free_port) as listener:
        assert listener.getsockname() == ("127.0.0.1", free_port)


def test_a_host_that_is_none_is_refused(free_port):
    with pytest.raises(Invalid, match="not an address"):
        serve.listening("no such host", free_port).__enter__()
