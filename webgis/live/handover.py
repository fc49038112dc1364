"""A connection handed over: the web finds out who asks, gives the open socket to the live process and is free again.

So a stream has the address, the login and the log of every other request, and holds no thread of the web. The way is a
socket in the var folder that only its owner can open; what is sent is who listens, and the connection itself. A
connection whose encryption ends in the web process cannot be given away: such pages ask in turns.
"""

import contextlib
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from webgis.settings import Settings

NAME = "live.sock"
TAKEN = b"+"
PATIENCE_S = 3.0
LARGEST = 64 * 1024


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """A short name of the socket: the name of one may have 107 bytes, that of a folder more."""
    held = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{held}/{NAME}"
    finally:
        os.close(held)


def listening(settings: Settings) -> socket.socket:
    """The live process's end; whoever held it before gets nothing any more."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    way = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _address(settings.var_dir) as address:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        before = os.umask(0o177)
        try:
            way.bind(address)
        finally:
            os.umask(before)
    way.listen(512)
    way.setblocking(False)
    return way


def give(settings: Settings, environ: Mapping[str, Any], told: dict[str, Any]) -> bool:
    """Give the connection of this request away, with what is `told` of who listens; False when nobody takes it.

    Afterwards the web's own end is a socket to nowhere: what it still writes or closes does not reach the listener.
    """
    own = environ.get("gunicorn.socket")
    if own is None or isinstance(own, ssl.SSLSocket):
        return False
    try:
        with _address(settings.var_dir) as address, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as way:
            way.settimeout(PATIENCE_S)
            way.connect(address)
            socket.send_fds(way, [json.dumps(told, ensure_ascii=False).encode()], [own.fileno()])
            if way.recv(1) != TAKEN:
                return False
    except OSError:
        return False
    nowhere, other = socket.socketpair()
    os.dup2(nowhere.fileno(), own.fileno())
    nowhere.close()
    other.close()
    return True


def take(way: socket.socket) -> tuple[dict[str, Any], socket.socket] | None:
    """What one web process hands over on its connection: who listens, and the client's socket."""
    message, fds, _flags, _address = socket.recv_fds(way, LARGEST, 1)
    if not fds:
        return None
    way.send(TAKEN)
    return json.loads(message), socket.socket(fileno=fds[0])
