"""Readings by MQTT through a real Mosquitto: taken, counted when they cannot be read, and none lost to a kill -9."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests import ports
from tests.telemetry.conftest import MINUTE, NOW, counted, drain, in_place
from webgis import broker
from webgis.telemetry import inbox, mqtt

pytestmark = pytest.mark.skipif(broker.program() is None, reason="Mosquitto is not on this machine")

PATIENCE_S = 30


@pytest.fixture
def served(city_settings) -> Iterator[str]:
    """The address of a private broker, by which we read from it."""
    own = city_settings.model_copy(update={"mqtt_listen": f"127.0.0.1:{ports.unused()}"})
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

    def publish(name: str, payload: str | bytes, topic: str = "v1.1/Datastreams({})/Observations", **more) -> None:
        own.publish(topic.format(name), payload, **{"qos": 1} | more).wait_for_publish(PATIENCE_S)

    yield publish
    own.disconnect()
    own.loop_stop()


class Heard(mqtt.Listener):
    """A listener that says when it listens and when it has taken a batch."""

    def __init__(self, runtime, url: str) -> None:
        self.listens, self._taken = threading.Event(), threading.Semaphore(0)
        super().__init__(runtime, url)

    def _on_subscribe(self, *given) -> None:
        super()._on_subscribe(*given)
        self.listens.set()

    def _take(self, batch) -> None:
        super()._take(batch)
        if batch:
            self._taken.release()

    def until(self, holds: Callable[[], bool]) -> None:
        """Return once something holds that a batch brings about."""
        while not holds():
            assert self._taken.acquire(timeout=PATIENCE_S), "it did not come about"


@contextmanager
def listening(runtime, url: str) -> Iterator[Heard]:
    listener = Heard(runtime, url)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        assert listener.listens.wait(PATIENCE_S)
        yield listener
    finally:
        listener.stopping = True
        thread.join(PATIENCE_S)


def waiting(runtime) -> int:
    with runtime.transaction() as session:
        return inbox.waiting(session).readings


def reading(minutes: int, value: float) -> str:
    return f'{{"phenomenonTime": "{(NOW - minutes * MINUTE).isoformat()}", "result": {value}}}'


def test_readings_come_by_id_or_code_and_what_cannot_be_read_is_counted(city_runtime, sensors, served, sensor):
    depth = sensors["W-1-depth"]
    with listening(city_runtime, served) as listener:
        sensor(str(depth), reading(1, 0.1))
        sensor("W-1-depth", reading(0, 0.2))
        sensor("'W-1-rain'", f"[{reading(1, 1)}, {reading(0, 2)}]")
        sensor("W-1-rain", "nonsense")
        sensor("nobody", reading(0, 0.5))
        listener.until(lambda: waiting(city_runtime) == 6)
    drain(city_runtime)
    assert in_place(city_runtime, depth) == [(NOW - MINUTE, 0.1), (NOW, 0.2)]
    assert counted(city_runtime, sensors["W-1-rain"]) == {"taken": 2, "impossible": 1}
    assert counted(city_runtime, inbox.UNKNOWN) == {"unknown": 1}


def test_what_comes_while_nobody_listens_is_kept_by_the_broker(city_runtime, sensors, served, sensor):
    with listening(city_runtime, served) as listener:
        sensor("W-1-depth", reading(9, 0.1))
        listener.until(lambda: waiting(city_runtime) == 1)
    for minutes in range(5):
        sensor("W-1-depth", reading(minutes, 0.2))
    with listening(city_runtime, served) as listener:
        listener.until(lambda: waiting(city_runtime) == 6)


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
    with listening(city_runtime, served) as listener:
        listener.until(lambda: waiting(city_runtime) >= sent)
        drain(city_runtime)
    assert len(in_place(city_runtime, sensors["W-1-depth"])) == sent
    assert counted(city_runtime, sensors["W-1-depth"])["taken"] == sent


def test_a_sensor_needs_the_password_and_reads_nothing_of_others(city_runtime, sensors, served, sensor, city_settings):
    with pytest.raises(AssertionError):
        _connect(served, "wrong")
    eavesdropper = _connect(served, (broker.folder_of(city_settings) / "password-sensors").read_text())
    eavesdropper.subscribe("#", qos=1)
    assert eavesdropper.subscribed.wait(PATIENCE_S)
    with listening(city_runtime, served) as listener:
        sensor("W-1-depth", reading(0, 0.1))
        listener.until(lambda: waiting(city_runtime) == 1)
    assert eavesdropper.heard == []
    eavesdropper.disconnect()
    eavesdropper.loop_stop()


def _connect(url: str, password: str) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.username_pw_set("sensors", password)
    answers, client.subscribed, client.heard = queue.SimpleQueue(), threading.Event(), []
    client.on_connect = lambda *given: answers.put(given[3])
    client.on_subscribe = lambda *_given: client.subscribed.set()
    client.on_message = lambda *given: client.heard.append(given[2])
    client.connect("127.0.0.1", int(url.rpartition(":")[2]))
    client.loop_start()
    assert not answers.get(timeout=PATIENCE_S).is_failure
    return client


def test_what_is_hostile_is_counted_and_stops_nothing(city_runtime, sensors, served, sensor):
    depth, rain = sensors["W-1-depth"], sensors["W-1-rain"]
    many = json.dumps([{"phenomenonTime": "2026-01-01T00:00:00Z", "result": 1}] * 10_001)
    hostile = (b"", b"\x00", b"\xff" * 1_000_000, "[" * 100_000, many, '{"result": 1e999}', '{"result": "0.5"}', "{}")
    with listening(city_runtime, served) as listener:
        for payload in hostile:
            sensor("W-1-depth", payload)
        for topic in ("v1.1/nonsense/Observations", "v1.1/Datastreams({}/Observations", "v1.1//Observations"):
            sensor("W-1-depth", reading(1, 9), topic)
        for topic in ("v1.1/Datastreams({})/Other", "v1.1/Datastreams({})/Observations/more", "$SYS/broker"):
            sensor("W-1-depth", reading(1, 9), topic)
        sensor("W-1-depth", reading(2, 0.1), qos=0)
        sensor("W-1-depth", reading(2, 0.1), qos=1)
        sensor("W-1-rain", reading(2, 1.0))
        listener.until(lambda: waiting(city_runtime) == len(hostile) + 3 + 3)
    drain(city_runtime)
    assert in_place(city_runtime, depth) == [(NOW - 2 * MINUTE, 0.1)]
    assert in_place(city_runtime, rain) == [(NOW - 2 * MINUTE, 1.0)]
    assert counted(city_runtime, depth) == {"taken": 1, "doubled": 1, "impossible": len(hostile)}
    assert counted(city_runtime, inbox.UNKNOWN) == {"unknown": 3}


def test_a_payload_names_the_sensor_of_its_topic_or_none(city_runtime, sensors, served, sensor):
    depth, rain = sensors["W-1-depth"], sensors["W-1-rain"]
    of_depth, of_rain = ({"Datastream": {"@iot.id": name}, "result": 0.5} for name in ("W-1-depth", rain))
    with listening(city_runtime, served) as listener:
        sensor(str(depth), json.dumps(of_depth))
        sensor("W-1-depth", json.dumps([{"result": 0.4}, of_rain]))
        sensor("W-1-rain", json.dumps(of_rain))
        sensor("W-1-rain", json.dumps({"Datastream": {"@iot.id": "nobody"}, "result": 1}))
        listener.until(lambda: waiting(city_runtime) == 4)
    drain(city_runtime)
    assert counted(city_runtime, depth) == counted(city_runtime, rain) == {"taken": 1, "impossible": 1}


def test_a_retained_message_tells_nothing_new_with_each_connection(city_runtime, sensors, served, sensor):
    with listening(city_runtime, served) as listener:
        sensor("W-1-depth", '{"result": 0.5}', retain=True)
        sensor("W-1-rain", reading(3, 2.0), retain=True)
        listener.until(lambda: waiting(city_runtime) == 2)
    drain(city_runtime)
    for _again in range(2):
        with listening(city_runtime, served) as listener:
            sensor("W-1-rain", reading(_again, 1.0))
            listener.until(lambda: waiting(city_runtime) == 2)
        drain(city_runtime)
    assert counted(city_runtime, sensors["W-1-depth"]) == {"taken": 1}
    assert counted(city_runtime, sensors["W-1-rain"]) == {"taken": 3, "reordered": 1, "doubled": 2}
