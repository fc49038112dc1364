"""The private MQTT broker of one checkout: Mosquitto, if it is on the machine, with passwords of its own.

It listens where `mqtt_listen` says; its files are in `var/servers/mqtt`. Two names may log in: `sensors`, for what
sends readings and may do nothing else, and `webgis`, which reads them. Who has a broker already names it in `mqtt_url`;
then none is started.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

from webgis.children import Child, Owner
from webgis.settings import Settings

NAMES = ("webgis", "sensors")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_CONFIG = """\
listener {port} {host}
allow_anonymous false
password_file {folder}/users
acl_file {folder}/rights
persistence true
persistence_location {folder}/data/
autosave_interval 5
max_inflight_messages 1000
max_queued_messages 1000000
message_size_limit 2097152
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""
_RIGHTS = """\
user webgis
topic read v1.1/+/Observations

user sensors
topic write v1.1/+/Observations
"""


def program(name: str = "mosquitto") -> str | None:
    """The program, or None when it is not on this machine."""
    return shutil.which(name, path=PATH)


def listen_at(settings: Settings) -> tuple[str, int]:
    """Host and port of `mqtt_listen`."""
    host, _colon, port = settings.mqtt_listen.rpartition(":")
    return host, int(port)


def free(settings: Settings) -> bool:
    """Whether nothing listens there yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(listen_at(settings))
        except OSError:
            return False
        return True


def folder_of(settings: Settings) -> Path:
    """Where its files are: beside the private servers, where their users may enter, else in the var folder itself."""
    servers = settings.var_dir / "servers"
    return (servers if servers.is_dir() else settings.var_dir).resolve() / "mqtt"


def prepare(settings: Settings) -> tuple[Child, str]:
    """The broker as a child that is not started yet, and the address by which we read from it.

    Passwords are made once; its files are written anew, in a folder that only its user may enter.
    """
    folder = folder_of(settings)
    owner = _owner()
    for path in (folder, folder / "data"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = {name: _password(folder / f"password-{name}") for name in NAMES}
    host, port = listen_at(settings)
    (folder / "mosquitto.conf").write_text(_CONFIG.format(folder=folder, host=host, port=port), encoding="utf-8")
    (folder / "rights").write_text(_RIGHTS, encoding="utf-8")
    (folder / "users").write_text("".join(f"{name}:{word}\n" for name, word in words.items()), encoding="utf-8")
    subprocess.run([program("mosquitto_passwd"), "-U", str(folder / "users")], check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if owner:
            os.chown(path, owner.uid, owner.gid)
    child = Child(
        "MQTT broker",
        [program(), "-c", str(folder / "mosquitto.conf")],
        log=settings.var_dir / "log" / "mqtt-broker.log",
        env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
        owner=owner,
    )
    reachable = "127.0.0.1" if host in ("0.0.0.0", "") else host
    return child, f"mqtt://webgis:{quote(words['webgis'], safe='')}@{reachable}:{port}"


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18))
    return file.read_text().strip()


def _owner() -> Owner | None:
    """Who runs it: we ourselves or, when we are root, a user who may do less."""
    if os.geteuid() != 0:
        return None
    for name in ("mosquitto", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(user.pw_uid, user.pw_gid)
    return None
