"""Readings by MQTT through a real Mosquitto: taken, counted when they cannot be read, and none lost to a kill -9."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.telemetry.conftest import MINUTE, NOW, counted, drain, in_place
from webgis import broker
from webgis.telemetry import inbox, mqtt

pytestmark = pytest.mark.skipif(broker.program() is None, reason="Mosquitto is not on this machine")

PATIENCE_S = 30


@pytest.fixture
def served(city_settings) -> Iterator[str]:
    """The address of a private broker, by which we read from it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = city_settings.model_copy(update={"mqtt_listen": f"127.0.0.1:{port}"})
    for folder in (own.var_dir, *own.var_dir.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)  # the broker's user must come in
    child, url = broker.prepare(own)
    child.start()
    try:
        child.wait_until(lambda: not broker.free(own), seconds=PATIENCE_S)
        yield url
    finally:
        child.stop()
        shutil.rmtree(broker.folder_of(own))


@pytest.fixture
def sensor(served, city_settings) -> Iterator[Callable]:
    """A function that publishes as a sensor does and returns once the broker has acknowledged."""
    own = paho.Client(CallbackAPIVersion.VERSION2)
    own.username_pw_set("sensors", (broker.folder_of(city_settings) / "password-sensors").read_text())
    own.connect("127.0.0.1", int(served.rpartition(":")[2]))
    own.loop_start()

    def publish(name: str, payload: str) -> None:
        own.publish(f"v1.1/Datastreams({name})/Observations", payload, qos=1).wait_for_publish(PATIENCE_S)

    yield publish
    own.disconnect()
    own.loop_stop()


@contextmanager
def listening(runtime, url: str) -> Iterator[mqtt.Listener]:
    listener = mqtt.Listener(runtime, url)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        until(lambda: listener.connected)
        yield listener
    finally:
        listener.stopping = True
        thread.join(PATIENCE_S)


def until(holds: Callable[[], bool]) -> None:
    """Return once something holds that another process brings about."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def waiting(runtime) -> int:
    with runtime.transaction() as session:
        return inbox.waiting(session).readings


def reading(minutes: int, value: float) -> str:
    return f'{{"phenomenonTime": "{(NOW - minutes * MINUTE).isoformat()}", "result": {value}}}'


def test_readings_come_by_id_or_code_and_what_cannot_be_read_is_counted(city_runtime, sensors, served, sensor):
    depth = sensors["W-1-depth"]
    with listening(city_runtime, served):
        sensor(str(depth), reading(1, 0.1))
        sensor("W-1-depth", reading(0, 0.2))
        sensor("'W-1-rain'", f"[{reading(1, 1)}, {reading(0, 2)}]")
        sensor("W-1-rain", "nonsense")
        sensor("nobody", reading(0, 0.5))
        until(lambda: waiting(city_runtime) == 6)
    drain(city_runtime)
    assert in_place(city_runtime, depth) == [(NOW - MINUTE, 0.1), (NOW, 0.2)]
    assert counted(city_runtime, sensors["W-1-rain"]) == {"taken": 2, "impossible": 1}
    assert counted(city_runtime, inbox.UNKNOWN) == {"unknown": 1}


def test_what_comes_while_nobody_listens_is_kept_by_the_broker(city_runtime, sensors, served, sensor):
    with listening(city_runtime, served):
        sensor("W-1-depth", reading(9, 0.1))
        until(lambda: waiting(city_runtime) == 1)
    for minutes in range(5):
        sensor("W-1-depth", reading(minutes, 0.2))
    with listening(city_runtime, served):
        until(lambda: waiting(city_runtime) == 6)


def test_nothing_is_lost_or_doubled_when_the_listener_is_killed(city_runtime, city_settings, sensors, served, sensor):
    given = os.environ | {
        "WEBGIS_DATABASE_URL": city_settings.database,
        "WEBGIS_REDIS_URL": city_settings.redis,
        "WEBGIS_VAR_DIR": str(city_settings.var_dir),
        "WEBGIS_MQTT_URL": served,
    }
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "telemetry", "mqtt"]
    with listening(city_runtime, served):
        sent = 0  # from here on the broker keeps what comes for us
    with subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while waiting(city_runtime) < 30:
            assert process.poll() is None
            for _more in range(5):
                sensor("W-1-depth", reading(sent, 0.1))
                sent += 1
        process.send_signal(signal.SIGKILL)
    for _more in range(20):
        sensor("W-1-depth", reading(sent, 0.1))
        sent += 1
    with listening(city_runtime, served):
        until(lambda: waiting(city_runtime) >= sent)
        drain(city_runtime)
    assert len(in_place(city_runtime, sensors["W-1-depth"])) == sent
    assert counted(city_runtime, sensors["W-1-depth"])["taken"] == sent


def test_a_sensor_needs_the_password_and_reads_nothing_of_others(city_runtime, sensors, served, sensor, city_settings):
    with pytest.raises(AssertionError):
        _connect(served, "wrong")
    eavesdropper = _connect(served, (broker.folder_of(city_settings) / "password-sensors").read_text())
    eavesdropper.subscribe("#", qos=1)
    until(lambda: eavesdropper.subscribed)
    with listening(city_runtime, served):
        sensor("W-1-depth", reading(0, 0.1))
        until(lambda: waiting(city_runtime) == 1)
    assert eavesdropper.heard == []
    eavesdropper.disconnect()
    eavesdropper.loop_stop()


def _connect(url: str, password: str) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.username_pw_set("sensors", password)
    client.answer, client.subscribed, client.heard = None, False, []
    client.on_connect = lambda *given: setattr(client, "answer", given[3])
    client.on_subscribe = lambda *_given: setattr(client, "subscribed", True)
    client.on_message = lambda *given: client.heard.append(given[2])
    client.connect("127.0.0.1", int(url.rpartition(":")[2]))
    client.loop_start()
    until(lambda: client.answer is not None)
    assert not client.answer.is_failure
    return client
