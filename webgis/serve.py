"""`webgis serve`: the one parent of everything that runs: private servers, web, streams, workers and timetable.

It takes the port first, brings the database up to date, and then only watches: a child that ends is started again, and
when the parent is told to stop (Ctrl-C, SIGTERM, SIGHUP) all stop in order. A parent that is killed takes them along.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from webgis import broker, db, jobs, services, tls
from webgis.children import Child
from webgis.db import Runtime
from webgis.errors import Conflict, Invalid
from webgis.settings import Settings

QUEUES = ("quick", "slow")
THREADS = 8
LONGEST_PAUSE = 60.0
"""Seconds: the pause before a child that ended is started again doubles from one second to this."""

DEPARTMENTS_SHOWN = 4
console = Console(highlight=False)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all of them.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="To listen on.")
@click.option("--no-demo", is_flag=True, help="Do not load the demo city at the first start.")
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes that answer requests, and as many that do jobs.",
)
@click.option("--no-tls", is_flag=True, help="No HTTPS, though `webgis tls init` has made certificates.")
@click.pass_obj
def serve(runtime: Runtime, host: str, port: int, no_demo: bool, workers: int, no_tls: bool) -> None:
    """Run everything: database, Redis, web, workers. Ctrl-C stops it all."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    settings = runtime.settings
    services.refuse_second(settings.var_dir)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        listener = stack.enter_context(listening(host, port))
        secure = None if no_tls else stack.enter_context(_listening_securely(settings, host))
        servers = stack.enter_context(_servers(settings))
        runtime = Runtime(_with_addresses(_offering(settings, demo=not no_demo), servers))
        _prepare(runtime, demo=not no_demo)
        runtime.dispose()
        _run(runtime, listener, secure, servers, workers)
    console.print("stopped")


@contextlib.contextmanager
def listening(host: str, port: int, other: str = "bin/serve --port {port}") -> Iterator[socket.socket]:
    """A socket that listens at `host`:`port`, kept by the parent so that a web process can be replaced without loss.
    `other` is how one chooses another port."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise Invalid("serve.no-host", f"{host} is not an address of this machine", field="host") from None
    with socket.socket(family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(512)
        except OSError as error:
            raise Conflict(
                "serve.port-taken",
                f"Cannot listen on {host} port {port}: {error.strerror}. "
                f"Stop the program that has it, or choose another: {other.format(port=port + 1)}",
                field="port",
            ) from None
        yield listener


@contextlib.contextmanager
def _listening_securely(settings: Settings, host: str) -> Iterator[socket.socket | None]:
    """The socket of HTTPS, when certificates were made; the server's is made anew when it ends soon."""
    if not tls.present(settings):
        yield None
        return
    if tls.renew(settings, datetime.now(UTC)):
        _say("the certificate for HTTPS was made anew")
    with listening(host, settings.tls_port, "WEBGIS_TLS_PORT={port} bin/serve") as listener:
        yield listener


@contextlib.contextmanager
def _servers(settings: Settings) -> Iterator[services.Services | None]:
    """The private servers, those that settings name no other for; none when both are named."""
    postgres, redis = settings.database_url is None, settings.redis_url is None
    if not (postgres or redis):
        yield None
        return
    with services.start(settings.var_dir, postgres=postgres, redis=redis, tell=_say) as servers:
        yield servers


def _offering(settings: Settings, *, demo: bool) -> Settings:
    """The settings, by which the login page offers the accounts of the demo unless they say otherwise."""
    return settings if "demo_login" in settings.model_fields_set else settings.model_copy(update={"demo_login": demo})


def _with_addresses(settings: Settings, servers: services.Services | None) -> Settings:
    addresses = {"database_url": servers and servers.database_url, "redis_url": servers and servers.redis_url}
    return settings.model_copy(update={name: SecretStr(url) for name, url in addresses.items() if url})


def _say(text: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {text}")


def _prepare(runtime: Runtime, *, demo: bool) -> None:
    """Refuse servers that cannot serve, bring the schema up to date, and load the demo city if nothing is there."""
    db.check(runtime.engine)
    jobs.check(runtime.settings)
    _say("bringing the database up to date")
    applied = db.upgrade(runtime.engine)
    if applied:
        _say(f"applied: {', '.join(applied)}")
    if demo:
        from webgis.demo import ensure

        ensure(runtime, progress=True)


def _run(
    runtime: Runtime,
    listener: socket.socket,
    secure: socket.socket | None,
    servers: services.Services | None,
    workers: int,
) -> None:
    """Start web, workers and timetable, announce them once the web answers, and watch until told to stop."""
    web = _web(runtime.settings, listener, workers)
    https = [] if secure is None else [_web(runtime.settings, secure, workers, tls.files(runtime.settings))]
    background = [*https, _live(runtime.settings), *_workers(runtime.settings, workers), _timetable(runtime.settings)]
    background += [_writer(runtime.settings), *_mqtt(runtime.settings), *_sensors_of_demo(runtime.settings)]
    try:
        _say("starting the web, the workers and the timetable")
        host, port = listener.getsockname()[:2]
        local = f"http://{_reachable(host)}:{port}"
        web.start()
        web.wait_until(lambda: _healthy(local), seconds=90)
        for child in background:
            child.start()
        _announce(runtime, local, host, secure)
        watch([*(servers.children if servers else []), web, *background])
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        _say("stopping")
        web.stop(patience=4)
        for child in background:
            child.ask_to_stop()
        for child in background:
            child.stop(patience=3)


def _environment(settings: Settings) -> Mapping[str, str]:
    """What a child gets: our environment and the servers' addresses (not in its arguments, which `ps` shows to all)."""
    return os.environ | {
        "WEBGIS_DATABASE_URL": settings.database,
        "WEBGIS_REDIS_URL": settings.redis,
        "RQ_REDIS_URL": settings.redis,
        "WEBGIS_DEMO_LOGIN": str(settings.demo_login),
    }


def _log(settings: Settings, name: str) -> Path:
    return settings.var_dir / "log" / f"{name}.log"


def _web(settings: Settings, listener: socket.socket, workers: int, certificates: tls.Files | None = None) -> Child:
    command = [sys.executable, "-m", "gunicorn", "webgis.app:create_app()", "--bind", f"fd://{listener.fileno()}"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(THREADS), "--preload"]
    command += ["--graceful-timeout", "3", "--no-control-socket", "--log-level", "warning"]
    if os.access("/dev/shm", os.W_OK):
        command += ["--worker-tmp-dir", "/dev/shm"]  # heartbeats that never wait for a disc
    if certificates:
        command += ["--certfile", str(certificates.server), "--keyfile", str(certificates.server_key)]
    name = "https" if certificates else "web"
    return Child(
        name,
        command,
        log=_log(settings, name),
        env=_environment(settings),
        pass_fds=[listener.fileno()],
        last_signal=signal.SIGQUIT,
    )


def _workers(settings: Settings, count: int) -> list[Child]:
    """RQ's own workers. They are killed with the parent, and their forked jobs with them: a job is tried again.

    The second SIGTERM makes a worker end the job it still does; that one is tried again too.
    """
    options = ["--config", "webgis.worker", "--serializer", "json", "--logging_level", "WARNING"]
    command = [sys.executable, "-m", "rq.cli", "worker", *QUEUES, *options]
    return [
        Child(
            f"worker {number}",
            command,
            log=_log(settings, f"worker-{number}"),
            env=_environment(settings),
            last_signal=signal.SIGTERM,
            death_signal=signal.SIGKILL,
        )
        for number in range(1, count + 1)
    ]


def _timetable(settings: Settings) -> Child:
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "scheduler"]
    return Child("timetable", command, log=_log(settings, "timetable"), env=_environment(settings))


def _writer(settings: Settings) -> Child:
    """The one process that puts readings of sensors in place and looks for alarms."""
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "telemetry", "run"]
    return Child("telemetry", command, log=_log(settings, "telemetry"), env=_environment(settings))


def _sensors_of_demo(settings: Settings) -> list[Child]:
    """Where a demo was loaded, its sensors go on telling."""
    from webgis.demo import sensing

    if not sensing.kept(settings).is_file():
        return []
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "demo", "day", "--live"]
    return [Child("demo sensors", command, log=_log(settings, "demo-sensors"), env=_environment(settings))]


def _mqtt(settings: Settings) -> list[Child]:
    """The listener to the city's broker, or the private broker and its listener, or nothing where there is none."""
    url, started = settings.mqtt_url and settings.mqtt_url.get_secret_value(), []
    if url is None:
        if not (settings.mqtt_listen and broker.program() and broker.program("mosquitto_passwd")):
            return []
        if not broker.free(settings):
            taken = f"no MQTT: {settings.mqtt_listen} is taken"
            _say(f"{taken}. Name that broker in WEBGIS_MQTT_URL, or choose another place by WEBGIS_MQTT_LISTEN")
            return []
        child, url = broker.prepare(settings)
        started.append(child)
        word = broker.folder_of(settings) / "password-sensors"
        _say(f"MQTT for sensors: {settings.mqtt_listen}, user sensors, password in {word}")
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "telemetry", "mqtt"]
    given = {**_environment(settings), "WEBGIS_MQTT_URL": url}
    return [*started, Child("mqtt", command, log=_log(settings, "mqtt"), env=given)]


def _live(settings: Settings) -> Child:
    """The process that holds the streams of those who listen; without it pages ask in turns."""
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "live"]
    return Child("live", command, log=_log(settings, "live"), env=_environment(settings))


def _reachable(host: str) -> str:
    """The address at which this machine reaches a socket bound to `host`, as it stands in a URL."""
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _healthy(address: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"{address}/healthz", timeout=5
        ) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _announce(runtime: Runtime, address: str, host: str, secure: socket.socket | None) -> None:
    console.print()
    console.print(f"[bold green]webgis is ready:[/] [bold]{address}[/]")
    if host in ("0.0.0.0", "::"):
        console.print(f"and on every address of this machine ({socket.gethostname()})")
    if secure:
        port = secure.getsockname()[1]
        console.print(
            f"phones: https://{tls.names(runtime.settings)[0]}:{port}/inspect, after {address}/inspect/install"
        )
    from webgis.demo import accounts

    if known := accounts(runtime):
        _list_accounts(known)
    else:
        _announce_first(runtime)
    console.print(f"Logs are in {runtime.settings.var_dir / 'log'}. Ctrl-C stops everything.")


def _announce_first(runtime: Runtime) -> None:
    """Without a demo: the first administrator, who is made when there is no account, with a password told once here."""
    from webgis.accounts import first

    with runtime.transaction() as session:
        made = first.administrator(session) if first.nobody(session) else None
    if made is None:
        console.print("Accounts: webgis accounts list. A new password: webgis accounts password LOGIN")
        return
    console.print(f"first administrator: [bold]{made.login}[/]")
    console.print(f"password for the first login, told only now: [bold]{made.password}[/]")
    console.print("Log in and follow the page: boundaries, grid, people, standard.")


def _list_accounts(accounts: list[dict[str, str | None]]) -> None:
    """The posts, and the first few departments; the rest by command."""
    departments = [account for account in accounts if account["role"] == "department"]
    shown = [account for account in accounts if account not in departments[DEPARTMENTS_SHOWN:]]
    table = Table(title="demo accounts", title_justify="left")
    for heading in ("login", "password", "role", "name"):
        table.add_column(heading, no_wrap=heading != "name")
    for account in shown:
        table.add_row(account["login"], account["password"], account["role"], account["name"])
    console.print(table)
    if len(shown) < len(accounts):
        console.print(f"{len(accounts) - len(shown)} more departments: webgis demo accounts")


def watch(children: list[Child]) -> None:
    """Start every child again that ends, after a pause that grows while it keeps ending. Ends only by an exception."""
    started = dict.fromkeys(children, time.monotonic())
    pauses = dict.fromkeys(children, 0.5)
    due: dict[Child, float] = {}
    while True:
        _wait_for_an_end([child for child in children if child not in due], until=min(due.values(), default=None))
        now = time.monotonic()
        for child in children:
            if child not in due and child.status() is not None:
                lasted = now - started[child] > LONGEST_PAUSE
                pauses[child] = 1.0 if lasted else min(2 * pauses[child], LONGEST_PAUSE)
                due[child] = now + pauses[child]
                _say(f"{child.name} ended (status {child.status()}), again in {pauses[child]:.0f} s; see {child.log}")
            elif child in due and due[child] <= now:
                del due[child]
                started[child] = now
                child.start()


def _wait_for_an_end(children: list[Child], until: float | None) -> None:
    """Return when one of `children` has ended, or at the moment `until` of the monotonic clock."""
    with contextlib.ExitStack() as stack:
        handles = []
        for child in children:
            if child.status() is not None:
                return
            handles.append(os.pidfd_open(child.pid))
            stack.callback(os.close, handles[-1])
        select.select(handles, [], [], None if until is None else max(0.0, until - time.monotonic()))
