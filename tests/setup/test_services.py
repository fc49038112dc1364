"""The private PostgreSQL and Redis: started, stopped, killed and started again, in friendly and unfriendly places."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import create_engine, make_url

from webgis import services
from webgis.children import all_gone, as_owner, living_in
from webgis.errors import Conflict

PARENT = """
import json, sys
from pathlib import Path
from webgis import services
started = services.start(Path(sys.argv[1]))
pids = [child.pid for child in started.children]
print(json.dumps({"pids": pids, "database": started.database_url, "redis": started.redis_url}), flush=True)
sys.stdin.read()
"""


def ask(url: str, statement: str) -> list[tuple]:
    """The rows of one statement, committed."""
    engine = create_engine(url)
    with engine.begin() as connection:
        answer = connection.exec_driver_sql(statement)
        rows = [tuple(row) for row in answer] if answer.returns_rows else []
    engine.dispose()
    return rows


def setting(url: str, name: str) -> str:
    return ask(url, f"SHOW {name}")[0][0]


def test_both_servers_answer_on_private_sockets_and_are_gone_after_the_stop(open_folder):
    with services.start(open_folder / "var", throwaway=True) as started:
        assert setting(started.database_url, "listen_addresses") == ""
        assert setting(started.database_url, "server_encoding") == "UTF8"
        assert ask(started.database_url, "SELECT datcollate FROM pg_database WHERE datname = 'webgis'") == [
            ("C.UTF-8",)
        ]
        assert ask(started.database_url, "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'") == [(1,)]
        redis = Redis.from_url(started.redis_url)
        assert redis.config_get("port", "appendonly") == {"port": "0", "appendonly": "yes"}
        assert services.running(open_folder / "var")["database_url"] == started.database_url
        pids = [child.pid for child in started.children]
    assert all_gone(pids, seconds=0)
    assert services.running(open_folder / "var") is None
    assert not (open_folder / "var" / "servers").exists()


def test_what_redis_acknowledges_is_on_the_disc(open_folder):
    with services.start(open_folder / "var", postgres=False) as started:
        assert started.database_url is None
        assert Redis.from_url(started.redis_url).config_get("appendfsync") == {"appendfsync": "always"}


def test_a_parent_that_is_killed_leaves_no_orphan_and_loses_nothing(used_var):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(used_var)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(parent.stdout.readline())
    ask(told["database"], "CREATE TABLE kept AS SELECT 7 AS seven")
    Redis.from_url(told["redis"]).set("kept", "eight")
    parent.kill()
    parent.communicate()
    with services.start(used_var) as again:
        assert all_gone(told["pids"], seconds=0)
        assert ask(again.database_url, "SELECT seven FROM kept") == [(7,)]
        assert Redis.from_url(again.redis_url).get("kept") == b"eight"


def test_a_shell_that_stands_in_the_data_folder_is_let_be(used_var):
    data = used_var / "servers" / "postgres" / "data"
    shell = subprocess.Popen(["cat"], cwd=data, stdin=subprocess.PIPE)
    with services.start(used_var, redis=False):
        assert shell.poll() is None
    shell.communicate()


def test_a_second_start_in_the_same_place_is_refused_and_says_who_runs(open_folder):
    with services.start(open_folder / "var", postgres=False, throwaway=True):
        with pytest.raises(Conflict, match=f"process {os.getpid()}") as refused:
            services.start(open_folder / "var", postgres=False)
        assert refused.value.code == "services.running"


def test_a_server_left_on_the_data_is_stopped_before_ours_starts(used_var):
    data = used_var / "servers" / "postgres" / "data"
    status = data.stat()
    owner = services.Owner(status.st_uid, status.st_gid) if os.geteuid() == 0 else None
    command = [
        str(services.postgres_programs() / "postgres"),
        "-D",
        str(data),
        "-k",
        str(data),
        "-c",
        "listen_addresses=",
    ]
    orphan = subprocess.Popen(as_owner(owner, command), env=services.ENV, cwd="/", stderr=subprocess.PIPE, text=True)
    assert any("ready to accept connections" in line for line in orphan.stderr)
    with services.start(used_var, redis=False) as started:
        assert orphan.wait(10) == 0
        assert started.children[0].pid in living_in(data, ("postgres",))


def test_a_lock_file_with_the_number_of_another_program_is_no_obstacle(used_var):
    lock = used_var / "servers" / "postgres" / "data" / "postmaster.pid"
    lock.write_text(f"{os.getppid()}\n{lock.parent}\n1\n5432\n\n\n")
    with services.start(used_var, redis=False) as started:
        assert ask(started.database_url, "SELECT 1") == [(1,)]


def test_a_path_too_long_for_a_socket_is_no_obstacle(open_folder):
    deep = open_folder / ("long" * 12) / ("path" * 12)
    with services.start(deep / "var", throwaway=True) as started:
        assert ask(started.database_url, "SELECT 1") == [(1,)]
        assert Redis.from_url(started.redis_url).ping()


def test_a_broken_first_start_leaves_nothing_half_made(open_folder):
    postgres = open_folder / "var" / "servers" / "postgres"
    (postgres / "data.new").mkdir(parents=True)
    (postgres / "data.new" / "half").touch()
    with services.start(open_folder / "var", redis=False, throwaway=True) as started:
        assert ask(started.database_url, "SELECT 1") == [(1,)]


@pytest.fixture
def mask() -> Iterator[None]:
    """Files that are made are shut to other users, as root's often are."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
def test_root_hands_the_servers_to_other_users_even_where_those_may_not_enter(tmp_path, open_folder, monkeypatch, mask):
    monkeypatch.setattr(services, "AWAY", open_folder / "away")
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    with services.start(shut / "var") as started:
        assert (shut / "var" / "servers").resolve().parent == open_folder / "away"
        for child in started.children:
            assert Path(f"/proc/{child.pid}").stat().st_uid != 0
        ask(started.database_url, "CREATE TABLE kept AS SELECT 7 AS seven")
    shut.rename(tmp_path / "moved")
    with services.start(tmp_path / "moved" / "var", redis=False) as again:
        assert ask(again.database_url, "SELECT seven FROM kept") == [(7,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_other_users_cannot_reach_the_private_servers(open_folder):
    with services.start(open_folder / "var", throwaway=True) as started:
        url = make_url(started.database_url)
        nobody = services.Owner(65534, 65534)
        probe = [str(services.postgres_programs() / "psql"), "-h", url.query["host"], "-U", "webgis", "-c", "SELECT 1"]
        refused = subprocess.run(as_owner(nobody, probe), env=services.ENV, cwd="/", capture_output=True, text=True)
        assert refused.returncode and "Permission denied" in refused.stderr


def test_a_database_that_dies_is_reported_with_the_end_of_its_log(used_var):
    (used_var / "servers" / "postgres" / "data" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(services.Unavailable, match="no_such_setting"):
        services.start(used_var, redis=False)
    assert services.running(used_var) is None


def test_the_stop_signal_of_a_parent_reaches_forked_processes_that_ask_for_it():
    forked = (
        "import os, signal\n"
        "from webgis.children import die_with_parent\n"
        "read, write = os.pipe()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    die_with_parent(); os.write(write, b'x'); signal.pause()\n"
        "os.read(read, 1); print(pid, flush=True); signal.pause()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", forked], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert all_gone([pid], seconds=5)
