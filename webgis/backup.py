"""The city's database as one file, and back: PostgreSQL's own pg_dump and pg_restore, of the server that is in use.

Files beside the database (photos, plans, anchors, keys) are copied as files: docs/operate.md.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, make_url, text

from webgis import db, services
from webgis.errors import Conflict, Invalid, Unavailable
from webgis.settings import Settings

_BEGIN = b"BEGIN;\nDROP SCHEMA IF EXISTS fn CASCADE;\nDROP SCHEMA IF EXISTS city CASCADE;\n"
_END = b"\nCOMMIT;\n"
"""The last words of the script and not psql's --single-transaction, which keeps what it has read by the end of its
input: half a city, where whoever wrote it was killed."""

_OURS = ("--no-owner", "--no-privileges", "--no-comments")
"""Whoever loads it owns it; extensions, which a superuser may have made, are left as they are."""

_PIECE = 1024 * 1024

PRIVATE = 0o077
"""What is written holds passwords' hashes and sealed names: nobody else reads it."""

_STANDS = re.compile(rb"^COPY city\.alembic_version [^\n]*\n([^\n]+)", re.MULTILINE)
_IN_USE = text("SELECT to_regclass('city.person') IS NOT NULL")


def write(settings: Settings, engine: Engine, file: Path) -> int:
    """Write the whole database as it is at one moment into `file` (pg_dump's custom format); its size in bytes. A file
    that is there already is refused, and one that was not finished is removed."""
    if file.exists():
        raise Conflict("db.file-there", f"{file} is there already. Name another file", field="file")
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")  # a program of one that was killed writes on
    try:
        _run(settings, engine, "pg_dump", "--format=custom", *_OURS, f"--file={part}")
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def load(settings: Settings, engine: Engine, file: Path, *, replace: bool) -> list[str]:
    """Make the database what `write` kept in `file`, all or nothing, then bring it up to date; the migrations applied.
    A database that has tables is refused without `replace`."""
    with engine.begin() as connection:
        if connection.scalar(_IN_USE) and not replace:
            raise Conflict(
                "db.in-use",
                "This database has a city in it. --replace removes that city and puts the file's in its place",
                field="replace",
            )
    play(settings, engine, script(settings, engine, file))
    engine.dispose()
    return db.upgrade(engine)


def script(settings: Settings, engine: Engine, file: Path) -> Iterator[bytes]:
    """What psql does to make a database what `file` holds, in one transaction, in pieces: a city has more than fits in
    memory. `Invalid` for a file without a city, and for one of a newer webgis than this, before the first piece."""
    held = _run(settings, engine, "pg_restore", "--list", str(file), connect=False)
    if b" TABLE city person " not in held:
        raise Invalid("db.no-city", f"{file} holds no city of webgis", field="file")
    only = ("--data-only", "--schema=city", "--table=alembic_version", "--file=-")
    stands = _STANDS.search(_run(settings, engine, "pg_restore", *only, str(file), connect=False))
    if stands and not db.knows(version := stands[1].decode()):
        raise Invalid(
            "db.newer-file", f"{file} is of {version}, which this webgis does not know yet", field="file", got=version
        )
    return _pieces(settings, engine, file)


def _pieces(settings: Settings, engine: Engine, file: Path) -> Iterator[bytes]:
    yield _BEGIN
    with _started(settings, engine, "pg_restore", *_OURS, "--file=-", str(file), connect=False) as running:
        while piece := running.stdout.read(_PIECE):
            yield piece
    yield _END


def play(settings: Settings, engine: Engine, script: Iterable[bytes]) -> None:
    """Have psql do a script up to its end, or nothing of it."""
    options = ("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--output={os.devnull}", "--file=-")
    with _started(settings, engine, "psql", *options) as running, suppress(BrokenPipeError):  # it says itself why
        for piece in script:
            running.stdin.write(piece)
        running.stdin.close()


def _run(settings: Settings, engine: Engine, name: str, *options: str, connect: bool = True) -> bytes:
    """What one of PostgreSQL's programs printed."""
    with _started(settings, engine, name, *options, connect=connect) as running:
        return running.stdout.read()


@contextmanager
def _started(
    settings: Settings, engine: Engine, name: str, *options: str, connect: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """One of PostgreSQL's programs while it runs; `Invalid` if it fails. Its password goes by the environment, where
    nobody else reads it."""
    url = make_url(settings.database).set(drivername="postgresql")
    where = [f"--dbname={url.set(password=None).render_as_string(hide_password=False)}"] if connect else []
    password = {"PGPASSWORD": url.password} if url.password else {}
    command, pipe = [_program(engine, name), *where, *options], subprocess.PIPE
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=said, env=services.ENV | password, umask=PRIVATE
        ) as running:
            yield running
        if running.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines() or [str(running.returncode)]
            why = next((line for line in lines if "ERROR" in line or "error:" in line), lines[-1])
            raise Invalid("db.program-failed", f"{name} failed: {why}", field="file")


def _program(engine: Engine, name: str) -> str:
    """The program of the server's own major version, else the one on the path."""
    with engine.connect() as connection:
        version = int(connection.scalar(text("SELECT current_setting('server_version_num')"))) // 10_000
    own = Path(f"/usr/lib/postgresql/{version}/bin/{name}")
    folder = services.postgres_programs(version)
    found = next(
        (str(one) for one in (own, folder and folder / name) if one and one.is_file()),
        shutil.which(name, path=services.ENV["PATH"]),
    )
    if found is None:
        raise Unavailable(
            "db.no-program", f"{name} is not on this machine: apt-get install postgresql-client-{version}"
        )
    return found
