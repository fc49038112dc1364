"""The private PostgreSQL and Redis of one checkout: found, made, started, watched and stopped by us.

Their data lies under `var/servers`; they listen on unix sockets in folders that only their user and root may enter, so
they never meet a server that is already on the machine. Only the standard library is used, because `bin/setup` asks
`postgres_programs` and `redis_program` before anything is installed.

Not here: servers named by `WEBGIS_DATABASE_URL` and `WEBGIS_REDIS_URL` (nobody starts those), and the schema.
"""

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from webgis.children import Child, Owner, all_gone, as_owner, living_in
from webgis.errors import Conflict, Unavailable

DATABASE = "webgis"
SOCKET_PATH_LIMIT = 107
"""Bytes of a unix socket's path that the kernel takes (sun_path without its final zero)."""

AWAY = Path("/var/lib/webgis")
"""Where data goes when we are root and the servers' users may not enter the checkout."""

OLDEST_POSTGRES = 14
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""The servers' environment: nothing of ours, so no PGDATA or PGHOST can send them elsewhere."""


class Services:
    """The servers that were started, until `stop()` or the end of the `with` block."""

    def __init__(self, var_dir: Path, lock: int, cleanup: Callable[[], None]) -> None:
        self.var_dir = var_dir
        self.database_url: str | None = None
        self.redis_url: str | None = None
        self.children: list[Child] = []
        self._lock = lock
        self._cleanup = cleanup

    def stop(self) -> None:
        """Stop Redis, then PostgreSQL, each writing out what it holds; calling it again does nothing."""
        if self._lock < 0:
            return
        for child in reversed(self.children):
            child.stop()
        self._cleanup()
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def start(
    var_dir: Path,
    *,
    postgres: bool = True,
    redis: bool = True,
    throwaway: bool = False,
    tell: Callable[[str], None] = lambda _text: None,
) -> Services:
    """Start the private servers of `var_dir` and return once both answer.

    `throwaway` is for tests: nothing is forced to the disc, and the data is removed at the stop. `tell` gets a
    sentence before each step that takes a while. Raises `Conflict` when another process runs the servers of this
    folder, `Unavailable` (with the way to mend it) when a program is missing or a server does not come up.
    """
    var_dir = Path(var_dir).resolve()
    _make_var(var_dir)
    lock = _take_lock(var_dir)
    made: list[Path] = []
    services = Services(var_dir, lock, lambda: _remove(made))
    try:
        owners = _owners(var_dir / "servers")
        home = _home(var_dir, owners, throwaway)
        if throwaway:
            made += [home, var_dir / "servers"]
        if postgres:
            services.database_url = _start_postgres(services, home, owners["postgres"], made, throwaway, tell)
        if redis:
            services.redis_url = _start_redis(services, home, owners["redis"], made, throwaway, tell)
    except BaseException:
        services.stop()
        raise
    urls = {"pid": os.getpid(), "database_url": services.database_url, "redis_url": services.redis_url}
    os.pwrite(lock, json.dumps(urls).encode(), 0)
    return services


def running(var_dir: Path) -> dict[str, str | int | None] | None:
    """`pid`, `database_url` and `redis_url` of the servers that run now for `var_dir`, or None."""
    try:
        file = os.open(_lock_path(Path(var_dir).resolve()), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        text = os.read(file, 65536)
        return json.loads(text) if text else None
    finally:
        os.close(file)


def refuse_second(var_dir: Path) -> None:
    """Raise `Conflict` when the private servers of `var_dir` are up, run by another process."""
    if now := running(var_dir):
        raise Conflict(
            "services.running",
            f"webgis already runs in {Path(var_dir).resolve().parent} (process {now['pid']}). "
            f"Stop it first: kill {now['pid']}, or Ctrl-C where it was started",
        )


# Folders, users and the lock


def _lock_path(var_dir: Path) -> Path:
    return var_dir / "services.json"


def _make_var(var_dir: Path) -> None:
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        (var_dir / "log").mkdir(exist_ok=True)
    except PermissionError as error:
        raise Unavailable("services.var-not-writable", f"{error.filename} cannot be written by {_me()}") from None


def _me() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def _take_lock(var_dir: Path) -> int:
    """An open file that is locked as long as this process lives: the kernel lets go of it even after kill -9."""
    path = _lock_path(var_dir)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        raise Unavailable(
            "services.foreign",
            f"{path} belongs to another user. Run as that user, or as root, or choose another WEBGIS_VAR_DIR",
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        refuse_second(var_dir)
        raise Conflict("services.running", f"Another webgis is just starting or stopping in {var_dir}") from None
    os.ftruncate(file, 0)
    return file


def _owners(home: Path) -> dict[str, Owner | None]:
    """Who runs each server: we ourselves or, when we are root, the owner of the data, or else a user made for it."""
    return {
        name: _owner(home / name, candidates)
        for name, candidates in (("postgres", ("postgres", "nobody")), ("redis", ("redis", "valkey", "nobody")))
    }


def _owner(folder: Path, candidates: tuple[str, ...]) -> Owner | None:
    status = folder.stat() if folder.exists() else None
    if os.geteuid() != 0:
        if status and status.st_uid != os.geteuid():
            raise Unavailable(
                "services.foreign",
                f"{folder} belongs to user {status.st_uid}, not to {_me()}: it was made by root or by someone else. "
                "Run as root or as that user, or choose another WEBGIS_VAR_DIR",
            )
        return None
    if status and status.st_uid != 0:
        return Owner(status.st_uid, status.st_gid)
    for name in candidates:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(user.pw_uid, user.pw_gid)
    raise Unavailable(
        "services.no-user", f"There is no user {' or '.join(candidates)} to run a server as, instead of root"
    )


def _home(var_dir: Path, owners: dict[str, Owner | None], throwaway: bool) -> Path:
    """The folder that holds both servers' folders: `var/servers`, or what that links to.

    As root, when a server's user may not enter the checkout (it lies in /root, say), the data goes to a folder outside
    and `var/servers` becomes a link to it; whoever moves the checkout takes the link along.
    """
    home = var_dir / "servers"
    if not home.exists() and not home.is_symlink():
        if all(_may_enter(owner, var_dir) for owner in owners.values()):
            home.mkdir()
            home.chmod(0o711)
        else:
            home.symlink_to(_folder_away(var_dir, throwaway))
    if not home.is_dir():
        raise Unavailable(
            "services.data-lost", f"{home} links to {home.readlink()}, which is not there; remove the link"
        )
    home = home.resolve()
    if not all(_may_enter(owner, home) for owner in owners.values()):
        raise Unavailable(
            "services.shut-in",
            f"The servers' users may not enter {home}. Move it and link to it: "
            f"mkdir -p {AWAY} && mv {home} {AWAY}/moved && ln -s {AWAY}/moved {home}",
        )
    return home


def _folder_away(var_dir: Path, throwaway: bool) -> Path:
    if throwaway:
        folder = Path(tempfile.mkdtemp(prefix="webgis-"))
    else:
        if not AWAY.exists():
            AWAY.mkdir(parents=True)
            AWAY.chmod(0o755)
        folder = Path(tempfile.mkdtemp(prefix=f"{var_dir.parent.name}-", dir=AWAY))
    folder.chmod(0o711)
    (folder / "README").write_text(
        f"Data of the private PostgreSQL and Redis of {var_dir}, whose folder `servers` links here:\n"
        "their users may not enter that place. Without it this folder is of no use and may be removed.\n"
    )
    return folder


def _remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)


def _may_enter(owner: Owner | None, folder: Path) -> bool:
    return subprocess.run(as_owner(owner, ["test", "-x", str(folder)]), env=ENV, cwd="/").returncode == 0


def _own_folder(path: Path, owner: Owner | None) -> Path:
    """A folder that only `owner` (and root) may enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    if owner:
        os.chown(path, owner.uid, owner.gid)
    return path


def _socket_folder(folder: Path, owner: Owner | None, socket_name: str, made: list[Path]) -> Path:
    """A new folder for a socket: in the server's own folder or, where that path is too long, in the temporary one.

    Made anew at each start, so that no socket or lock file of a server that was killed is in the way.
    """
    path = folder / "run"
    if len(os.fsencode(path / socket_name)) > SOCKET_PATH_LIMIT:
        path = Path(tempfile.mkdtemp(prefix="webgis-"))
        made.append(path)
    else:
        shutil.rmtree(path, ignore_errors=True)
    return _own_folder(path, owner)


def _end_orphans(data: Path, programs: tuple[str, ...], stop_signal: signal.Signals) -> None:
    """Stop what a former run left on our data. We hold the lock, so whatever lives there has lost its parent."""
    for sign, seconds in ((stop_signal, 20.0), (signal.SIGKILL, 5.0)):
        orphans = living_in(data, programs)
        for pid in orphans:
            _send(pid, sign)
        if all_gone(orphans, seconds):
            return
    raise Unavailable("services.orphan-stays", f"Processes {orphans} use {data} and cannot be stopped")


def _send(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


# PostgreSQL


def postgres_programs(version: int | None = None) -> Path | None:
    """The folder of PostgreSQL's programs, the newest that has PostGIS (or of major `version`); None when missing."""
    found = [Path(path).parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    by_major = {_major(folder): folder for folder in reversed(found) if _has_postgis(folder)}
    usable = [major for major in by_major if major >= OLDEST_POSTGRES and version in (None, major)]
    return by_major[max(usable)] if usable else None


def _major(programs: Path) -> int:
    """Major version of the server in `programs`; 0 when it does not say."""
    answer = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, env=ENV).stdout
    digits = answer.split()[2].split(".")[0] if len(answer.split()) > 2 else "0"
    return int("".join(c for c in digits if c.isdigit()) or 0)


def _has_postgis(programs: Path) -> bool:
    share = Path(f"/usr/share/postgresql/{programs.parent.name}")
    if not share.is_dir():
        answer = subprocess.run([programs / "pg_config", "--sharedir"], capture_output=True, text=True, env=ENV).stdout
        share = Path(answer.strip())
    return (share / "extension" / "postgis.control").is_file()


def _start_postgres(
    services: Services, home: Path, owner: Owner | None, made: list[Path], throwaway: bool, tell: Callable[[str], None]
) -> str:
    folder = _own_folder(home / "postgres", owner)
    data = folder / "data"
    _end_orphans(data, ("postgres",), signal.SIGINT)
    programs = _programs_for(data)
    log = services.var_dir / "log" / "postgres.log"
    if not data.exists():
        tell("making the database cluster")
        _make_cluster(programs, folder, owner, throwaway)
    _drop_borrowed_lock(data)
    tell("starting PostgreSQL")
    sockets = _socket_folder(folder, owner, ".s.PGSQL.5432.lock", made)
    options = _postgres_options(throwaway) | {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": f'"{sockets}"',
    }
    child = Child(
        "PostgreSQL",
        [
            str(programs / "postgres"),
            "-D",
            str(data),
            *(word for name in options for word in ("-c", f"{name}={options[name]}")),
        ],
        log=log,
        env=ENV,
        cwd=folder,
        owner=owner,
        stop_signal=signal.SIGINT,
        last_signal=signal.SIGQUIT,
    )
    services.children.append(child)
    child.start()
    probe = [str(programs / "pg_isready"), "-q", "-h", str(sockets), "-p", "5432", "-t", "2"]
    child.wait_until(lambda: subprocess.run(probe, env=ENV).returncode == 0, seconds=120)
    return f"postgresql+psycopg2://{DATABASE}@/{DATABASE}?host={quote(str(sockets), safe='')}"


def _programs_for(data: Path) -> Path:
    """Programs that can run the cluster in `data`, or the newest for a new one."""
    version = int((data / "PG_VERSION").read_text()) if data.exists() else None
    programs = postgres_programs(version)
    if programs:
        return programs
    if version:
        raise Unavailable(
            "services.postgres-version",
            f"{data} was made by PostgreSQL {version}, which is not installed with PostGIS any more. Install "
            f"postgresql-{version} postgresql-{version}-postgis-3, or move the data with pg_dump and pg_restore",
        )
    raise Unavailable(
        "services.no-postgres", "PostgreSQL with PostGIS is not installed. Run bin/setup, or: " + install_hint()
    )


def install_hint() -> str:
    """What an administrator types on Debian or Ubuntu."""
    return "apt-get install --no-install-recommends postgresql postgresql-postgis redis-server"


def _make_cluster(programs: Path, folder: Path, owner: Owner | None, throwaway: bool) -> None:
    """A new cluster with the empty database, whole or not at all: made under another name and then renamed."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    initdb = [str(programs / "initdb"), "-D", str(fresh), "-U", DATABASE, "-A", "trust"]
    initdb += [
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
        *(["--no-sync"] if throwaway else []),
    ]
    _run_as(owner, initdb, folder)
    single = [str(programs / "postgres"), "--single", "-D", str(fresh), "-c", "log_min_messages=warning", "postgres"]
    _run_as(owner, single, folder, f"CREATE DATABASE {DATABASE};\n")
    fresh.rename(folder / "data")


def _run_as(owner: Owner | None, command: list[str], folder: Path, given: str = "") -> None:
    done = subprocess.run(as_owner(owner, command), input=given, capture_output=True, text=True, env=ENV, cwd=folder)
    if done.returncode:
        raise Unavailable(
            "services.cluster-not-made", f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}"
        )


def _drop_borrowed_lock(data: Path) -> None:
    """Remove a postmaster.pid whose number now belongs to some other program, which PostgreSQL takes for itself.

    We hold the lock and nothing lives in `data`, so it is a leftover; one whose process is gone PostgreSQL clears by
    itself, with more checks than ours.
    """
    file = data / "postmaster.pid"
    if file.exists() and Path(f"/proc/{file.read_text().splitlines()[0]}").exists():
        file.unlink()


def _postgres_options(throwaway: bool) -> dict[str, str]:
    """Settings for this machine's memory: an eighth for shared buffers, since the workers live here too."""
    megabytes = memory_mb()
    options = {
        "shared_buffers": f"{_between(64, megabytes // 8, 2048)}MB",
        "effective_cache_size": f"{_between(256, megabytes // 2, 65536)}MB",
        "work_mem": f"{_between(4, megabytes // 512, 64)}MB",
        "maintenance_work_mem": f"{_between(64, megabytes // 32, 1024)}MB",
        "max_connections": "200",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "log_line_prefix": "%m [%p] %a ",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if shutil.disk_usage("/dev/shm").total < 256 * 2**20:
        options["dynamic_shared_memory_type"] = "mmap"
    if throwaway:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
    return options


def memory_mb() -> int:
    """Memory of this machine or of the container we are in, in MiB."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if Path(limit).is_file() and (text := Path(limit).read_text().strip()).isdigit():
            machine = min(machine, int(text))
    return machine // 2**20


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))


# Redis


def redis_program() -> Path | None:
    """The program redis-server or valkey-server; None when missing."""
    search = os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin:/usr/sbin"
    found = shutil.which("redis-server", path=search) or shutil.which("valkey-server", path=search)
    return Path(found) if found else None


def _start_redis(
    services: Services, home: Path, owner: Owner | None, made: list[Path], throwaway: bool, tell: Callable[[str], None]
) -> str:
    program = redis_program()
    if program is None:
        raise Unavailable("services.no-redis", "Redis is not installed. Run bin/setup, or: " + install_hint())
    folder = _own_folder(home / "redis", owner)
    data = _own_folder(folder / "data", owner)
    _end_orphans(data, ("redis", "valkey"), signal.SIGTERM)
    tell("starting Redis")
    path = _socket_folder(folder, owner, "redis.sock", made) / "redis.sock"
    # appendfsync always: a job is struck off the outbox once Redis has it, so what Redis acknowledged must outlive a
    # power cut; with everysec a second of jobs could be lost. Workers take tens of jobs a second: fsync keeps up.
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "no" if throwaway else "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    child = Child(
        "Redis",
        [str(program), *(word for name in options for word in (f"--{name}", options[name]))],
        log=services.var_dir / "log" / "redis.log",
        env=ENV,
        cwd=folder,
        owner=owner,
    )
    services.children.append(child)
    child.start()
    child.wait_until(lambda: _pong(path), seconds=120)
    return f"unix://{quote(str(path))}?db=0"


def _pong(path: Path) -> bool:
    """Whether the Redis at `path` has loaded its data and answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False
